//! Processes a batch of records: brings each stream's rows up to date, then the change feed.
//!
//! Records come late, twice, in any order, to two workers at once, and a worker may die between any
//! two steps. So a record only announces "stream S reached n", and the primary row says what is
//! missing. One stream is brought up to date like this:
//!
//! 1. read the primary row, and wait until the lines of sums that were changed with it can be
//!    seen;
//! 2. remove the index rows that it lists as pending, and clear the list;
//! 3. fold the commits that it lacks, from the records or else from the events table;
//! 4. put the index rows that the new state needs, at the new version;
//! 5. write the primary row on the condition that it is still the one that was read (by version and
//!    revision). Its pending list holds the index keys that the state has left;
//! 6. remove those index rows, and clear the list. A lost condition in step 5 means: again from
//!    step 1, where the index rows that were put in vain are taken back, save those that the row
//!    which won has too.
//!
//! Why that is enough:
//! - The primary row moves only forwards, from one version of the stream to a later one, and is a
//!   pure fold of the events. So duplicates and late records find nothing to do (a deleted thing's
//!   row stays, as a tombstone), and of two workers one loses.
//! - *Put before, remove after*: whenever the primary row has a key, the index row of that key
//!   exists. A reader takes index rows as hints and asks the primary row. So it sees each thing
//!   exactly where the primary row says, never twice and never where it was.
//! - Index rows carry versions (and revisions), and every write of one has a condition. A put
//!   replaces only an earlier index row. A removal is made for a row without that key, and takes
//!   only an index row that is earlier than that row. If the primary row has the key again by then,
//!   it was put again with a later version, and the removal finds that one. So what a slow worker
//!   removes, however late it arrives, never takes a place that is needed.
//! - A row names the lines of sums that its transaction changed. A reader may see the row first. So
//!   step 1 reads these lines by `TransactGetItems`, which is refused while that transaction is
//!   pending on one of them. Each row is written over one that has passed this check. So a worker
//!   that writes a row's commits to the feed knows that all sums include it.
//! - The pending list is written in the same item as the new state. So a crash between steps 5 and
//!   6 leaves the work noted where the next worker reads first.
//! - A worker that dies after step 4 leaves index rows at a version that the primary row has not
//!   reached: keys of a state on the way. The worker that folds over that state later counts its
//!   keys among those that were left ([`headwater::Applied::removed`]).
//!
//! A removal leaves no tombstone, which every reader of the list would have to skip for days. So a
//! put that arrives after the removal, from an overtaken worker, succeeds and leaves a *stray*: an
//! index row of a past state. It does no harm: the primary row is at that version or beyond and
//! does not have the key. So a reader skips the stray at the price of reading one row. A page reads
//! a fixed number of them, however many there are. The worker takes its strays back in step 6.
//! Strays remain if a worker also fails or dies before that. They also remain of a request that
//! DynamoDB carries out after its sender gave it up. Such a stray goes when its thing comes to that
//! place and leaves it again, or with its generation: a rebuild has none. `headwater verify` counts
//! them, and does not call them damage.
//!
//! Where a stream has parts (a customer's licences), each part's row is brought up in the same six
//! steps. After that, step 5 writes the stream's own row, the mark. So a reader that has read the
//! mark at version n finds every part at n or beyond; a part that is beyond takes from the next
//! batch only what it lacks.
//!
//! An event that cannot be folded *parks* its stream, with the reason, and the other streams go on;
//! [`Projector::resume`] takes it up again. The feed is held where the row stands that is read: a
//! position in it stands for rows that a strong read finds. The stream's commits are told of once
//! it is resumed, each once and in order. What the store refuses or does not answer is no reason
//! to park: those records are reported as failed and come again.
//!
//! An event of a type or version that this build does not know is not broken, but *newer*: for some
//! time two builds run side by side. The rows are brought to the commit before it and no further.
//! The stream is noted in the list of those that wait, and the record counts as done. The feed is
//! held there too. A build that knows the event takes the stream up with its next record, or else
//! with the next [`Projector::sweep`] of the list. No commit is lost between the two: each record
//! that a build leaves is noted before it counts as done. A note goes only when the rows and the
//! feed have got to its version.
//!
//! A new generation of the rows may be being built, or the old one not dropped yet
//! ([`crate::rebuild`]). Then the steps are taken in each of them, first in the one that is read. A
//! stream that is parked in one of them goes on in the others. The feed is none of a generation's.

