//! What a function needs of an HTTP API request, checked.

mod body;
mod caller;
mod conditions;
mod cursor;
mod prefer;
mod query_string;

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use headwater_dynamodb::OneGeneration;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use serde_json::Value;

use crate::parameter::is_correlation_id;
use crate::problem::{BODY_TOO_LARGE, MALFORMED, UNAUTHENTICATED};
use crate::{Access, Parameter, Problem};

pub use body::{parse_json, read_json};
pub use caller::Caller;
use conditions::Conditions;
pub use cursor::Cursor;
use query_string::QueryString;

/// The largest body, in bytes.
const LARGEST_BODY: usize = 256 * 1024;

/// What is kept of the time that Lambda gives, to answer in.
const ANSWER_MARGIN: Duration = Duration::from_millis(500);

/// One HTTP call, as its handler sees it.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use headwater_lambda::{Caller, Request};
/// use jiff::Timestamp;
///
/// // For a record of a stream. A call's handler gets the request that the gateway sent.
/// let caller = Caller {
///     tenant: "acme".to_owned(),
///     subject: "scanner".to_owned(),
///     roles: vec!["writer".to_owned()],
/// };
/// let deadline = Instant::now() + Duration::from_secs(10);
/// let request = Request::internal(caller, Timestamp::UNIX_EPOCH, "scan-7".to_owned(), deadline);
/// assert_eq!((request.tenant(), request.path("id")), ("acme", ""));
/// assert!(request.within(Duration::from_secs(1)).deadline < deadline);
/// ```
#[derive(Clone, Debug)]
pub struct Request {
    /// Who calls; empty on a public route.
    pub caller: Caller,
    /// When the gateway took the request in.
    pub now: Timestamp,
    /// By when the function must have answered.
    pub deadline: Instant,
    /// When the function was given it, from which on it may wait.
    begun: Instant,
    /// `X-Correlation-Id`, else the gateway's request id.
    pub correlation_id: String,
    /// `X-Causation-Id`: the event or commit that the request follows from, if there is one.
    pub causation_id: Option<String>,
    /// The gateway's request id.
    pub request_id: String,
    /// As `POST`.
    pub method: String,
    /// As `/identity/users`.
    pub raw_path: String,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// The version that the caller decided on, as the body's `version` says.
    pub(crate) decided_on: Option<u64>,
    /// What the handler reads instead of the body: its members but for `version`, or what
    /// `/execute` was given for the command.
    payload: Option<Value>,
    /// The generation of all rows that are read for it.
    pub(crate) generation: OneGeneration,
    conditions: Conditions,
    headers: HeaderMap,
    path: HashMap<String, String>,
    query: QueryString,
}

impl Request {
    /// Reads a request of the gateway.
    ///
    /// # Errors
    /// 400 for a body that is not what its encoding says, and 413 for one over 256 KB. 401 without
    /// a token that names the caller, on a route that needs one.
    pub fn read(
        event: ApiGatewayV2httpRequest,
        deadline_ms: u64,
        access: Access,
    ) -> Result<Self, Problem> {
        let context = event.request_context;
        let verified =
            context.authorizer.and_then(|authorizer| authorizer.jwt).map(|jwt| jwt.claims);
        let authorization = event.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let caller = match (authorization.zip(verified.as_ref()), access) {
            (_, Access::Public) => Some(Caller::anybody()),
            (Some((authorization, verified)), _) => Caller::read(authorization, verified),
            (None, _) => None,
        };
        let caller = caller.ok_or_else(|| {
            Problem::new(&UNAUTHENTICATED, "the token lacks a usable `sub` or `tenant`")
        })?;
        let body = event.body.unwrap_or_default();
        let body = if event.is_base64_encoded {
            STANDARD.decode(body).map_err(|error| Problem::new(&MALFORMED, error.to_string()))?
        } else {
            body.into_bytes()
        };
        if body.len() > LARGEST_BODY {
            return Err(Problem::new(
                &BODY_TOO_LARGE,
                format!("the body has {} bytes, more than {LARGEST_BODY}", body.len()),
            ));
        }
        let request_id = context.request_id.unwrap_or_default();
        let given = |name| {
            event
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .filter(|id| is_correlation_id(id))
                .map(str::to_owned)
        };
        let correlation_id = given("x-correlation-id").unwrap_or_else(|| request_id.clone());
        let causation_id = given("x-causation-id");
        let query = QueryString::read(event.raw_query_string.as_deref().unwrap_or_default());
        Ok(Self {
            now: Timestamp::from_millisecond(context.time_epoch).map_err(Problem::internal)?,
            deadline: deadline(deadline_ms),
            begun: tokio::time::Instant::now().into_std(),
            correlation_id,
            causation_id,
            request_id,
            method: context.http.method.to_string(),
            raw_path: event.raw_path.unwrap_or_default(),
            body,
            decided_on: None,
            payload: None,
            generation: OneGeneration::default(),
            conditions: Conditions::read(&event.headers, &query, &caller.tenant),
            caller,
            headers: event.headers,
            path: event.path_parameters,
            query,
        })
    }

