//! A table keyed by `pk` and `sk`, and the few calls that views and feed make on such a one.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put};
use futures::future::try_join_all;

use crate::StoreError;
use crate::retry::retrying;

/// An item as the SDK gives it.
pub(crate) type Item = HashMap<String, AttributeValue>;

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
    fn into_item(self) -> Item {
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
    /// From the first to the last, or backwards.
    pub(crate) forward: bool,
    /// Whether items with an attribute `x` count: those of the dead.
    pub(crate) tombstones: bool,
}

/// What a query found.
pub(crate) struct Found {
    /// The items, in order.
    pub(crate) items: Vec<Item>,
    /// How far the query got, if it stopped before the end.
    pub(crate) stopped_at: Option<String>,
}

/// The views table or the feed table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    client: Client,
    name: String,
}

impl Table {
    pub(crate) fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }

    /// Reads one item.
    pub(crate) async fn get(&self, key: Key, consistency: Consistency) -> Result<Option<Item>, StoreError> {
        let call = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key.into_item()))
            .consistent_read(consistency == Consistency::Strong);
        Ok(retrying(|| call.clone().send()).await?.item)
    }

    /// Reads many items, in no particular order. Keys must not repeat.
    pub(crate) async fn get_many(&self, keys: Vec<Key>, consistency: Consistency) -> Result<Vec<Item>, StoreError> {
        let chunks = keys.chunks(MOST_KEYS).map(|chunk| self.get_chunk(chunk.to_vec(), consistency));
        Ok(try_join_all(chunks).await?.into_iter().flatten().collect())
    }

    /// `BatchGetItem`, repeated for the keys that an answer left out.
    async fn get_chunk(&self, keys: Vec<Key>, consistency: Consistency) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::with_capacity(keys.len());
        let mut left: Vec<Item> = keys.into_iter().map(Key::into_item).collect();
        for attempt in 0..ATTEMPTS {
            backoff(attempt).await;
            let keys = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(consistency == Consistency::Strong);
            let call = self.client.batch_get_item().request_items(&self.name, keys.build()?);
            let answer = retrying(|| call.clone().send()).await?;
            items.extend(answer.responses.into_iter().flatten().flat_map(|(_, items)| items));
            left = answer.unprocessed_keys.into_iter().flatten().flat_map(|(_, keys)| keys.keys).collect();
            if left.is_empty() {
                return Ok(items);
            }
        }
        Err(StoreError::Unavailable("BatchGetItem left keys out again and again".to_owned()))
    }

    /// Reads a part of a partition: one call.
    pub(crate) async fn query(&self, range: Range<'_>, consistency: Consistency) -> Result<Found, StoreError> {
        let start = range.after.map(|sk| Key { pk: range.pk.clone(), sk: sk.to_owned() }.into_item());
        let mut call = self
            .client
            .query()
            .table_name(&self.name)
            .expression_attribute_values(":pk", AttributeValue::S(range.pk))
            .set_exclusive_start_key(start)
            .limit(i32::try_from(range.limit).unwrap_or(i32::MAX))
            .scan_index_forward(range.forward)
            .consistent_read(consistency == Consistency::Strong);
        call = if range.prefix.is_empty() {
            call.key_condition_expression("pk = :pk")
        } else {
            call.key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":prefix", AttributeValue::S(range.prefix.to_owned()))
        };
        if !range.tombstones {
            call = call.filter_expression("attribute_not_exists(x)");
        }
        let answer = retrying(|| call.clone().send()).await?;
        let stopped_at = answer.last_evaluated_key.and_then(|mut key| key.remove("sk")).and_then(|sk| sk.as_s().ok().cloned());
        Ok(Found { items: answer.items.unwrap_or_default(), stopped_at })
    }

    /// Writes an item if the stored one meets the condition, and says whether it did.
    pub(crate) async fn put_if(&self, item: Item, condition: Condition) -> Result<bool, StoreError> {
        let call = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values());
        met(retrying(|| call.clone().send()).await)
    }

    /// Takes an attribute away if the stored item meets the condition, and says whether it did.
    pub(crate) async fn remove_if(&self, key: Key, attribute: &str, condition: Condition) -> Result<bool, StoreError> {
        let call = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(key.into_item()))
            .update_expression(format!("REMOVE {attribute}"))
            .condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values());
        met(retrying(|| call.clone().send()).await)
    }

    /// Makes all writes or, if one of the conditions is not met, none; says which it was.
    pub(crate) async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<bool, StoreError> {
        let call = self.client.transact_write_items().set_transact_items(Some(writes));
        met(retrying(|| call.clone().send()).await)
    }
}
