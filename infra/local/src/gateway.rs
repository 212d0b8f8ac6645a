//! The HTTP API: routes, tokens, limits and payload format 2.0 as AWS has them.

mod answer;
mod event;
mod routes;
mod throttle;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use uuid::Uuid;

use crate::clock::Clock;
use crate::host::{Host, InvokeError};
use crate::jwt::{Refusal, Tokens};
use crate::template::{Function, Throttle};
use routes::{Match, Routes};
use throttle::Throttles;

/// The most bytes of request line and headers together.
const MAXIMUM_HEAD: usize = 10_240;
/// The most bytes of a body.
const MAXIMUM_BODY: usize = 10_000_000;

/// What it takes to answer requests.
pub struct Gateway {
    routes: Routes,
    throttles: Option<Throttles>,
    tokens: Option<Arc<Tokens>>,
    clock: Clock,
    host: Host,
}

impl Gateway {
    /// A gateway with the routes of these functions. Without `throttle` they take any number of
    /// requests, without `tokens` none needs one.
    pub fn new(
        functions: &[Function],
        throttle: Option<Throttle>,
        tokens: Option<Arc<Tokens>>,
        clock: Clock,
        host: Host,
    ) -> Self {
        Self {
            routes: Routes::new(functions),
            throttles: throttle.map(Throttles::new),
            tokens,
            clock,
            host,
        }
    }

    async fn answer(&self, source: SocketAddr, request: Request) -> Result<Response, Response> {
        let (parts, body) = request.into_parts();
        if head_size(&parts) > MAXIMUM_HEAD {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Err(answer::message(status, "Request Header Fields Too Large"));
        }
        let found = self
            .routes
            .find(parts.method.as_str(), parts.uri.path())
            .ok_or_else(|| answer::message(StatusCode::NOT_FOUND, "Not Found"))?;
        if self
            .throttles
            .as_ref()
            .is_some_and(|throttles| !throttles.admits(found.route, Instant::now()))
        {
            return Err(answer::message(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"));
        }
        let claims = self.claims(&parts, &found).map_err(|refusal| unauthorized(&refusal))?;
        let body = to_bytes(body, MAXIMUM_BODY).await.map_err(|_| {
            answer::message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
        })?;
        let request = event::Request {
            id: &Uuid::new_v4().to_string(),
            parts: &parts,
            body: &body,
            source_ip: &source.ip().to_string(),
            at: self.clock.now(),
            claims: claims.as_ref(),
        };
        let event = event::event(&request, &found).to_string();
        let mut response = self.invoke(&found, event.into()).await;
        if parts.method == Method::HEAD {
            response = without_body(response);
        }
        if let Ok(id) = HeaderValue::from_str(request.id) {
            response.headers_mut().insert("apigw-requestid", id);
        }
        Ok(response)
    }

    /// The claims of the token, where the route needs one.
    fn claims(
        &self,
        parts: &Parts,
        found: &Match<'_>,
    ) -> Result<Option<BTreeMap<String, String>>, Refusal> {
        let Some(tokens) = self.tokens.as_ref().filter(|_| found.route.authorized) else {
            return Ok(None);
        };
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        tokens.check(header).map(Some)
    }

    async fn invoke(&self, found: &Match<'_>, event: Bytes) -> Response {
        let invocation = self.host.invoke(found.function, event);
        let unavailable =
            || answer::message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
        match tokio::time::timeout(found.route.timeout, invocation).await {
            Err(_) => unavailable(),
            Ok(Ok(answer)) => answer::response(&answer).unwrap_or_else(answer::function_failed),
            Ok(Err(error)) => {
                tracing::warn!(function = found.function, %error, "a request failed");
                match error {
                    InvokeError::TimedOut(_) | InvokeError::Throttled => unavailable(),
                    _ => answer::function_failed(),
                }
            }
        }
    }
}

/// The gateway as a service: it takes every path.
pub fn router(gateway: Gateway) -> Router {
    Router::new().fallback(handle).with_state(Arc::new(gateway))
}

async fn handle(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(source): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    match gateway.answer(source, request).await {
        Ok(response) | Err(response) => response,
    }
}

/// The answer to a `HEAD`: it has no body, and says no length, since that of `GET` is not known
/// here.
fn without_body(response: Response) -> Response {
    // An empty body would be told as a length of 0.
    response.map(|_| Body::new(Empty::<Bytes>::new().map_frame(|frame| frame)))
}

fn unauthorized(refusal: &Refusal) -> Response {
    let mut response = answer::message(StatusCode::UNAUTHORIZED, "Unauthorized");
    let challenge = HeaderValue::try_from(refusal.challenge());
    let challenge = challenge.unwrap_or(HeaderValue::from_static("Bearer"));
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// The bytes of the request line and the headers.
fn head_size(parts: &Parts) -> usize {
    let line = parts.method.as_str().len() + parts.uri.to_string().len();
    let headers = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    line + headers.sum::<usize>()
}
