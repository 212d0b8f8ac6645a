//! What is counted, and that callers don't notice.

use super::*;

/// A call as the operator, who may do everything.
struct Priced {
    operation: &'static str,
    input: Value,
    reads: f64,
    writes: f64,
}

fn read(operation: &'static str, input: Value, reads: f64) -> Priced {
    Priced { operation, input, reads, writes: 0.0 }
}

fn write(operation: &'static str, input: Value, writes: f64) -> Priced {
    Priced { operation, input, reads: 0.0, writes }
}

fn put(seq: usize, bytes: usize) -> Value {
    json!({"TableName": "Events", "Item": commit("a", seq, bytes)})
}

fn new_put(seq: usize, bytes: usize) -> Value {
    json!({
        "TableName": "Events",
        "Item": commit("a", seq, bytes),
        "ConditionExpression": "attribute_not_exists(seq)",
    })
}

fn key(seq: usize) -> Value {
    json!({"stream": {"S": "a"}, "seq": {"N": seq.to_string()}})
}

fn absent(seq: usize) -> Value {
    json!({
        "ConditionCheck": {
            "TableName": "Events", "Key": key(seq),
            "ConditionExpression": "attribute_not_exists(seq)",
        }
    })
}

/// In this order: what is written above is read below.
fn prices() -> Vec<Priced> {
    let query = json!({
        "TableName": "Events",
        "KeyConditionExpression": "#s = :s",
        "ExpressionAttributeNames": {"#s": "stream"},
        "ExpressionAttributeValues": {":s": {"S": "a"}},
    });
    let with = |input: &Value, name: &str, value: Value| {
        let mut input = input.clone();
        input[name] = value;
        input
    };
    let get =
        |seq, strong| json!({"TableName": "Events", "Key": key(seq), "ConsistentRead": strong});
    let batch =
        json!({"RequestItems": {"Events": {"Keys": [key(1), key(3)], "ConsistentRead": true}}});
    vec![
        write("PutItem", put(1, 900), 1.0),
        write("PutItem", new_put(2, 1500), 2.0),
        write("PutItem", put(3, 5000), 5.0),
        // A smaller item in the place of a larger costs what the larger costs.
        write("PutItem", put(3, 4500), 5.0),
        read("GetItem", get(1, true), 1.0),
        read("GetItem", get(1, false), 0.5),
        read("GetItem", get(3, true), 2.0),
        read("GetItem", get(99, true), 1.0),
        // A query is billed by the sum: 900 + 1500 + 4500 bytes.
        read("Query", with(&query, "ConsistentRead", json!(true)), 2.0),
        read("Query", query, 1.0),
        read("BatchGetItem", batch, 3.0),
        // A failed condition costs what the write would have, or the item in its way if that is
        // larger.
        write("PutItem", new_put(1, 2500), 3.0),
        write("PutItem", new_put(3, 10), 5.0),
        write(
            "TransactWriteItems",
            json!({"TransactItems": [{"Put": put(4, 100)}, {"Put": put(5, 1500)}, absent(99)]}),
            8.0,
        ),
        write(
            "TransactWriteItems",
            json!({"TransactItems": [{"Put": put(6, 1500)}, absent(3)]}),
            14.0,
        ),
        read(
            "TransactGetItems",
            json!({"TransactItems": [{"Get": {"TableName": "Events", "Key": key(3)}}]}),
            4.0,
        ),
        write(
            "UpdateItem",
            json!({"TableName": "Events", "Key": key(2), "UpdateExpression": "SET x = seq"}),
            2.0,
        ),
        write("DeleteItem", json!({"TableName": "Events", "Key": key(3)}), 5.0),
        write(
            "BatchWriteItem",
            json!({"RequestItems": {"Events": [{"PutRequest": {"Item": commit("b", 1, 1500)}}]}}),
            2.0,
        ),
    ]
}

