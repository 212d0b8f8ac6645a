//! Calls for development and tests, under `/dev`: tokens, the meter, lag, the clock, faults,
//! killing processes.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::door::{Door, OPERATOR};
use crate::event_sources::EventSources;
use crate::host::Host;
use crate::jwt::Tokens;
use crate::loopback::only_from_here;
use crate::template::REGION;

/// What the development calls reach into.
pub struct Dev {
    /// Signs tokens; `None` when the API checks none.
    pub tokens: Option<Arc<Tokens>>,
    /// The gateway's clock.
    pub clock: Clock,
    /// The functions' processes.
    pub host: Host,
    /// The functions' streams.
    pub event_sources: Arc<EventSources>,
    /// The meter and the faults.
    pub door: Arc<Door>,
    /// The variables by which functions know tables, streams and buckets.
    pub environment: BTreeMap<String, String>,
}

type Shared = State<Arc<Dev>>;
type Answer = Result<Response, Refused>;

/// Why a development call is refused: the status and a sentence.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, axum::Json(json!({ "message": self.1 }))).into_response()
    }
}

/// The routes under `/dev`. They need no token, so they are for this machine alone.
pub fn router(dev: Dev) -> Router {
    Router::new()
        .route("/dev/token", post(token))
        .route("/dev/meter", get(meter))
        .route("/dev/meter/reset", post(reset_meter))
        .route("/dev/lag", get(lag))
        .route("/dev/endpoint", get(endpoint))
        .route("/dev/clock", post(clock))
        .route("/dev/faults", get(struck).post(faults))
        .route("/dev/kill", post(kill))
        .route("/dev/event-sources", post(event_sources))
        .route("/dev/schedules", post(schedules))
        .route_layer(from_fn(only_from_here))
        .with_state(Arc::new(dev))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    tenant: String,
    subject: String,
    #[serde(default)]
    roles: Vec<String>,
}

/// `POST /dev/token {"tenant", "subject", "roles": […]}` → `{"token"}`.
async fn token(State(dev): Shared, body: Bytes) -> Answer {
    let wanted: TokenRequest = read(&body)?;
    let tokens = dev.tokens.as_ref();
    let tokens =
        tokens.ok_or_else(|| Refused(StatusCode::NOT_FOUND, "the API checks no tokens".into()))?;
    let token = tokens
        .issue(&wanted.tenant, &wanted.subject, &wanted.roles)
        .map_err(|error| Refused(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    json_answer(json!({ "token": token }))
}

/// `GET /dev/meter` → `{"<function>": {"<Operation>": {"calls", "readUnits", "writeUnits"}}}`.
async fn meter(State(dev): Shared) -> Answer {
    json_answer(dev.door.meter())
}

/// `POST /dev/meter/reset`: every count is zero again.
async fn reset_meter(State(dev): Shared) -> Answer {
    dev.door.reset_meter();
    json_answer(json!({}))
}

/// `GET /dev/lag` → `{"<function>": {"records", "millis"}}`, both zero once the function has caught
/// up.
async fn lag(State(dev): Shared) -> Answer {
    json_answer(json!(dev.event_sources.lag().await))
}

/// `GET /dev/endpoint` → `{"endpoint", "accessKeyId", "secretAccessKey", "region", "environment"}`:
/// where a person's own tools reach tables, streams and buckets, as one who may do everything, and
/// the variables that name them: `{"EVENTS_TABLE": …}`.
async fn endpoint(State(dev): Shared) -> Answer {
    let (key, secret) = dev.door.credentials_for(OPERATOR);
    json_answer(json!({
        "endpoint": dev.door.endpoint(),
        "accessKeyId": key,
        "secretAccessKey": secret,
        "region": REGION,
        "environment": dev.environment,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClockRequest {
    advance_seconds: i64,
}

/// `POST /dev/clock {"advanceSeconds": N}` → `{"now"}`: the time that requests are stamped with
/// from now on.
async fn clock(State(dev): Shared, body: Bytes) -> Answer {
    let wanted: ClockRequest = read(&body)?;
    dev.clock.advance(wanted.advance_seconds);
    json_answer(json!({ "now": dev.clock.now() }))
}

/// `POST /dev/faults {"service", "fault", "rate", "function"?, "seconds"?}`: see the door.
async fn faults(State(dev): Shared, body: Bytes) -> Answer {
    let wanted: Value = read(&body)?;
    dev.door.set_fault(wanted).map_err(|why| Refused(StatusCode::BAD_REQUEST, why))?;
    json_answer(json!({}))
}

/// `GET /dev/faults` → `{"dynamodb": {"throttle": 3, …}, "kinesis": {…}}`: every fault that there
/// is, and how many calls it has struck.
async fn struck(State(dev): Shared) -> Answer {
    json_answer(dev.door.faults())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FunctionRequest {
    function: String,
}

/// `POST /dev/kill {"function"}` → `{"killed": N}`: ends the function's processes, whatever they
/// are doing.
async fn kill(State(dev): Shared, body: Bytes) -> Answer {
    let wanted: FunctionRequest = read(&body)?;
    match dev.host.kill(&wanted.function) {
        Some(killed) => json_answer(json!({ "killed": killed })),
        None => Err(unknown_function(&wanted.function)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventSourcesRequest {
    function: String,
    enabled: bool,
}

/// `POST /dev/event-sources {"function", "enabled"}`: starts or stops the function's streams. When
/// a stop is answered, no invocation is running any more.
async fn event_sources(State(dev): Shared, body: Bytes) -> Answer {
    let wanted: EventSourcesRequest = read(&body)?;
    match dev.event_sources.enable(&wanted.function, wanted.enabled).await {
        true => json_answer(json!({ "enabled": wanted.enabled })),
        false => Err(unknown_function(&wanted.function)),
    }
}

/// `POST /dev/schedules {"function"}`: its schedules come round now, and the function has answered.
async fn schedules(State(dev): Shared, body: Bytes) -> Answer {
    let wanted: FunctionRequest = read(&body)?;
    match dev.event_sources.come_round(&wanted.function).await {
        Ok(true) => json_answer(json!({})),
        Ok(false) => Err(unknown_function(&wanted.function)),
        Err(error) => Err(Refused(StatusCode::BAD_GATEWAY, error.to_string())),
    }
}

/// The body as JSON, whatever its content type: `curl -d` says it is a form.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body)
        .map_err(|error| Refused(StatusCode::BAD_REQUEST, error.to_string()))
}

fn json_answer(value: Value) -> Answer {
    Ok(axum::Json(value).into_response())
}

fn unknown_function(name: &str) -> Refused {
    Refused(StatusCode::NOT_FOUND, format!("the template wires up no function {name}"))
}
