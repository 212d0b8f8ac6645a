//! Requests: gateway, tokens, processes.

use std::collections::BTreeSet;

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::System;

#[tokio::test]
async fn a_request_goes_through_the_gateway_to_a_process_and_back() {
    let system = System::start().await;
    let answer = system.get("/open?a=1").await;
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().contains_key("apigw-requestid"));
    let seen: Value = answer.json().await.unwrap();
    assert_eq!(seen["event"]["routeKey"], "GET /open");
    assert_eq!(seen["event"]["queryStringParameters"], json!({"a": "1"}));
    assert_eq!(seen["arn"], "arn:aws:lambda:us-east-1:000000000000:function:echo");
    assert_eq!(seen["memory"], 128);
    assert_eq!(seen["secret"].as_str().unwrap().len(), 64, "a secret of the template is made up");
    let again: Value = system.get("/open").await.json().await.unwrap();
    assert_eq!(again["pid"], seen["pid"], "a warm process serves the next request");
}

#[tokio::test]
async fn tools_are_told_where_the_stores_are_and_no_secret() {
    let system = System::start().await;
    let told: Value = system.get("/dev/endpoint").await.json().await.unwrap();
    assert!(told["environment"]["STREAM"].as_str().unwrap().contains("Line"), "{told}");
    let variables: Vec<&String> = told["environment"].as_object().unwrap().keys().collect();
    assert_eq!(variables, ["STREAM", "TABLE"]);
}

#[tokio::test]
async fn tokens_are_checked_before_the_function_runs() {
    let system = System::start().await;
    let refused = system.get("/things/7").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(refused.headers()["www-authenticate"], "Bearer");
    assert_eq!(refused.json::<Value>().await.unwrap(), json!({"message": "Unauthorized"}));
    let request = system.request(Method::PATCH, "/things/7").bearer_auth(system.token().await);
    let seen: Value = request.send().await.unwrap().json().await.unwrap();
    let claims = &seen["event"]["requestContext"]["authorizer"]["jwt"]["claims"];
    assert_eq!((&claims["tenant"], &claims["roles"]), (&json!("acme"), &json!("[reader writer]")));
    assert_eq!(seen["event"]["pathParameters"], json!({"id": "7"}));
}

#[tokio::test]
async fn head_has_no_body_and_no_length_of_one() {
    let system = System::start().await;
    let token = system.token().await;
    let answer = system.request(Method::HEAD, "/things/7").bearer_auth(token).send().await.unwrap();
    assert_eq!((answer.status(), answer.headers().get("content-length")), (StatusCode::OK, None));
    assert!(
        answer.headers().contains_key("content-type") && answer.bytes().await.unwrap().is_empty()
    );
    let nowhere = system.request(Method::HEAD, "/open").send().await.unwrap();
    assert_eq!(nowhere.status(), 404, "a HEAD is a route of its own");
}

#[tokio::test]
async fn the_gateway_s_own_errors_are_aws_s() {
    let system = System::start().await;
    let long = "x".repeat(11_000);
    for (path, header, body, status, message) in [
        ("/nowhere", "", "", 404, "Not Found"),
        ("/open?do=fail", "", "", 500, "Internal Server Error"),
        ("/open?do=exit", "", "", 500, "Internal Server Error"),
        ("/open?do=nonsense", "", "", 500, "Internal Server Error"),
        ("/open?sleep=60000", "", "", 503, "Service Unavailable"),
        ("/open", long.as_str(), "", 431, "Request Header Fields Too Large"),
        ("/open", "", &"x".repeat(10_000_001), 413, "Request Entity Too Large"),
    ] {
        let request =
            system.request(Method::GET, path).header("x-long", header).body(body.to_owned());
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "message": message }), "{path}");
    }
    assert_eq!(system.get("/open").await.status(), 200, "and the next request is served");
}

