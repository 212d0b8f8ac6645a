//! The platform from end to end: gateway, processes, streams, roles, restarts.

mod support;

use std::collections::BTreeSet;

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use support::System;

/// No test: the process of a function, which the host starts.
#[test]
#[ignore = "run by the platform"]
fn function_process() {
    support::run_function();
}

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
        let request = system.request(Method::GET, path).header("x-long", header).body(body.to_owned());
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "message": message }), "{path}");
    }
    assert_eq!(system.get("/open").await.status(), 200, "and the next request is served");
}

#[tokio::test]
async fn a_function_is_scaled_out_to_its_bound_and_queues_above_it() {
    let system = System::start().await;
    system.get("/open").await;
    let answers =
        join_all((0..12).map(|_| async { system.get("/open?sleep=200").await.json::<Value>().await.unwrap()["pid"].as_u64().unwrap() }));
    let pids: BTreeSet<u64> = answers.await.into_iter().collect();
    assert_eq!(pids.len(), 4, "ReservedConcurrentExecutions is 4");
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
async fn records_flow_from_the_table_through_both_streams() {
    let system = System::start().await;
    let expected: Vec<String> = (100..160).map(|id| id.to_string()).collect();
    join_all(expected.iter().map(|id| put(&system, id))).await;
    system.caught_up().await;
    assert_eq!(system.ids("Sums").await, expected);
}

#[tokio::test]
async fn a_poisoned_record_is_given_up_alone_and_kept_whole() {
    let system = System::start().await;
    for id in ["11", "12", "13", "14", "15"] {
        put(&system, id).await;
    }
    system.caught_up().await;
    assert_eq!(system.ids("Sums").await, ["11", "12", "14", "15"]);
    let object = find_object(&system.data_dir).expect("an object in the bucket");
    let failure: Value = serde_json::from_slice(&std::fs::read(object).unwrap()).unwrap();
    assert_eq!(failure["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert_eq!(failure["KinesisBatchInfo"]["batchSize"], 1);
    let payload: Value = serde_json::from_str(failure["payload"].as_str().unwrap()).unwrap();
    assert_eq!(payload["Records"][0]["kinesis"]["partitionKey"], "13");
}

#[tokio::test]
async fn a_stopped_event_source_is_behind_until_it_is_started_again() {
    let system = System::start().await;
    system.dev("event-sources", json!({"function": "sum", "enabled": false})).await;
    put(&system, "1").await;
    system
        .wait_for("the record to reach Kinesis", async || {
            let lag: Value = system.get("/dev/lag").await.json().await.unwrap();
            let records = |function: &str| lag[function]["records"].as_u64().unwrap();
            ((records("forward"), records("sum")) == (0, 1)).then_some(())
        })
        .await;
    assert_eq!(system.ids("Sums").await, Vec::<String>::new());
    system.dev("event-sources", json!({"function": "sum", "enabled": true})).await;
    system.caught_up().await;
    assert_eq!(system.ids("Sums").await, ["1"]);
}

#[tokio::test]
async fn what_the_role_lacks_is_denied_and_what_is_used_is_metered() {
    let system = System::start().await;
    put(&system, "1").await;
    system.caught_up().await;
    let meter: Value = system.get("/dev/meter").await.json().await.unwrap();
    assert_eq!(meter["put"]["PutItem"]["calls"], 1, "{meter}");
    assert_eq!(meter["forward"]["PutRecord"]["calls"], 1, "{meter}");
    system.request(Method::POST, "/dev/meter/reset").send().await.unwrap();
    let meter: Value = system.get("/dev/meter").await.json().await.unwrap();
    assert_eq!(meter["put"]["PutItem"]["calls"].as_u64().unwrap_or(0), 0, "{meter}");
}

#[tokio::test]
async fn a_data_directory_serves_one_platform_at_a_time() {
    let system = System::start().await;
    let config = support::config(&system.data_dir);
    let second = headwater_local::platform::Platform::start(&config, support::executable()).await;
    let refused = second.err().expect("a refusal").to_string();
    assert!(refused.contains("is in use by another platform"), "{refused}");
}

async fn put(system: &System, id: &str) {
    let answer = system.request(Method::PUT, &format!("/numbers/{id}")).send().await.unwrap();
    assert_eq!(answer.status(), 204, "{}", answer.text().await.unwrap());
}

/// The first file under a folder that looks like a failure object.
fn find_object(folder: &std::path::Path) -> Option<std::path::PathBuf> {
    std::fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return find_object(&path);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        let marker = b"\"requestContext\"";
        bytes.windows(marker.len()).any(|window| window == marker).then_some(path)
    })
}
