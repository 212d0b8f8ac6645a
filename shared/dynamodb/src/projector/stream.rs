//! One stream: the steps that the module above explains.

use futures::future::try_join_all;
use headwater::ProjectionFn;

use super::task::Task;
use super::{Outcome, Projector};
use crate::StoreError;
use crate::retry::Backoff;
use crate::table::Consistency;
use crate::views::{FoldError, Rows, StoredRow, fold_missing};

impl Projector {
    /// Brings a stream's rows to the version that was rung.
    pub(super) async fn bring_up(&self, projection: &ProjectionFn, task: &Task) -> Result<Outcome, StoreError> {
        let rows = self.rows().await?;
        let mut backoff = Backoff::until(self.events.deadline());
        loop {
            if let Some(outcome) = self.try_to_bring_up(&rows, projection, task).await? {
                return Ok(outcome);
            }
            if !backoff.wait().await {
                return Err(StoreError::Unavailable("other workers wrote the row until the deadline".to_owned()));
            }
        }
    }

    /// One attempt; nothing if another worker wrote the row meanwhile.
    async fn try_to_bring_up(&self, rows: &Rows, projection: &ProjectionFn, task: &Task) -> Result<Option<Outcome>, StoreError> {
        let stream = &task.stream;
        let old = rows.get(stream, Consistency::Strong).await?;
        if old.parked.is_some() {
            return Ok(Some(Outcome::Unchanged));
        }
        bury_pending(rows, task, &old).await?;
        if old.row.version >= task.version {
            return Ok(Some(Outcome::Unchanged));
        }
        let applied = match fold_missing(&self.events, projection, stream, &old.row, |after| task.commits_after(after)).await {
            Ok(applied) => applied,
            Err(FoldError::Poison(error)) => return self.park(rows, task, old, error).await,
            Err(FoldError::Store(error)) => return Err(error),
        };
        let version = applied.row.version;
        try_join_all(applied.put.iter().map(|key| rows.put_into_index(stream, key, version))).await?;
        let new = StoredRow { row: applied.row, pending: applied.removed.into_iter().collect(), parked: None };
        if !rows.put(stream, new.clone(), old.row.version).await? {
            return Ok(None);
        }
        bury_pending(rows, task, &new).await?;
        Ok(Some(Outcome::Written))
    }
}

/// Makes tombstones of the index rows that a row has left, and notes that they are.
async fn bury_pending(rows: &Rows, task: &Task, stored: &StoredRow) -> Result<(), StoreError> {
    if stored.pending.is_empty() {
        return Ok(());
    }
    let (stream, version) = (&task.stream, stored.row.version);
    try_join_all(stored.pending.iter().map(|key| rows.bury_in_index(stream, key, version))).await?;
    rows.clear_pending(stream, version).await
}
