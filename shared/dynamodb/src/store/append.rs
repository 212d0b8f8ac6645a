//! One commit, put where none is yet.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};

use crate::connection::{Failed, fault};
use crate::{EventStore, Item};

impl EventStore {
    /// Puts a commit's item where there is none yet, or gives the one that is there.
    pub(crate) async fn put_if_free(
        &self,
        item: &Item,
    ) -> Result<Option<Item>, Failed<PutItemError>> {
        let connection = self.connection();
        let request = connection
            .client()
            .put_item()
            .table_name(&self.config().events_table)
            .condition_expression("attribute_not_exists(#stream)")
            .expression_attribute_names("#stream", "stream")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        // The item is most of the request: it is copied once for each attempt.
        let send = || request.clone().set_item(Some(item.clone())).send();
        match connection.settle(fault, send).await {
            Ok(output) => {
                connection.meter().write(&output.consumed_capacity);
                Ok(None)
            }
            Err(failed) => winner(&failed.error).map(Some).ok_or(failed),
        }
    }
}

/// The item that made the condition of a put fail.
fn winner(error: &SdkError<PutItemError>) -> Option<Item> {
    match error.as_service_error()? {
        PutItemError::ConditionalCheckFailedException(failed) => failed.item.clone(),
        _ => None,
    }
}
