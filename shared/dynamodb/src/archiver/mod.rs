//! Moves commits that are old from the events table to the archive.
//!
//! A commit may move if its aggregate's [retention](headwater::Aggregate::RETENTION) is over and it
//! is not among the newest of its stream, which loads need. The steps are these, for the runs of
//! many streams at a time:
//!
//! 1. write them into an object;
//! 2. read it back, and compare;
//! 3. note each run in the archive table, unless another archiver was first;
//! 4. delete the commits from the events table, but for the stream's first one.
//!
//! A stream's first commit stays, so that its place is never free again. Otherwise a command that
//! assumes an empty stream would begin the stream a second time.
//!
//! It may die between any two steps, or within one. An object without notes is never read. A run
//! that is noted has what readers need, whether the commits are deleted or not: a reader that finds
//! a hole in the table asks the archive. The next pass finds what is noted and still in the table,
//! compares it with the run, and deletes it. Two archivers at a time do no harm: the first note
//! counts, and the other's object is never read.

mod candidates;
mod pass;
mod storage;

use std::time::Instant;

use futures::{TryStreamExt, stream};
use headwater::{Commit, Domains, StreamName};
use jiff::Timestamp;
use uuid::Uuid;

use self::candidates::{Candidates, Found};
pub use self::storage::Stored;
use crate::archive::{Archive, Frame, Run};
use crate::store::{END, ScanKey, Selection};
use crate::table::{Segment, Table};
use crate::{EventStore, StoreError};

/// An object is written when it has so many bytes of lines. A range read of it brings one run.
const OBJECT_BYTES: usize = 8 << 20;

/// So many commits are deleted at a time.
const DELETES: usize = 16;

/// Moves old commits to the archive of a store.
///
/// ```no_run
/// # use std::time::{Duration, Instant};
/// # use headwater::Domains;
/// # use headwater_dynamodb::{Archiver, EventStore, Mode, Segment, StoreError};
/// # use jiff::Timestamp;
/// # async fn archive(store: EventStore, domains: Domains) -> Result<(), StoreError> {
/// let Some(archiver) = Archiver::new(store, domains, Timestamp::now()) else { return Ok(()) };
/// for segment in Segment::all(4) {
///     let deadline = Instant::now() + Duration::from_secs(600);
///     let done = archiver.segment(Mode::Count, segment, None, deadline).await?;
///     println!("{} commits would move", done.moved.commits);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Archiver {
    store: EventStore,
    archive: Archive,
    domains: Domains,
    /// The time by which what is old is old.
    now: Timestamp,
}

/// What was moved, or would be.
///
/// ```
/// use headwater_dynamodb::Moved;
///
/// let one = Moved { commits: 2, ..Moved::default() };
/// let other = Moved { commits: 3, ..Moved::default() };
/// assert_eq!(one.with(other).commits, 5);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Runs, each of one stream.
    pub runs: u64,
    /// Commits, with the first ones of streams.
    pub commits: u64,
    /// The bytes of their items in the events table, without snapshots.
    pub bytes: u64,
    /// Objects that were written.
    pub objects: u64,
    /// The bytes of those.
    pub packed: u64,
    /// Commits that had been archived before, and whose deletion was completed.
    pub completed: u64,
}

impl Moved {
    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            runs: self.runs + other.runs,
            commits: self.commits + other.commits,
            bytes: self.bytes + other.bytes,
            objects: self.objects + other.objects,
            packed: self.packed + other.packed,
            completed: self.completed + other.completed,
        }
    }
}

/// How far an archiver has got with a segment.
#[derive(Clone, Debug)]
pub struct Progress {
    /// What was moved.
    pub moved: Moved,
    /// Where to go on, if the time was over before the segment was.
    pub next: Option<ScanKey>,
}

/// What is done with the commits that are old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are counted.
    Count,
    /// They are moved.
    Move,
}

