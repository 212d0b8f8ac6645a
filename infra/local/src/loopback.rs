//! Who may call what is for this machine alone. A browser on it sends what any page asks for, and a
//! page's own name may be made to lead here. So the names that a request brings must be this
//! machine's.

use std::net::IpAddr;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::uri::Authority;
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

/// Answers 403 to requests from elsewhere.
pub(crate) async fn only_from_here(request: Request, next: Next) -> Response {
    if is_from_here(request.headers(), request.uri().authority()) {
        return next.run(request).await;
    }
    let message =
        "only for this machine: `Host` and `Origin` must name 127.0.0.1, [::1] or localhost";
    (StatusCode::FORBIDDEN, axum::Json(json!({ "message": message }))).into_response()
}

/// Whether a request names this machine as its `Host`, and came from no page of another one.
/// `target` is the authority in the request line, which HTTP/1.1 allows besides.
pub(crate) fn is_from_here(headers: &HeaderMap, target: Option<&Authority>) -> bool {
    let texts = |name| headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
    let hosts: Vec<&str> = texts(header::HOST).chain(target.map(Authority::as_str)).collect();
    let origins = texts(header::ORIGIN)
        .map(|origin| origin.split_once("://").map_or("", |(_, authority)| authority));
    !hosts.is_empty() && hosts.into_iter().chain(origins).all(names_this_machine)
}

/// Whether an authority as `127.0.0.1:3000` names a loopback address.
fn names_this_machine(authority: &str) -> bool {
    let Ok(parsed) = authority.parse::<Authority>() else { return false };
    let host = parsed.host();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let is_loopback = host.eq_ignore_ascii_case("localhost")
        || address.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    is_loopback && !authority.contains('@')
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_loopback_names_are_this_machine() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:3000",
            "127.1.2.3:1",
            "localhost",
            "LocalHost:3000",
            "[::1]",
            "[::1]:3000",
        ] {
            assert!(names_this_machine(host), "{host}");
        }
        for host in [
            "",
            ":3000",
            "evil.example",
            "evil.example:3000",
            "localhost.evil.example",
            "127.0.0.1.nip.io:3000",
            "0.0.0.0:3000",
            "10.0.0.1",
            "[::2]:3000",
            "[::ffff:10.0.0.1]",
            "127.0.0.1@evil.example",
            "evil.example@127.0.0.1",
            "localhost:3000/path",
            "null",
        ] {
            assert!(!names_this_machine(host), "{host}");
        }
    }

    #[test]
    fn all_names_that_a_request_brings_count() {
        let verdict =
            |hosts: &[&'static str], origins: &[&'static str], target: Option<&'static str>| {
                let mut headers = HeaderMap::new();
                for host in hosts {
                    headers.append(header::HOST, HeaderValue::from_static(host));
                }
                for origin in origins {
                    headers.append(header::ORIGIN, HeaderValue::from_static(origin));
                }
                is_from_here(&headers, target.map(Authority::from_static).as_ref())
            };
        let here = "127.0.0.1:3000";
        assert!(verdict(&[here], &[], None) && verdict(&[], &[], Some(here)));
        assert!(
            verdict(&[here], &["http://localhost:5173"], None)
                && verdict(&[here], &["http://127.0.0.1:3000"], None)
        );
        assert!(!verdict(&[], &[], None), "a browser always names a host");
        assert!(
            !verdict(&["evil.example"], &[], Some(here))
                && !verdict(&[here], &[], Some("evil.example"))
        );
        assert!(
            !verdict(&[here, "evil.example"], &[], None)
                && !verdict(&["evil.example", here], &[], None)
        );
        for origin in [
            "http://evil.example",
            "https://evil.example:3000",
            "null",
            "",
            "http://localhost.evil.example",
            "file://",
        ] {
            assert!(!verdict(&[here], &[origin], None), "{origin}");
        }
    }
}
