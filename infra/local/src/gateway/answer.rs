//! A function's answer, as an HTTP API makes it a response, and the gateway's own errors.

use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The structured answer of payload format 2.0. `multiValueHeaders` belongs to format 1.0 and is
/// passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: Option<Map<String, Value>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: Option<bool>,
}

/// The response for what a function answered; `None` when it is none that an HTTP API takes.
pub(super) fn response(answer: &[u8]) -> Option<Response> {
    let value: Value = serde_json::from_slice(answer).ok()?;
    if value.get("statusCode").is_none() {
        // The short form: the answer is the body.
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        return Some(build(StatusCode::OK, content_type("application/json"), text.into()));
    }
    let answer: Answer = serde_json::from_value(value).ok()?;
    let status = StatusCode::from_u16(answer.status_code).ok().filter(|s| s.as_u16() >= 200)?;
    let body = answer.body.unwrap_or_default();
    let body = match answer.is_base64_encoded {
        Some(true) => STANDARD.decode(body).ok()?,
        _ => body.into_bytes(),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers.unwrap_or_default() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        headers.insert(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
    }
    for cookie in answer.cookies.unwrap_or_default() {
        headers.append(header::SET_COOKIE, HeaderValue::try_from(cookie).ok()?);
    }
    if !headers.contains_key(header::CONTENT_TYPE) && !body.is_empty() {
        headers.extend(content_type("text/plain;charset=UTF-8"));
    }
    // The length is the gateway's to say.
    headers.remove(header::CONTENT_LENGTH);
    Some(build(status, headers, body))
}

/// An answer of the gateway itself, in the words of AWS.
pub(super) fn message(status: StatusCode, message: &str) -> Response {
    let body = json!({ "message": message }).to_string();
    build(status, content_type("application/json"), body.into())
}

/// 500: the function failed, or its answer is malformed.
pub(super) fn function_failed() -> Response {
    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

fn content_type(value: &'static str) -> HeaderMap {
    [(header::CONTENT_TYPE, HeaderValue::from_static(value))].into_iter().collect()
}

fn build(status: StatusCode, headers: HeaderMap, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    async fn check(answer: Value, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let response = response(answer.to_string().as_bytes()).unwrap();
        assert_eq!(response.status(), status, "{answer}");
        let actual: Vec<_> = response
            .headers()
            .iter()
            .map(|(n, v)| (n.as_str().to_owned(), v.to_str().unwrap().to_owned()))
            .collect();
        let expected: Vec<_> =
            headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(actual, expected, "{answer}");
        assert_eq!(to_bytes(response.into_body(), 1000).await.unwrap(), body, "{answer}");
    }

    #[tokio::test]
    async fn structured_answers() {
        let answer = json!({
            "statusCode": 201,
            "headers": {"ETag": "\"1\"", "X-Count": 3},
            "cookies": ["a=1", "b=2"],
            "body": "hi",
            "isBase64Encoded": false,
        });
        let headers = [
            ("etag", "\"1\""),
            ("x-count", "3"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("content-type", "text/plain;charset=UTF-8"),
        ];
        check(answer, 201, &headers, b"hi").await;
        let binary = json!({
            "statusCode": 200,
            "headers": {"content-type": "image/png"},
            "body": "/w==",
            "isBase64Encoded": true,
        });
        check(binary, 200, &[("content-type", "image/png")], b"\xff").await;
        check(json!({"statusCode": 304, "headers": null, "body": null}), 304, &[], b"").await;
    }

    #[tokio::test]
    async fn short_answers_are_the_body() {
        check(json!({"a": 1}), 200, &[("content-type", "application/json")], b"{\"a\":1}").await;
        check(json!("text"), 200, &[("content-type", "application/json")], b"text").await;
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for answer in [
            "no json",
            r#"{"statusCode": 99}"#,
            r#"{"statusCode": "many"}"#,
            r#"{"statusCode": 200, "body": "!", "isBase64Encoded": true}"#,
            r#"{"statusCode": 200, "headers": {"bad name": "x"}}"#,
        ] {
            assert!(response(answer.as_bytes()).is_none(), "{answer}");
        }
    }
}