mod stream;
mod sweep;
mod task;
mod upkeep;

use std::collections::BTreeMap;

use futures::StreamExt;
use headwater::{ProjectionFn, StreamName};

pub use self::sweep::Swept;
pub use self::task::Doorbell;
use self::task::Task;
pub(crate) use self::task::coalesce;
pub(crate) use self::upkeep::{Outcome, Upkeep};
use crate::feed::Appender;
use crate::table::Table;
use crate::views::{Generation, Generations, Rows};
use crate::{EventStore, StoreError};

/// How many streams of a batch are worked on at a time.
const CONCURRENCY: usize = 16;

/// Keeps the rows and the change feed of one domain up to date.
///
/// ```no_run
/// # mod till {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater::{ProjectionFn, projection_fn};
/// use headwater_dynamodb::{Doorbell, EventStore, Projector};
///
/// static ROWS: [ProjectionFn; 1] = [projection_fn::<TillRow>()];
///
/// # async fn test(store: EventStore) -> Result<(), Box<dyn std::error::Error>> {
/// let projector = Projector::new(store, "views", "feed", "shop", &ROWS);
/// let till = "acme/shop/tills/front".parse()?;
/// let report = projector.project(vec![Doorbell { stream: till, version: 7, commit: None }]).await;
/// assert!(report.failed.is_empty(), "these doorbells must ring again: {:?}", report.failed);
/// # Ok(())
/// # }
/// ```
pub struct Projector {
    domain: String,
    upkeep: Upkeep,
    events: EventStore,
    views: Table,
    generations: Generations,
    feed: Appender,
}

/// What became of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct BatchReport {
    /// The places in the batch of the doorbells that must ring again, ascending: the store did not
    /// let them through.
    pub failed: Vec<usize>,
    /// The streams that were parked now in the generation that is read, which a person has to look
    /// at.
    pub parked: Vec<StreamName>,
    /// The streams that wait, in one of the generations, for a build that knows their events.
    pub newer: Vec<StreamName>,
    /// How many primary rows were written in that generation.
    pub written: usize,
}

impl Projector {
    /// A projector of the streams of `domain` whose category has a projection; all others it
    /// ignores.
    pub fn new(
        events: EventStore,
        views_table: &str,
        feed_table: &str,
        domain: &str,
        projections: &'static [ProjectionFn],
    ) -> Self {
        Self {
            domain: domain.to_owned(),
            upkeep: Upkeep::new(events.clone(), domain, projections),
            views: Table::new(events.connection(), views_table),
            generations: Generations::new(events.connection(), views_table, domain),
            feed: Appender::new(events.clone(), feed_table),
            events,
        }
    }

    /// The same projector for one batch: its calls give up at `deadline`.
    #[must_use]
    pub fn within(&self, deadline: std::time::Instant) -> Self {
        let events = self.events.within(deadline);
        Self {
            domain: self.domain.clone(),
            upkeep: self.upkeep.with(events.clone()),
            views: self.views.with(events.connection()),
            // Asked with the usual patience: a table that does not answer is better tried again in
            // another invocation than for all of this one.
            generations: self.generations.clone(),
            feed: self.feed.with(events.clone()),
            events,
        }
    }

