//! Answers that append nothing, and those that were given before.

use headwater::{Command, Rejection};

use super::execute::{Attempt, Nothing};
use super::idempotency::Record;
use crate::{Answered, ExecuteError, Item, Outcome, StoreError};

impl<C: Command> Attempt<'_, C> {
    /// Answers without writing, except for the record of the answer. An answer that was recorded
    /// before takes precedence.
    pub(crate) async fn answer(
        &mut self,
        nothing: Nothing,
    ) -> Result<Outcome<C::Aggregate>, ExecuteError> {
        if let Some(record) = self.earlier_answer(&nothing).await? {
            return self.replay(record).await;
        }
        match nothing {
            Nothing::TokenAhead(position) => Err(ExecuteError::TokenAhead(position)),
            Nothing::PreconditionFailed => {
                Err(ExecuteError::PreconditionFailed { version: self.known.version })
            }
            Nothing::Concurrent(concurrent) => Err(ExecuteError::Concurrent(concurrent)),
            Nothing::Rejected(rejection) => {
                Err(ExecuteError::Rejected { rejection, version: self.known.version })
            }
            Nothing::Unchanged => Ok(Outcome::Unchanged(std::mem::take(&mut self.known))),
        }
    }

    /// The record of the answer that the same key had before, if it had one. If not, the present
    /// answer is recorded if it is of the kind.
    async fn earlier_answer(&self, nothing: &Nothing) -> Result<Option<Item>, ExecuteError> {
        let Some(idempotency) = &self.execution.idempotency else { return Ok(None) };
        let answered = match nothing {
            Nothing::Rejected(rejection @ Rejection::Refused { .. }) => {
                Answered::Refused { rejection, version: self.known.version }
            }
            Nothing::Unchanged => Answered::Unchanged(&self.known),
            // Nothing is decided for good.
            Nothing::TokenAhead(_)
            | Nothing::PreconditionFailed
            | Nothing::Concurrent(_)
            | Nothing::Rejected(Rejection::Unknown { .. }) => {
                return Ok(self
                    .store
                    .recorded(&idempotency.key, self.execution.context.now)
                    .await?);
            }
        };
        match self.record(answered, None)? {
            Some(record) => self.store.record(&record).await,
            None => Ok(None),
        }
    }

    /// The record of an answer, with the number of the first event that is written with it.
    pub(crate) fn record(
        &self,
        answered: Answered<'_, C::Aggregate>,
        first: Option<u64>,
    ) -> Result<Option<Record>, StoreError> {
        let Some(idempotency) = &self.execution.idempotency else { return Ok(None) };
        let answer = (idempotency.answer)(answered);
        Record::new(idempotency, &answer, first, self.execution.context.now).map(Some)
    }

    pub(crate) async fn replay(&self, record: Item) -> Result<Outcome<C::Aggregate>, ExecuteError> {
        self.store.replay(self.execution, record, self.known.version).await
    }
}
