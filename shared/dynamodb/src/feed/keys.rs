//! Reading where a stream's commits lie, without their events: what cannot be folded is fed all the
//! same.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use headwater::StreamName;
use serde::Deserialize;

use super::append::CommitKey;
use crate::connection::{Failed, fault};
use crate::store::is_run;
use crate::table::from_item;
use crate::{EventStore, Item, StoreError};

#[derive(Deserialize)]
struct KeyItem {
    seq: u64,
    n: u64,
}

impl EventStore {
    /// Where the commits after a version lie, in order.
    pub(super) async fn commit_keys_after(
        &self,
        stream: &StreamName,
        version: u64,
    ) -> Result<Vec<CommitKey>, StoreError> {
        let mut keys = Vec::new();
        let mut start = None;
        loop {
            let (items, next) = self.commit_keys_page(stream, version, start).await?;
            for item in items {
                let KeyItem { seq: first, n: count } = from_item(item)?;
                if !is_run(first, count) {
                    return Err(StoreError::Refused(format!(
                        "the commit {stream}@{first} says that it has {count} events"
                    )));
                }
                keys.push(CommitKey { first, count });
            }
            start = next;
            if start.is_none() {
                return Ok(keys);
            }
        }
    }

    async fn commit_keys_page(
        &self,
        stream: &StreamName,
        version: u64,
        start: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let request = self
            .connection()
            .client()
            .query()
            .table_name(&self.config().events_table)
            .key_condition_expression("#stream = :stream AND #seq > :version")
            .projection_expression("#seq, #n")
            .expression_attribute_names("#stream", "stream")
            .expression_attribute_names("#seq", "seq")
            .expression_attribute_names("#n", "n")
            .expression_attribute_values(":stream", AttributeValue::S(stream.to_string()))
            .expression_attribute_values(":version", AttributeValue::N(version.to_string()))
            .set_exclusive_start_key(start)
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = self.connection().settle(fault, async || request.clone().send().await).await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.connection().meter().read(&output.consumed_capacity);
        Ok((output.items.unwrap_or_default(), output.last_evaluated_key))
    }
}