    /// A request that did not come by HTTP, as a record of a stream: without headers, parameters
    /// and body.
    pub fn internal(
        caller: Caller,
        now: Timestamp,
        correlation_id: String,
        deadline: Instant,
    ) -> Self {
        Self {
            caller,
            now,
            deadline,
            begun: tokio::time::Instant::now().into_std(),
            request_id: correlation_id.clone(),
            correlation_id,
            causation_id: None,
            method: String::new(),
            raw_path: String::new(),
            body: Vec::new(),
            decided_on: None,
            payload: None,
            generation: OneGeneration::default(),
            conditions: Conditions::none(),
            headers: HeaderMap::new(),
            path: HashMap::new(),
            query: QueryString::default(),
        }
    }

    /// The same caller and time without conditions and keys, for a command that follows from this
    /// request.
    #[must_use]
    pub fn unconditional(&self) -> Self {
        Self::internal(self.caller.clone(), self.now, self.correlation_id.clone(), self.deadline)
            .caused_by(self.causation_id.clone())
    }

    /// The same request, which follows from this event or commit.
    #[must_use]
    pub fn caused_by(self, causation_id: Option<String>) -> Self {
        Self { causation_id, ..self }
    }

    /// The same request with so much time at the most, for a part of what it asks for.
    #[must_use]
    pub fn within(&self, time: Duration) -> Self {
        Self { deadline: self.deadline.min(Instant::now() + time), ..self.clone() }
    }

    /// The same request, whose caller decided on this version of what the command is about; `None`
    /// if on the latest.
    #[must_use]
    pub fn decided_on(self, version: Option<u64>) -> Self {
        Self { decided_on: version, ..self }
    }

    /// The same request as that of another call, with these parameters of its path and this for a
    /// body. An Idempotency-Key stands for what came.
    pub(crate) fn for_call(&self, path: HashMap<String, String>, payload: Value) -> Self {
        Self { path, payload: Some(payload), ..self.clone() }
    }

    /// Whose data the call is about.
    pub fn tenant(&self) -> &str {
        &self.caller.tenant
    }

    /// A parameter of the route's path; empty if the route has none of this name, which then names
    /// nothing that exists.
    pub fn path(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// A parameter of the query string.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name)
    }

    /// That the query string can be read, and has no parameter that is not known, and none twice.
    ///
    /// # Errors
    /// 400 if it is not percent-encoded UTF-8; 422 with each parameter at fault.
    pub(crate) fn check_query(&self, known: &[Parameter]) -> Result<(), Problem> {
        self.query.check(known)
    }

    /// A header; nothing if it is absent or no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The W3C trace context, if it is one: it is stored with every event, so nothing else may come
    /// in by it.
    pub(crate) fn traceparent(&self) -> Option<&str> {
        let is_one = |text: &&str| {
            text.len() == 55 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
        };
        self.header("traceparent").filter(is_one)
    }
}

/// A header that is a list, whose fields count as one however many there are (RFC 9110, section
/// 5.3). What is no UTF-8 is replaced.
fn list_header(headers: &HeaderMap, name: &str) -> Option<String> {
    let fields: Vec<Cow<'_, str>> = headers
        .get_all(name)
        .iter()
        .map(|field| String::from_utf8_lossy(field.as_bytes()))
        .collect();
    (!fields.is_empty()).then(|| fields.join(", "))
}

/// Lambda's deadline is a time of day; what is left of it, less the time to answer, counts from
/// now.
pub(crate) fn deadline(deadline_ms: u64) -> Instant {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Instant::now()
        + Duration::from_millis(deadline_ms).saturating_sub(now).saturating_sub(ANSWER_MARGIN)
}

#[cfg(test)]
mod tests;
