//! Records of answers to requests with an Idempotency-Key: the same key and request gets the same
//! answer for a day.
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk` | S | the key, scoped and digested by the caller |
//! | `h` | S | the hash of the body's bytes, by which earlier builds know the request |
//! | `r` | S | the hash of the request: what the key stands for; absent in records of earlier builds |
//! | `a` | S | the answer, as JSON |
//! | `s` | N | the number of the first event of the commit that was written with it; absent if none was, and in records of earlier builds |
//! | `ttl` | N | until when it counts, in seconds since the epoch; DynamoDB deletes it some time after that |

use std::collections::HashMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure::AllOld,
    TransactWriteItem,
};
use headwater::StreamName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::connection::{Failed, fault};
use crate::{Done, EventStore, ExecuteError, Idempotency, Item, ItemError, StoreError};

/// How long an answer counts, and so how long a key stands for its request, in seconds.
pub const KEY_LIFETIME: i64 = 24 * 60 * 60;

/// DynamoDB is slow to delete, so what has expired counts as absent.
const CONDITION: &str = "attribute_not_exists(pk) OR #ttl < :now";

#[derive(Serialize, Deserialize)]
struct RecordItem {
    pk: String,
    h: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r: Option<String>,
    a: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    s: Option<u64>,
    ttl: i64,
}

/// An answer that was recorded, and the number of the first event of the commit that was written
/// with it.
struct Recorded {
    answer: Value,
    first: Option<u64>,
}

/// A record to be written.
pub(crate) struct Record {
    /// It, as an item.
    pub(crate) item: Item,
    now: AttributeValue,
}

impl Record {
    pub(crate) fn new<A>(
        idempotency: &Idempotency<'_, A>,
        answer: &Value,
        first: Option<u64>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let Idempotency { key, request_hash, body_hash, .. } = idempotency;
        let seconds = now.as_second();
        let record = RecordItem {
            pk: key.clone(),
            h: body_hash.clone(),
            r: Some(request_hash.clone()),
            a: answer.to_string(),
            s: first,
            ttl: seconds + KEY_LIFETIME,
        };
        let item = serde_dynamo::to_item(record).map_err(ItemError::from)?;
        Ok(Self { item, now: AttributeValue::N(seconds.to_string()) })
    }

    /// Its put, as an action of a transaction.
    pub(crate) fn write(&self, table: &str) -> Result<TransactWriteItem, BuildError> {
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(self.item.clone()))
            .condition_expression(CONDITION)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", self.now.clone())
            .return_values_on_condition_check_failure(AllOld);
        Ok(TransactWriteItem::builder().put(put.build()?).build())
    }
}

/// The answer that a record holds, if it is one to the same request.
///
/// # Errors
/// [`ExecuteError::KeyReused`] if it is not.
fn read<A>(record: Item, idempotency: &Idempotency<'_, A>) -> Result<Recorded, ExecuteError> {
    let record: RecordItem = serde_dynamo::from_item(record)
        .map_err(|error| StoreError::from(ItemError::from(error)))?;
    let is_same = match &record.r {
        Some(request) => *request == idempotency.request_hash,
        None => record.h == idempotency.body_hash,
    };
    if !is_same {
        return Err(ExecuteError::KeyReused);
    }
    let answer = serde_json::from_str(&record.a).map_err(StoreError::from)?;
    Ok(Recorded { answer, first: record.s })
}

impl EventStore {
    /// Gives a recorded answer again, as soon as the commit that it tells of can be seen: of a
    /// transaction the record may be seen first, and the answer's token must not be ahead of its
    /// stream. `seen` is the version at which this process has seen the stream.
    ///
    /// # Errors
    /// [`ExecuteError::KeyReused`] if the record is another request's, [`ExecuteError::Store`] if
    /// the commit cannot be seen by the deadline.
    pub(crate) async fn replay<A>(
        &self,
        stream: &StreamName,
        idempotency: Option<&Idempotency<'_, A>>,
        record: Item,
        seen: u64,
    ) -> Result<Done<A>, ExecuteError> {
        let idempotency = idempotency.ok_or(ExecuteError::KeyReused)?;
        let Recorded { answer, first } = read(record, idempotency)?;
        if let Some(first) = first.filter(|first| *first > seen) {
            self.commit_at(stream, first).await?;
        }
        Ok(Done::Replayed(answer))
    }

    /// Records the answer to a request that writes nothing else, unless there is an answer already:
    /// then that one counts, and is given back.
    pub(crate) async fn record(&self, record: &Record) -> Result<Option<Item>, ExecuteError> {
        let request = self
            .connection()
            .client()
            .put_item()
            .table_name(self.config().idempotency_table()?)
            .set_item(Some(record.item.clone()))
            .condition_expression(CONDITION)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", record.now.clone())
            .return_values_on_condition_check_failure(AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match self.connection().settle(fault, || request.clone().send()).await {
            Ok(output) => {
                self.connection().meter().write(&output.consumed_capacity);
                Ok(None)
            }
            Err(failed) => match failed.error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(found)) => {
                    Ok(found.item.clone())
                }
                _ => Err(failed.into()),
            },
        }
    }

    /// The record of an answer, if there is one that still counts.
    pub(crate) async fn recorded(
        &self,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<Item>, StoreError> {
        let request = self
            .connection()
            .client()
            .get_item()
            .table_name(self.config().idempotency_table()?)
            .set_key(Some(HashMap::from([("pk".to_owned(), AttributeValue::S(key.to_owned()))])))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = self.connection().settle(fault, || request.clone().send()).await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.connection().meter().read(&output.consumed_capacity);
        Ok(output.item.filter(|record| !has_expired(record, now)))
    }
}

fn has_expired(record: &Item, now: Timestamp) -> bool {
    let ttl =
        record.get("ttl").and_then(|ttl| ttl.as_n().ok()).and_then(|ttl| ttl.parse::<i64>().ok());
    ttl.is_some_and(|ttl| ttl < now.as_second())
}
