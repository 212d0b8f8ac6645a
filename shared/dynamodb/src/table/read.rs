use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::types::{
    AttributeValue, Get, KeysAndAttributes, ReturnConsumedCapacity, TransactGetItem,
};
use futures::future::try_join_all;

use super::{Key, Table, refused};
use crate::connection::{Backoff, Failed, fault, transaction_fault};
use crate::{Item, StoreError};

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

impl Table {
    /// Reads one item.
    pub(crate) async fn get(
        &self,
        key: Key,
        consistency: Consistency,
    ) -> Result<Option<Item>, StoreError> {
        let request = self
            .connection
            .client()
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key.into_item()))
            .consistent_read(consistency == Consistency::Strong)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = self.connection.settle(fault, async || request.clone().send().await).await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.connection.meter().read(&output.consumed_capacity);
        Ok(output.item)
    }

    /// Reads some items as they were at one moment, in the order of their keys. It costs twice as
    /// much as reading each strongly.
    pub(crate) async fn get_together(
        &self,
        keys: Vec<Key>,
    ) -> Result<Vec<Option<Item>>, StoreError> {
        let gets = keys.into_iter().map(|key| {
            let get = Get::builder()
                .table_name(&self.name)
                .set_key(Some(key.into_item()))
                .build()
                .map_err(refused)?;
            Ok(TransactGetItem::builder().get(get).build())
        });
        let request = self
            .connection
            .client()
            .transact_get_items()
            .set_transact_items(Some(gets.collect::<Result<_, StoreError>>()?))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer =
            self.connection.settle(transaction_fault, async || request.clone().send().await).await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.connection.meter().read(output.consumed_capacity());
        Ok(output.responses.into_iter().flatten().map(|response| response.item).collect())
    }

    /// Reads many items, in no particular order. Keys must not repeat.
    pub(crate) async fn get_many(
        &self,
        keys: &[Item],
        consistency: Consistency,
    ) -> Result<Vec<Item>, StoreError> {
        let chunks = keys.chunks(MOST_KEYS).map(|chunk| self.get_chunk(chunk, consistency));
        Ok(try_join_all(chunks).await?.into_iter().flatten().collect())
    }

    /// `BatchGetItem`, and again for the keys that an answer left out.
    async fn get_chunk(
        &self,
        keys: &[Item],
        consistency: Consistency,
    ) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::with_capacity(keys.len());
        let mut left = keys.to_vec();
        let mut backoff = Backoff::until(self.connection.deadline());
        loop {
            let output = self.batch_get(left, consistency).await?;
            items.extend(output.responses.into_iter().flatten().flat_map(|(_, items)| items));
            left = output
                .unprocessed_keys
                .into_iter()
                .flatten()
                .flat_map(|(_, keys)| keys.keys)
                .collect();
            if left.is_empty() {
                return Ok(items);
            }
            if !backoff.wait().await {
                return Err(StoreError::Unavailable(
                    "BatchGetItem left keys out until the deadline".to_owned(),
                ));
            }
        }
    }

    async fn batch_get(
        &self,
        keys: Vec<Item>,
        consistency: Consistency,
    ) -> Result<BatchGetItemOutput, StoreError> {
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(consistency == Consistency::Strong);
        let request = self
            .connection
            .client()
            .batch_get_item()
            .request_items(&self.name, keys.build().map_err(refused)?)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = self.connection.settle(fault, async || request.clone().send().await).await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.connection.meter().read(output.consumed_capacity());
        Ok(output)
    }

    /// Reads a part of a partition up to its end, or to as many items as are wanted: one call for
    /// each MB.
    pub(crate) async fn query_all(
        &self,
        range: Range<'_>,
        consistency: Consistency,
    ) -> Result<Vec<Item>, StoreError> {
        let (mut items, mut after) = (Vec::new(), range.after.map(str::to_owned));
        while items.len() < range.limit {
            let rest = Range {
                pk: range.pk.clone(),
                after: after.as_deref(),
                limit: range.limit - items.len(),
                ..range
            };
            let found = self.query(rest, consistency).await?;
            items.extend(found.items);
            after = found.stopped_at;
            if after.is_none() {
                break;
            }
        }
        Ok(items)
    }

    /// Reads a part of a partition: one call, which brings 1 MB at the most.
    pub(crate) async fn query(
        &self,
        range: Range<'_>,
        consistency: Consistency,
    ) -> Result<Found, StoreError> {
        let start =
            range.after.map(|sk| Key { pk: range.pk.clone(), sk: sk.to_owned() }.into_item());
        let mut request = self
            .connection
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
            request
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":prefix", prefix)
        };
        let answer = self.connection.settle(fault, async || request.clone().send().await).await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.connection.meter().read(&output.consumed_capacity);
        let stopped_at = output
            .last_evaluated_key
            .and_then(|mut key| key.remove("sk"))
            .and_then(|sk| sk.as_s().ok().cloned());
        Ok(Found { items: output.items.unwrap_or_default(), stopped_at })
    }
}
