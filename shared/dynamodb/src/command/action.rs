//! The actions of one append: what is written, or must hold, all or nothing.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure::AllOld,
    TransactWriteItem,
};
use headwater::StreamName;

use super::idempotency::Record;
use crate::size::item_size;
use crate::{Item, StoreConfig, StoreError};

/// Something that is written, or must hold, together with the rest.
pub(crate) enum Action {
    /// A commit, where there is none yet.
    Commit {
        /// Its stream.
        stream: StreamName,
        /// It, as an item.
        item: Item,
    },
    /// A stream that must still be at this version.
    Unmoved {
        /// The stream that must not have moved.
        stream: StreamName,
        /// The number of its last event.
        version: u64,
    },
    /// The answer to a request with an Idempotency-Key, where there is none yet.
    Record(Record),
}

impl Action {
    /// How much of the transaction's 4 MB it takes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Commit { item, .. } => item_size(item),
            Self::Unmoved { .. } => 0,
            Self::Record(record) => item_size(&record.item),
        }
    }

    /// It, as an action of a transaction.
    pub(crate) fn write(&self, config: &StoreConfig) -> Result<TransactWriteItem, StoreError> {
        let built = match self {
            Self::Commit { item, .. } => commit(config, item),
            Self::Unmoved { stream, version } => unmoved(config, stream, *version),
            Self::Record(record) => record.write(config.idempotency_table()?),
        };
        built.map_err(|incomplete| StoreError::Refused(incomplete.to_string()))
    }
}

fn commit(config: &StoreConfig, item: &Item) -> Result<TransactWriteItem, BuildError> {
    let put = Put::builder()
        .table_name(&config.events_table)
        .set_item(Some(item.clone()))
        .condition_expression("attribute_not_exists(#stream)")
        .expression_attribute_names("#stream", "stream")
        .return_values_on_condition_check_failure(AllOld);
    Ok(TransactWriteItem::builder().put(put.build()?).build())
}

fn unmoved(
    config: &StoreConfig,
    stream: &StreamName,
    version: u64,
) -> Result<TransactWriteItem, BuildError> {
    let check = ConditionCheck::builder()
        .table_name(&config.events_table)
        .key("stream", AttributeValue::S(stream.to_string()))
        .key("seq", AttributeValue::N((version + 1).to_string()))
        .condition_expression("attribute_not_exists(#stream)")
        .expression_attribute_names("#stream", "stream");
    Ok(TransactWriteItem::builder().condition_check(check.build()?).build())
}
