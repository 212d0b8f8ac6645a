//! One stream: the steps that the module above explains. A part's row goes the same way as the
//! stream's own.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt};
use headwater::{
    Applied, Commit, IndexKey, NewerEvent, ProjectionFn, StreamName, contribution_changes,
};
use jiff::Timestamp;

use super::task::Task;
use super::upkeep::{Fold, Outcome, Upkeep, wait};
use crate::StoreError;
use crate::connection::Backoff;
use crate::table::Consistency;
use crate::views::{FoldError, Rows, StoredRow, fold, fold_missing, known, missing, usable};

/// How many parts of one stream are worked on at a time.
const PARTS_AT_ONCE: usize = 16;

/// What is to be written of a row.
struct Next {
    /// The row, with the index keys that it has left.
    row: StoredRow,
    /// The index rows that must stand before it does.
    put: BTreeSet<IndexKey>,
    /// The commits that the log of the stream above must have before: when, first and last event.
    log: Vec<(Timestamp, u64, u64)>,
}

impl Upkeep {
    /// One attempt, over a row that is guessed or else read; nothing if the row was another, or
    /// another worker wrote it meanwhile. `in_vain` are the index rows that attempts before this
    /// one have put for such a row.
    pub(super) async fn try_to_bring_up(
        &self,
        rows: &Rows,
        kind: &Fold,
        task: &Task,
        guess: Option<StoredRow>,
        in_vain: &mut BTreeSet<IndexKey>,
    ) -> Result<Option<Outcome>, StoreError> {
        let is_guess = guess.is_some();
        let old = match guess {
            Some(guess) => guess,
            None => rows.get(&task.stream, Consistency::Strong).await?,
        };
        rows.see_lines(&task.stream, &old).await?;
        if old.parked.is_some() {
            return Ok(Some(Outcome::Stays(old.row.version)));
        }
        remove_pending(rows, &task.stream, &old).await?;
        take_back(rows, &kind.own, &task.stream, &old, in_vain).await?;
        if old.row.version >= task.version {
            return Ok(Some(Outcome::Unchanged));
        }
        let (next, newer) = match self.fold(rows, kind, task, &old, is_guess).await {
            Ok(folded) => folded,
            Err(FoldError::Newer(newer)) => {
                return self.leave(rows, task, old.row.version, newer).await.map(Some);
            }
            Err(FoldError::Poison(error)) => return self.park(rows, task, old, error).await,
            Err(FoldError::Store(error)) => return Err(error),
        };
        let version = next.row.row.version.max(old.row.version);
        let is_later = version > old.row.version;
        if is_later && !write(rows, &task.stream, &old, next, in_vain).await? {
            return Ok(None);
        }
        match newer {
            // A row that was only guessed to be absent may have got further.
            Some(_) if is_guess && !is_later => Ok(None),
            Some(newer) if version < task.version => {
                self.leave(rows, task, version, newer).await.map(Some)
            }
            _ if is_later => Ok(Some(Outcome::Written)),
            _ => {
                // The table has been restored to a time before the record was made.
                tracing::warn!(
                    stream = %task.stream,
                    version = task.version,
                    "a record announces events that are not in the table",
                );
                Ok(Some(Outcome::Unchanged))
            }
        }
    }

    /// Folds what the row lacks, up to the first event of a newer build. Where the stream has parts
    /// their rows are written on the way: before the mark that vouches for them.
    async fn fold(
        &self,
        rows: &Rows,
        kind: &Fold,
        task: &Task,
        old: &StoredRow,
        is_guess: bool,
    ) -> Result<(Next, Option<NewerEvent>), FoldError> {
        let commits = missing(&self.events, &kind.own, &task.stream, &old.row, |after| {
            task.commits_after(after)
        })
        .await?;
        let (commits, newer) = known(&kind.own, commits);
        self.forget(&kind.own, &task.stream, &commits).await?;
        self.bring_up_parts(rows, kind, &task.stream, &commits, is_guess).await?;
        let applied = fold(&kind.own, &task.stream, &old.row, &commits)?;
        let mut next = next(rows, &task.stream, old, applied)?;
        // A stream that was parked before its first event has a row, of version 0.
        next.row.logs = kind.keeps_log && (old.logs || *old == StoredRow::default());
        if kind.own.logged {
            next.log =
                commits.iter().map(|commit| (commit.at, commit.first, commit.last())).collect();
        }
        Ok((next, newer))
    }

    /// Destroys a subject's key once an event says that it is forgotten: whoever appended the event
    /// may have died before it did so. It comes before the row, so that a record which fails here
    /// comes again.
    async fn forget(
        &self,
        own: &ProjectionFn,
        stream: &StreamName,
        commits: &[Commit],
    ) -> Result<(), StoreError> {
        let Some(forgets) = own.forgets.filter(|_| self.events.has_keys()) else { return Ok(()) };
        match commits.iter().find(|commit| commit.has(forgets)) {
            Some(commit) => self.events.forget(stream, commit.at).await,
            None => Ok(()),
        }
    }

