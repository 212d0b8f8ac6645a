//! Index rows: where a thing stands in a list. A row of an index is only a hint; what counts is what the primary row says.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use headwater::{IndexKey, Row, StreamName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::rows::Rows;
use crate::StoreError;
use crate::table::{Condition, Consistency, Found, Order, Range, from_item, to_item};

/// How long a tombstone stays: far longer than any invocation lives that may still put a row of a lower version.
const TOMBSTONE_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The item, under the short names that are billed.
#[derive(Serialize, Deserialize)]
pub(crate) struct IndexItem {
    pub(crate) pk: String,
    pub(crate) sk: String,
    #[serde(rename = "s")]
    pub(crate) stream: StreamName,
    #[serde(rename = "v")]
    pub(crate) version: u64,
    #[serde(rename = "r")]
    revision: u32,
    /// Whether it is a tombstone.
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) gone: bool,
    /// Seconds since the epoch, as DynamoDB wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
}

/// An index row that a query found: this stream may have something at this place.
#[derive(Debug, PartialEq)]
pub(crate) struct Hint {
    /// Whose row it is.
    pub(crate) stream: StreamName,
    /// The version of the primary row with which it was written.
    pub(crate) version: u64,
}

/// Part of an index, in order.
#[derive(Debug)]
pub(crate) struct Hints {
    /// What was found.
    pub(crate) hints: Vec<Hint>,
    /// The last place that was looked at, unless the index ended.
    pub(crate) stopped_at: Option<String>,
}

impl Rows {
    /// Puts the stream of a row into an index, unless the index knows a later row already.
    pub(crate) async fn put_into_index(&self, stream: &StreamName, key: &IndexKey, row: &Row) -> Result<(), StoreError> {
        self.write_index_row(stream, key, row, None).await
    }

    /// Leaves a tombstone in an index, unless the index knows a later row already.
    pub(crate) async fn bury_in_index(&self, stream: &StreamName, key: &IndexKey, row: &Row) -> Result<(), StoreError> {
        let ttl = (Timestamp::now() + TOMBSTONE_LIFE).as_second();
        self.write_index_row(stream, key, row, Some(ttl)).await
    }

    async fn write_index_row(&self, stream: &StreamName, key: &IndexKey, row: &Row, ttl: Option<i64>) -> Result<(), StoreError> {
        let item = to_item(IndexItem {
            pk: self.generation.index(stream.tenant(), stream.domain(), &key.index),
            sk: key.sort.clone(),
            stream: stream.clone(),
            version: row.version,
            revision: row.revision,
            gone: ttl.is_some(),
            ttl,
        })?;
        let number = |number: u64| AttributeValue::N(number.to_string());
        let older = Condition {
            // At one version the higher revision is the later one: see `Upkeep::bring_up_part`.
            expression: "attribute_not_exists(pk) OR v < :v OR (v = :v AND r < :r)",
            values: vec![(":v", number(row.version)), (":r", number(row.revision.into()))],
        };
        // A condition that is not met is as good: then the index row tells of a later row.
        self.table.put_if(item, older).await?;
        Ok(())
    }

    /// Reads the index rows after a place, at most `limit`, leaving tombstones out.
    pub(crate) async fn hints(&self, range: IndexRange<'_>, limit: usize, consistency: Consistency) -> Result<Hints, StoreError> {
        let range = Range {
            pk: self.generation.index(range.tenant, range.domain, range.index),
            prefix: range.prefix,
            after: range.after,
            limit,
            order: Order::Forwards,
        };
        let Found { items, stopped_at } = self.table.query(range, consistency).await?;
        let rows: Vec<IndexItem> = items.into_iter().map(from_item).collect::<Result<_, _>>()?;
        let live = rows.into_iter().filter(|row| !row.gone);
        Ok(Hints { hints: live.map(|row| Hint { stream: row.stream, version: row.version }).collect(), stopped_at })
    }
}

/// The part of an index that is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexRange<'a> {
    /// Whose data.
    pub(crate) tenant: &'a str,
    /// Of which service.
    pub(crate) domain: &'a str,
    /// Which index, as `members/7`.
    pub(crate) index: &'a str,
    /// Only sort keys that begin so; all if empty.
    pub(crate) prefix: &'a str,
    /// Only sort keys beyond this one.
    pub(crate) after: Option<&'a str>,
}
