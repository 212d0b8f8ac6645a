//! Measuring.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::case::{Case, Request, Step, Text};
use super::cost::Cost;
use crate::{Client, Platform, Reply};

/// How old the handlers' processes may get. They go on for 30 seconds with the generation of the
/// views that they have read; the commit that made one read it again would show that.
const AGED: Duration = Duration::from_secs(15);

/// A platform, on which one case is measured after the other, each command in a tenant of its own.
pub(super) struct Bench {
    platform: Platform,
    routes: Vec<Route>,
    /// One who may do nothing.
    nobody: Client,
    tenants: u32,
    /// The tenant of the last query, and what there is in it.
    settled: Option<(Vec<Step>, Tenant)>,
    /// Each start of a process.
    pub(super) starts: Vec<Start>,
}

/// What a process spends on getting ready, before it takes a call.
pub(super) struct Start {
    pub(super) function: String,
    pub(super) cost: Cost,
}

/// A route of the template.
#[derive(Clone)]
struct Route {
    method: String,
    path: String,
    function: String,
    /// The status of a success.
    status: u16,
}

/// What a call costs.
pub(super) struct Row {
    /// As `PATCH /identity/users/{id}`.
    pub(super) route: String,
    pub(super) note: &'static str,
    /// In a process that has seen nothing of it.
    pub(super) cold: Cost,
    /// In one that has seen the state.
    pub(super) warm: Cost,
}

/// What those who handle a commit spend on it.
pub(super) struct Handled {
    /// The command's.
    pub(super) route: String,
    pub(super) note: &'static str,
    pub(super) cost: Cost,
}

/// A tenant, and what it was answered last.
struct Tenant {
    name: String,
    client: Client,
    last: Option<Reply>,
    last_id: String,
}

impl Bench {
    /// Takes a platform that is [in one line](super::in_one_line).
    pub(super) async fn new(platform: Platform) -> Result<Self> {
        let document = Client::new(platform.url(), None).get("/openapi.json").await?.body;
        let mut routes = Vec::new();
        for (path, operations) in document["paths"].as_object().context("no paths")? {
            for (method, operation) in operations.as_object().context("no operations")? {
                routes.push(Route::read(method, path, operation)?);
            }
        }
        let nobody = platform.client_with("nobody", "nobody", &[]).await?;
        Ok(Self { platform, routes, nobody, tenants: 0, settled: None, starts: Vec::new() })
    }

    /// All routes that there are.
    pub(super) fn routes(&self) -> BTreeSet<String> {
        self.routes.iter().map(Route::name).collect()
    }

    /// Measures a command: cold in one tenant, warm in another. What follows from it is not waited
    /// for.
    pub(super) async fn command(&mut self, case: &Case) -> Result<Row> {
        let Route { function, .. } = self.route(&case.call)?.clone();
        let route = self.route(&case.call)?.name();
        self.relay(false).await?;
        let mut tenant = self.tenant().await?;
        self.take(&mut tenant, &case.given).await?;
        self.take(&mut tenant, &case.meanwhile).await?;
        self.restart(&function).await?;
        let cold = self.measure(&tenant, &function, case).await?;

        let mut tenant = self.tenant().await?;
        self.take(&mut tenant, &case.given).await?;
        self.show_state(&tenant, case).await?;
        self.take(&mut tenant, &case.meanwhile).await?;
        let warm = self.measure(&tenant, &function, case).await?;
        Ok(Row { route, note: case.note, cold, warm })
    }

    /// Measures a query: cold, and once more warm.
    pub(super) async fn query(&mut self, case: &Case) -> Result<Row> {
        let Route { function, .. } = self.route(&case.call)?.clone();
        let route = self.route(&case.call)?.name();
        let mut tenant = match self.settled.take().filter(|(given, _)| *given == case.given) {
            Some((_, tenant)) => tenant,
            None => {
                let mut tenant = self.tenant().await?;
                self.take_settled(&mut tenant, &case.given).await?;
                tenant
            }
        };
        if !case.meanwhile.is_empty() {
            self.relay(false).await?;
            self.take(&mut tenant, &case.meanwhile).await?;
        }
        self.restart(&function).await?;
        let cold = self.measure(&tenant, &function, case).await?;
        let warm = self.measure(&tenant, &function, case).await?;
        match case.meanwhile.is_empty() {
            true => self.settled = Some((case.given.clone(), tenant)),
            false => self.relay(true).await?,
        }
        Ok(Row { route, note: case.note, cold, warm })
    }

    /// Measures what the handlers of commits spend on each of these commands, one after the other
    /// in one tenant.
    pub(super) async fn handlers(
        &mut self,
        handlers: &[&str],
        story: &[Case],
    ) -> Result<Vec<Handled>> {
        let mut tenant = self.tenant().await?;
        let (mut handled, mut started) = (Vec::new(), None::<Instant>);
        for case in story {
            if started.is_none_or(|started| started.elapsed() > AGED) {
                for handler in handlers {
                    self.restart(handler).await?;
                }
                started = Some(Instant::now());
                // So that they know the tenant's feed.
                let last_id = tenant.last_id.clone();
                self.take_settled(&mut tenant, &case.given).await?;
                tenant.last_id = last_id;
            }
            self.platform.reset_meter().await?;
            self.take_settled(&mut tenant, std::slice::from_ref(&case.call)).await?;
            handled.push(Handled {
                route: self.route(&case.call)?.name(),
                note: case.note,
                cost: self.spent(handlers).await?,
            });
        }
        Ok(handled)
    }

