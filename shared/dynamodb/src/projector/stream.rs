//! One stream: the steps that the module above explains.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use headwater::{IndexKey, ProjectionFn, Row};

use super::task::Task;
use super::{Outcome, Projector};
use crate::StoreError;
use crate::retry::Backoff;
use crate::table::Consistency;
use crate::views::{FoldError, Rows, StoredRow, fold_missing};

/// What is to be written of a stream.
struct Next {
    /// The primary row, with the index keys that it has left.
    row: StoredRow,
    /// The index rows that must stand before it does.
    put: BTreeSet<IndexKey>,
}

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
        let old = rows.get(&task.stream, Consistency::Strong).await?;
        if old.parked.is_some() {
            return Ok(Some(Outcome::Unchanged));
        }
        bury_pending(rows, task, &old).await?;
        if old.row.version >= task.version {
            return Ok(Some(Outcome::Unchanged));
        }
        match self.fold(rows, projection, task, &old.row).await {
            Ok(next) if next.row.row.version <= old.row.version => {
                // The table has been restored to a time before the record was made.
                tracing::warn!(stream = %task.stream, version = task.version, "the doorbell tells of events that are not there");
                Ok(Some(Outcome::Unchanged))
            }
            Ok(next) => write(rows, task, &old.row, next).await,
            Err(FoldError::Poison(error)) => self.park(rows, task, old, error).await,
            Err(FoldError::Store(error)) => Err(error),
        }
    }

    /// Folds what the row lacks. A row that DynamoDB would not take is as bad as an event that cannot be read.
    async fn fold(&self, rows: &Rows, projection: &ProjectionFn, task: &Task, old: &Row) -> Result<Next, FoldError> {
        let applied = fold_missing(&self.events, projection, &task.stream, old, |after| task.commits_after(after)).await?;
        let row = StoredRow { row: applied.row, pending: applied.removed.into_iter().collect(), parked: None };
        rows.check_size(&task.stream, &row)?;
        Ok(Next { row, put: applied.put })
    }
}

/// Puts the index rows, then the primary row, then removes what it has left; nothing if another worker wrote the row meanwhile.
async fn write(rows: &Rows, task: &Task, old: &Row, Next { row, put }: Next) -> Result<Option<Outcome>, StoreError> {
    let version = row.row.version;
    try_join_all(put.iter().map(|key| rows.put_into_index(&task.stream, key, version))).await?;
    if !rows.put(&task.stream, row.clone(), old.version).await? {
        return Ok(None);
    }
    bury_pending(rows, task, &row).await?;
    Ok(Some(Outcome::Written))
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
