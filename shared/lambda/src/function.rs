use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use http::Method;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::Kind;
use crate::deployment::{
    ARCHIVE, COMMAND, DOCUMENT, EVENTS_TABLE, KEYS, QUERY, READ_ARCHIVE, READ_KEYS, Role, Source,
    Statement, Trigger, Variable, WRITE_KEYS,
};
use crate::observe::{self, Observed};
use crate::problem::{FORBIDDEN, MALFORMED};
use crate::request::deadline;
use crate::{Answer, App, Call, Problem, Request};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
pub(crate) type HttpHandler =
    Arc<dyn Fn(Arc<App>, Request) -> BoxFuture<Result<Answer, Problem>> + Send + Sync>;
type EventHandler = Box<
    dyn Fn(Arc<App>, LambdaEvent<serde_json::Value>) -> BoxFuture<Result<serde_json::Value, Error>>
        + Send
        + Sync,
>;

/// One Lambda function: a name, what it does with an event, and how it is deployed.
///
/// The functions of a service share one executable, which finds its handler by this name: Lambda
/// sets `_HANDLER` to it.
///
/// ```
/// # mod till {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use std::sync::Arc;
///
/// use headwater::StreamName;
/// use headwater_lambda::{Answer, App, Call, Function, Problem, Request};
///
/// /// Puts the coin in that the path names.
/// async fn add_coin(app: Arc<App>, request: Request) -> Result<Answer, Problem> {
///     let till = StreamName::new(request.tenant(), "shop", "tills", request.path("id"))?;
///     let cents = request.path("cents").parse();
///     let cents = cents.map_err(|_| Problem::not_found("such coin"))?;
///     app.change(&request, &till, &AddCoin { cents }).await
/// }
///
/// let call = Call::of::<AddCoin>("POST", "/shop/tills/{id}/coins/{cents}", "Put a coin in.");
/// let function = Function::http(call, add_coin).variable(("MINT", "!Ref Mint"));
/// assert_eq!(function.name, "shop-add-coin");
/// assert!(function.environment().contains(&("MINT", "!Ref Mint")));
/// ```
pub struct Function {
    /// Its `Handler` in the template, as `identity-create-user`.
    pub name: String,
    /// Its permissions: those of all these roles. The first one names them.
    pub roles: Vec<&'static Role>,
    /// Variables of its environment beside those of its roles.
    pub variables: Vec<Variable>,
    /// What invokes it.
    pub trigger: Trigger,
    /// Whether it reads what is personal in events.
    opens_personal: bool,
    handler: Handler,
}

enum Handler {
    Http(Box<Call>, HttpHandler),
    Event(EventHandler),
}

