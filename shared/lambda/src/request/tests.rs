use serde_json::json;

use super::*;
use crate::problem::FORBIDDEN;

/// A request as the gateway sends it; `change` is laid over its top level.
fn read(change: serde_json::Value) -> Result<Request, Problem> {
    let mut event = json!({
        "version": "2.0", "routeKey": "GET /identity/users/{id}", "rawPath": "/identity/users/7", "rawQueryString": "limit=7&cursor=old&q=a%20b",
        "headers": { "x-correlation-id": "ticket-7", "x-causation-id": "identity/users/ada@4", "prefer": "respond-async, wait=30" },
        "queryStringParameters": { "limit": "7", "q": "a b" },
        "pathParameters": { "id": "7" },
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "d", "requestId": "r-1", "routeKey": "k", "stage": "$default", "time": "t", "timeEpoch": 1_795_000_000_123_i64,
            "http": { "method": "GET", "path": "/identity/users/7", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "u" },
            "authorizer": { "jwt": { "claims": { "sub": "me", "tenant": "acme", "roles": "[reader writer]" }, "scopes": null } },
        },
        "isBase64Encoded": false,
    });
    for (name, value) in change.as_object().into_iter().flatten() {
        event[name] = value.clone();
    }
    Request::read(serde_json::from_value(event).unwrap(), 0, Access::Reader)
}

#[test]
fn a_request_is_what_the_gateway_says() {
    let request = read(json!({})).unwrap();
    assert_eq!(request.caller, Caller { tenant: "acme".into(), subject: "me".into(), roles: vec!["reader".into(), "writer".into()] });
    assert_eq!((request.path("id"), request.query("q"), request.query("x")), ("7", Some("a b"), None));
    assert_eq!(request.now.as_millisecond(), 1_795_000_000_123);
    assert_eq!((request.correlation_id.as_str(), request.request_id.as_str()), ("ticket-7", "r-1"));
    assert_eq!(request.causation_id.as_deref(), Some("identity/users/ada@4"));
    assert_eq!(request.unconditional().causation_id, request.causation_id, "what follows from it has the same cause");
    assert_eq!((request.limit().unwrap(), request.preferred_wait()), (7, Some(10)));
    assert_eq!(request.link_to("next"), "/identity/users/7?limit=7&q=a%20b&cursor=next");
}

#[test]
fn roles_imply_nothing() {
    let request = read(json!({})).unwrap();
    for (access, may) in [(Access::Public, true), (Access::Reader, true), (Access::Writer, true), (Access::Operator, false)] {
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
        assert_eq!(read(json!({ "requestContext": context })).unwrap_err().status(), 401, "{claims}");
    }
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
    let first = read(json!({ "headers": { "consistency-token": header } })).unwrap();
    let cursor = first.cursor_after(Some("ada\u{0}1".to_owned())).unwrap().unwrap();
    let second = read(json!({ "headers": {}, "queryStringParameters": { "cursor": cursor } })).unwrap();
    assert_eq!(second.tokens().unwrap(), first.tokens().unwrap());
    assert_eq!(second.cursor().unwrap().after(), Some("ada\u{0}1"));
    let both = read(json!({ "headers": { "consistency-token": header }, "queryStringParameters": { "cursor": cursor } })).unwrap();
    assert_eq!(both.tokens().unwrap().len(), 2, "a token that comes twice counts once");
    assert_eq!(first.cursor_after(None).unwrap(), None);
    let many = (1..=19).map(|n| format!("\"acme/identity/groups/{n}@1\"")).collect::<Vec<_>>().join(",");
    let too_many = read(json!({ "headers": { "consistency-token": many }, "queryStringParameters": { "cursor": cursor } })).unwrap();
    assert_eq!(too_many.tokens().unwrap_err().status(), 400, "the next cursor could not carry 21 of them");
    let foreign = read(json!({ "queryStringParameters": { "cursor": "nonsense" } })).unwrap();
    assert_eq!(foreign.cursor().unwrap_err().status(), 400);
}

#[test]
fn only_a_trace_context_is_kept_as_one() {
    let of = |text: &str| read(json!({ "headers": { "traceparent": text } })).unwrap().traceparent().map(str::to_owned);
    let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert_eq!(of(valid).as_deref(), Some(valid));
    assert_eq!(of("x".repeat(55).as_str()), None);
    assert_eq!(of(&valid.repeat(2)), None);
}