/// A run that is about to be moved.
struct Batch {
    runs: Vec<(Run, Vec<Commit>)>,
    bytes: Vec<u8>,
    lines: usize,
    /// The stream that was taken in last, and up to which event it is in a run.
    taken: Option<(StreamName, u64)>,
}

impl Archiver {
    /// An archiver for a store that has an archive; `None` for one that has none. What is old at
    /// `now` is moved.
    pub fn new(store: EventStore, domains: Domains, now: Timestamp) -> Option<Self> {
        let archive = store.archive()?.clone();
        Some(Self { store, archive, domains, now })
    }

    /// Goes through a segment of the events table, from its beginning or after `start`. Soon after
    /// `deadline` it stops, but not before it has done something. It costs a read unit for each 4
    /// KB of the table, and a write unit for each KB that is moved.
    ///
    /// # Errors
    /// [`StoreError`]; what was moved before is moved. Among them are [`StoreError::Gap`] and
    /// [`StoreError::Archive`], if table and archive do not fit.
    pub async fn segment(
        &self,
        mode: Mode,
        segment: Segment,
        start: Option<ScanKey>,
        deadline: Instant,
    ) -> Result<Progress, StoreError> {
        let mut moved = Moved::default();
        let mut candidates = Candidates::new(&self.domains, self.now);
        let mut batch = Batch::new();
        let mut next = start.clone();
        loop {
            let page = self.store.scan_table(&Selection::default(), segment, next.as_ref()).await?;
            // What is no commit is left to `verify`.
            for commit in page.commits.into_iter().filter_map(Result::ok) {
                if let Some(found) = candidates.take(commit) {
                    self.take(mode, found, &mut batch, &mut moved).await?;
                }
            }
            next = page.next;
            if next.is_none() {
                if let Some(found) = candidates.finish() {
                    self.take(mode, found, &mut batch, &mut moved).await?;
                }
                break;
            }
            // The stream that the scan is at is looked at from its beginning the next time. So it
            // is left only after another one, or when it has become shorter.
            let before = candidates.before();
            if Instant::now() >= deadline && (before.is_some() || !batch.runs.is_empty()) {
                next = Some(before.or(start).unwrap_or_default());
                break;
            }
        }
        self.write(batch, &mut moved).await?;
        Ok(Progress { moved, next })
    }

    /// Takes in commits of one stream that follow each other and are old.
    async fn take(
        &self,
        mode: Mode,
        found: Found,
        batch: &mut Batch,
        moved: &mut Moved,
    ) -> Result<(), StoreError> {
        let Found { stream, mut commits, is_run } = found;
        let mut archived = match &batch.taken {
            Some((last_stream, last)) if *last_stream == stream => *last,
            _ => self.archived(&stream).await?,
        };
        if commits.first().is_some_and(|commit| commit.first > archived + 1) {
            // Another archiver has moved what lies between, since.
            archived = self.archived(&stream).await?;
        }
        let noted = commits.iter().take_while(|commit| commit.last() <= archived).count();
        let rest = commits.split_off(noted);
        commits.retain(is_deleted);
        if mode == Mode::Move {
            self.complete(&stream, &commits).await?;
        }
        moved.completed += commits.len() as u64;
        commits = rest;
        if !is_run {
            return Ok(());
        }
        let Some((first, last)) = commits.first().zip(commits.last()) else { return Ok(()) };
        if first.first != archived + 1 {
            return Err(StoreError::Gap { stream, missing: archived + 1 });
        }
        batch.taken = Some((stream.clone(), last.last()));
        let frame = Frame::pack(&commits)?;
        let run = Run {
            stream,
            first: first.first,
            last: last.last(),
            until: last.at,
            object: String::new(),
            offset: batch.bytes.len() as u64,
            length: frame.bytes.len() as u64,
            digest: frame.digest,
        };
        moved.runs += 1;
        moved.commits += commits.len() as u64;
        moved.bytes += commits.iter().map(bytes).sum::<u64>();
        moved.packed += run.length;
        if mode == Mode::Move {
            batch.lines += frame.lines;
            batch.bytes.extend(frame.bytes);
            batch.runs.push((run, commits));
            if batch.lines >= OBJECT_BYTES {
                let next = Batch { taken: batch.taken.clone(), ..Batch::new() };
                self.write(std::mem::replace(batch, next), moved).await?;
            }
        }
        Ok(())
    }

