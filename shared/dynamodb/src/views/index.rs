//! Index rows: the place of a thing in a list. A row of an index is only a hint; what counts is
//! what the primary row says.

use aws_sdk_dynamodb::types::AttributeValue;
use headwater::{IndexKey, Row, StreamName};
use serde::{Deserialize, Serialize};

use super::rows::Rows;
use crate::StoreError;
use crate::table::{Condition, Consistency, Found, Key, Order, Range, from_item, to_item};

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
    pub(crate) revision: u32,
    /// Whether it is a tombstone. Builds before this one left them for a week; none is written any
    /// more.
    #[serde(rename = "x", default, skip_serializing)]
    pub(crate) gone: bool,
}

/// An index row that a query found: this stream may have something at this place.
#[derive(Debug, PartialEq)]
pub(crate) struct Hint {
    /// The place.
    pub(crate) place: String,
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
    pub(crate) async fn put_into_index(
        &self,
        stream: &StreamName,
        key: &IndexKey,
        row: &Row,
    ) -> Result<(), StoreError> {
        let Key { pk, sk } = self.index_key(stream, key);
        let (version, revision) = (row.version, row.revision);
        let item =
            to_item(IndexItem { pk, sk, stream: stream.clone(), version, revision, gone: false })?;
        let Condition { values, .. } = older_than(row);
        let absent_or_older = Condition {
            expression: "attribute_not_exists(pk) OR v < :v OR (v = :v AND r < :r)",
            values,
        };
        // A condition that is not met is as good: then the index row tells of a later row.
        self.table.put_if(item, absent_or_older).await?;
        Ok(())
    }

    /// Takes the stream of a row, which does not stand there, out of an index, unless the index
    /// knows a later row.
    pub(crate) async fn remove_from_index(
        &self,
        stream: &StreamName,
        key: &IndexKey,
        row: &Row,
    ) -> Result<(), StoreError> {
        self.table.delete_if(self.index_key(stream, key), older_than(row)).await
    }

    fn index_key(&self, stream: &StreamName, key: &IndexKey) -> Key {
        Key {
            pk: self.generation.index(stream.tenant(), stream.domain(), &key.index),
            sk: key.sort.clone(),
        }
    }

    /// Reads the index rows after a place, at most `limit`, leaving tombstones out.
    pub(crate) async fn hints(
        &self,
        range: IndexRange<'_>,
        limit: usize,
        consistency: Consistency,
    ) -> Result<Hints, StoreError> {
        let range = Range {
            pk: self.generation.index(range.tenant, range.domain, range.index),
            prefix: range.prefix,
            after: range.after,
            limit,
            order: Order::Forwards,
        };
        let Found { items, stopped_at } = self.table.query(range, consistency).await?;
        let rows: Vec<IndexItem> = items.into_iter().map(from_item).collect::<Result<_, _>>()?;
        let hint = |IndexItem { sk, stream, version, .. }| Hint { place: sk, stream, version };
        Ok(Hints {
            hints: rows.into_iter().filter(|row| !row.gone).map(hint).collect(),
            stopped_at,
        })
    }
}

/// The index row was written with an earlier row than this one. At one version the higher revision
/// is the later one: see `Upkeep::bring_up_part`.
fn older_than(row: &Row) -> Condition {
    let number = |number: u64| AttributeValue::N(number.to_string());
    Condition {
        expression: "v < :v OR (v = :v AND r < :r)",
        values: vec![(":v", number(row.version)), (":r", number(row.revision.into()))],
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
