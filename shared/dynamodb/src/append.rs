//! One append: a put or, where more must be written or hold with it, a transaction; settled before anything else is decided.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use headwater::{Commit, StreamName};
use uuid::Uuid;

use crate::part::Part;
use crate::retry::{Failed, Fault, fault, settle};
use crate::{EventStore, ExecuteError, Item, StoreError, commit_from_item, size};

/// What is to be written, all or nothing.
pub(crate) struct Append {
    /// By which all commits in it are known again.
    pub(crate) commit_id: Uuid,
    /// The stream of the command's own commit.
    pub(crate) stream: StreamName,
    /// The number of that commit's first event.
    pub(crate) first: u64,
    /// The command's own commit, and then whatever goes with it.
    pub(crate) parts: Vec<Part>,
}

/// What became of an append.
pub(crate) enum Appended {
    /// It is written.
    Done,
    /// Others were faster; nothing is written.
    Conflict(Box<Conflict>),
    /// A request with the same Idempotency-Key was answered before; nothing is written. This is its record.
    Answered(Item),
}

/// How others were faster.
#[derive(Default)]
pub(crate) struct Conflict {
    /// The commit that stands where the command's was to be.
    pub(crate) winner: Option<Commit>,
    /// The streams that have moved.
    pub(crate) moved: Vec<StreamName>,
}

impl EventStore {
    /// Appends, and knows in the end whether it has.
    ///
    /// # Errors
    /// [`ExecuteError::TooLarge`] before anything is sent, [`ExecuteError::OutcomeUnknown`] if it could not be settled by the deadline,
    /// [`ExecuteError::Contention`] and [`ExecuteError::Store`] if nothing is written.
    pub(crate) async fn append(&self, append: &Append) -> Result<Appended, ExecuteError> {
        let sizes: Vec<usize> = append.parts.iter().map(Part::size).collect();
        size::check(&sizes).map_err(ExecuteError::TooLarge)?;
        match append.parts.as_slice() {
            [Part::Commit { item, .. }] => self.put(append, item).await,
            _ => self.transact(append).await,
        }
    }

    async fn put(&self, append: &Append, item: &Item) -> Result<Appended, ExecuteError> {
        let Some(winner) = self.put_if_free(item).await? else { return Ok(Appended::Done) };
        let winner = commit_from_item(winner).map_err(StoreError::from)?;
        if winner.metadata.commit_id == append.commit_id {
            return Ok(Appended::Done);
        }
        Ok(Appended::Conflict(Box::new(Conflict { moved: vec![append.stream.clone()], winner: Some(winner) })))
    }

    /// Puts a commit's item where there is none yet, or gives the one that is there.
    pub(crate) async fn put_if_free(&self, item: &Item) -> Result<Option<Item>, Failed<PutItemError>> {
        let request = self
            .client()
            .put_item()
            .table_name(&self.config().events_table)
            .condition_expression("attribute_not_exists(#stream)")
            .expression_attribute_names("#stream", "stream")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        // The item is most of the request: it is copied once for each attempt.
        let answer = settle(self.meter(), self.deadline(), fault, || request.clone().set_item(Some(item.clone())).send()).await;
        match answer {
            Ok(output) => {
                self.meter().write(&output.consumed_capacity);
                Ok(None)
            }
            Err(failed) => winner(&failed.error).map(Some).ok_or(failed),
        }
    }

    async fn transact(&self, append: &Append) -> Result<Appended, ExecuteError> {
        let writes = append.parts.iter().map(|part| part.write(self.config())).collect::<Result<Vec<TransactWriteItem>, _>>()?;
        let request = self
            .client()
            .transact_write_items()
            .set_transact_items(Some(writes))
            .client_request_token(append.commit_id.to_string())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = settle(self.meter(), self.deadline(), transaction_fault, || request.clone().send()).await;
        let failed = match answer {
            Ok(output) => {
                self.meter().write(output.consumed_capacity());
                return Ok(Appended::Done);
            }
            Err(failed) => failed,
        };
        let reasons = reasons(&failed.error);
        if !reasons.iter().any(is_failed_condition) {
            return Err(failed.into());
        }
        let verdict = read_reasons(append, reasons)?;
        if failed.uncertain && !matches!(verdict, Appended::Done) && self.stands(append).await? {
            return Ok(Appended::Done);
        }
        Ok(verdict)
    }

    /// Whether the append's own commit stands in its place. For when a cancelled transaction gave reasons that do not tell.
    async fn stands(&self, append: &Append) -> Result<bool, ExecuteError> {
        let request = self
            .client()
            .get_item()
            .table_name(&self.config().events_table)
            .key("stream", AttributeValue::S(append.stream.to_string()))
            .key("seq", AttributeValue::N(append.first.to_string()))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = settle(self.meter(), self.deadline(), fault, || request.clone().send()).await;
        let output = answer.map_err(|_| ExecuteError::OutcomeUnknown { contended: true })?;
        self.meter().read(&output.consumed_capacity);
        let commit = output.item.map(commit_from_item).transpose().map_err(StoreError::from)?;
        Ok(commit.is_some_and(|commit| commit.metadata.commit_id == append.commit_id))
    }
}

/// The item that made the condition of a put fail.
fn winner(error: &SdkError<PutItemError>) -> Option<Item> {
    match error.as_service_error()? {
        PutItemError::ConditionalCheckFailedException(failed) => failed.item.clone(),
        _ => None,
    }
}

/// What the reasons of a cancelled transaction amount to. Each item has one, in order.
fn read_reasons(append: &Append, reasons: &[CancellationReason]) -> Result<Appended, StoreError> {
    let mut conflict = Conflict::default();
    let mut record = None;
    for (part, reason) in append.parts.iter().zip(reasons).filter(|(_, reason)| is_failed_condition(reason)) {
        match (part, reason.item.clone()) {
            (Part::Commit { stream, .. }, Some(item)) => {
                let winner = commit_from_item(item)?;
                if winner.metadata.commit_id == append.commit_id {
                    return Ok(Appended::Done);
                }
                conflict.moved.push(stream.clone());
                conflict.winner = conflict.winner.or((*stream == append.stream).then_some(winner));
            }
            (Part::Commit { stream, .. } | Part::Unmoved { stream, .. }, _) => conflict.moved.push(stream.clone()),
            (Part::Record(_), item) => record = item,
        }
    }
    Ok(record.map_or_else(|| Appended::Conflict(Box::new(conflict)), Appended::Answered))
}

/// Tells what an error says about the effect of its transaction. A cancelled one has written nothing; it is worth repeating unless a
/// condition failed.
fn transaction_fault(error: &SdkError<TransactWriteItemsError>) -> Fault {
    let codes: Vec<&str> = reasons(error).iter().filter_map(|reason| reason.code()).collect();
    let has = |code| codes.contains(&code);
    if has("ConditionalCheckFailed") {
        Fault::Refused
    } else if has("TransactionConflict") {
        Fault::Contended
    } else if has("ThrottlingError") || has("ProvisionedThroughputExceeded") {
        Fault::Unserved
    } else {
        fault(error)
    }
}

fn is_failed_condition(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

/// Why each item of a cancelled transaction was not written; none for another error.
fn reasons(error: &SdkError<TransactWriteItemsError>) -> &[CancellationReason] {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled.cancellation_reasons(),
        _ => &[],
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<Failed<E>> for ExecuteError {
    fn from(failed: Failed<E>) -> Self {
        match failed.fault {
            _ if failed.uncertain => Self::OutcomeUnknown { contended: false },
            Fault::Contended => Self::Contention,
            _ => Self::Store(failed.into_store_error()),
        }
    }
}
