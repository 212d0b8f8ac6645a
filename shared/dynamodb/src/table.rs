//! A table keyed by `pk` and `sk`, and the few calls that views and feed make on such a one.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, KeysAndAttributes, Put, ReturnConsumedCapacity, TransactWriteItem, Update};
use futures::future::try_join_all;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::retry::{Backoff, Failed, Fault, fault, settle};
use crate::{EventStore, Item, StoreError};

/// `BatchGetItem` takes at most so many keys.
const MOST_KEYS: usize = 100;

/// How fresh a read has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consistency {
    /// Whatever the nearest replica has: half the price.
    Eventual,
    /// All that was written before.
    Strong,
}

/// An item's key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// Which partition.
    pub(crate) pk: String,
    /// Where in it.
    pub(crate) sk: String,
}

impl Key {
    pub(crate) fn into_item(self) -> Item {
        HashMap::from([("pk".to_owned(), AttributeValue::S(self.pk)), ("sk".to_owned(), AttributeValue::S(self.sk))])
    }
}

/// What must hold of the stored item for a write to happen.
pub(crate) struct Condition {
    /// As `v < :v`.
    pub(crate) expression: &'static str,
    /// The values that it names.
    pub(crate) values: Vec<(&'static str, AttributeValue)>,
}

impl Condition {
    /// There is no item yet.
    pub(crate) fn absent() -> Self {
        Self { expression: "attribute_not_exists(pk)", values: Vec::new() }
    }

    fn values(self) -> Option<HashMap<String, AttributeValue>> {
        let values: HashMap<_, _> = self.values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        (!values.is_empty()).then_some(values)
    }
}

/// In which order of the sort key a query reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The lowest first.
    Forwards,
    /// The highest first.
    Backwards,
}

/// The part of a partition that a query reads.
pub(crate) struct Range<'a> {
    /// Which partition.
    pub(crate) pk: String,
    /// Only sort keys that begin so; all if empty.
    pub(crate) prefix: &'a str,
    /// Only sort keys beyond this one, which begins with the prefix itself.
    pub(crate) after: Option<&'a str>,
    /// At most so many items.
    pub(crate) limit: usize,
    /// Which end comes first.
    pub(crate) order: Order,
}

/// What a query found.
pub(crate) struct Found {
    /// The items, in order.
    pub(crate) items: Vec<Item>,
    /// How far the query got, if it stopped before the end.
    pub(crate) stopped_at: Option<String>,
}

/// The views table or the feed table. Its calls have the store's deadline and count in its usage.
#[derive(Clone)]
pub(crate) struct Table {
    store: EventStore,
    name: String,
}

impl Table {
    pub(crate) fn new(store: EventStore, name: impl Into<String>) -> Self {
        Self { store, name: name.into() }
    }

    /// The same table for calls with another deadline.
    pub(crate) fn with(&self, store: EventStore) -> Self {
        Self { store, name: self.name.clone() }
    }

