//! Payload format 2.0, as an HTTP API sends it to a function.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, header};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::routes::{Match, decode};
use crate::template::{ACCOUNT, DEFAULT_ROUTE};

/// The id of the one API.
const API_ID: &str = "local";

/// A request on its way to a function.
pub(super) struct Request<'a> {
    pub(super) id: &'a str,
    pub(super) parts: &'a Parts,
    pub(super) body: &'a Bytes,
    pub(super) source_ip: &'a str,
    /// The time of the request, by the gateway's clock.
    pub(super) at: Timestamp,
    /// The claims of the token, on a route that needs one.
    pub(super) claims: Option<&'a BTreeMap<String, String>>,
}

/// The event for a request that goes to this route.
pub(super) fn event(request: &Request<'_>, found: &Match<'_>) -> Value {
    let uri = &request.parts.uri;
    let route_key = match found.route.path.as_str() {
        DEFAULT_ROUTE => DEFAULT_ROUTE.to_owned(),
        path => format!("{} {path}", found.route.method),
    };
    let mut event = json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": decode(uri.path()),
        "rawQueryString": uri.query().unwrap_or_default(),
        "headers": headers(request),
        "requestContext": context(request, &route_key),
        "isBase64Encoded": false,
    });
    let fields = [
        ("cookies", cookies(&request.parts.headers)),
        ("queryStringParameters", query(uri.query().unwrap_or_default())),
        (
            "pathParameters",
            found.parameters.iter().map(|(k, v)| (k.clone(), Value::from(v.as_str()))).collect(),
        ),
    ];
    // What is empty is left out.
    for (name, value) in fields {
        if value.as_object().is_none_or(|o| !o.is_empty())
            && value.as_array().is_none_or(|a| !a.is_empty())
        {
            event[name] = value;
        }
    }
    if !request.body.is_empty() {
        match text_body(request) {
            Some(text) => event["body"] = text.into(),
            None => {
                event["body"] = STANDARD.encode(request.body).into();
                event["isBase64Encoded"] = true.into();
            }
        }
    }
    event
}

fn context(request: &Request<'_>, route_key: &str) -> Value {
    let parts = request.parts;
    let host = header_text(&parts.headers, &header::HOST);
    let domain = host.split(':').next().unwrap_or_default();
    let mut context = json!({
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "domainName": domain,
        "domainPrefix": domain.split('.').next(),
        "http": {
            "method": parts.method.as_str(),
            "path": decode(parts.uri.path()),
            "protocol": format!("{:?}", parts.version),
            "sourceIp": request.source_ip,
            "userAgent": header_text(&parts.headers, &header::USER_AGENT),
        },
        "requestId": request.id,
        "routeKey": route_key,
        "stage": "$default",
        "time": request.at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
        "timeEpoch": request.at.as_millisecond(),
    });
    if let Some(claims) = request.claims {
        context["authorizer"] = json!({"jwt": {"claims": claims, "scopes": null}});
    }
    context
}

/// Names in lower case, repeated ones joined by commas, and what the gateway adds; cookies are
/// apart.
fn headers(request: &Request<'_>) -> Value {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &request.parts.headers {
        if name != header::COOKIE {
            let value = String::from_utf8_lossy(value.as_bytes());
            joined
                .entry(name.as_str().to_owned())
                .and_modify(|all| *all = format!("{all},{value}"))
                .or_insert_with(|| value.into_owned());
        }
    }
    if !request.body.is_empty() {
        joined.insert("content-length".into(), request.body.len().to_string());
    }
    let port = header_text(&request.parts.headers, &header::HOST);
    let port = port.split_once(':').map_or("80", |(_, port)| port);
    joined.insert("x-forwarded-for".into(), request.source_ip.to_owned());
    joined.insert("x-forwarded-port".into(), port.to_owned());
    joined.insert("x-forwarded-proto".into(), "http".into());
    json!(joined)
}

fn cookies(headers: &HeaderMap) -> Value {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';')).map(|cookie| Value::from(cookie.trim())).collect()
}

/// The decoded query; repeated names are joined by commas.
fn query(raw: &str) -> Value {
    let mut joined: Map<String, Value> = Map::new();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(&name.replace('+', " ")), decode(&value.replace('+', " ")));
        let value = match joined.get(&name).and_then(Value::as_str) {
            Some(earlier) => format!("{earlier},{value}"),
            None => value,
        };
        joined.insert(name, value.into());
    }
    joined.into()
}