impl Function {
    /// A function that answers an HTTP call.
    pub fn http<F, Fut>(call: Call, handler: F) -> Self
    where
        F: Fn(Arc<App>, Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Answer, Problem>> + Send + 'static,
    {
        let handler: HttpHandler = Arc::new(move |app, request| Box::pin(handler(app, request)));
        let (role, trigger) = match call.kind {
            Kind::Create | Kind::Command => (&COMMAND, Trigger::Command),
            Kind::Entity | Kind::Html | Kind::List => (&QUERY, Trigger::Query),
            Kind::Document | Kind::Fallback => (&DOCUMENT, Trigger::Document),
        };
        Self {
            name: call.function.clone(),
            roles: vec![role],
            variables: Vec::new(),
            trigger,
            opens_personal: false,
            handler: Handler::Http(Box::new(call), handler),
        }
    }

    /// A function behind a stream. Its handler gets a batch of records and a deadline.
    pub fn stream<E, A, F, Fut>(name: &str, source: Source, role: &'static Role, handler: F) -> Self
    where
        E: DeserializeOwned + Send + 'static,
        A: Serialize,
        F: Fn(Arc<App>, E, Instant) -> Fut + Send + Sync + Clone + 'static,
        Fut: Future<Output = Result<A, Error>> + Send + 'static,
    {
        Self::event(name, Trigger::Stream(source), role, handler)
    }

    /// A function that runs each minute. Its handler gets a deadline.
    pub fn each_minute<F, Fut>(name: &str, role: &'static Role, handler: F) -> Self
    where
        F: Fn(Arc<App>, Instant) -> Fut + Send + Sync + Clone + 'static,
        Fut: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let handler = move |app, _: serde_json::Value, deadline| handler(app, deadline);
        Self::event(name, Trigger::EveryMinute, role, handler)
    }

    /// A function that runs each hour. Its handler gets the time of the schedule and a deadline.
    pub fn each_hour<F, Fut>(name: &str, role: &'static Role, handler: F) -> Self
    where
        F: Fn(Arc<App>, Timestamp, Instant) -> Fut + Send + Sync + Clone + 'static,
        Fut: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let handler = move |app, event: serde_json::Value, deadline| {
            let time = event["time"].as_str().and_then(|time| time.parse().ok());
            handler(app, time.unwrap_or_else(Timestamp::now), deadline)
        };
        Self::event(name, Trigger::EveryHour, role, handler)
    }

    /// With its call changed; as it is behind a stream or a schedule.
    pub(crate) fn with_call(mut self, with: impl FnOnce(Call) -> Call) -> Self {
        if let Handler::Http(call, handler) = self.handler {
            let call = with(*call);
            self.name = call.function.clone();
            self.handler = Handler::Http(Box::new(call), handler);
        }
        self
    }

    /// The call and its handler, for `/execute`, which answers as the call does.
    pub(crate) fn answering(&self) -> Option<(&Call, &HttpHandler)> {
        match &self.handler {
            Handler::Http(call, handler) => Some((call, handler)),
            Handler::Event(_) => None,
        }
    }

    /// With another role than calls of its kind have.
    #[must_use]
    pub fn role(self, role: &'static Role) -> Self {
        Self { roles: vec![role], ..self }
    }

    /// With the keys of what is personal in the events that it reads.
    #[must_use]
    pub fn opens_personal(self) -> Self {
        Self { opens_personal: true, ..self }
    }

    /// With these roles.
    pub(crate) fn with_roles(self, roles: Vec<&'static Role>) -> Self {
        Self { roles, ..self }
    }

    /// All variables of its environment, each once.
    pub fn environment(&self) -> Vec<Variable> {
        let mut all: Vec<Variable> = Vec::new();
        let of_roles = self.roles.iter().flat_map(|role| role.variables);
        let archive = ARCHIVE.iter().filter(|_| self.reads_events());
        let keys = KEYS.iter().filter(|_| self.needs_keys());
        for variable in of_roles.chain(&self.variables).chain(archive).chain(keys) {
            if !all.contains(variable) {
                all.push(*variable);
            }
        }
        all
    }

    /// All that it may do, each once.
    pub fn statements(&self) -> Vec<Statement> {
        let mut all: Vec<Statement> = Vec::new();
        let of_roles = self.roles.iter().flat_map(|role| role.statements);
        let archive = READ_ARCHIVE.iter().filter(|_| self.reads_events());
        let read_keys = self.needs_keys().then_some(&READ_KEYS);
        let write_keys = (self.needs_keys() && self.writes()).then_some(&WRITE_KEYS);
        for statement in of_roles.chain(archive).chain(read_keys).chain(write_keys) {
            if !all.contains(statement) {
                all.push(*statement);
            }
        }
        all
    }

    /// Whether it reads the events table, and with it the archive.
    fn reads_events(&self) -> bool {
        self.roles.iter().any(|role| role.variables.contains(&EVENTS_TABLE))
    }

    fn needs_keys(&self) -> bool {
        self.opens_personal && self.reads_events()
    }

    /// Whether it writes any table: events, or rows that are folded from them.
    fn writes(&self) -> bool {
        let mut statements = self.roles.iter().flat_map(|role| role.statements);
        statements.any(|statement| statement.actions.contains(&"dynamodb:PutItem"))
    }

    /// With a variable beside those of its role.
    #[must_use]
    pub fn variable(mut self, variable: Variable) -> Self {
        self.variables.push(variable);
        self
    }

    fn event<E, A, F, Fut>(name: &str, trigger: Trigger, role: &'static Role, handler: F) -> Self
    where
        E: DeserializeOwned + Send + 'static,
        A: Serialize,
        F: Fn(Arc<App>, E, Instant) -> Fut + Send + Sync + Clone + 'static,
        Fut: Future<Output = Result<A, Error>> + Send + 'static,
    {
        let handler: EventHandler = Box::new(move |app, event| {
            let handler = handler.clone();
            Box::pin(async move {
                let deadline = deadline(event.context.deadline);
                let answer = handler(app, serde_json::from_value(event.payload)?, deadline).await?;
                Ok(serde_json::to_value(answer)?)
            })
        });
        Self {
            name: name.to_owned(),
            roles: vec![role],
            variables: Vec::new(),
            trigger,
            opens_personal: false,
            handler: Handler::Event(handler),
        }
    }

    /// The call that it answers; `None` for a function behind a stream or a schedule.
    pub fn call(&self) -> Option<&Call> {
        match &self.handler {
            Handler::Http(call, _) => Some(call),
            Handler::Event(_) => None,
        }
    }

    /// Serves the Runtime API until the process ends, as a function of this service. Connections
    /// are opened before the first event is asked for.
    ///
    /// # Errors
    /// If the environment lacks what the function needs, or the Runtime API is gone.
    pub(crate) async fn run(self, domain: &'static str) -> Result<(), Error> {
        observe::init();
        self.check_environment()?;
        let name = self.name;
        let app = Arc::new(App::from_env(domain).await?);
        match self.handler {
            Handler::Http(call, handler) => {
                let handler = Arc::new((call, handler));
                let serve = |event| answer(Arc::clone(&app), Arc::clone(&handler), domain, event);
                lambda_runtime::run(service_fn(serve)).await
            }
            Handler::Event(handler) => {
                lambda_runtime::run(service_fn(|event| {
                    let invocation = handler(Arc::clone(&app), event);
                    let observed = Observed::event(&name, domain);
                    async move {
                        let answer = invocation.await;
                        observed.finish_event(&answer);
                        answer
                    }
                }))
                .await
            }
        }
    }
}

impl Function {
    /// That each variable of its environment is set.
    fn check_environment(&self) -> Result<(), Error> {
        let wanted = self.environment().into_iter().map(|(name, _)| name);
        let missing: Vec<&str> =
            wanted.filter(|name| std::env::var_os(name).is_none_or(|v| v.is_empty())).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(format!(
            "{}: the environment lacks {}; `cargo xtask template` writes them into template.yaml",
            self.name,
            missing.join(", ")
        )
        .into())
    }
}

/// One HTTP call: checked, handled, answered and logged in one line.
async fn answer(
    app: Arc<App>,
    handler: Arc<(Box<Call>, HttpHandler)>,
    domain: &'static str,
    event: LambdaEvent<ApiGatewayV2httpRequest>,
) -> Result<ApiGatewayV2httpResponse, Error> {
    let (call, handle) = &*handler;
    let request_id = event.payload.request_context.request_id.clone().unwrap_or_default();
    let mut observed = Observed::call(call, domain, &request_id);
    // `HEAD` is answered as `GET` is, but for the body.
    let is_head = event.payload.request_context.http.method == Method::HEAD;
    let result = match Request::read(event.payload, event.context.deadline, call.access) {
        Ok(request) => {
            observed.request(&request);
            let preferred = request.preferred_wait().filter(|_| heeds_preference(call));
            match checked(call, request) {
                Ok(request) => handle(app.clone(), request)
                    .await
                    .map(|answer| apply_preference(answer, preferred)),
                Err(problem) => Err(problem),
            }
        }
        Err(problem) => Err(problem),
    };
    let (answer, problem) = match result {
        Ok(answer) => (answer, None),
        Err(problem) => (problem.answer(), Some(problem)),
    };
    let answer = answer.header("x-correlation-id", observed.correlation_id());
    observed.finish_call(&app, answer.status, problem.as_ref());
    let answer = if is_head { Answer { body: String::new(), ..answer } } else { answer };
    Ok(answer.into())
}

/// Checks that hold for every call: the role, no parameter or body that would be ignored, and
/// readable tokens and conditions, even if nothing depends on them. Returns the request as the
/// handler sees it.
///
/// # Errors
/// What the answer should be instead.
pub(crate) fn checked(call: &Call, request: Request) -> Result<Request, Problem> {
    if !request.caller.may(call.access) {
        return Err(Problem::new(
            &FORBIDDEN,
            format!("the call needs the role `{}`", call.access.role().unwrap_or_default()),
        ));
    }
    if call.kind == Kind::Fallback {
        return Ok(request);
    }
    request.check_coding()?;
    let request = if call.takes_version() { request.decided_on_version()? } else { request };
    if call.body.is_none() {
        request.takes_no_members()?;
    }
    request.check_query(&call.query)?;
    if matches!(call.kind, Kind::Create | Kind::Command) && !call.is_about_streams {
        unconditional(&request)?;
    }
    // A document is of no tenant, so that no token can be about it.
    if call.kind != Kind::Document {
        request.check_conditions()?;
    }
    Ok(request)
}

/// A condition that the call cannot check is refused, not ignored.
fn unconditional(request: &Request) -> Result<(), Problem> {
    match ["if-match", "if-none-match"].into_iter().find(|name| request.header(name).is_some()) {
        Some(name) => Err(Problem::new(
            &MALFORMED,
            format!("the call is about nothing that has a version, so it takes no `{name}`"),
        )),
        None => Ok(()),
    }
}

/// Whether the call may wait for views.
fn heeds_preference(call: &Call) -> bool {
    matches!(call.kind, Kind::Entity | Kind::Html | Kind::List) && call.is_about_streams
}

fn apply_preference(answer: Answer, wait: Option<u64>) -> Answer {
    match wait {
        Some(seconds) => answer.header("preference-applied", &format!("wait={seconds}")),
        None => answer,
    }
}
