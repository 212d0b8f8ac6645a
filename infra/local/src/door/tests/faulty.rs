//! Each fault as a client meets it.

use std::collections::BTreeSet;
use std::time::Instant;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use aws_sdk_kinesis::operation::put_records::PutRecordsOutput;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, ShardIteratorType};

use super::*;

impl Rig {
    async fn put(&self, seq: usize) -> Result<PutItemOutput, SdkError<PutItemError>> {
        let put = self
            .dynamodb("writer")
            .put_item()
            .table_name("Events")
            .item("stream", text("a"))
            .item("seq", number(seq));
        put.send().await
    }

    async fn put_records(&self, keys: &[&str]) -> PutRecordsOutput {
        let entry = |key: &&str| {
            PutRecordsRequestEntry::builder()
                .partition_key(*key)
                .data(Blob::new(*key))
                .build()
                .unwrap()
        };
        let records = keys.iter().map(entry).collect();
        self.kinesis("writer")
            .put_records()
            .stream_name("Commits")
            .set_records(Some(records))
            .send()
            .await
            .unwrap()
    }

    /// The data of all records, shard by shard, seen without the door.
    async fn records(&self) -> Vec<String> {
        let client = testing::kinesis(&self.emulators.kinesis, OPERATOR);
        let mut found = Vec::new();
        for shard in client.list_shards().stream_name("Commits").send().await.unwrap().shards() {
            let from =
                client.get_shard_iterator().stream_name("Commits").shard_id(shard.shard_id());
            let from =
                from.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await.unwrap();
            let page =
                client.get_records().set_shard_iterator(from.shard_iterator).send().await.unwrap();
            found.extend(
                page.records()
                    .iter()
                    .map(|record| String::from_utf8(record.data().as_ref().to_vec()).unwrap()),
            );
        }
        found
    }
}

fn fault(service: &str, fault: &str) -> Value {
    json!({"service": service, "fault": fault, "rate": 1})
}

#[tokio::test]
async fn unreachable_closes_the_connection_and_does_nothing() {
    let rig = Rig::start().await;
    rig.fault(fault("dynamodb", "unreachable"));
    assert!(matches!(rig.put(1).await, Err(SdkError::DispatchFailure(_))));
    rig.fault(json!({"service": "dynamodb", "fault": "none"}));
    assert_eq!(rig.commits().await, 0);
    rig.put(1).await.unwrap();
}

#[tokio::test]
async fn a_lost_reply_is_lost_after_the_fact() {
    let rig = Rig::start().await;
    rig.fault(fault("dynamodb", "lost-reply"));
    assert!(matches!(rig.put(1).await, Err(SdkError::DispatchFailure(_))));
    assert_eq!(rig.commits().await, 1);
    assert_eq!(
        rig.door.meter()["writer"]["PutItem"],
        json!({"calls": 1, "readUnits": 0.0, "writeUnits": 1.0})
    );
}

#[tokio::test]
async fn throttling_comes_as_the_service_puts_it() {
    let rig = Rig::start().await;
    rig.fault(fault("dynamodb", "throttle"));
    rig.fault(fault("kinesis", "throttle"));
    assert!(
        rig.put(1)
            .await
            .unwrap_err()
            .into_service_error()
            .is_provisioned_throughput_exceeded_exception()
    );
    let entry =
        PutRecordsRequestEntry::builder().partition_key("a").data(Blob::new("a")).build().unwrap();
    let put =
        rig.kinesis("writer").put_records().stream_name("Commits").records(entry).send().await;
    assert!(put.unwrap_err().into_service_error().is_provisioned_throughput_exceeded_exception());
    assert_eq!((rig.commits().await, rig.records().await.len()), (0, 0));
}

#[tokio::test]
async fn a_timeout_holds_the_call_until_the_client_loses_patience() {
    let rig = Rig::start().await;
    rig.fault(fault("dynamodb", "timeout"));
    let held = tokio::time::timeout(Duration::from_millis(300), rig.put(1)).await;
    assert!(held.is_err(), "{held:?}");
    assert_eq!(rig.commits().await, 0);
}

#[tokio::test]
async fn transactions_conflict() {
    let rig = Rig::start().await;
    rig.fault(fault("dynamodb", "transaction-conflict"));
    assert!(rig.put(1).await.unwrap_err().into_service_error().is_transaction_conflict_exception());
    let put = |seq| {
        let put = Put::builder()
            .table_name("Events")
            .item("stream", text("a"))
            .item("seq", number(seq))
            .build()
            .unwrap();
        TransactWriteItem::builder().put(put).build()
    };
    let transaction =
        rig.dynamodb("writer").transact_write_items().transact_items(put(1)).transact_items(put(2));
    let error = transaction.send().await.unwrap_err().into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        panic!("{error}")
    };
    assert_eq!(
        cancelled
            .cancellation_reasons()
            .iter()
            .filter_map(|reason| reason.code())
            .collect::<Vec<_>>(),
        ["TransactionConflict", "None"]
    );
    assert_eq!(rig.commits().await, 0);
    // Reads never conflict.
    rig.dynamodb("writer")
        .get_item()
        .table_name("Events")
        .key("stream", text("a"))
        .key("seq", number(1))
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_partial_failure_says_which_records_were_put() {
    let rig = Rig::start().await;
    rig.fault(fault("kinesis", "partial-failure"));
    let keys = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let output = rig.put_records(&keys).await;
    let put: BTreeSet<_> = keys
        .iter()
        .zip(output.records())
        .filter(|(_, r)| r.sequence_number().is_some())
        .map(|(key, _)| *key)
        .collect();
    let found = rig.records().await;
    assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), put);
    assert!(!put.is_empty() && put.len() < keys.len(), "{put:?}");
    assert_eq!(output.failed_record_count(), Some(i32::try_from(keys.len() - put.len()).unwrap()));
    let codes: BTreeSet<_> =
        output.records().iter().filter_map(|record| record.error_code()).collect();
    assert!(
        codes.is_subset(&BTreeSet::from([
            "ProvisionedThroughputExceededException",
            "InternalFailure"
        ])),
        "{codes:?}"
    );
    assert_eq!(rig.put_records(&["alone"]).await.failed_record_count(), Some(1));
}

