use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use headwater::UniqueKey;
use serde_json::Value;

use crate::{Client, Platform, Reply, RequestBuilder};

/// How long an answer may take. The gateway itself gives up after 30 seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// A platform with one tenant's client, its calls, and all that was answered wrongly.
///
/// Each check of [`hostile`](super) takes it; a test may add its own calls by
/// [`refuse`](Self::refuse) and its like.
///
/// ```no_run
/// use headwater_testing::{Platform, hostile};
///
/// # async fn test() -> anyhow::Result<()> {
/// let platform = Platform::start("target/debug/local", &["--in-memory"])?;
/// let mut target = hostile::Target::new(platform, "acme").await?;
/// hostile::names(&mut target).await?;
/// // A call of one's own.
/// let call = target.client.call("PUT", "/shop/tills/front/coins/-1");
/// target.refuse("a coin of less than nothing", call).await?;
/// target.finish().await?;
/// # Ok(())
/// # }
/// ```
pub struct Target {
    /// The platform.
    pub platform: Platform,
    /// One who may call everything.
    pub client: Client,
    /// The tenant's name.
    pub tenant: String,
    /// The calls that there are, but for those of which the description says nothing.
    pub routes: Vec<Route>,
    problems: BTreeSet<String>,
    faults: Vec<String>,
    items: i32,
}

/// A call that there is.
#[derive(Clone)]
pub struct Route {
    /// As `GET`.
    pub method: String,
    /// As `/identity/users/{id}`.
    pub path: String,
    /// The role that it needs, as its description says; nothing if it needs no token.
    pub role: Option<String>,
    /// Whether it takes a body.
    pub takes_body: bool,
    /// Whether it answers with a page of a list.
    pub is_list: bool,
    /// The names of its query string's parameters.
    pub queries: Vec<String>,
    /// The statuses that it may answer with.
    pub statuses: BTreeSet<u16>,
}

impl Route {
    /// Its path with `text` for each parameter.
    pub fn with(&self, text: &str) -> String {
        let segment = |segment: &str| {
            if segment.starts_with('{') { text.to_owned() } else { segment.to_owned() }
        };
        self.path.split('/').map(segment).collect::<Vec<_>>().join("/")
    }

    fn read(path: &str, method: &str, operation: &Value) -> Self {
        let description = operation["description"].as_str().unwrap_or_default();
        let role = description.split('`').nth(1).map(str::to_owned);
        let parameters = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "query");
        let queries: Vec<String> = parameters
            .filter_map(|parameter| parameter["name"].as_str())
            .map(str::to_owned)
            .collect();
        let is_list = queries.iter().any(|name| name == "cursor");
        let takes_body = operation["requestBody"].is_object();
        let statuses = operation["responses"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(status, _)| status.parse().ok())
            .collect();
        Self {
            method: method.to_uppercase(),
            path: path.to_owned(),
            role,
            takes_body,
            is_list,
            queries,
            statuses,
        }
    }
}

impl Target {
    /// Takes a platform, and reads `/openapi.json` for what there is to call.
    ///
    /// # Errors
    /// If the platform does not answer, or describes nothing.
    pub async fn new(platform: Platform, tenant: &str) -> Result<Self> {
        let client = platform.client(tenant).await?;
        let document = Client::new(platform.url(), None).get("/openapi.json").await?.body;
        let mut routes = Vec::new();
        let mut problems = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().context("no paths")? {
            for (method, operation) in operations.as_object().context("no operations")? {
                routes.push(Route::read(path, method, operation));
                let answers = operation["responses"].as_object().context("no responses")?;
                let names = answers
                    .values()
                    .filter_map(|answer| answer["description"].as_str())
                    .flat_map(|names| names.split(", "));
                problems.extend(names.map(|name| format!("/problems/{name}")));
            }
        }
        let mut target = Self {
            platform,
            client,
            tenant: tenant.to_owned(),
            routes,
            problems,
            faults: Vec::new(),
            items: 0,
        };
        target.all_is_written().await?;
        Ok(target)
    }

    /// From now on nothing may be written to the events table.
    ///
    /// # Errors
    /// If the views do not catch up.
    pub async fn all_is_written(&mut self) -> Result<()> {
        self.platform.settled().await?;
        self.items = self.count().await?;
        Ok(())
    }

    /// Sends a call, and looks at whether what it is answered with is some problem of the client's.
    ///
    /// # Errors
    /// If there is no answer in time.
    pub async fn refuse(&mut self, what: &str, call: RequestBuilder) -> Result<()> {
        let reply = self.send(what, call).await?;
        self.check(what, &reply, reply.status / 100 == 4);
        Ok(())
    }

    /// Sends a call, and looks at whether it is answered with exactly this problem.
    ///
    /// # Errors
    /// If there is no answer in time.
    pub async fn refuse_with(
        &mut self,
        status: u16,
        name: &str,
        what: &str,
        call: RequestBuilder,
    ) -> Result<()> {
        let reply = self.send(what, call).await?;
        self.check(
            what,
            &reply,
            reply.status == status && reply.body["type"] == format!("/problems/{name}"),
        );
        Ok(())
    }

    /// Sends a call that may as well be answered: nothing is the service's own failure.
    ///
    /// # Errors
    /// If there is no answer in time.
    pub async fn answer(&mut self, what: &str, call: RequestBuilder) -> Result<Reply> {
        let reply = self.send(what, call).await?;
        self.check(what, &reply, matches!(reply.status / 100, 2 | 4) || reply.status == 304);
        Ok(reply)
    }

    /// Sends a call, whatever it answers.
    ///
    /// # Errors
    /// If there is no answer in time.
    pub async fn send(&self, what: &str, call: RequestBuilder) -> Result<Reply> {
        tokio::time::timeout(PATIENCE, call.send())
            .await
            .with_context(|| format!("{what}: no answer in time"))?
    }

    fn check(&mut self, what: &str, reply: &Reply, is_expected: bool) {
        let body = &reply.body;
        let is_problem = reply.header("content-type") == "application/problem+json"
            && body["status"] == reply.status;
        let is_known = body["type"].as_str().is_some_and(|name| self.problems.contains(name));
        if !is_expected || reply.status >= 400 && !(is_problem && is_known) {
            let body: String = body.to_string().chars().take(300).collect();
            self.faults.push(format!("{what}: {} {body}", reply.status));
        }
    }

    /// Notes what was answered wrongly.
    pub fn fault(&mut self, what: String) {
        self.faults.push(what);
    }

    /// Whether all was answered as it should be, and nothing was written.
    ///
    /// # Errors
    /// If something was answered wrongly, with all of it; or if something was written.
    pub async fn finish(self) -> Result<()> {
        ensure!(
            self.faults.is_empty(),
            "{} answers are wrong:\n{}",
            self.faults.len(),
            self.faults.join("\n")
        );
        let items = self.count().await?;
        ensure!(items == self.items, "{} items were written", items - self.items);
        Ok(())
    }

    /// How many items the events table has, besides the one by which the first start ever tells the
    /// unique key.
    async fn count(&self) -> Result<i32> {
        let table = self.platform.table("EventsTable").await?;
        let scan = self.platform.dynamodb().await?.scan().table_name(table).consistent_read(true);
        let scan = scan
            .filter_expression("#stream <> :key")
            .expression_attribute_names("#stream", "stream");
        let key = AttributeValue::S(UniqueKey::STREAM.to_owned());
        let mut pages = scan.expression_attribute_values(":key", key).into_paginator().send();
        let mut items = 0;
        while let Some(page) = pages.next().await {
            items += page?.count();
        }
        Ok(items)
    }
}
