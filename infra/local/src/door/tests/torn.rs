//! Transactions that readers see item by item.

use std::time::Instant;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::types::{ConditionCheck, Get, Put, TransactGetItem, TransactWriteItem};

use super::*;

/// How many items a transaction has here.
const ITEMS: usize = 8;

impl Rig {
    async fn torn() -> Self {
        let rig = Self::start().await;
        rig.fault(json!({"service": "dynamodb", "fault": "torn", "rate": 1}));
        rig
    }

    /// Puts items of a stream together, where none of them is yet.
    async fn transact(
        &self,
        stream: &str,
        token: &str,
    ) -> Result<TransactWriteItemsOutput, SdkError<TransactWriteItemsError>> {
        let puts = (0..ITEMS).map(|seq| {
            let put = Put::builder()
                .table_name("Events")
                .item("stream", text(stream))
                .item("seq", number(seq));
            TransactWriteItem::builder()
                .put(put.condition_expression("attribute_not_exists(seq)").build().unwrap())
                .build()
        });
        let request =
            self.dynamodb("writer").transact_write_items().set_transact_items(Some(puts.collect()));
        request.client_request_token(token).send().await
    }

    /// Which items of a stream a plain read finds.
    async fn visible(&self, stream: &str) -> usize {
        let request = self
            .dynamodb("writer")
            .query()
            .table_name("Events")
            .key_condition_expression("#s = :s");
        let request = request
            .expression_attribute_names("#s", "stream")
            .expression_attribute_values(":s", text(stream));
        usize::try_from(request.consistent_read(true).send().await.unwrap().count()).unwrap()
    }

    /// What a read of all or nothing comes to: how many items are there; `None` if it met a
    /// transaction.
    async fn together(&self, stream: &str) -> Option<usize> {
        let gets = (0..ITEMS).map(|seq| {
            let get = Get::builder()
                .table_name("Events")
                .key("stream", text(stream))
                .key("seq", number(seq))
                .build()
                .unwrap();
            TransactGetItem::builder().get(get).build()
        });
        match self
            .dynamodb("writer")
            .transact_get_items()
            .set_transact_items(Some(gets.collect()))
            .send()
            .await
        {
            Ok(output) => {
                Some(output.responses().iter().filter(|response| response.item.is_some()).count())
            }
            Err(error) => {
                assert!(error.into_service_error().is_transaction_canceled_exception());
                None
            }
        }
    }

    /// Whether a write of an item meets a transaction.
    async fn write_meets(&self, stream: &str) -> bool {
        let put = self
            .dynamodb("writer")
            .put_item()
            .table_name("Events")
            .item("stream", text(stream))
            .item("seq", number(0));
        match put
            .condition_expression("attribute_exists(nothing)")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
        {
            error if error.is_transaction_conflict_exception() => true,
            error => {
                assert!(error.is_conditional_check_failed_exception(), "{error:?}");
                false
            }
        }
    }

    /// Whether a condition on an item in another transaction meets one.
    async fn condition_meets(&self, stream: &str) -> bool {
        let check = ConditionCheck::builder()
            .table_name("Events")
            .key("stream", text(stream))
            .key("seq", number(0));
        let check = check.condition_expression("attribute_exists(nothing)").build().unwrap();
        let request = self.dynamodb("writer").transact_write_items();
        let request =
            request.transact_items(TransactWriteItem::builder().condition_check(check).build());
        let error = request.send().await.unwrap_err().into_service_error();
        let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
            panic!("{error}")
        };
        cancelled.cancellation_reasons()[0].code() == Some("TransactionConflict")
    }
}