/// The body, if the gateway treats it as text: by its content type, or if it has none.
fn text_body(request: &Request<'_>) -> Option<String> {
    let content_type = header_text(&request.parts.headers, &header::CONTENT_TYPE);
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_text = kind.is_empty()
        || kind.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"]
            .contains(&kind.as_str());
    is_text.then(|| String::from_utf8(request.body.to_vec()).ok()).flatten()
}

fn header_text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::template::Route;

    fn route(authorized: bool) -> Route {
        Route {
            method: "PATCH".into(),
            path: "/users/{id}".into(),
            authorized,
            timeout: Duration::from_secs(30),
        }
    }

    fn build(
        request: http::request::Builder,
        body: &[u8],
        claims: Option<&BTreeMap<String, String>>,
    ) -> Value {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let route = route(claims.is_some());
        let found = Match {
            route: &route,
            function: "patch",
            parameters: [("id".to_owned(), "a b".to_owned())].into(),
        };
        let request = Request {
            id: "request-1",
            parts: &parts,
            body: &Bytes::copy_from_slice(body),
            source_ip: "127.0.0.1",
            at: "2026-03-12T19:03:58.012Z".parse().unwrap(),
            claims,
        };
        event(&request, &found)
    }

    #[test]
    fn the_whole_event() {
        let request = http::Request::patch("/users/a%20b?q=one+two&tag=x&tag=%C3%A4&empty")
            .header("Host", "127.0.0.1:3000")
            .header("User-Agent", "curl/8")
            .header("Content-Type", "application/json; charset=utf-8")
            .header("If-Match", "\"1\"")
            .header("If-Match", "\"2\"")
            .header("Cookie", "a=1; b=2");
        let claims = [
            ("sub".to_owned(), "ann".to_owned()),
            ("roles".to_owned(), "[reader writer]".to_owned()),
        ];
        let actual = build(request, b"{}", Some(&claims.into()));
        let expected = json!({
            "version": "2.0",
            "routeKey": "PATCH /users/{id}",
            "rawPath": "/users/a b",
            "rawQueryString": "q=one+two&tag=x&tag=%C3%A4&empty",
            "cookies": ["a=1", "b=2"],
            "headers": {
                "content-length": "2",
                "content-type": "application/json; charset=utf-8",
                "host": "127.0.0.1:3000",
                "if-match": "\"1\",\"2\"",
                "user-agent": "curl/8",
                "x-forwarded-for": "127.0.0.1",
                "x-forwarded-port": "3000",
                "x-forwarded-proto": "http",
            },
            "queryStringParameters": {"q": "one two", "tag": "x,ä", "empty": ""},
            "pathParameters": {"id": "a b"},
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "local",
                "authorizer": {
                    "jwt": {"claims": {"sub": "ann", "roles": "[reader writer]"}, "scopes": null},
                },
                "domainName": "127.0.0.1",
                "domainPrefix": "127",
                "http": {
                    "method": "PATCH",
                    "path": "/users/a b",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "curl/8",
                },
                "requestId": "request-1",
                "routeKey": "PATCH /users/{id}",
                "stage": "$default",
                "time": "12/Mar/2026:19:03:58 +0000",
                "timeEpoch": 1_773_342_238_012_i64,
            },
            "body": "{}",
            "isBase64Encoded": false,
        });
        assert_eq!(actual, expected);
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let bare = build(http::Request::patch("/users/1"), b"", None);
        for absent in ["body", "cookies", "queryStringParameters"] {
            assert_eq!(bare.get(absent), None, "{absent}");
        }
        assert_eq!(bare["requestContext"].get("authorizer"), None);
    }

    #[test]
    fn bodies_are_text_or_base64_by_their_type() {
        for (content_type, body, expected, encoded) in [
            ("text/plain", &b"hi"[..], "hi", false),
            ("application/json", b"[]", "[]", false),
            ("application/xml", b"<a/>", "<a/>", false),
            ("application/json", b"\xff", "/w==", true),
            ("application/problem+json", b"{}", "e30=", true),
            ("application/x-www-form-urlencoded", b"a=1", "YT0x", true),
            ("application/octet-stream", b"hi", "aGk=", true),
        ] {
            let request = http::Request::patch("/users/1").header("Content-Type", content_type);
            let event = build(request, body, None);
            assert_eq!(
                (&event["body"], &event["isBase64Encoded"]),
                (&expected.into(), &encoded.into()),
                "{content_type}"
            );
        }
    }
}
