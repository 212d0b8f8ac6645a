//! One stream: the steps that the module above explains.

use futures::future::try_join_all;
use headwater::{Commit, ProjectionFn, Row};

use super::task::{Task, end_of_run};
use super::{Outcome, Projector};
use crate::StoreError;
use crate::table::Consistency;
use crate::views::{Rows, StoredRow};

/// How often a stream is begun again when other workers write its row in between. Each of them brings it forwards.
const ATTEMPTS: u32 = 8;

impl Projector {
    /// Brings a stream's rows to the version that was rung.
    pub(super) async fn bring_up(&self, task: &Task) -> Result<Outcome, StoreError> {
        let Some(projection) = self.projection(&task.stream) else { return Ok(Outcome::Unchanged) };
        let rows = self.rows().await?;
        for attempt in 0..ATTEMPTS {
            backoff(attempt).await;
            if let Some(outcome) = self.try_to_bring_up(&rows, projection, task).await? {
                return Ok(outcome);
            }
        }
        Err(StoreError::Contention)
    }

    /// One attempt; nothing if another worker wrote the row meanwhile.
    async fn try_to_bring_up(&self, rows: &Rows, projection: &ProjectionFn, task: &Task) -> Result<Option<Outcome>, StoreError> {
        let stream = &task.stream;
        let old = rows.get(stream, Consistency::Strong).await?;
        if old.parked.is_some() {
            return Ok(Some(Outcome::Unchanged));
        }
        self.bury_pending(rows, task, &old).await?;
        if old.row.version >= task.version {
            return Ok(Some(Outcome::Unchanged));
        }
        let commits = match self.missing_commits(projection, task, &old.row).await {
            Ok(commits) => commits,
            Err(StoreError::Damaged(error)) => return self.park(rows, task, old, error.to_string()).await,
            Err(error) => return Err(error),
        };
        let applied = match (projection.apply)(stream, &old.row, &commits) {
            Ok(applied) => applied,
            Err(error) => return self.park(rows, task, old, error.to_string()).await,
        };
        let version = applied.row.version;
        try_join_all(applied.put.iter().map(|key| rows.put_into_index(stream, key, version))).await?;
        let new = StoredRow { row: applied.row, pending: applied.removed.into_iter().collect(), parked: None };
        if !rows.put(stream, new.clone(), old.row.version).await? {
            return Ok(None);
        }
        self.bury_pending(rows, task, &new).await?;
        Ok(Some(Outcome::Written))
    }

    /// The commits that the row lacks; all, if it is not of this projection's revision.
    async fn missing_commits(&self, projection: &ProjectionFn, task: &Task, row: &Row) -> Result<Vec<Commit>, StoreError> {
        let after = if row.revision == projection.revision { row.version } else { 0 };
        if let Some(commits) = task.commits_after(after) {
            return Ok(commits);
        }
        let commits = self.events.commits_after(&task.stream, after).await?;
        Ok(commits)
    }

    /// Makes tombstones of the index rows that the row has left, and notes that they are.
    async fn bury_pending(&self, rows: &Rows, task: &Task, stored: &StoredRow) -> Result<(), StoreError> {
        if stored.pending.is_empty() {
            return Ok(());
        }
        let (stream, version) = (&task.stream, stored.row.version);
        try_join_all(stored.pending.iter().map(|key| rows.bury_in_index(stream, key, version))).await?;
        rows.clear_pending(stream, version).await
    }
}
