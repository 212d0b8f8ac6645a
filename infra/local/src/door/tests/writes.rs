//! Who reads a stream is told of what is written to it.

use super::*;

#[tokio::test]
async fn each_kind_of_write_is_told_to_those_who_wait_for_it_and_no_read_is() {
    let rig = Rig::start().await;
    let writes = rig.door.writes();
    let (mut events, mut views) = (writes.to("Events"), writes.to("Views"));
    let key = json!({"stream": {"S": "a"}, "seq": {"N": "1"}});
    let put = json!({"TableName": "Events", "Item": commit("a", 1, 1)});
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/Events";
    for (operation, input, is_write) in [
        ("PutItem", put.clone(), true),
        ("GetItem", json!({"TableName": "Events", "Key": key}), false),
        ("Scan", json!({"TableName": "Events"}), false),
        ("PutItem", json!({"TableName": arn, "Item": commit("a", 2, 1)}), true),
        ("BatchWriteItem", json!({"RequestItems": {"Events": [{"PutRequest": put}]}}), true),
        ("TransactWriteItems", json!({"TransactItems": [{"Put": put}]}), true),
        ("DeleteItem", json!({"TableName": "Events", "Key": key}), true),
    ] {
        rig.call(OPERATOR, operation, input).await;
        assert_eq!(events.has_changed().unwrap(), is_write, "{operation}");
        assert!(!views.has_changed().unwrap(), "{operation} is about another table");
        events.mark_unchanged();
    }
    let item = json!({"TableName": "Views", "Item": {"pk": {"S": "a"}}});
    rig.call(OPERATOR, "PutItem", item).await;
    assert!(views.has_changed().unwrap() && !events.has_changed().unwrap());
    views.mark_unchanged();
}

#[tokio::test]
async fn a_write_whose_reply_is_lost_is_told_too_and_records_as_well() {
    let rig = Rig::start().await;
    let (events, mut commits) = (rig.door.writes().to("Events"), rig.door.writes().to("Commits"));
    rig.fault(json!({"service": "dynamodb", "fault": "lost-reply", "rate": 1}));
    let lost = rig.dynamodb("writer").put_item().table_name("Events");
    let lost = lost.item("stream", text("a")).item("seq", number(1)).send().await;
    assert!(lost.is_err() && events.has_changed().unwrap());

    let record = aws_sdk_kinesis::types::PutRecordsRequestEntry::builder()
        .partition_key("a")
        .data(aws_sdk_kinesis::primitives::Blob::new("x"))
        .build()
        .unwrap();
    for fault in ["none", "duplicate", "reorder", "partial-failure"] {
        rig.fault(json!({"service": "kinesis", "fault": fault, "rate": 1}));
        let put = rig.kinesis("writer").put_records().stream_name("Commits");
        put.records(record.clone()).send().await.unwrap();
        assert!(commits.has_changed().unwrap(), "{fault}");
        commits.mark_unchanged();
    }
}
