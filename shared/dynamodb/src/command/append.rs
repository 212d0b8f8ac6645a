//! One append: a put or, where more must be written or hold with it, a transaction; settled before
//! anything else is decided.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, ReturnConsumedCapacity, TransactWriteItem};
use headwater::{Commit, StreamName};
use uuid::Uuid;

use super::action::Action;
use crate::connection::{
    Cancelled, fault_of, is_conflict, is_failed_condition, is_unmet, transaction_fault,
};
use crate::connection::{Failed, Fault};
use crate::{EventStore, ExecuteError, Item, StoreError, commit_from_item, size};

/// What is to be written, all or nothing.
pub(crate) struct Append {
    /// The id that all its commits carry.
    pub(crate) commit_id: Uuid,
    /// The stream of the command's own commit.
    pub(crate) stream: StreamName,
    /// The number of that commit's first event.
    pub(crate) first: u64,
    /// The command's own commit, and then whatever goes with it.
    pub(crate) actions: Vec<Action>,
}

/// The outcome of an append.
pub(crate) enum Appended {
    /// It is written.
    Done,
    /// A conflict: another writer was first, and nothing is written.
    Conflict(Box<Conflict>),
    /// A request with the same Idempotency-Key was answered before; nothing is written. This is its
    /// record.
    Answered(Item),
}

/// Why an append lost.
#[derive(Default)]
pub(crate) struct Conflict {
    /// The commit in the place of the command's own.
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
        let sizes: Vec<usize> = append.actions.iter().map(Action::size).collect();
        size::check(&sizes).map_err(ExecuteError::TooLarge)?;
        match append.actions.as_slice() {
            [Action::Commit { item, .. }] => self.put(append, item).await,
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

    async fn transact(&self, append: &Append) -> Result<Appended, ExecuteError> {
        let writes = append
            .actions
            .iter()
            .map(|action| action.write(self.config()))
            .collect::<Result<Vec<TransactWriteItem>, _>>()?;
        let request = self
            .connection()
            .client()
            .transact_write_items()
            .set_transact_items(Some(writes))
            .client_request_token(append.commit_id.to_string())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let classify = |error: &_| append_fault(append, error);
        let answer = self.connection().settle(classify, || request.clone().send()).await;
        let failed = match answer {
            Ok(output) => {
                self.connection().meter().write(output.consumed_capacity());
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

    /// Whether the append's own commit is in its place. For when a cancelled transaction gave
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
}

/// What the reasons of a cancelled transaction amount to. Each item has one, in order.
fn read_reasons(append: &Append, reasons: &[CancellationReason]) -> Result<Appended, StoreError> {
    let mut conflict = Conflict::default();
    let mut record = None;
    for (action, reason) in
        append.actions.iter().zip(reasons).filter(|(_, reason)| is_failed_condition(reason))
    {
        match (action, reason.item.clone()) {
            (Action::Commit { stream, .. }, Some(item)) => {
                let winner = commit_from_item(item)?;
                if winner.metadata.commit_id == append.commit_id {
                    return Ok(Appended::Done);
                }
                conflict.moved.push(stream.clone());
                conflict.winner = conflict.winner.or((*stream == append.stream).then_some(winner));
            }
            (Action::Commit { stream, .. } | Action::Unmoved { stream, .. }, _) => {
                conflict.moved.push(stream.clone())
            }
            (Action::Record(_), item) => record = item,
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
    let is_half_seen = |(action, reason): (&Action, &CancellationReason)| {
        let is_own = |item: &Item| {
            commit_from_item(item.clone())
                .is_ok_and(|commit| commit.metadata.commit_id == append.commit_id)
        };
        is_failed_condition(reason)
            && (matches!(action, Action::Record(_)) || reason.item.as_ref().is_some_and(is_own))
    };
    match fault_of(reasons) {
        Some(Fault::Refused) if is_unmet(reasons) && reasons.iter().any(is_conflict) => {
            if append.actions.iter().zip(reasons).any(is_half_seen) {
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