#[tokio::test]
async fn calls_cost_what_dynamodb_bills() {
    let rig = Rig::start().await;
    for Priced { operation, input, reads, writes } in prices() {
        rig.door.reset_meter();
        rig.call(OPERATOR, operation, input.clone()).await;
        let expected =
            json!({OPERATOR: {operation: {"calls": 1, "readUnits": reads, "writeUnits": writes}}});
        assert_eq!(rig.door.meter(), expected, "{operation} {input}");
    }
}

#[tokio::test]
async fn a_transaction_repeated_with_its_token_is_billed_as_a_read() {
    let rig = Rig::start().await;
    let input = json!({"TransactItems": [{"Put": put(1, 10)}], "ClientRequestToken": "token"});
    for units in [
        json!({"calls": 1, "readUnits": 0.0, "writeUnits": 2.0}),
        json!({"calls": 1, "readUnits": 2.0, "writeUnits": 0.0}),
    ] {
        rig.door.reset_meter();
        rig.call(OPERATOR, "TransactWriteItems", input.clone()).await;
        assert_eq!(rig.door.meter()[OPERATOR]["TransactWriteItems"], units);
    }
}

#[tokio::test]
async fn callers_get_what_they_asked_for_and_no_more() {
    let rig = Rig::start().await;
    assert_eq!(rig.call("writer", "PutItem", new_put(1, 10)).await, (200, json!({})));
    let (_, refused) = rig.call("writer", "PutItem", new_put(1, 10)).await;
    assert_eq!(refused.get("Item"), None, "{refused}");
    let transaction = |mode: &str| {
        let mut put = new_put(1, 10);
        put["ReturnValuesOnConditionCheckFailure"] = json!(mode);
        json!({"TransactItems": [{"Put": put}]})
    };
    let (_, cancelled) = rig.call("writer", "TransactWriteItems", transaction("NONE")).await;
    assert_eq!(cancelled["CancellationReasons"][0].get("Item"), None, "{cancelled}");

    let mut asking = new_put(2, 10);
    asking["ReturnConsumedCapacity"] = json!("TOTAL");
    asking["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
    let (_, put) = rig.call("writer", "PutItem", asking.clone()).await;
    assert_eq!(put["ConsumedCapacity"]["CapacityUnits"], 1.0);
    let (_, refused) = rig.call("writer", "PutItem", asking).await;
    assert_eq!(refused["Item"], commit("a", 2, 10));
    let (_, cancelled) = rig.call("writer", "TransactWriteItems", transaction("ALL_OLD")).await;
    assert_eq!(cancelled["CancellationReasons"][0]["Item"], commit("a", 1, 10));
}

#[tokio::test]
async fn every_service_is_counted_by_function_and_operation() {
    let rig = Rig::start().await;
    let put = || rig.call("writer", "PutItem", put(1, 10));
    put().await;
    put().await;
    rig.call("wildcard", "DeleteItem", json!({"TableName": "Views"})).await;
    let record = aws_sdk_kinesis::types::PutRecordsRequestEntry::builder()
        .partition_key("a")
        .data(aws_sdk_kinesis::primitives::Blob::new("a"))
        .build()
        .unwrap();
    rig.kinesis("writer")
        .put_records()
        .stream_name("Commits")
        .records(record)
        .send()
        .await
        .unwrap();
    rig.s3("writer")
        .put_object()
        .bucket("failures")
        .key("k")
        .body(b"x".to_vec().into())
        .send()
        .await
        .unwrap();
    let calls =
        |calls: u64, writes: f64| json!({"calls": calls, "readUnits": 0.0, "writeUnits": writes});
    let expected = json!({
        "writer": {
            "PutItem": calls(2, 2.0), "PutRecords": calls(1, 0.0), "PutObject": calls(1, 0.0),
        },
        "wildcard": {"DeleteItem": calls(1, 0.0)},
    });
    assert_eq!(rig.door.meter(), expected);
    rig.door.reset_meter();
    assert_eq!(rig.door.meter(), json!({}));
}