    /// Reads one item.
    pub(crate) async fn get(&self, key: Key, consistency: Consistency) -> Result<Option<Item>, StoreError> {
        let request = self
            .store
            .client()
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key.into_item()))
            .consistent_read(consistency == Consistency::Strong)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = settle(self.store.meter(), self.store.deadline(), fault, async || request.clone().send().await).await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.store.meter().read(&output.consumed_capacity);
        Ok(output.item)
    }

    /// Reads many items, in no particular order. Keys must not repeat.
    pub(crate) async fn get_many(&self, keys: &[Item], consistency: Consistency) -> Result<Vec<Item>, StoreError> {
        let chunks = keys.chunks(MOST_KEYS).map(|chunk| self.get_chunk(chunk, consistency));
        Ok(try_join_all(chunks).await?.into_iter().flatten().collect())
    }

    /// `BatchGetItem`, and again for the keys that an answer left out.
    async fn get_chunk(&self, keys: &[Item], consistency: Consistency) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::with_capacity(keys.len());
        let mut left = keys.to_vec();
        let mut backoff = Backoff::until(self.store.deadline());
        loop {
            let output = self.batch_get(left, consistency).await?;
            items.extend(output.responses.into_iter().flatten().flat_map(|(_, items)| items));
            left = output.unprocessed_keys.into_iter().flatten().flat_map(|(_, keys)| keys.keys).collect();
            if left.is_empty() {
                return Ok(items);
            }
            if !backoff.wait().await {
                return Err(StoreError::Unavailable("BatchGetItem left keys out until the deadline".to_owned()));
            }
        }
    }

    async fn batch_get(&self, keys: Vec<Item>, consistency: Consistency) -> Result<BatchGetItemOutput, StoreError> {
        let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(consistency == Consistency::Strong);
        let request = self
            .store
            .client()
            .batch_get_item()
            .request_items(&self.name, keys.build().map_err(refused)?)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = settle(self.store.meter(), self.store.deadline(), fault, async || request.clone().send().await).await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.store.meter().read(output.consumed_capacity());
        Ok(output)
    }

    /// Reads a part of a partition: one call.
    pub(crate) async fn query(&self, range: Range<'_>, consistency: Consistency) -> Result<Found, StoreError> {
        let start = range.after.map(|sk| Key { pk: range.pk.clone(), sk: sk.to_owned() }.into_item());
        let mut request = self
            .store
            .client()
            .query()
            .table_name(&self.name)
            .expression_attribute_values(":pk", AttributeValue::S(range.pk))
            .set_exclusive_start_key(start)
            .limit(i32::try_from(range.limit).unwrap_or(i32::MAX))
            .scan_index_forward(range.order == Order::Forwards)
            .consistent_read(consistency == Consistency::Strong)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        request = if range.prefix.is_empty() {
            request.key_condition_expression("pk = :pk")
        } else {
            let prefix = AttributeValue::S(range.prefix.to_owned());
            request.key_condition_expression("pk = :pk AND begins_with(sk, :prefix)").expression_attribute_values(":prefix", prefix)
        };
        let answer = settle(self.store.meter(), self.store.deadline(), fault, async || request.clone().send().await).await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.store.meter().read(&output.consumed_capacity);
        let stopped_at = output.last_evaluated_key.and_then(|mut key| key.remove("sk")).and_then(|sk| sk.as_s().ok().cloned());
        Ok(Found { items: output.items.unwrap_or_default(), stopped_at })
    }

    /// Writes an item if the stored one meets the condition, and says whether it did.
    pub(crate) async fn put_if(&self, item: Item, condition: Condition) -> Result<bool, StoreError> {
        let request = self
            .store
            .client()
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = settle(self.store.meter(), self.store.deadline(), fault, async || request.clone().send().await).await;
        self.store.meter().write(answer.iter().flat_map(|output| &output.consumed_capacity));
        met(answer)
    }

    /// Takes an attribute away if the stored item meets the condition, and says whether it did.
    pub(crate) async fn remove_if(&self, key: Key, attribute: &str, condition: Condition) -> Result<bool, StoreError> {
        let request = self
            .store
            .client()
            .update_item()
            .table_name(&self.name)
            .set_key(Some(key.into_item()))
            .update_expression(format!("REMOVE {attribute}"))
            .condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = settle(self.store.meter(), self.store.deadline(), fault, async || request.clone().send().await).await;
        self.store.meter().write(answer.iter().flat_map(|output| &output.consumed_capacity));
        met(answer)
    }

    /// A put as part of a transaction.
    pub(crate) fn put(&self, item: Item, condition: Option<Condition>) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(item))
            .set_condition_expression(condition.as_ref().map(|condition| condition.expression.to_owned()))
            .set_expression_attribute_values(condition.and_then(Condition::values));
        Ok(TransactWriteItem::builder().put(put.build().map_err(refused)?).build())
    }

    /// Taking an attribute away as part of a transaction.
    pub(crate) fn remove(&self, key: Key, attribute: &str, condition: Condition) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(key.into_item()))
            .update_expression(format!("REMOVE {attribute}"))
            .condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values());
        Ok(TransactWriteItem::builder().update(update.build().map_err(refused)?).build())
    }

    /// A delete as part of a transaction.
    pub(crate) fn delete(&self, key: Key) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder().table_name(&self.name).set_key(Some(key.into_item()));
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(refused)?).build())
    }

    /// Makes all writes or, if one of the conditions is not met, none; says which it was.
    pub(crate) async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<bool, StoreError> {
        let request = self
            .store
            .client()
            .transact_write_items()
            .set_transact_items(Some(writes))
            .client_request_token(Uuid::now_v7().to_string())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let classify = |error: &SdkError<TransactWriteItemsError>| if was_outrun(error) { Fault::Contended } else { fault(error) };
        let answer = settle(self.store.meter(), self.store.deadline(), classify, async || request.clone().send().await).await;
        self.store.meter().write(answer.iter().flat_map(|output| output.consumed_capacity()));
        match answer {
            Err(failed) if reasons(&failed.error).contains(&"ConditionalCheckFailed") => Ok(false),
            Err(failed) => Err(failed.into_store_error()),
            Ok(_) => Ok(true),
        }
    }
}

/// Whether the condition of a write was met.
fn met<T, E>(answer: Result<T, Failed<E>>) -> Result<bool, StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match answer {
        Err(failed) if failed.error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(failed) => Err(failed.into_store_error()),
        Ok(_) => Ok(true),
    }
}

/// Whether a transaction was cancelled only because others were at work on its items, or for want of capacity.
fn was_outrun(error: &SdkError<TransactWriteItemsError>) -> bool {
    let passing = ["None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    let reasons = reasons(error);
    !reasons.is_empty() && reasons.iter().all(|reason| passing.contains(reason))
}

/// Why each item of a cancelled transaction was not written.
fn reasons(error: &SdkError<TransactWriteItemsError>) -> Vec<&str> {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect()
        }
        _ => Vec::new(),
    }
}

/// Turns a value into an item.
pub(crate) fn to_item<T: Serialize>(value: T) -> Result<Item, StoreError> {
    serde_dynamo::to_item(value).map_err(refused)
}

/// Reads an item that this crate wrote.
pub(crate) fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(refused)
}

/// An item of ours that is not what we write, or a request that is not complete: a defect, or somebody's hand.
fn refused(error: impl std::error::Error) -> StoreError {
    StoreError::Refused(error.to_string())
}