    async fn bring_up_parts(
        &self,
        rows: &Rows,
        kind: &Fold,
        stream: &StreamName,
        commits: &[Commit],
        are_new: bool,
    ) -> Result<(), FoldError> {
        let mut work = Vec::new();
        for projection in &kind.parts {
            let names = projection
                .parts
                .map(|parts| parts(stream, commits))
                .transpose()?
                .unwrap_or_default();
            work.extend(
                names
                    .into_iter()
                    .map(|name| self.bring_up_part(rows, projection, name, commits, are_new)),
            );
        }
        futures::stream::iter(work).buffer_unordered(PARTS_AT_ONCE).try_collect().await
    }

    /// Brings a part's row to the last of these commits that concerns it. One that is guessed to be
    /// new is not read at first.
    async fn bring_up_part(
        &self,
        rows: &Rows,
        projection: &ProjectionFn,
        name: StreamName,
        commits: &[Commit],
        is_new: bool,
    ) -> Result<(), FoldError> {
        let mut guess = is_new.then(StoredRow::default);
        let mut in_vain = BTreeSet::new();
        let mut backoff = Backoff::until(self.events.connection().deadline());
        loop {
            let was_guessed = guess.is_some();
            let old = match guess.take() {
                Some(guess) => guess,
                None => rows.get(&name, Consistency::Strong).await?,
            };
            rows.see_lines(&name, &old).await?;
            remove_pending(rows, &name, &old).await?;
            take_back(rows, projection, &name, &old, &mut in_vain).await?;
            let is_usable = old.row.version == 0 || old.row.revision == projection.revision;
            let applied = if is_usable {
                fold(projection, &name, &old.row, commits)?
            } else {
                fold_missing(&self.events, projection, &name, &old.row).await?.applied
            };
            // At one version a row only passes to a higher revision: by that the later of two
            // builds' index rows is known.
            let is_ours = is_usable || old.row.revision > projection.revision;
            if applied.row.version < old.row.version
                || is_ours && applied.row.version == old.row.version
            {
                return Ok(());
            }
            if write(rows, &name, &old, next(rows, &name, &old, applied)?, &mut in_vain).await? {
                return Ok(());
            }
            if !was_guessed {
                wait(&mut backoff).await?;
            }
        }
    }
}

/// What is to be written of a row over the `old` one. One that DynamoDB would not take is as bad as
/// an event that cannot be read.
fn next(
    rows: &Rows,
    name: &StreamName,
    old: &StoredRow,
    applied: Applied,
) -> Result<Next, FoldError> {
    let Applied { row, removed, contributions, put, .. } = applied;
    let lines = contribution_changes(&old.contributions, &contributions).into_keys().collect();
    let pending = removed.into_iter().collect();
    let row = StoredRow { row, pending, contributions, lines, ..StoredRow::default() };
    rows.check_size(name, &row, old)?;
    Ok(Next { row, put, log: Vec::new() })
}

/// Puts the index rows and the entries of the log, then the row itself, then removes what it has
/// left; `false` if another worker wrote the row meanwhile. Then the index rows were put in vain.
async fn write(
    rows: &Rows,
    name: &StreamName,
    old: &StoredRow,
    Next { row, put, log }: Next,
    in_vain: &mut BTreeSet<IndexKey>,
) -> Result<bool, StoreError> {
    try_join_all(put.iter().map(|key| rows.put_into_index(name, key, &row.row))).await?;
    rows.put_into_log(name, &log).await?;
    if !rows.put(name, row.clone(), old).await? {
        in_vain.extend(put);
        return Ok(false);
    }
    remove_pending(rows, name, &row).await?;
    Ok(true)
}

/// Removes the index rows that a row has left, and notes that they are removed.
async fn remove_pending(
    rows: &Rows,
    name: &StreamName,
    stored: &StoredRow,
) -> Result<(), StoreError> {
    if stored.pending.is_empty() {
        return Ok(());
    }
    try_join_all(stored.pending.iter().map(|key| rows.remove_from_index(name, key, &stored.row)))
        .await?;
    rows.clear_pending(name, &stored.row).await
}

/// Removes the index rows that were put in vain, save those that the row which is there now has
/// too. Of a row that this build cannot read nobody knows which it has: then they stay, as hints
/// that lead nowhere.
async fn take_back(
    rows: &Rows,
    projection: &ProjectionFn,
    name: &StreamName,
    stored: &StoredRow,
    in_vain: &mut BTreeSet<IndexKey>,
) -> Result<(), StoreError> {
    let in_vain = std::mem::take(in_vain);
    if in_vain.is_empty() || !usable(projection, &stored.row) {
        return Ok(());
    }
    let Ok(Applied { keys, .. }) = (projection.apply)(name, &stored.row, &[]) else {
        return Ok(());
    };
    try_join_all(
        in_vain.difference(&keys).map(|key| rows.remove_from_index(name, key, &stored.row)),
    )
    .await?;
    Ok(())
}
