use std::collections::HashMap;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, Put, ReturnConsumedCapacity, TransactWriteItem, Update,
};
use headwater::Amounts;
use uuid::Uuid;

use super::{Key, Table, refused};
use crate::connection::{
    Cancelled, Failed, Fault, fault, is_conflict, is_unmet, transaction_fault,
};
use crate::{Item, StoreError};

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
        let values: HashMap<_, _> =
            self.values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        (!values.is_empty()).then_some(values)
    }
}

impl Table {
    /// Writes an item if the stored one meets the condition, and says whether it did.
    ///
    /// A write whose reply was lost is repeated, and then its condition may fail on what it has
    /// written itself. So after a lost reply an item that is the same in every attribute is taken
    /// for this very write. An item that must be told from another writer's names its writer: a
    /// lease has an id of its own.
    pub(crate) async fn put_if(
        &self,
        item: Item,
        condition: Condition,
    ) -> Result<bool, StoreError> {
        let request = self
            .connection
            .client()
            .put_item()
            .table_name(&self.name)
            .condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values())
            .return_values_on_condition_check_failure(AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        // The item is most of the request: it is copied once for each attempt.
        let send = async || request.clone().set_item(Some(item.clone())).send().await;
        let answer = self.connection.settle(fault, send).await;
        self.connection.meter().write(answer.iter().flat_map(|output| &output.consumed_capacity));
        match answer {
            Ok(_) => Ok(true),
            Err(failed) => match failed.error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(found)) => {
                    Ok(failed.uncertain && found.item.as_ref() == Some(&item))
                }
                _ => Err(failed.into_store_error()),
            },
        }
    }

    /// Writes an item, whatever is there.
    pub(crate) async fn write(&self, item: Item) -> Result<(), StoreError> {
        let request = self
            .connection
            .client()
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = self.connection.settle(fault, async || request.clone().send().await).await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.connection.meter().write(&output.consumed_capacity);
        Ok(())
    }

    /// Deletes the item with this key, which need not be there.
    pub(crate) async fn delete_now(&self, key: Item) -> Result<(), StoreError> {
        let request = self
            .connection
            .client()
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(key))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = self.connection.settle(fault, async || request.clone().send().await).await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.connection.meter().write(&output.consumed_capacity);
        Ok(())
    }

    /// Deletes an item if it is there and meets the condition. Where it does not, that is as good:
    /// there is nothing any more that the caller wants deleted.
    pub(crate) async fn delete_if(&self, key: Key, condition: Condition) -> Result<(), StoreError> {
        let request = self
            .connection
            .client()
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(key.into_item()))
            .condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = self.connection.settle(fault, async || request.clone().send().await).await;
        self.connection.meter().write(answer.iter().flat_map(|output| &output.consumed_capacity));
        match answer {
            Err(failed) if failed.error.code() != Some("ConditionalCheckFailedException") => {
                Err(failed.into_store_error())
            }
            _ => Ok(()),
        }
    }

    /// Takes an attribute away if the stored item meets the condition. Where it does not, somebody
    /// else has seen to it: this call's own first attempt, if its reply was lost, or another
    /// writer.
    pub(crate) async fn remove_if(
        &self,
        key: Key,
        attribute: &str,
        condition: Condition,
    ) -> Result<(), StoreError> {
        let request = self
            .connection
            .client()
            .update_item()
            .table_name(&self.name)
            .set_key(Some(key.into_item()))
            .update_expression(format!("REMOVE {attribute}"))
            .condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = self.connection.settle(fault, async || request.clone().send().await).await;
        self.connection.meter().write(answer.iter().flat_map(|output| &output.consumed_capacity));
        match answer {
            Err(failed) if failed.error.code() != Some("ConditionalCheckFailedException") => {
                Err(failed.into_store_error())
            }
            _ => Ok(()),
        }
    }

    /// A put as part of a transaction.
    pub(crate) fn put(
        &self,
        item: Item,
        condition: Option<Condition>,
    ) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(item))
            .set_condition_expression(
                condition.as_ref().map(|condition| condition.expression.to_owned()),
            )
            .set_expression_attribute_values(condition.and_then(Condition::values));
        Ok(TransactWriteItem::builder().put(put.build().map_err(refused)?).build())
    }

    /// Taking an attribute away as part of a transaction.
    pub(crate) fn remove(
        &self,
        key: Key,
        attribute: &str,
        condition: Condition,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(key.into_item()))
            .update_expression(format!("REMOVE {attribute}"))
            .condition_expression(condition.expression)
            .set_expression_attribute_values(condition.values());
        Ok(TransactWriteItem::builder().update(update.build().map_err(refused)?).build())
    }

    /// Adding to numbers as part of a transaction; one that is not there yet is 0.
    pub(crate) fn add(&self, key: Key, amounts: &Amounts) -> Result<TransactWriteItem, StoreError> {
        let mut update = Update::builder().table_name(&self.name).set_key(Some(key.into_item()));
        let mut terms = Vec::new();
        for (place, (name, amount)) in amounts.iter().enumerate() {
            terms.push(format!("#{place} :{place}"));
            update = update.expression_attribute_names(format!("#{place}"), name);
            update = update.expression_attribute_values(
                format!(":{place}"),
                AttributeValue::N(amount.to_string()),
            );
        }
        let update = update.update_expression(format!("ADD {}", terms.join(", ")));
        Ok(TransactWriteItem::builder().update(update.build().map_err(refused)?).build())
    }

    /// A delete as part of a transaction.
    pub(crate) fn delete(&self, key: Key) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder().table_name(&self.name).set_key(Some(key.into_item()));
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(refused)?).build())
    }

    /// Makes all writes or, if one of the conditions is not met, none; says which it was. Its token
    /// makes DynamoDB know a repetition again, so that this call's own first attempt is never taken
    /// for another's.
    pub(crate) async fn transact(
        &self,
        writes: Vec<TransactWriteItem>,
    ) -> Result<bool, StoreError> {
        let request = self
            .connection
            .client()
            .transact_write_items()
            .set_transact_items(Some(writes))
            .client_request_token(Uuid::now_v7().to_string())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        // That a condition does not hold counts once nobody is at work on the other items: what is
        // read next is then all of what another wrote.
        let classify = |error: &SdkError<TransactWriteItemsError>| match error.reasons() {
            reasons if is_unmet(reasons) && reasons.iter().any(is_conflict) => Fault::Contended,
            _ => transaction_fault(error),
        };
        let answer = self.connection.settle(classify, async || request.clone().send().await).await;
        self.connection.meter().write(answer.iter().flat_map(|output| output.consumed_capacity()));
        match answer {
            Err(failed) if failed.fault == Fault::Refused && is_unmet(failed.error.reasons()) => {
                Ok(false)
            }
            Err(failed) => Err(failed.into_store_error()),
            Ok(_) => Ok(true),
        }
    }
}
