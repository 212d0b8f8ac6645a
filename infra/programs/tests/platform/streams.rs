//! What flows from the table through both streams, with retries, failures, roles and the meter.

use std::time::Duration;

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::System;

#[tokio::test]
async fn records_flow_from_the_table_through_both_streams() {
    let system = System::start().await;
    let expected: Vec<String> = (100..160).map(|id| id.to_string()).collect();
    join_all(expected.iter().map(|id| system.put(id))).await;
    system.caught_up().await;
    assert_eq!(system.ids("Sums").await, expected);
}

#[tokio::test]
async fn a_poisoned_record_is_given_up_alone_and_kept_whole() {
    let system = System::start().await;
    for id in ["11", "12", "13", "14", "15"] {
        system.put(id).await;
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
    system.put("1").await;
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
async fn what_the_role_lacks_is_denied() {
    let system = System::start().await;
    let answer = system.request(Method::DELETE, "/numbers/1").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(answer.text().await.unwrap(), "AccessDeniedException");
}

#[tokio::test]
async fn what_functions_use_is_metered() {
    let system = System::start().await;
    system.put("1").await;
    system.caught_up().await;
    let calls = async |function: &str, operation: &str| {
        let meter: Value = system.get("/dev/meter").await.json().await.unwrap();
        meter[function][operation]["calls"].as_u64().unwrap_or(0)
    };
    assert_eq!(calls("put", "PutItem").await, 1);
    assert_eq!(calls("forward", "PutRecord").await, 1);
    system.dev("meter/reset", Value::Null).await;
    assert_eq!(calls("put", "PutItem").await, 0);
}

#[tokio::test]
async fn faults_pass_and_nothing_is_lost() {
    let system = System::start().await;
    let fault = json!({
        "service": "kinesis",
        "fault": "unreachable",
        "rate": 1,
        "function": "forward",
        "seconds": 1,
    });
    system.dev("faults", fault).await;
    system.put("1").await;
    system.caught_up().await;
    assert_eq!(system.ids("Sums").await, ["1"]);
    let misspelt = system
        .request(Method::POST, "/dev/faults")
        .body(r#"{"service": "kinesis", "fault": "x", "rate": 1}"#);
    assert_eq!(misspelt.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_schedule_comes_round_when_it_is_told_to() {
    let system = System::start().await;
    assert_eq!(system.ids("Sums").await, Vec::<String>::new());
    system.dev("schedules", json!({"function": "note"})).await;
    assert_eq!(system.ids("Sums").await, ["77"], "the function has answered");
    let none = system.request(Method::POST, "/dev/schedules").body(r#"{"function": "sum"}"#);
    assert_eq!(none.send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
#[ignore = "long: a minute"]
async fn a_schedule_comes_round_by_itself() {
    let system = System::start().await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(system.ids("Sums").await, Vec::<String>::new(), "not before its time");
    system
        .wait_for("the schedule", async || (system.ids("Sums").await == ["77"]).then_some(()))
        .await;
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