/// serde would read an array as a struct, field by field; no client means that.
#[test]
fn a_body_is_an_object() {
    #[derive(Debug, serde::Deserialize, Validate)]
    struct Body {
        #[garde(skip)]
        name: String,
    }
    let request = |body: &str| read(json!({ "body": body })).unwrap();
    assert_eq!(request(r#"{"name": "x"}"#).json::<Body>().unwrap().name, "x");
    for (body, status) in [(r#"["x"]"#, 422), ("\"x\"", 422), ("null", 422), ("{", 400), ("", 400), ("{} {}", 400)] {
        assert_eq!(request(body).json::<Body>().unwrap_err().status(), status, "{body}");
    }
}

#[test]
fn a_body_may_be_a_list_of_objects() {
    #[derive(Debug, serde::Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Item {
        #[garde(length(min = 1))]
        name: String,
    }
    let list = |body: &str| read(json!({ "body": body })).unwrap().json_list::<Item>(2);
    assert_eq!(list(r#"[{"name": "x"}, {"name": "y"}]"#).unwrap()[1].name, "y");
    assert_eq!(list("[").unwrap_err().status(), 400);
    for (body, pointer) in [
        ("[]", ""),
        (r#"{"name": "x"}"#, ""),
        (r#"[{"name": "x"}, {"name": "x"}, {"name": "x"}]"#, ""),
        (r#"[["x"]]"#, "/0"),
        (r#"[{"name": "x"}, {"name": ""}]"#, "/1/name"),
        (r#"[{"name": "x"}, {"name": 7}]"#, "/1/name"),
        (r#"[{"name": "x"}, {"name": "x", "other": 1}]"#, "/1/other"),
        (r#"[{"name": "x"}, {}]"#, "/1/name"),
    ] {
        let problem = list(body).unwrap_err();
        let answer: serde_json::Value = serde_json::from_str(&problem.answer().body).unwrap();
        assert_eq!((problem.status(), &answer["errors"][0]["pointer"]), (422, &json!(pointer)), "{body}");
    }
}

#[test]
fn no_body_has_no_members() {
    let members = |body: serde_json::Value| read(json!({ "body": body })).unwrap().members();
    assert_eq!(members(serde_json::Value::Null).unwrap().len(), 0);
    assert_eq!(members(json!("")).unwrap().len(), 0);
    assert_eq!(members(json!(r#"{"version": 7}"#)).unwrap()["version"], 7);
    for (body, status) in [("{", 400), ("[]", 422), ("null", 422), ("7", 422)] {
        assert_eq!(members(json!(body)).unwrap_err().status(), status, "{body}");
    }
}

#[test]
fn fields_are_pointed_at_by_their_json_names() {
    #[derive(Debug, serde::Deserialize, Validate)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Body {
        #[garde(dive)]
        line_items: Vec<Item>,
    }
    #[derive(Debug, serde::Deserialize, Validate)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Item {
        #[garde(length(min = 1))]
        unit_price: String,
    }
    for (body, expected) in [
        (json!({ "lineItems": [{ "unitPrice": "1" }, { "unitPrice": "" }] }), "/lineItems/1/unitPrice"),
        (json!({ "lineItems": [{ "unitPrice": 7 }] }), "/lineItems/0/unitPrice"),
        (json!({ "lineItems": [{ "price": "1" }] }), "/lineItems/0/price"),
        (json!({ "lineItems": [{}] }), "/lineItems/0/unitPrice"),
        (json!({ "items": [] }), "/items"),
        (json!({}), "/lineItems"),
    ] {
        let problem = read_json::<Body>(body.clone()).unwrap_err();
        let answer: serde_json::Value = serde_json::from_str(&problem.answer().body).unwrap();
        assert_eq!(answer["errors"][0]["pointer"], expected, "{body}");
    }
    assert!(read_json::<Body>(json!({ "lineItems": [{ "unitPrice": "1" }] })).is_ok_and(|body| body.line_items[0].unit_price == "1"));
}

#[test]
fn under_a_key_the_id_to_create_is_always_the_same() {
    let id = |key: &str, path: &str, claims: serde_json::Value| {
        let mut context = json!({ "http": { "method": "POST" }, "timeEpoch": 0 });
        context["authorizer"] = json!({ "jwt": { "claims": claims, "scopes": null } });
        let request = json!({ "headers": { "idempotency-key": key }, "rawPath": path, "requestContext": context });
        read(request).unwrap().id_to_create().unwrap()
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
    assert_eq!(read(json!({ "headers": { "idempotency-key": "" } })).unwrap().id_to_create().unwrap_err().status(), 400);
}
