//! What roles allow and refuse.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    ConditionCheck, Get, KeysAndAttributes, Put, TransactGetItem, TransactWriteItem, Update,
};
use aws_sdk_kinesis::primitives::Blob;

use super::*;

/// The code and the message of an error.
fn refusal<T: std::fmt::Debug, E: ProvideErrorMetadata>(
    result: Result<T, SdkError<E>>,
) -> (String, String) {
    let Err(SdkError::ServiceError(error)) = result else { panic!("no refusal") };
    let meta = error.err().meta();
    (meta.code().unwrap_or_default().to_owned(), meta.message().unwrap_or_default().to_owned())
}

/// Checks for a refusal in the words of AWS.
fn check_refused<T: std::fmt::Debug, E: ProvideErrorMetadata>(
    result: Result<T, SdkError<E>>,
    action: &str,
    resource: &str,
) {
    let (code, message) = refusal(result);
    assert_eq!(code, "AccessDeniedException");
    assert_eq!(
        message,
        format!(
            "User: arn:aws:sts::000000000000:assumed-role/WriterRole/writer is not authorized to \
             perform: {action} on resource: arn:aws:{resource} because no identity-based policy \
             allows the {action} action"
        )
    );
}

const EVENTS: &str = "dynamodb:us-east-1:000000000000:table/Events";
const VIEWS: &str = "dynamodb:us-east-1:000000000000:table/Views";

#[tokio::test]
async fn a_function_may_do_what_its_role_allows_and_nothing_else() {
    let rig = Rig::start().await;
    let client = rig.dynamodb("writer");
    let put = || client.put_item().item("stream", text("a")).item("seq", number(1));
    put().table_name("Events").send().await.unwrap();
    check_refused(put().table_name("Views").send().await, "dynamodb:PutItem", VIEWS);
    let key =
        |update: aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder| {
            update.table_name("Events").key("stream", text("a")).key("seq", number(1))
        };
    check_refused(key(client.update_item()).send().await, "dynamodb:UpdateItem", EVENTS);
    check_refused(client.scan().table_name("Events").send().await, "dynamodb:Scan", EVENTS);
    assert_eq!(refusal(client.list_tables().send().await).0, "AccessDeniedException");
}

#[tokio::test]
async fn a_transaction_needs_what_its_parts_need() {
    let rig = Rig::start().await;
    let client = rig.dynamodb("writer");
    let put = Put::builder()
        .table_name("Events")
        .item("stream", text("a"))
        .item("seq", number(1))
        .build()
        .unwrap();
    let put = TransactWriteItem::builder().put(put).build();
    let check = ConditionCheck::builder()
        .table_name("Events")
        .key("stream", text("b"))
        .key("seq", number(1))
        .condition_expression("attribute_not_exists(seq)");
    let check = TransactWriteItem::builder().condition_check(check.build().unwrap()).build();
    let update = Update::builder()
        .table_name("Events")
        .key("stream", text("c"))
        .key("seq", number(1))
        .update_expression("SET x = seq");
    let update = TransactWriteItem::builder().update(update.build().unwrap()).build();
    let send = |items| client.transact_write_items().set_transact_items(Some(items)).send();
    send(vec![put.clone(), check.clone()]).await.unwrap();
    check_refused(send(vec![put, check, update]).await, "dynamodb:UpdateItem", EVENTS);
    assert_eq!(rig.commits().await, 1);

    let get = |table: &str| {
        let get = Get::builder().table_name(table).key("pk", text("a")).build().unwrap();
        TransactGetItem::builder().get(get).build()
    };
    client.transact_get_items().transact_items(get("Views")).send().await.unwrap();
    assert_eq!(
        refusal(client.transact_get_items().transact_items(get("Other")).send().await).0,
        "AccessDeniedException"
    );
}

#[tokio::test]
async fn a_batch_needs_its_action_on_every_table() {
    let rig = Rig::start().await;
    let client = rig.dynamodb("writer");
    let keys = |key: &[(&str, AttributeValue)]| {
        let key = key.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        KeysAndAttributes::builder().keys(key).build().unwrap()
    };
    let batch = || {
        client
            .batch_get_item()
            .request_items("Events", keys(&[("stream", text("a")), ("seq", number(1))]))
    };
    batch().send().await.unwrap();
    let both = batch().request_items("Views", keys(&[("pk", text("a"))]));
    check_refused(both.send().await, "dynamodb:BatchGetItem", VIEWS);
}