#[tokio::test]
async fn above_its_reserved_concurrency_a_function_is_out_of_service() {
    let system = System::start_with(&["--parameter", "Reserved=2"]).await;
    let answers: Vec<_> = join_all((0..6).map(|_| system.get("/open?sleep=1000"))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 503, 503, 503, 503]);
    let refused = answers.into_iter().find(|answer| answer.status() == 503).unwrap();
    assert_eq!(refused.json::<Value>().await.unwrap(), json!({"message": "Service Unavailable"}));
    assert_eq!(system.get("/open").await.status(), 200);
}

#[tokio::test]
async fn a_route_above_the_limit_of_the_stage_has_too_many_requests() {
    let system = System::start_with(&["--parameter", "Burst=3"]).await;
    for _ in 0..3 {
        assert_eq!(system.get("/open").await.status(), 200);
    }
    let refused = system.get("/open").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.json::<Value>().await.unwrap(), json!({"message": "Too Many Requests"}));
    assert_eq!(
        system.get("/things/7").await.status(),
        StatusCode::UNAUTHORIZED,
        "another route has its own limit"
    );
}

#[tokio::test]
async fn a_function_is_scaled_out_to_its_bound_and_queues_above_it() {
    let system = System::start().await;
    system.get("/open").await;
    let answers = join_all((0..12).map(|_| async {
        system.get("/open?sleep=200").await.json::<Value>().await.unwrap()["pid"].as_u64().unwrap()
    }));
    let pids: BTreeSet<u64> = answers.await.into_iter().collect();
    assert_eq!(pids.len(), 10, "where nothing is reserved");
}

#[tokio::test]
async fn killed_processes_are_replaced() {
    let system = System::start().await;
    let pid = async || system.get("/open").await.json::<Value>().await.unwrap()["pid"].as_u64();
    let before = pid().await;
    assert_eq!(system.dev("kill", json!({"function": "echo"})).await, json!({"killed": 1}));
    assert_ne!(pid().await, before);
    let unknown = system.request(Method::POST, "/dev/kill").body(r#"{"function": "x"}"#);
    assert_eq!(unknown.send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn the_clock_moves_requests_and_no_token_expires_by_it() {
    let system = System::start().await;
    let token = system.token().await;
    let epoch = async || {
        let request = system.request(Method::GET, "/things/1").bearer_auth(&token);
        let seen: Value = request.send().await.unwrap().json().await.unwrap();
        seen["event"]["requestContext"]["timeEpoch"].as_i64().unwrap()
    };
    let before = epoch().await;
    system.dev("clock", json!({"advanceSeconds": 40 * 86_400})).await;
    assert!(epoch().await - before >= 40 * 86_400_000);
}

#[tokio::test]
async fn development_calls_are_for_this_machine_alone() {
    let system = System::start().await;
    let token = json!({ "tenant": "acme", "subject": "eve", "roles": ["writer"] }).to_string();
    let calls = [
        (Method::POST, "token", token.as_str()),
        (Method::POST, "faults", r#"{"service": "dynamodb", "fault": "none", "rate": 0}"#),
        (Method::POST, "kill", r#"{"function": "echo"}"#),
        (Method::POST, "clock", r#"{"advanceSeconds": 1}"#),
        (Method::POST, "event-sources", r#"{"function": "relay", "enabled": true}"#),
        (Method::POST, "meter/reset", ""),
        (Method::GET, "meter", ""),
        (Method::GET, "faults", ""),
        (Method::GET, "lag", ""),
        (Method::GET, "endpoint", ""),
    ];
    for (method, call, body) in calls {
        let status = async |header: &str, value: &str| {
            let request = system
                .request(method.clone(), &format!("/dev/{call}"))
                .header(header, value)
                .body(body.to_owned());
            request.send().await.unwrap().status().as_u16()
        };
        for (header, value) in
            [("host", "evil.example:3000"), ("origin", "http://evil.example"), ("origin", "null")]
        {
            assert_eq!(status(header, value).await, 403, "/dev/{call} with {header}: {value}");
        }
        assert_ne!(status("host", "localhost:3000").await, 403, "/dev/{call}");
        assert_ne!(status("origin", system.url()).await, 403, "/dev/{call}");
    }
}