    /// The route of a call: of those that the path fits, the one that names most of it.
    fn route(&self, call: &Step) -> Result<&Route> {
        let Step::Call(Request { method, path, .. }) = call else {
            anyhow::bail!("what is measured is a call")
        };
        let path = path.split('?').next().unwrap_or_default();
        let fitting =
            self.routes.iter().filter(|route| route.method == *method && route.fits(path));
        fitting
            .min_by_key(|route| route.path.matches('{').count())
            .with_context(|| format!("no route for {method} {path}"))
    }

    /// A new tenant. Names are of one length, so that their items are.
    async fn tenant(&mut self) -> Result<Tenant> {
        self.tenants += 1;
        let name = format!("tenant{:03}", self.tenants);
        let client = self.platform.client(&name).await?;
        Ok(Tenant { name, client, last: None, last_id: String::new() })
    }

    async fn take(&self, tenant: &mut Tenant, steps: &[Step]) -> Result<()> {
        for step in steps {
            match step {
                Step::Call(request) => {
                    let reply = tenant.send(request).await?;
                    ensure!(
                        reply.status < 300,
                        "{} {}: {} {}",
                        request.method,
                        request.path,
                        reply.status,
                        reply.body
                    );
                    if !reply.id().is_empty() {
                        tenant.last_id = reply.id().to_owned();
                    }
                    tenant.last = Some(reply);
                }
                Step::Item(table, item) => {
                    let item = serde_json::from_str::<Value>(
                        &item.to_string().replace("{tenant}", &tenant.name),
                    )?;
                    self.platform.put_item(table, &item).await?;
                }
            }
        }
        Ok(())
    }

    /// As [`Bench::take`], each step after all that followed from the one before; so one process of
    /// a handler after the other sees them.
    async fn take_settled(&self, tenant: &mut Tenant, steps: &[Step]) -> Result<()> {
        for step in steps {
            self.take(tenant, std::slice::from_ref(step)).await?;
            self.platform.settled().await?;
        }
        Ok(())
    }

    /// Has a function begin anew. One that answers calls gets ready by a call that it refuses
    /// before it asks for anything. So the cost of a start is not counted among the costs of the
    /// next call.
    async fn restart(&mut self, function: &str) -> Result<()> {
        self.platform.kill_function(function).await?;
        let Some(route) = self.routes.iter().find(|route| route.function == function) else {
            return Ok(());
        };
        self.platform.reset_meter().await?;
        self.nobody.call(&route.method, &route.path.replace(['{', '}'], "")).send().await?;
        let cost = self.spent(&[function]).await?;
        self.starts.push(Start { function: function.to_owned(), cost });
        Ok(())
    }

    /// Whether commits are handled.
    async fn relay(&self, enabled: bool) -> Result<()> {
        self.platform.event_source("relay", enabled).await
    }

    /// Has the function see the state, by a call whose condition does not hold.
    async fn show_state(&self, tenant: &Tenant, case: &Case) -> Result<()> {
        let (Step::Call(request), true) = (&case.call, case.is_conditional) else { return Ok(()) };
        let refused =
            Request { headers: vec![("if-match", Text::Is("W/\"other\""))], ..request.clone() };
        tenant.send(&refused).await?.problem(412, "precondition-failed").map(|_| ())
    }

    async fn measure(&self, tenant: &Tenant, function: &str, case: &Case) -> Result<Cost> {
        let Step::Call(request) = &case.call else { anyhow::bail!("what is measured is a call") };
        self.platform.reset_meter().await?;
        let reply = tenant.send(request).await?;
        let expected = case.status.unwrap_or(self.route(&case.call)?.status);
        ensure!(
            reply.status == expected,
            "{} {} {}: {} {}, but not {expected}",
            request.method,
            request.path,
            case.note,
            reply.status,
            reply.body
        );
        self.spent(&[function]).await
    }

    /// What these functions have spent since the meter was reset.
    async fn spent(&self, functions: &[&str]) -> Result<Cost> {
        let meter = self.platform.dev("GET", "/dev/meter", None).await?.body;
        let mut cost = Cost::default();
        functions.iter().try_for_each(|function| cost.add(&meter[function]))?;
        Ok(cost)
    }
}

impl Route {
    fn read(method: &str, path: &str, operation: &Value) -> Result<Self> {
        let function = operation["operationId"].as_str().context("no operationId")?.to_owned();
        let statuses = operation["responses"].as_object().context("no responses")?.keys();
        let status = statuses.filter_map(|status| status.parse().ok()).min();
        let status = status.with_context(|| format!("{method} {path} answers nothing"))?;
        Ok(Self { method: method.to_uppercase(), path: path.to_owned(), function, status })
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether it leads to this path. `{stream}` stands for the rest of a path, any other parameter
    /// for one segment.
    fn fits(&self, path: &str) -> bool {
        let (mut own, mut given) = (self.path.split('/'), path.split('/'));
        loop {
            match (own.next(), given.next()) {
                (None, None) | (Some("{stream}"), Some(_)) => return true,
                (Some(own), Some(given)) if own == given || own.starts_with('{') => {}
                _ => return false,
            }
        }
    }
}

impl Tenant {
    async fn send(&self, Request { method, path, body, headers }: &Request) -> Result<Reply> {
        let call = self.client.call(method, &path.replace("{last}", &self.last_id));
        let call = if body.is_null() { call } else { call.json(body) };
        headers
            .iter()
            .fold(call, |call, (name, text)| call.header(name, &self.text(text)))
            .send()
            .await
    }

    fn text(&self, text: &Text) -> String {
        let last =
            |read: fn(&Reply) -> &str| self.last.as_ref().map(read).unwrap_or_default().to_owned();
        match text {
            Text::Is(text) => (*text).to_owned(),
            Text::LastTag => last(Reply::etag),
            Text::LastToken => last(Reply::token),
            Text::LastTagAnd(position) => {
                format!("\"{}+{}/{position}\"", last(Reply::etag).trim_matches('"'), self.name)
            }
        }
    }
}
