//! What must see every item of some partitions: scans and deletes of many at once.

use aws_sdk_dynamodb::types::{
    AttributeValue, DeleteRequest, ReturnConsumedCapacity, WriteRequest,
};

use super::{Table, refused};
use crate::connection::{Backoff, Failed, fault};
use crate::{Item, StoreError};

/// `BatchWriteItem` takes at most so many items.
const MOST_WRITES: usize = 25;

/// A part of a table, for a scan. All of them together have every partition once.
///
/// ```
/// use headwater_dynamodb::Segment;
///
/// // Each can be scanned by a task of its own.
/// assert_eq!(Segment::all(4).count(), 4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub(crate) index: u32,
    pub(crate) of: u32,
}

impl Segment {
    /// The segments of a table that is divided into `count` of them; of 0, none.
    pub fn all(count: u32) -> impl Iterator<Item = Self> {
        (0..count).map(move |index| Self { index, of: count })
    }
}

/// Which items of a table are wanted. What is left out is read and billed all the same.
#[derive(Clone, Copy)]
pub(crate) struct Filter<'a> {
    /// Only partitions that begin so; all if it is empty.
    pub(crate) prefix: &'a str,
    /// Only items with this sort key.
    pub(crate) sk: Option<&'a str>,
    /// Only these attributes of them; all if there is none.
    pub(crate) attributes: &'a [&'a str],
}

impl Table {
    /// One page of a segment of the table, read strongly: what was found, and where the next page
    /// begins if there may be more.
    pub(crate) async fn scan(
        &self,
        wanted: Filter<'_>,
        segment: Segment,
        start: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let mut filters = Vec::new();
        let mut request = self
            .connection
            .client()
            .scan()
            .table_name(&self.name)
            .segment(i32::try_from(segment.index).unwrap_or(i32::MAX))
            .total_segments(i32::try_from(segment.of).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        if !wanted.prefix.is_empty() {
            filters.push("begins_with(pk, :prefix)");
            let prefix = AttributeValue::S(wanted.prefix.to_owned());
            request = request.expression_attribute_values(":prefix", prefix);
        }
        if let Some(sk) = wanted.sk {
            filters.push("sk = :sk");
            request = request.expression_attribute_values(":sk", AttributeValue::S(sk.to_owned()));
        }
        if !wanted.attributes.is_empty() {
            request = request.projection_expression(wanted.attributes.join(", "));
        }
        if !filters.is_empty() {
            request = request.filter_expression(filters.join(" AND "));
        }
        let answer = self.connection.settle(fault, async || request.clone().send().await).await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.connection.meter().read(&output.consumed_capacity);
        Ok((output.items.unwrap_or_default(), output.last_evaluated_key))
    }

    /// Deletes the items with these keys, whatever is in them. Keys must not repeat. What comes
    /// first is gone before what comes more than 24 places later.
    pub(crate) async fn delete_many(
        &self,
        keys: impl IntoIterator<Item = Item>,
    ) -> Result<(), StoreError> {
        let delete = |key: Item| {
            let delete = DeleteRequest::builder().set_key(Some(key)).build().map_err(refused)?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        };
        let writes = keys.into_iter().map(delete).collect::<Result<Vec<_>, StoreError>>()?;
        for chunk in writes.chunks(MOST_WRITES) {
            self.write_chunk(chunk.to_vec()).await?;
        }
        Ok(())
    }

    /// `BatchWriteItem`, and again for the items that an answer left out.
    async fn write_chunk(&self, mut left: Vec<WriteRequest>) -> Result<(), StoreError> {
        let mut backoff = Backoff::until(self.connection.deadline());
        loop {
            let request = self
                .connection
                .client()
                .batch_write_item()
                .request_items(&self.name, left)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let answer = self.connection.settle(fault, async || request.clone().send().await).await;
            let output = answer.map_err(Failed::into_store_error)?;
            self.connection.meter().write(output.consumed_capacity());
            left = output
                .unprocessed_items
                .into_iter()
                .flatten()
                .flat_map(|(_, writes)| writes)
                .collect();
            if left.is_empty() {
                return Ok(());
            }
            if !backoff.wait().await {
                return Err(StoreError::Unavailable(
                    "BatchWriteItem left items out until the deadline".to_owned(),
                ));
            }
        }
    }
}