#[tokio::test]
async fn plain_reads_see_a_transaction_item_by_item_and_others_all_or_nothing() {
    let rig = Rig::torn().await;
    let deadline = Instant::now() + Duration::from_secs(60);
    let (mut was_torn, mut writes_met, mut conditions_met) = (false, false, false);
    for round in 0.. {
        assert!(
            Instant::now() < deadline,
            "torn {was_torn}, writes {writes_met}, conditions {conditions_met}"
        );
        let stream = round.to_string();
        let mut transaction = Box::pin(rig.transact(&stream, &stream));
        let look = async {
            while Instant::now() < deadline {
                was_torn |= (1..ITEMS).contains(&rig.visible(&stream).await);
                let together = rig.together(&stream).await;
                assert!(together.is_none_or(|count| count == 0 || count == ITEMS), "{together:?}");
                writes_met |= rig.write_meets(&stream).await;
                conditions_met |= rig.condition_meets(&stream).await;
            }
        };
        // Where somebody writes an item just then, that is a conflict as well.
        let outcome = tokio::select! {
            outcome = &mut transaction => outcome,
            () = look => panic!("the transaction does not end"),
        };
        let count = if outcome.is_ok() { ITEMS } else { 0 };
        assert_eq!((rig.visible(&stream).await, rig.together(&stream).await), (count, Some(count)));
        if was_torn && writes_met && conditions_met {
            return;
        }
    }
}

#[tokio::test]
async fn a_torn_transaction_writes_and_costs_what_another_does_and_once() {
    let rig = Rig::torn().await;
    rig.transact("a", "token").await.unwrap();
    let units = |rig: &Rig| rig.door.meter()["writer"]["TransactWriteItems"]["writeUnits"].as_f64();
    assert_eq!(units(&rig), Some(2.0 * ITEMS as f64));
    // Again with its token: it is done.
    rig.transact("a", "token").await.unwrap();
    assert_eq!((rig.visible("a").await, units(&rig)), (ITEMS, Some(2.0 * ITEMS as f64)));
    // Without it the conditions say no.
    let error = rig.transact("a", "another").await.unwrap_err().into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        panic!("{error}")
    };
    let codes: Vec<_> =
        cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect();
    assert_eq!(codes, ["ConditionalCheckFailed"; ITEMS]);
    assert_eq!(rig.commits().await, i32::try_from(ITEMS).unwrap());
}

#[tokio::test]
async fn what_its_caller_gave_up_on_is_finished() {
    let rig = Rig::torn().await;
    for round in 0..20 {
        let stream = format!("given up {round}");
        let given_up =
            tokio::time::timeout(Duration::from_millis(10), rig.transact(&stream, &stream)).await;
        let deadline = Instant::now() + Duration::from_secs(10);
        while ![0, ITEMS].contains(&rig.visible(&stream).await)
            || rig.together(&stream).await.is_none()
        {
            assert!(Instant::now() < deadline, "{given_up:?}");
        }
    }
}

#[tokio::test]
async fn what_was_under_way_when_the_platform_was_killed_is_finished_by_the_next() {
    let rig = Rig::torn().await;
    rig.transact("a", "token").await.unwrap();
    let put = |seq: usize| json!({"Put": {"TableName": "Events", "Item": commit("b", seq, 1)}});
    let actions = json!([put(1), {"ConditionCheck": {}}, put(2)]).to_string();
    // Decided, and its first item is written.
    let server = crate::aws::JsonClient::dynamodb(&rig.emulators.dynamodb).unwrap();
    let item = json!({"id": {"S": "x"}, "actions": {"S": actions}, "done0": {"BOOL": true}});
    server
        .call("PutItem", &json!({"TableName": "headwater-local-torn", "Item": item}))
        .await
        .unwrap();
    let again = Rig {
        door: Door::start(&testing::template(), &rig.emulators, None).await.unwrap(),
        emulators: rig.emulators,
    };
    let request = json!({
        "TableName": "Events",
        "KeyConditionExpression": "#s = :s",
        "ExpressionAttributeNames": {"#s": "stream"},
        "ExpressionAttributeValues": {":s": {"S": "b"}},
    });
    let found = server.call("Query", &request).await.unwrap();
    assert_eq!(found["Items"], json!([commit("b", 2, 1)]));
    let left = server.call("Scan", &json!({"TableName": "headwater-local-torn"})).await.unwrap();
    assert_eq!(left["Count"], 0);
    again.transact("c", "another token").await.unwrap();
}
