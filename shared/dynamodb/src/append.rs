//! One append: a put or, where more must be written or hold with it, a transaction; settled before
//! anything else is decided.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Get, ReturnConsumedCapacity,
    ReturnValuesOnConditionCheckFailure, TransactGetItem, TransactWriteItem,
};
use headwater::{Commit, StreamName};
use uuid::Uuid;

use crate::cancelled::{
    Cancelled, fault_of, is_conflict, is_failed_condition, is_unmet, transaction_fault,
};
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
    /// A request with the same Idempotency-Key was answered before; nothing is written. This is its
    /// record.
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
    /// [`ExecuteError::TooLarge`] before anything is sent, [`ExecuteError::OutcomeUnknown`] if it
    /// could not be settled by the deadline, [`ExecuteError::Contention`] and
    /// [`ExecuteError::Store`] if nothing is written.
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
        Ok(Appended::Conflict(Box::new(Conflict {
            moved: vec![append.stream.clone()],
            winner: Some(winner),
        })))
    }

    /// Puts a commit's item where there is none yet, or gives the one that is there.
    pub(crate) async fn put_if_free(
        &self,
        item: &Item,
    ) -> Result<Option<Item>, Failed<PutItemError>> {
        let request = self
            .client()
            .put_item()
            .table_name(&self.config().events_table)
            .condition_expression("attribute_not_exists(#stream)")
            .expression_attribute_names("#stream", "stream")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        // The item is most of the request: it is copied once for each attempt.
        let answer = settle(self.meter(), self.deadline(), fault, || {
            request.clone().set_item(Some(item.clone())).send()
        })
        .await;
        match answer {
            Ok(output) => {
                self.meter().write(&output.consumed_capacity);
                Ok(None)
            }
            Err(failed) => winner(&failed.error).map(Some).ok_or(failed),
        }
    }

    async fn transact(&self, append: &Append) -> Result<Appended, ExecuteError> {
        let writes = append
            .parts
            .iter()
            .map(|part| part.write(self.config()))
            .collect::<Result<Vec<TransactWriteItem>, _>>()?;
        let request = self
            .client()
            .transact_write_items()
            .set_transact_items(Some(writes))
            .client_request_token(append.commit_id.to_string())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let classify = |error: &_| append_fault(append, error);
        let answer =
            settle(self.meter(), self.deadline(), classify, || request.clone().send()).await;
        let failed = match answer {
            Ok(output) => {
                self.meter().write(output.consumed_capacity());
                return Ok(Appended::Done);
            }
            Err(failed) => failed,
        };
        let reasons = failed.error.reasons();
        if failed.fault != Fault::Refused || !is_unmet(reasons) {
            return Err(failed.into());
        }
        let verdict = read_reasons(append, reasons)?;
        if failed.uncertain && !matches!(verdict, Appended::Done) && self.stands(append).await? {
            return Ok(Appended::Done);
        }
        Ok(verdict)
    }

    /// Whether the append's own commit stands in its place. For when a cancelled transaction gave
    /// reasons that do not tell.
    async fn stands(&self, append: &Append) -> Result<bool, ExecuteError> {
        let commit = match self.commit_at(&append.stream, append.first).await {
            Err(StoreError::Unavailable(_) | StoreError::Refused(_)) => {
                return Err(ExecuteError::OutcomeUnknown { contended: true });
            }
            commit => commit?,
        };
        Ok(commit.is_some_and(|commit| commit.metadata.commit_id == append.commit_id))
    }

    /// The commit whose first event has this number. A plain read would not do: it misses a commit
    /// that is written and yet to be seen. This one waits until that can be seen.
    pub(crate) async fn commit_at(
        &self,
        stream: &StreamName,
        first: u64,
    ) -> Result<Option<Commit>, StoreError> {
        let get = Get::builder()
            .table_name(&self.config().events_table)
            .key("stream", AttributeValue::S(stream.to_string()))
            .key("seq", AttributeValue::N(first.to_string()))
            .build()
            .map_err(|incomplete| StoreError::Refused(incomplete.to_string()))?;
        let request = self
            .client()
            .transact_get_items()
            .transact_items(TransactGetItem::builder().get(get).build())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer =
            settle(self.meter(), self.deadline(), transaction_fault, || request.clone().send())
                .await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.meter().read(output.consumed_capacity());
        let item = output.responses.into_iter().flatten().find_map(|response| response.item);
        Ok(item.map(commit_from_item).transpose()?)
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
    for (part, reason) in
        append.parts.iter().zip(reasons).filter(|(_, reason)| is_failed_condition(reason))
    {
        match (part, reason.item.clone()) {
            (Part::Commit { stream, .. }, Some(item)) => {
                let winner = commit_from_item(item)?;
                if winner.metadata.commit_id == append.commit_id {
                    return Ok(Appended::Done);
                }
                conflict.moved.push(stream.clone());
                conflict.winner = conflict.winner.or((*stream == append.stream).then_some(winner));
            }
            (Part::Commit { stream, .. } | Part::Unmoved { stream, .. }, _) => {
                conflict.moved.push(stream.clone())
            }
            (Part::Record(_), item) => record = item,
        }
    }
    Ok(record.map_or_else(|| Appended::Conflict(Box::new(conflict)), Appended::Answered))
}

/// Tells what an error says about the effect of an append's transaction. A cancelled one has
/// written nothing.
///
/// What stands in its way may be itself: an earlier attempt whose reply was lost, item after item
/// becoming visible. Then it is too soon to say that it is done, since others do not see all of it
/// yet. The same goes for the record of an answer: the events that it tells of may be yet to be
/// seen.
fn append_fault(append: &Append, error: &SdkError<TransactWriteItemsError>) -> Fault {
    let reasons = error.reasons();
    let is_half_seen = |(part, reason): (&Part, &CancellationReason)| {
        let is_own = |item: &Item| {
            commit_from_item(item.clone())
                .is_ok_and(|commit| commit.metadata.commit_id == append.commit_id)
        };
        is_failed_condition(reason)
            && (matches!(part, Part::Record(_)) || reason.item.as_ref().is_some_and(is_own))
    };
    match fault_of(reasons) {
        Some(Fault::Refused) if is_unmet(reasons) && reasons.iter().any(is_conflict) => {
            if append.parts.iter().zip(reasons).any(is_half_seen) {
                Fault::Contended
            } else {
                Fault::Refused
            }
        }
        _ => transaction_fault(error),
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
