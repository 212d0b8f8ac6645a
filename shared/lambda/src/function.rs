use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use http::Method;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::Kind;
use crate::observe::{self, Observed};
use crate::problem::{FORBIDDEN, MALFORMED};
use crate::request::deadline;
use crate::{Answer, App, Call, Problem, Request};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type HttpHandler =
    Box<dyn Fn(Arc<App>, Request) -> BoxFuture<Result<Answer, Problem>> + Send + Sync>;
type EventHandler = Box<
    dyn Fn(Arc<App>, LambdaEvent<serde_json::Value>) -> BoxFuture<Result<serde_json::Value, Error>>
        + Send
        + Sync,
>;

/// One Lambda function: a name, and what it does with an event. On AWS each is a binary of its own;
/// on one machine the platform holds them all.
pub struct Function {
    /// The name of its binary and of its `Handler` in the template.
    pub name: &'static str,
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
        let handler: HttpHandler = Box::new(move |app, request| Box::pin(handler(app, request)));
        Self { name: call.function, handler: Handler::Http(Box::new(call), handler) }
    }

    /// A function that takes events of another kind: a batch of a stream, a schedule. Its handler
    /// is told by when it must be done.
    pub fn event<E, A, F, Fut>(name: &'static str, handler: F) -> Self
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
        Self { name, handler: Handler::Event(handler) }
    }

    /// The call that it answers; nothing for a function behind a stream or a schedule.
    pub fn call(&self) -> Option<&Call> {
        match &self.handler {
            Handler::Http(call, _) => Some(call),
            Handler::Event(_) => None,
        }
    }

    /// The domain that it belongs to: the first word of its name, which is `identity` in
    /// `identity-get-user`; `common` if its call lies under no domain.
    fn domain(&self) -> &'static str {
        let first = self.name.split('-').next().unwrap_or(self.name);
        match self.call() {
            Some(call) if call.path.split('/').nth(1) != Some(first) => "common",
            _ => first,
        }
    }

    /// Serves the Runtime API until the process ends. Connections are opened before the first event
    /// is asked for.
    ///
    /// # Errors
    /// If the environment lacks what the function needs, or the Runtime API is gone.
    pub async fn run(self) -> Result<(), Error> {
        observe::init();
        let (name, domain) = (self.name, self.domain());
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
                    async move {
                        let observed = Observed::event(name, domain);
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

/// One HTTP call: checked, handled, answered, and told of in one line of the log.
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
            match check(call, &request) {
                Ok(()) => handle(app.clone(), request)
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

/// What holds for every call: the role, no parameter or body that would be ignored, and tokens and
/// conditions that can be read, also where nothing depends on them.
fn check(call: &Call, request: &Request) -> Result<(), Problem> {
    if !request.caller.may(call.access) {
        return Err(Problem::new(
            &FORBIDDEN,
            format!("the call needs the role `{}`", call.access.role().unwrap_or_default()),
        ));
    }
    if call.kind == Kind::Fallback {
        return Ok(());
    }
    request.check_body(call.body.is_some())?;
    request.check_query(&call.query)?;
    if matches!(call.kind, Kind::Create | Kind::Command) && !call.is_about_streams {
        unconditional(request)?;
    }
    // A document is of no tenant, so that no token can be about it.
    if call.kind == Kind::Document { Ok(()) } else { request.check_conditions() }
}

/// A condition that nobody could look at is refused, and not passed over.
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