#[tokio::test]
async fn streams_and_buckets_are_guarded_too() {
    let rig = Rig::start().await;
    let client = rig.kinesis("writer");
    let refused = client
        .put_record()
        .stream_name("Commits")
        .partition_key("a")
        .data(Blob::new("a"))
        .send()
        .await;
    let message = refusal(refused).1;
    assert!(
        message.contains(
            "kinesis:PutRecord on resource: arn:aws:kinesis:us-east-1:000000000000:stream/Commits"
        ),
        "{message}"
    );
    let client = rig.s3("writer");
    client
        .put_object()
        .bucket("failures")
        .key("a b/c")
        .body(b"x".to_vec().into())
        .send()
        .await
        .unwrap();
    assert_eq!(
        refusal(client.get_object().bucket("failures").key("a b/c").send().await).0,
        "AccessDenied"
    );
    assert_eq!(refusal(client.list_objects_v2().bucket("failures").send().await).0, "AccessDenied");
    let object =
        rig.s3(OPERATOR).get_object().bucket("failures").key("a b/c").send().await.unwrap();
    assert_eq!(object.body.collect().await.unwrap().into_bytes(), "x");
}

#[tokio::test]
async fn patterns_allow_and_a_deny_wins() {
    let rig = Rig::start().await;
    let client = rig.dynamodb("wildcard");
    let item = |pk: &str| Put::builder().table_name("Views").item("pk", text(pk)).build().unwrap();
    client.get_item().table_name("Views").key("pk", text("a")).send().await.unwrap();
    client.put_item().table_name("Views").item("pk", text("a")).send().await.unwrap();
    client
        .transact_write_items()
        .transact_items(TransactWriteItem::builder().put(item("b")).build())
        .send()
        .await
        .unwrap();
    assert_eq!(
        refusal(client.delete_item().table_name("Views").key("pk", text("a")).send().await).0,
        "AccessDeniedException"
    );
    let denied = client
        .get_item()
        .table_name("Events")
        .key("stream", text("a"))
        .key("seq", number(1))
        .send()
        .await;
    assert!(
        refusal(denied).1.ends_with("Events with an explicit deny in an identity-based policy")
    );
    // A condition that can't be judged grants nothing, and forbids.
    assert!(refusal(client.scan().table_name("Views").send().await).1.contains("explicit deny"));
}

#[tokio::test]
async fn strangers_are_turned_away() {
    let rig = Rig::start().await;
    let stranger = rig.dynamodb("stranger").list_tables().send().await;
    let invalid = "The security token included in the request is invalid.".to_owned();
    assert_eq!(refusal(stranger), ("UnrecognizedClientException".to_owned(), invalid));
    assert_eq!(
        refusal(rig.kinesis("stranger").list_streams().send().await).0,
        "UnrecognizedClientException"
    );
    assert_eq!(
        refusal(rig.s3("stranger").list_objects_v2().bucket("failures").send().await).0,
        "InvalidAccessKeyId"
    );
    let unsigned = crate::aws::client().unwrap().post(rig.door.endpoint()).send().await.unwrap();
    assert_eq!(unsigned.status(), 400);
    assert!(unsigned.text().await.unwrap().contains("MissingAuthenticationTokenException"));
    let (status, body) = rig.call("writer", "PutItem", json!("no object")).await;
    assert_eq!(
        (status, &body["__type"]),
        (400, &json!("com.amazon.coral.service#AccessDeniedException"))
    );
}

#[tokio::test]
async fn the_operator_may_do_everything() {
    let rig = Rig::start().await;
    assert_eq!(rig.dynamodb(OPERATOR).list_tables().send().await.unwrap().table_names().len(), 2);
    assert_eq!(rig.kinesis(OPERATOR).list_streams().send().await.unwrap().stream_names().len(), 1);
    let (key, secret) = rig.door.credentials_for("writer");
    assert_eq!((key.as_str(), secret.is_empty()), ("writer", false));
}
