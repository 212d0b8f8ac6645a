use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::*;
use crate::problem::FORBIDDEN;

/// A token with these claims, as an `Authorization` header carries it.
fn bearer(claims: &serde_json::Value) -> String {
    format!("Bearer e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// A request as the gateway sends it; `change` is laid over its top level, but for the headers,
/// which are added.
pub(super) fn read(change: serde_json::Value) -> Result<Request, Problem> {
    let mut event = json!({
        "version": "2.0", "routeKey": "GET /identity/users/{id}", "rawPath": "/identity/users/7",
        "rawQueryString": "limit=7&cursor=old&q=a%20b",
        "headers": {
            "authorization": bearer(&json!({
                "sub": "me", "tenant": "acme", "roles": ["reader", "writer"],
            })),
            "x-correlation-id": "ticket-7", "x-causation-id": "identity/users/ada@4",
            "prefer": "respond-async, wait=30",
        },
        "queryStringParameters": { "limit": "7", "cursor": "old", "q": "a b" },
        "pathParameters": { "id": "7" },
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "d", "requestId": "r-1", "routeKey": "k",
            "stage": "$default", "time": "t", "timeEpoch": 1_795_000_000_123_i64,
            "http": {
                "method": "GET", "path": "/identity/users/7", "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1", "userAgent": "u",
            },
            "authorizer": {
                "jwt": {
                    "claims": { "sub": "me", "tenant": "acme", "roles": "[reader writer]" },
                    "scopes": null,
                },
            },
        },
        "isBase64Encoded": false,
    });
    for (name, value) in change.as_object().into_iter().flatten() {
        match value.as_object().filter(|_| name == "headers") {
            Some(headers) => {
                headers.iter().for_each(|(name, value)| event["headers"][name] = value.clone())
            }
            None => event[name] = value.clone(),
        }
    }
    Request::read(serde_json::from_value(event).unwrap(), 0, Access::Reader)
}

#[test]
fn a_request_is_what_the_gateway_says() {
    let request = read(json!({})).unwrap();
    assert_eq!(
        request.caller,
        Caller {
            tenant: "acme".into(),
            subject: "me".into(),
            roles: vec!["reader".into(), "writer".into()]
        }
    );
    assert_eq!(
        (request.path("id"), request.query("q"), request.query("x")),
        ("7", Some("a b"), None)
    );
    assert_eq!(request.now.as_millisecond(), 1_795_000_000_123);
    assert_eq!((request.correlation_id.as_str(), request.request_id.as_str()), ("ticket-7", "r-1"));
    assert_eq!(request.causation_id.as_deref(), Some("identity/users/ada@4"));
    assert_eq!(
        request.unconditional().causation_id,
        request.causation_id,
        "what follows from it has the same cause"
    );
    assert_eq!((request.limit().unwrap(), request.preferred_wait()), (7, Some(10)));
    assert_eq!(request.link_to("next"), "/identity/users/7?limit=7&q=a%20b&cursor=next");
}

#[test]
fn however_much_a_request_waits_for_it_has_one_budget() {
    let mut request = read(json!({})).unwrap();
    request.deadline += Duration::from_secs(60);
    let until = request.wait_until();
    std::thread::sleep(Duration::from_millis(2));
    assert_eq!(
        request.wait_until(),
        until,
        "it counts from when the request began, not from when it is asked for"
    );
}

#[test]
fn roles_imply_nothing() {
    let request = read(json!({})).unwrap();
    for (access, may) in [
        (Access::Public, true),
        (Access::Reader, true),
        (Access::Writer, true),
        (Access::Operator, false),
    ] {
        assert_eq!(request.caller.may(access), may, "{access:?}");
    }
    assert_eq!(FORBIDDEN.status, 403);
}

#[test]
fn without_a_usable_tenant_and_subject_nobody_calls() {
    for claims in [
        json!({}),
        json!({ "sub": "me" }),
        json!({ "tenant": "acme" }),
        json!({ "sub": "", "tenant": "acme" }),
        json!({ "sub": "me", "tenant": "a/b" }),
    ] {
        let mut context = json!({ "http": { "method": "GET" }, "timeEpoch": 0 });
        context["authorizer"] = json!({ "jwt": { "claims": claims, "scopes": null } });
        let headers = json!({ "authorization": bearer(&claims) });
        assert_eq!(
            read(json!({ "requestContext": context, "headers": headers })).unwrap_err().status(),
            401,
            "{claims}"
        );
    }
    assert_eq!(
        read(json!({ "headers": { "authorization": "" } })).unwrap_err().status(),
        401,
        "the gateway verified another one"
    );
    assert_eq!(
        read(json!({
            "headers": { "authorization": bearer(&json!({ "sub": "me", "tenant": "other" })) }
        }))
        .unwrap_err()
        .status(),
        401
    );
}

#[test]
fn a_body_may_be_encoded_and_has_a_limit() {
    let request = read(json!({ "body": "eyJhIjogMX0=", "isBase64Encoded": true })).unwrap();
    assert_eq!(request.body, b"{\"a\": 1}");
    assert_eq!(read(json!({ "body": "%", "isBase64Encoded": true })).unwrap_err().status(), 400);
    assert!(read(json!({ "body": "x".repeat(LARGEST_BODY) })).is_ok());
    assert_eq!(read(json!({ "body": "x".repeat(LARGEST_BODY + 1) })).unwrap_err().status(), 413);
}

#[test]
fn a_cursor_carries_the_tokens_on() {
    let header = "\"acme/identity/users/1@2\", \"acme/identity@7\"";
    let first =
        read(json!({ "headers": { "consistency-token": header }, "rawQueryString": "" })).unwrap();
    let cursor = first.cursor_after(Some("ada\u{0}1".to_owned())).unwrap().unwrap();
    let second = read(json!({ "rawQueryString": format!("cursor={cursor}") })).unwrap();
    assert_eq!(second.tokens().unwrap(), first.tokens().unwrap());
    assert_eq!(second.cursor().unwrap().after(), Some("ada\u{0}1"));
    let both = read(json!({
        "headers": { "consistency-token": header },
        "rawQueryString": format!("cursor={cursor}"),
    }))
    .unwrap();
    assert_eq!(both.tokens().unwrap().len(), 2, "a token that comes twice counts once");
    assert_eq!(first.cursor_after(None).unwrap(), None);
    let many =
        (1..=19).map(|n| format!("\"acme/identity/groups/{n}@1\"")).collect::<Vec<_>>().join(",");
    let too_many = read(json!({
        "headers": { "consistency-token": many },
        "rawQueryString": format!("cursor={cursor}"),
    }))
    .unwrap();
    assert_eq!(
        too_many.tokens().unwrap_err().status(),
        400,
        "the next cursor could not carry 21 of them"
    );
    let foreign = read(json!({ "rawQueryString": "cursor=nonsense" })).unwrap();
    assert_eq!(foreign.cursor().unwrap_err().status(), 400);
}

#[test]
fn only_a_trace_context_is_kept_as_one() {
    let of = |text: &str| {
        read(json!({ "headers": { "traceparent": text } }))
            .unwrap()
            .traceparent()
            .map(str::to_owned)
    };
    let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert_eq!(of(valid).as_deref(), Some(valid));
    assert_eq!(of("x".repeat(55).as_str()), None);
    assert_eq!(of(&valid.repeat(2)), None);
}

#[test]
fn under_a_key_the_id_to_create_is_always_the_same() {
    let id = |key: &str, path: &str, claims: serde_json::Value| {
        let mut context = json!({ "http": { "method": "POST" }, "timeEpoch": 0 });
        context["authorizer"] = json!({ "jwt": { "claims": claims, "scopes": null } });
        let request = json!({
            "headers": { "idempotency-key": key, "authorization": bearer(&claims) },
            "rawPath": path,
            "requestContext": context,
        });
        read(request).unwrap().id_to_create().unwrap().id
    };
    let me = || json!({ "sub": "me", "tenant": "acme" });
    let first = id("k", "/licenses", me());
    assert_eq!(id("k", "/licenses", me()), first);
    assert_eq!(uuid::Uuid::parse_str(&first).unwrap().get_version_num(), 8);
    let others = [
        id("l", "/licenses", me()),
        id("k", "/users", me()),
        id("k", "/licenses", json!({ "sub": "you", "tenant": "acme" })),
        id("k", "/licenses", json!({ "sub": "me", "tenant": "umbrella" })),
    ];
    assert!(others.iter().all(|other| *other != first), "{others:?}");
    let without_key = read(json!({})).unwrap();
    assert_ne!(without_key.id_to_create().unwrap(), without_key.id_to_create().unwrap());
    assert_eq!(without_key.id_to_create().unwrap().earlier, None);
    assert_eq!(
        read(json!({ "headers": { "idempotency-key": "" } }))
            .unwrap()
            .id_to_create()
            .unwrap_err()
            .status(),
        400
    );
}

#[test]
fn a_request_names_few_streams_and_feeds_in_all_its_headers() {
    let tokens = |range: std::ops::Range<u32>| {
        range.map(|n| format!("acme/identity/users/{n}@1")).collect::<Vec<_>>()
    };
    let list = |tokens: &[String]| {
        tokens.iter().map(|token| format!("\"{token}\"")).collect::<Vec<_>>().join(", ")
    };
    let status = |if_match: &str, token: &str| {
        let headers = json!({ "if-match": if_match, "consistency-token": token });
        read(json!({ "headers": headers, "rawQueryString": "" }))
            .unwrap()
            .check_conditions()
            .map_err(|problem| problem.status())
    };
    let composed = |range| format!("\"{}\"", tokens(range).join("+"));
    assert_eq!(status(&composed(0..10), &list(&tokens(10..20))), Ok(()));
    assert_eq!(status(&composed(0..10), &list(&tokens(10..21))), Err(400));
    assert_eq!(
        status(&composed(0..10), &format!("{}, \"acme/identity@7\"", list(&tokens(10..20)))),
        Err(400)
    );
    assert_eq!(
        status(&format!("{}, {}", composed(0..11), composed(11..21)), "\"acme/identity@7\""),
        Err(400)
    );
    // Versions of the same stream cost one read.
    let versions: Vec<String> =
        (1..=20).map(|version| format!("acme/identity/users/1@{version}")).collect();
    assert_eq!(status(&list(&versions), &composed(0..20)), Ok(()));
    assert_eq!(status("*", &composed(0..20)), Ok(()));
}

#[test]
fn the_first_wait_of_all_preferences_counts_and_is_cut() {
    for (header, expected) in [
        ("wait=3", Some(3)),
        ("Wait = \"3\"", Some(3)),
        ("wait=0", Some(0)),
        ("wait=11", Some(10)),
        ("wait=99999999999999999999999", Some(10)),
        ("wait=-1", None),
        ("wait=+1", None),
        ("wait=1.5", None),
        ("wait=x, wait=3", None),
        ("wait", None),
        ("respond-async", None),
    ] {
        assert_eq!(
            read(json!({ "headers": { "prefer": header } })).unwrap().preferred_wait(),
            expected,
            "{header}"
        );
    }
}

/// A command under a key, at a second.
fn keyed(second: i64, headers: serde_json::Value, body: &str) -> Request {
    let claims = json!({ "sub": "me", "tenant": "acme" });
    let mut request =
        json!({ "headers": headers, "body": body, "rawPath": "/licenses", "rawQueryString": "" });
    request["headers"]["idempotency-key"] = json!("k");
    request["headers"]["authorization"] = json!(bearer(&claims));
    request["requestContext"] = json!({
        "http": { "method": "POST" }, "timeEpoch": second * 1_000,
        "authorizer": { "jwt": { "claims": claims, "scopes": null } },
    });
    read(request).unwrap()
}

#[test]
fn a_key_stands_for_the_body_as_json_and_for_the_conditions() {
    let of = |headers: serde_json::Value, body: &str| {
        crate::idempotency::of_request(&keyed(0, headers, body)).unwrap()
    };
    let plain = of(json!({}), r#"{"a":1,"b":[1,{"d":"x y","c":null}]}"#);
    for same in [
        "{ \"b\": [1,\n{\"c\":null, \"d\":\"x y\"}],\t\"a\": 1 }",
        r#"{"a":1,"b":[1,{"d":"\u0078 y","c":null}]}"#,
        "\u{feff}{\"a\":1,\"b\":[1,{\"d\":\"x y\",\"c\":null}]}",
    ] {
        assert_eq!(of(json!({}), same), plain, "{same}");
    }
    assert_eq!(
        of(
            json!({ "consistency-token": "\"acme/identity/users/1@7\"", "prefer": "wait=3" }),
            r#"{"a":1,"b":[1,{"d":"x y","c":null}]}"#
        ),
        plain
    );
    for other in [
        r#"{"a":1,"b":[1,{"d":"xy","c":null}]}"#,
        r#"{"a":1,"b":[1,{"d":"x y"}]}"#,
        r#"{"a":1,"b":[{"d":"x y","c":null},1]}"#,
        r#"{"a":1.0,"b":[1,{"d":"x y","c":null}]}"#,
        r#"{"a":"1","b":[1,{"d":"x y","c":null}]}"#,
        "",
        "{\"a\":",
    ] {
        assert_ne!(of(json!({}), other), plain, "{other}");
    }
    assert_ne!(
        of(json!({}), "{\"a\":"),
        of(json!({}), "{\"a\": "),
        "what is no JSON counts by its bytes"
    );
    let (one, two) = ("\"acme/identity/users/1@7\"", "\"acme/identity/users/2@7\"");
    let matching = |name: &str, value: &str| of(json!({ name: value }), "{}");
    let either = matching("if-match", &format!("{one}, {two}"));
    assert_eq!(matching("if-match", &format!("{two},{one}, {one}")), either);
    assert_eq!(matching("if-match", &format!("{one}, {}", two.replace("@7", "@7;g1.2"))), either);
    let different = [
        of(json!({}), "{}"),
        matching("if-match", one),
        matching("if-match", "*"),
        matching("if-none-match", one),
        matching("if-none-match", "*"),
        either,
    ];
    assert_eq!(different.iter().collect::<std::collections::BTreeSet<_>>().len(), different.len());
}

#[test]
fn when_a_key_is_over_the_id_to_create_is_another_one() {
    const DAY: i64 = headwater_dynamodb::KEY_LIFETIME;
    let ids = |second| keyed(second, json!({}), "{}").id_to_create().unwrap();
    for first in [1_000_000, DAY * 20_000 - 1, DAY * 20_000] {
        let made = ids(first).id;
        // Within the key's 24 hours the request finds what it made, as of today or as of yesterday.
        for later in [0, 1, DAY / 2, DAY - 1] {
            let again = ids(first + later);
            let found = again.id == made
                || again.earlier.is_some_and(|earlier| {
                    earlier.id == made && earlier.since.as_second() <= first
                });
            assert!(found, "{first} {later}");
        }
        // After them it makes something new.
        for later in [DAY + 1, 31 * DAY, 400 * DAY] {
            let again = ids(first + later);
            let found = again.id == made
                || again.earlier.is_some_and(|earlier| {
                    earlier.id == made && earlier.since.as_second() <= first
                });
            assert!(!found, "{first} {later}");
        }
    }
}

#[test]
fn a_flag_is_true_or_false_in_these_letters() {
    let flag = |query: &str| read(json!({ "rawQueryString": query })).unwrap().flag("overdue");
    assert_eq!(
        ["", "overdue=true", "overdue=false", "other=1"].map(|query| flag(query).unwrap()),
        [None, Some(true), Some(false), None]
    );
    for query in ["overdue", "overdue=1", "overdue=TRUE", "overdue=yes", "overdue=%20true"] {
        assert_eq!(flag(query).unwrap_err().status(), 422, "{query}");
    }
}
