//! A proxy before DynamoDB: writes down the calls and what they cost, and makes them fail on
//! request.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use headwater::UniqueKey;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What happens to one request.
pub(crate) enum Fault {
    /// It is done, then this happens before the reply arrives.
    Then(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// It is done, then this happens, and the reply is lost.
    LoseReply(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// It is done, but there is no reply.
    Hang,
    /// It is done, but the reply says that the server failed.
    FailAfter,
    /// It is done as if its token had never been seen.
    ForgetToken,
    /// It is not done: this error is the answer.
    Refuse(StatusCode, Value),
}

impl Fault {
    /// It is done, and the reply is lost.
    pub(crate) fn lose_reply() -> Self {
        Self::LoseReply(Box::pin(async {}))
    }

    /// It is not done: an error of DynamoDB's.
    pub(crate) fn error(code: &str) -> Self {
        Self::Refuse(
            StatusCode::BAD_REQUEST,
            json!({
                "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"),
                "message": code,
            }),
        )
    }

    /// It is not done: a transaction is cancelled for reasons that name no items.
    pub(crate) fn cancelled(reasons: &[&str]) -> Self {
        let reasons: Vec<Value> = reasons.iter().map(|code| json!({ "Code": code })).collect();
        let code = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
        Self::Refuse(
            StatusCode::BAD_REQUEST,
            json!({ "__type": code, "message": "cancelled", "CancellationReasons": reasons }),
        )
    }
}

/// A call and the units that it was billed, as `("Query", 1.0)`.
pub(crate) type BilledCall = (String, f64);

/// The proxy's knobs and counters.
#[derive(Clone)]
pub(crate) struct Proxy {
    target: String,
    client: reqwest::Client,
    faults: Arc<Mutex<VecDeque<(String, Fault)>>>,
    calls: Arc<Mutex<Vec<BilledCall>>>,
    shows_starts: Arc<AtomicBool>,
    away: Arc<Mutex<Option<String>>>,
}

impl Proxy {
    /// Serves on a free port of this machine until the test's runtime ends; gives the address.
    pub(crate) async fn start(target: String) -> (Self, String) {
        let proxy = Self {
            target,
            client: reqwest::Client::new(),
            faults: Arc::default(),
            calls: Arc::default(),
            shows_starts: Arc::default(),
            away: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(handle).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (proxy, address)
    }

    /// The next request of this operation that has no fault yet gets this one.
    pub(crate) fn inject(&self, operation: &str, fault: Fault) {
        self.faults.lock().unwrap().push_back((operation.to_owned(), fault));
    }

    /// From now on this table is out of reach; or none is.
    pub(crate) fn take_away(&self, table: Option<&str>) {
        *self.away.lock().unwrap() = table.map(str::to_owned);
    }

    fn is_away(&self, body: &Bytes) -> bool {
        let away = self.away.lock().unwrap();
        let named = |table| String::from_utf8_lossy(body).contains(&format!("\"{table}\""));
        away.as_ref().is_some_and(named)
    }

    /// From now on the check of the unique key, with which a process starts, is a call like others.
    pub(crate) fn show_starts(&self) {
        self.shows_starts.store(true, Relaxed);
    }

    /// The calls since this was last asked.
    pub(crate) fn take_calls(&self) -> Vec<BilledCall> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn next_fault(&self, operation: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let index = faults.iter().position(|(of, _)| of == operation)?;
        faults.remove(index).map(|(_, fault)| fault)
    }

    async fn forward(&self, headers: HeaderMap, body: Bytes) -> (StatusCode, Bytes) {
        let mut request = self.client.post(&self.target).body(body);
        for name in ["x-amz-target", "content-type", "authorization", "x-amz-date"] {
            if let Some(value) = headers.get(name) {
                request = request.header(name, value);
            }
        }
        let response = request.send().await.unwrap();
        (response.status(), response.bytes().await.unwrap())
    }
}

async fn handle(State(proxy): State<Proxy>, headers: HeaderMap, body: Bytes) -> Response {
    let target =
        headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    if !proxy.shows_starts.load(Relaxed) && is_start(&operation, &body) {
        let (status, answer) = proxy.forward(headers, body).await;
        return reply(status, answer);
    }
    let fault = if proxy.is_away(&body) {
        Some(Fault::error("ThrottlingException"))
    } else {
        proxy.next_fault(&operation)
    };
    if let Some(Fault::Refuse(status, error)) = fault {
        proxy.calls.lock().unwrap().push((operation, 0.0));
        return reply(status, error.to_string());
    }
    let body = if matches!(fault, Some(Fault::ForgetToken)) { without_token(&body) } else { body };
    let (status, answer) = proxy.forward(headers, body).await;
    proxy.calls.lock().unwrap().push((operation, units(&answer)));
    match fault {
        Some(Fault::Then(meanwhile)) => {
            meanwhile.await;
            reply(status, answer)
        }
        Some(Fault::LoseReply(meanwhile)) => {
            meanwhile.await;
            broken_off()
        }
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::FailAfter) => reply(StatusCode::INTERNAL_SERVER_ERROR, "{}"),
        _ => reply(status, answer),
    }
}

/// Whether a call checks the unique key.
fn is_start(operation: &str, body: &Bytes) -> bool {
    let stream = format!("{{\"S\":\"{}\"}}", UniqueKey::STREAM);
    matches!(operation, "GetItem" | "PutItem") && String::from_utf8_lossy(body).contains(&stream)
}

fn without_token(body: &Bytes) -> Bytes {
    let mut request: Value = serde_json::from_slice(body).unwrap();
    request.as_object_mut().unwrap().remove("ClientRequestToken");
    request.to_string().into()
}

fn reply(status: StatusCode, body: impl Into<Body>) -> Response {
    (status, [("content-type", "application/x-amz-json-1.0")], body.into()).into_response()
}

/// A body that ends before it is whole.
fn broken_off() -> Response {
    let body = futures::stream::iter([Ok(Bytes::from("{")), Err(std::io::Error::other("lost"))]);
    reply(StatusCode::OK, Body::from_stream(body))
}

/// The sum of the capacity units that an answer reports.
fn units(answer: &Bytes) -> f64 {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let capacity = &answer["ConsumedCapacity"];
    let all = capacity.as_array().cloned().unwrap_or_else(|| vec![capacity.clone()]);
    all.iter().filter_map(|capacity| capacity["CapacityUnits"].as_f64()).sum()
}