    /// Up to which event a stream is archived.
    async fn archived(&self, stream: &StreamName) -> Result<u64, StoreError> {
        let newest = self.archive.newest_run(self.store.connection(), stream, END).await?;
        Ok(newest.map_or(0, |newest| newest.last))
    }

    /// Writes an object, reads it back, notes its runs, and deletes what they hold from the table.
    async fn write(&self, batch: Batch, moved: &mut Moved) -> Result<(), StoreError> {
        if batch.runs.is_empty() {
            return Ok(());
        }
        let day = self.now.strftime("%Y/%m/%d");
        let object = format!("commits/{day}/{}.jsonl.zst", Uuid::now_v7());
        self.archive.put(&object, batch.bytes).await?;
        moved.objects += 1;
        let mut lost = None;
        for (run, commits) in batch.runs {
            if lost.as_ref() == Some(&run.stream) {
                continue;
            }
            let run = Run { object: object.clone(), ..run };
            self.compare(&run, &commits).await?;
            if self.archive.note(self.store.connection(), &run).await? {
                self.delete(&run.stream, &commits).await?;
            } else {
                // Another archiver's run begins here, and may end elsewhere: what follows it is for
                // the next pass.
                lost = Some(run.stream);
            }
        }
        Ok(())
    }

    /// Deletes commits that are in runs which an earlier pass has noted. Some may be gone already.
    async fn complete(&self, stream: &StreamName, commits: &[Commit]) -> Result<(), StoreError> {
        let mut left = commits;
        while let Some(first) = left.first() {
            let gap = || StoreError::Gap { stream: stream.clone(), missing: first.first };
            let run = self.archive.run_with(self.store.connection(), stream, first.first).await?;
            let run = run.ok_or_else(gap)?;
            let count = left.iter().take_while(|commit| commit.last() <= run.last).count().max(1);
            let (own, rest) = left.split_at(count);
            let mut archived = self.archive.read(&run).await?;
            // Of the others some were deleted before.
            let is_own = |commit: &Commit| own.iter().any(|own| own.first == commit.first);
            archived.retain(is_own);
            same(&run, &archived, own)?;
            self.delete(stream, own).await?;
            left = rest;
        }
        Ok(())
    }

    async fn compare(&self, run: &Run, commits: &[Commit]) -> Result<(), StoreError> {
        same(run, &self.archive.read(run).await?, commits)
    }

    /// One by one: whoever may write batches could write history anew, too.
    async fn delete(&self, stream: &StreamName, commits: &[Commit]) -> Result<(), StoreError> {
        let table = Table::new(self.store.connection(), &self.store.config().events_table);
        let commits = commits.iter().filter(|commit| is_deleted(commit));
        let keys = commits.map(|commit| Ok(self.store.key(stream, commit.first)));
        let delete = |key| table.delete_now(key);
        stream::iter(keys).try_for_each_concurrent(DELETES, delete).await
    }
}

impl Batch {
    fn new() -> Self {
        Self { runs: Vec::new(), bytes: Vec::new(), lines: 0, taken: None }
    }
}

/// Whether a commit is deleted once the archive has it.
fn is_deleted(commit: &Commit) -> bool {
    commit.first != 1
}

fn same(run: &Run, archived: &[Commit], commits: &[Commit]) -> Result<(), StoreError> {
    if archived == commits {
        Ok(())
    } else {
        Err(run.damaged(&"it is not what the events table has"))
    }
}

/// The bytes of a commit's item.
fn bytes(commit: &Commit) -> u64 {
    crate::commit_to_item(commit.clone()).map_or(0, |item| crate::size::item_size(&item) as u64)
}
