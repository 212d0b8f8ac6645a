//! The server's side of Lambda's Runtime API: what a function's process polls for work and posts
//! its answers to.
//!
//! Every instance has its own path prefix, `/<instance>/2018-06-01/runtime/…`, and behind it a
//! [`Mailbox`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use uuid::Uuid;

/// Lambda's bound on an answer: 6 MB and a little.
const MAXIMUM_ANSWER: usize = 6 * 1024 * 1024 + 100 * 1024;

/// One event on its way to an instance.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// Identifies the invocation in logs and in the answer.
    pub(crate) request_id: Uuid,
    /// The function's ARN.
    pub(crate) function_arn: String,
    /// The event.
    pub(crate) payload: Bytes,
    /// How long the function has, from when it takes the event.
    pub(crate) timeout: Duration,
    /// Told when the function takes the event.
    pub(crate) taken: oneshot::Sender<()>,
    /// Told how it ended; dropped when the process died.
    pub(crate) reply: oneshot::Sender<Answer>,
}

/// What a function posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The handler's answer.
    Success(Bytes),
    /// The handler's or the start's error: `{"errorType", "errorMessage"}`.
    Error(Bytes),
}

/// Between the host, which delivers invocations, and one instance, which polls for them.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    state: Mutex<MailboxState>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct MailboxState {
    closed: bool,
    waiting: Option<Invocation>,
    running: Option<(Uuid, oneshot::Sender<Answer>)>,
}

impl Mailbox {
    /// Hands an invocation to the instance; to a closed mailbox, it is dropped, and its reply with
    /// it.
    pub(crate) fn deliver(&self, invocation: Invocation) {
        let mut state = self.lock();
        if !state.closed {
            state.waiting = Some(invocation);
            self.changed.notify_one();
        }
    }

    /// Ends the mailbox: the process is gone. Callers that wait for an answer get an error.
    pub(crate) fn close(&self) {
        *self.lock() = MailboxState { closed: true, ..MailboxState::default() };
        self.changed.notify_one();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// The next invocation; `None` when the mailbox is closed.
    async fn next(&self) -> Option<(Uuid, String, Bytes, Duration)> {
        loop {
            {
                let mut state = self.lock();
                if state.closed {
                    return None;
                }
                if let Some(next) = state.waiting.take() {
                    state.running = Some((next.request_id, next.reply));
                    // The host may have given up waiting: then nobody needs to know.
                    let _ = next.taken.send(());
                    return Some((next.request_id, next.function_arn, next.payload, next.timeout));
                }
            }
            self.changed.notified().await;
        }
    }

    /// Takes an answer; false when this invocation isn't running here.
    fn finish(&self, request_id: &str, answer: Answer) -> bool {
        let mut state = self.lock();
        match state.running.take() {
            Some((running, reply)) if running.to_string() == request_id => {
                let _ = reply.send(answer);
                true
            }
            other => {
                state.running = other;
                false
            }
        }
    }

    /// The start failed, and whatever was to be run with it. The process is about to end.
    fn fail_start(&self, error: Bytes) {
        let mut state = self.lock();
        if let Some(invocation) = state.waiting.take() {
            let _ = invocation.taken.send(());
            let _ = invocation.reply.send(Answer::Error(error));
        }
        state.closed = true;
    }

    fn lock(&self) -> MutexGuard<'_, MailboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The mailboxes of all running instances, by instance.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mailboxes(Arc<Mutex<HashMap<String, Arc<Mailbox>>>>);

impl Mailboxes {
    /// Opens a mailbox for a new instance.
    pub(crate) fn open(&self, instance: &str) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox::default());
        self.lock().insert(instance.to_owned(), mailbox.clone());
        mailbox
    }

    /// Closes and forgets an instance's mailbox.
    pub(crate) fn close(&self, instance: &str) {
        if let Some(mailbox) = self.lock().remove(instance) {
            mailbox.close();
        }
    }

    fn find(&self, instance: &str) -> Option<Arc<Mailbox>> {
        self.lock().get(instance).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Mailbox>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves the Runtime API on a free port; the answer is its address, `127.0.0.1:<port>`.
pub(crate) async fn serve(mailboxes: Mailboxes) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let app = router(mailboxes);
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

fn router(mailboxes: Mailboxes) -> Router {
    let runtime = Router::new()
        .route("/invocation/next", get(next))
        .route("/invocation/{request}/response", post(response))
        .route("/invocation/{request}/error", post(error))
        .route("/init/error", post(init_error));
    Router::new().nest("/{instance}/2018-06-01/runtime", runtime).with_state(mailboxes)
}

async fn next(State(mailboxes): State<Mailboxes>, Path(instance): Path<String>) -> Response {
    let Some(mailbox) = mailboxes.find(&instance) else { return unknown_instance() };
    let Some((request_id, arn, payload, timeout)) = mailbox.next().await else {
        return unknown_instance();
    };
    let deadline =
        Timestamp::now().as_millisecond().saturating_add_unsigned(timeout.as_millis() as u64);
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", request_id.to_string()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", arn),
        ("lambda-runtime-trace-id", trace_id(request_id)),
    ];
    (headers, payload).into_response()
}

