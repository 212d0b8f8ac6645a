//! Answers that append nothing, and those that were given before.

use headwater::{Decide, Folded, Rejection};

use super::execute::Attempt;
use super::idempotency::Record;
use crate::{Done, ExecuteError, Execution, Item, StoreError};

impl<C: Decide> Attempt<'_, C> {
    /// Answers without writing, except for the record of the answer: that it is so already, or why
    /// not. An answer that was recorded before takes precedence.
    pub(crate) async fn answer(
        &mut self,
        decision: Result<(), ExecuteError>,
    ) -> Result<Done<C::Aggregate>, ExecuteError> {
        if let Some(record) = self.earlier_answer(decision.as_ref().copied()).await? {
            return self.replay(record).await;
        }
        decision.map(|()| Done::Unchanged(std::mem::take(&mut self.known)))
    }

    /// The record of the answer that the same key had before, if it had one. If not, the present
    /// answer is recorded if it is of the kind.
    async fn earlier_answer(
        &self,
        decision: Result<(), &ExecuteError>,
    ) -> Result<Option<Item>, ExecuteError> {
        let Some(idempotency) = &self.execution.idempotency else { return Ok(None) };
        let record = match decision {
            Ok(()) => self.record(Ok(&self.known), None)?,
            Err(error @ ExecuteError::Rejected { rejection: Rejection::Refused { .. }, .. }) => {
                self.record(Err(error), None)?
            }
            // Nothing is decided for good.
            Err(_) => {
                let now = self.execution.context.now;
                return Ok(self.store.recorded(&idempotency.key, now).await?);
            }
        };
        match record {
            Some(record) => self.store.record(&record).await,
            None => Ok(None),
        }
    }

    /// The record of an answer, with the number of the first event that is written with it.
    pub(crate) fn record(
        &self,
        answer: Result<&Folded<C::Aggregate>, &ExecuteError>,
        first: Option<u64>,
    ) -> Result<Option<Record>, StoreError> {
        let Some(idempotency) = &self.execution.idempotency else { return Ok(None) };
        let answer = (idempotency.answer)(answer);
        Record::new(idempotency, &answer, first, self.execution.context.now).map(Some)
    }

    pub(crate) async fn replay(&self, record: Item) -> Result<Done<C::Aggregate>, ExecuteError> {
        let Execution { stream, idempotency, .. } = self.execution;
        self.store.replay(stream, idempotency.as_ref(), record, self.known.version).await
    }
}