    /// Works off a batch. It is safe to give it any doorbell at any time, any number of times.
    pub async fn project(&self, doorbells: Vec<Doorbell>) -> BatchReport {
        let tasks = coalesce(doorbells).into_iter().filter(|task| self.upkeep.keeps(&task.stream));
        // Collected, or the compiler cannot tell that the whole may move between threads.
        let work: Vec<_> = tasks
            .map(|task| async move { (self.bring_up_everywhere(&task).await, task) })
            .collect();
        let mut work = futures::stream::iter(work).buffer_unordered(CONCURRENCY);
        let mut report = BatchReport::default();
        let mut done: BTreeMap<String, Vec<(Task, u64)>> = BTreeMap::new();
        while let Some((outcomes, task)) = work.next().await {
            match outcomes {
                Ok(outcomes) => {
                    let version = report.count(&outcomes, &task);
                    done.entry(task.stream.tenant().to_owned()).or_default().push((task, version));
                }
                Err(error) => report.fail(&task, &error),
            }
        }
        for (tenant, tasks) in done {
            self.feed(&tenant, &tasks, &mut report).await;
        }
        report.failed.sort_unstable();
        report
    }

    /// Takes a parked stream up again, in every generation, and brings it to its head. Whether it
    /// had to be parked again is in the report.
    ///
    /// # Errors
    /// [`StoreError`] if a table cannot be read or written; the stream is then either still parked
    /// or will be brought up by its next doorbell or [sweep](Self::sweep).
    pub async fn resume(&self, stream: &StreamName) -> Result<BatchReport, StoreError> {
        let pointer = self.generations.remembered().await?;
        for generation in pointer.written() {
            self.rows(generation).unpark(stream).await?;
        }
        let head = self.events.head(stream).await?;
        let report = self
            .project(vec![Doorbell { stream: stream.clone(), version: head, commit: None }])
            .await;
        if report.failed.is_empty() && !report.newer.contains(stream) {
            for generation in pointer.written() {
                self.rows(generation).forget(stream, head).await?;
            }
        }
        Ok(report)
    }

    /// Brings a stream's rows to the version that was rung, in every generation; what became of
    /// them in each, the one that is read first.
    async fn bring_up_everywhere(&self, task: &Task) -> Result<Vec<Outcome>, StoreError> {
        let mut outcomes = Vec::new();
        for generation in self.generations.remembered().await?.written() {
            outcomes.push(self.upkeep.bring_up(&self.rows(generation), task).await?);
        }
        Ok(outcomes)
    }

    fn rows(&self, generation: Generation) -> Rows {
        Rows::new(self.views.clone(), generation)
    }

    /// Appends to a tenant's feed what these streams have reached: each the version beside it.
    async fn feed(&self, tenant: &str, tasks: &[(Task, u64)], report: &mut BatchReport) {
        for tasks in tasks.chunks(Appender::MOST_STREAMS) {
            let reached: Vec<_> =
                tasks.iter().map(|(task, version)| task.reached(*version)).collect();
            if let Err(error) = self.feed.append(tenant, &self.domain, &reached).await {
                tasks.iter().for_each(|(task, _)| report.fail(task, &error));
            }
        }
    }
}

impl BatchReport {
    /// Counts what became of a stream in each generation, and says to which version the feed may
    /// tell of it. Where it waits for a newer build, to one that it has in each generation, since
    /// any may be the one that is read next. Where it is parked, to the one that it has in the
    /// generation that is read: a generation of which nobody reads may be beyond repair.
    fn count(&mut self, outcomes: &[Outcome], task: &Task) -> u64 {
        let mut told = task.version;
        match outcomes.first() {
            Some(Outcome::Written) => self.written += 1,
            Some(Outcome::Parked(version)) => {
                self.parked.push(task.stream.clone());
                told = told.min(*version);
            }
            Some(Outcome::Stays(version)) => told = told.min(*version),
            Some(Outcome::Unchanged | Outcome::Newer(_)) | None => {}
        }
        let newer = outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Newer(version) => Some(*version),
            _ => None,
        });
        if let Some(left_at) = newer.min() {
            self.newer.push(task.stream.clone());
            told = told.min(left_at);
        }
        told
    }

    fn fail(&mut self, task: &Task, error: &StoreError) {
        tracing::error!(
            stream = %task.stream,
            version = task.version,
            error = error as &dyn std::error::Error,
            "will be tried again",
        );
        self.failed.extend(&task.places);
    }
}