#[tokio::test]
async fn records_come_twice_or_in_another_order() {
    let rig = Rig::start().await;
    rig.fault(fault("kinesis", "duplicate"));
    rig.put_records(&["a"]).await;
    assert_eq!(rig.records().await, ["a", "a"]);
    let rig = Rig::start().await;
    rig.fault(fault("kinesis", "reorder"));
    let keys: Vec<String> = (0..20).map(|n| format!("{n:02}")).collect();
    let entries = keys.iter().map(|key| {
        PutRecordsRequestEntry::builder()
            .partition_key("one")
            .data(Blob::new(key.as_str()))
            .build()
            .unwrap()
    });
    let put = rig
        .kinesis("writer")
        .put_records()
        .stream_name("Commits")
        .set_records(Some(entries.collect()))
        .send()
        .await
        .unwrap();
    let found = rig.records().await;
    assert_ne!(found, keys);
    // Every record is there, and under the number that the answer says.
    let mut by_number: Vec<_> =
        put.records().iter().map(|record| record.sequence_number().unwrap()).zip(&keys).collect();
    by_number.sort();
    assert_eq!(by_number.into_iter().map(|(_, key)| key.clone()).collect::<Vec<_>>(), found);
}

#[tokio::test]
async fn a_fault_is_for_one_function_for_some_time_and_a_share_of_calls() {
    let rig = Rig::start().await;
    let get = |key: &'static str| {
        let (client, table) = (rig.dynamodb(key), "Views");
        async move { client.get_item().table_name(table).key("pk", text("a")).send().await }
    };
    rig.fault(json!({
        "service": "dynamodb",
        "fault": "throttle",
        "rate": 1,
        "function": "writer",
        "seconds": 2,
    }));
    get("writer").await.unwrap_err();
    get("wildcard").await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while get("writer").await.is_err() {
        assert!(Instant::now() < deadline, "the fault lasts");
    }
    rig.fault(json!({"service": "dynamodb", "fault": "throttle", "rate": 0.5}));
    let mut failed = 0;
    for _ in 0..100 {
        failed += u32::from(get("writer").await.is_err());
    }
    assert!((25..75).contains(&failed), "{failed}");
    rig.fault(json!({"service": "dynamodb", "fault": "throttle", "rate": 1}));
    get(OPERATOR).await.unwrap();
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused() {
    let rig = Rig::start().await;
    for (order, complaint) in [
        (json!({"service": "sqs", "fault": "throttle", "rate": 1}), "unknown variant `sqs`"),
        (json!({"service": "dynamodb", "fault": "fire", "rate": 1}), "unknown variant `fire`"),
        (
            json!({"service": "dynamodb", "fault": "throttle", "rate": 1, "when": "now"}),
            "unknown field `when`",
        ),
        (json!({"service": "dynamodb", "fault": "throttle"}), "rate is missing"),
        (
            json!({"service": "dynamodb", "fault": "throttle", "rate": 1.5}),
            "rate is from 0 to 1, not 1.5",
        ),
        (
            json!({"service": "dynamodb", "fault": "throttle", "rate": 1, "seconds": -1}),
            "seconds: ",
        ),
        (
            json!({"service": "dynamodb", "fault": "throttle", "rate": 1, "function": "x"}),
            "the template has no function x",
        ),
        (
            json!({"service": "dynamodb", "fault": "throttle", "rate": 1, "table": "x"}),
            "the template has no table x",
        ),
        (
            json!({"service": "dynamodb", "fault": "partial-failure", "rate": 1}),
            "this fault befalls kinesis only",
        ),
        (
            json!({"service": "kinesis", "fault": "transaction-conflict", "rate": 1}),
            "this fault befalls dynamodb only",
        ),
    ] {
        let error = rig.door.set_fault(order.clone()).unwrap_err();
        assert!(error.starts_with(complaint), "{order}: {error}");
    }
    rig.put(1).await.unwrap();
}

#[tokio::test]
async fn under_chaos_calls_go_wrong_now_and_then() {
    let rig = Rig::with_chaos(Some(1)).await;
    for seq in 0.. {
        // A call that is held goes wrong too.
        let put = tokio::time::timeout(Duration::from_secs(2), rig.put(seq)).await;
        if !matches!(put, Ok(Ok(_))) {
            return;
        }
        assert!(seq < 1000, "nothing went wrong");
    }
}
