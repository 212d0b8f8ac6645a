use std::collections::BTreeSet;

use headwater::{NewerEvent, ProjectionFn, StreamName, keeps_log, own_row};
use jiff::Timestamp;

use super::task::Task;
use crate::connection::Backoff;
use crate::views::{Parked, Rows, StoredRow};
use crate::{EventStore, StoreError};

/// What brings the rows of a domain's streams up to date in one generation: for the projector, and
/// for the rebuild.
pub(crate) struct Upkeep {
    domain: String,
    projections: &'static [ProjectionFn],
    pub(super) events: EventStore,
}

/// What folds the streams of one category.
pub(super) struct Fold {
    /// Their own row: of the thing itself, or the mark of its parts.
    pub(super) own: ProjectionFn,
    /// The rows of their parts.
    pub(super) parts: Vec<ProjectionFn>,
    /// Whether they have a log of the streams below them.
    pub(super) keeps_log: bool,
}

/// What became of one stream's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// They had got as far already.
    Unchanged,
    /// They were brought up to date.
    Written,
    /// The stream had to be parked at this version.
    Parked(u64),
    /// The stream is parked at this version, since earlier.
    Stays(u64),
    /// They have got to this version: what follows is of a newer build.
    Newer(u64),
}

impl Upkeep {
    pub(crate) fn new(
        events: EventStore,
        domain: &str,
        projections: &'static [ProjectionFn],
    ) -> Self {
        Self { domain: domain.to_owned(), projections, events }
    }

    /// The same for calls with another deadline.
    pub(crate) fn with(&self, events: EventStore) -> Self {
        Self { domain: self.domain.clone(), events, ..*self }
    }

    /// Whether a stream is of this domain, and of a category that has a projection.
    pub(crate) fn keeps(&self, stream: &StreamName) -> bool {
        self.own_row(stream).is_some()
    }

    /// What folds a stream's own row, if it has one.
    pub(crate) fn own_row(&self, stream: &StreamName) -> Option<ProjectionFn> {
        own_row(self.projections, &stream.category()).filter(|_| stream.domain() == self.domain)
    }

    /// Brings a stream's rows to the version that was rung.
    pub(crate) async fn bring_up(&self, rows: &Rows, task: &Task) -> Result<Outcome, StoreError> {
        self.bring_up_from(rows, task, None).await
    }

    /// As [`bring_up`](Self::bring_up), assuming that these rows do not exist yet, which skips
    /// reading them. If the assumption is wrong, the first write fails.
    pub(crate) async fn bring_up_new(
        &self,
        rows: &Rows,
        task: &Task,
    ) -> Result<Outcome, StoreError> {
        self.bring_up_from(rows, task, task.is_from_the_start().then(StoredRow::default)).await
    }

    async fn bring_up_from(
        &self,
        rows: &Rows,
        task: &Task,
        mut guess: Option<StoredRow>,
    ) -> Result<Outcome, StoreError> {
        let Some(fold) = self.fold_of(&task.stream) else { return Ok(Outcome::Unchanged) };
        let mut in_vain = BTreeSet::new();
        let mut backoff = Backoff::until(self.events.connection().deadline());
        loop {
            let was_guessed = guess.is_some();
            if let Some(outcome) =
                self.try_to_bring_up(rows, &fold, task, guess.take(), &mut in_vain).await?
            {
                return Ok(outcome);
            }
            if !was_guessed {
                wait(&mut backoff).await?;
            }
        }
    }

    fn fold_of(&self, stream: &StreamName) -> Option<Fold> {
        let (own, category) = (self.own_row(stream)?, stream.category());
        let parts = self
            .projections
            .iter()
            .filter(|projection| projection.parts.is_some() && projection.source() == category);
        let keeps_log = keeps_log(self.projections, &category);
        Some(Fold { own, parts: parts.copied().collect(), keeps_log })
    }

    /// Leaves a stream, whose rows have got to a version, to a build that knows an event. That is
    /// noted before the record counts as done, or it would be lost.
    pub(super) async fn leave(
        &self,
        rows: &Rows,
        task: &Task,
        version: u64,
        newer: NewerEvent,
    ) -> Result<Outcome, StoreError> {
        tracing::warn!(
            stream = %task.stream,
            version = task.version,
            generation = rows.generation().0,
            %newer,
            "left to a newer build",
        );
        rows.wait_for(&task.stream, task.version, newer).await?;
        Ok(Outcome::Newer(version))
    }

    /// Whether this build knows what a stream waits for.
    pub(super) fn knows(&self, stream: &StreamName, event_type: &str, version: u32) -> bool {
        self.own_row(stream).is_some_and(|own| (own.knows)(event_type, version))
    }

    /// Parks a stream until a person resumes it; nothing if another worker wrote its row meanwhile.
    pub(super) async fn park(
        &self,
        rows: &Rows,
        task: &Task,
        old: StoredRow,
        error: String,
    ) -> Result<Option<Outcome>, StoreError> {
        tracing::error!(
            stream = %task.stream,
            version = task.version,
            generation = rows.generation().0,
            error,
            "stream parked",
        );
        let parked = Parked { error, at: Timestamp::now(), version: task.version };
        let version = old.row.version;
        // What was pending has just been seen to.
        let row = StoredRow { pending: Vec::new(), ..old };
        Ok(rows.park(&task.stream, row, parked).await?.then_some(Outcome::Parked(version)))
    }
}

/// Waits before another try against other workers.
pub(super) async fn wait(backoff: &mut Backoff) -> Result<(), StoreError> {
    if backoff.wait().await {
        return Ok(());
    }
    Err(StoreError::Unavailable("other workers wrote the row until the deadline".to_owned()))
}