async fn response(
    State(mailboxes): State<Mailboxes>,
    Path((instance, request)): Path<(String, String)>,
    body: Body,
) -> Response {
    match to_bytes(body, MAXIMUM_ANSWER).await {
        Ok(bytes) => finish(&mailboxes, &instance, &request, Answer::Success(bytes)),
        Err(_) => {
            let error = json!({
                "errorType": "Function.ResponseSizeTooLarge",
                "errorMessage": "the answer is larger than Lambda's 6 MB",
            });
            finish(&mailboxes, &instance, &request, Answer::Error(error.to_string().into()));
            StatusCode::PAYLOAD_TOO_LARGE.into_response()
        }
    }
}

async fn error(
    State(mailboxes): State<Mailboxes>,
    Path((instance, request)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    finish(&mailboxes, &instance, &request, Answer::Error(body))
}

async fn init_error(
    State(mailboxes): State<Mailboxes>,
    Path(instance): Path<String>,
    body: Bytes,
) -> Response {
    let Some(mailbox) = mailboxes.find(&instance) else { return unknown_instance() };
    mailbox.fail_start(body);
    accepted()
}

fn finish(mailboxes: &Mailboxes, instance: &str, request: &str, answer: Answer) -> Response {
    match mailboxes.find(instance) {
        Some(mailbox) if mailbox.finish(request, answer) => accepted(),
        Some(_) => failure(StatusCode::BAD_REQUEST, "InvalidRequestID"),
        None => unknown_instance(),
    }
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, axum::Json(json!({"status": "OK"}))).into_response()
}

/// The runtime ends when its poll is answered so.
fn unknown_instance() -> Response {
    failure(StatusCode::GONE, "InstanceGone")
}

fn failure(status: StatusCode, kind: &str) -> Response {
    (status, axum::Json(json!({"errorType": kind, "errorMessage": kind}))).into_response()
}

/// An X-Ray header for an invocation that is not traced.
fn trace_id(request_id: Uuid) -> String {
    let digits = request_id.simple().to_string();
    let (seconds, rest) = (Timestamp::now().as_second(), &digits[8..]);
    format!("Root=1-{seconds:08x}-{rest};Parent={};Sampled=0", &digits[16..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation() -> (Invocation, oneshot::Receiver<Answer>) {
        let (reply, answer) = oneshot::channel();
        let invocation = Invocation {
            request_id: Uuid::now_v7(),
            function_arn: "arn".into(),
            payload: Bytes::from_static(b"{}"),
            timeout: Duration::from_secs(3),
            taken: oneshot::channel().0,
            reply,
        };
        (invocation, answer)
    }

    /// A Runtime API with one instance, `one`.
    async fn server() -> (Arc<Mailbox>, String) {
        let mailboxes = Mailboxes::default();
        let mailbox = mailboxes.open("one");
        let address = serve(mailboxes).await.unwrap();
        (mailbox, format!("http://{address}/one/2018-06-01/runtime"))
    }

    #[tokio::test]
    async fn an_event_goes_out_and_its_answer_comes_back() {
        let (mailbox, url) = server().await;
        let (invocation, answer) = invocation();
        let request = invocation.request_id.to_string();
        mailbox.deliver(invocation);
        let event = reqwest::get(format!("{url}/invocation/next")).await.unwrap();
        let header = |name: &str| event.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("lambda-runtime-aws-request-id"), request);
        assert_eq!(header("lambda-runtime-invoked-function-arn"), "arn");
        assert!(header("lambda-runtime-trace-id").starts_with("Root=1-"));
        let left = header("lambda-runtime-deadline-ms").parse::<i64>().unwrap()
            - Timestamp::now().as_millisecond();
        assert!((1..=3_000).contains(&left), "{left}");
        let client = reqwest::Client::new();
        let wrong = client.post(format!("{url}/invocation/other/response")).send().await.unwrap();
        assert_eq!(wrong.status(), 400);
        let right = client.post(format!("{url}/invocation/{request}/response")).body("[1]");
        assert_eq!(right.send().await.unwrap().status(), 202);
        assert_eq!(answer.await.unwrap(), Answer::Success(Bytes::from_static(b"[1]")));
    }

    #[tokio::test]
    async fn a_failed_start_fails_the_event_that_waits() {
        let (mailbox, url) = server().await;
        let (invocation, answer) = invocation();
        mailbox.deliver(invocation);
        let client = reqwest::Client::new();
        client.post(format!("{url}/init/error")).body("{}").send().await.unwrap();
        assert_eq!(answer.await.unwrap(), Answer::Error(Bytes::from_static(b"{}")));
        assert!(mailbox.is_closed(), "nothing more is delivered");
    }

    #[tokio::test]
    async fn a_dead_process_answers_nobody_and_polls_in_vain() {
        let (mailbox, url) = server().await;
        let (invocation, answer) = invocation();
        mailbox.deliver(invocation);
        mailbox.close();
        assert!(answer.await.is_err());
        let poll = reqwest::get(format!("{url}/invocation/next")).await.unwrap();
        assert_eq!(poll.status(), 410);
    }
}
