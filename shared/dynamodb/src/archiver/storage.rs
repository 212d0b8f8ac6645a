//! What histories take, in the table and in the archive.

use std::collections::BTreeMap;

use headwater::{AggregateFn, Commit, Domains, StreamName};
use jiff::Timestamp;

use super::candidates::{Candidates, Found};
use crate::archive::Run;
use crate::size::item_size;
use crate::store::{ScanKey, Selection};
use crate::table::{Filter, Segment};
use crate::{EventStore, Item, StoreError, commit_to_item};

/// DynamoDB bills so many bytes more for each item that it stores.
const PER_ITEM: u64 = 100;

/// What the streams of a kind take.
///
/// ```no_run
/// # use headwater::Domains;
/// # use headwater_dynamodb::{EventStore, Segment, StoreError};
/// # use jiff::Timestamp;
/// # async fn show(store: EventStore, domains: Domains) -> Result<(), StoreError> {
/// for segment in Segment::all(4) {
///     for (kind, stored) in store.storage(&domains, Timestamp::now(), segment).await? {
///         println!("{kind}: {} bytes, {} would move", stored.bytes, stored.movable_bytes);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// How many streams there are.
    pub streams: u64,
    /// How many commits are in the events table.
    pub commits: u64,
    /// The bytes of their items as DynamoDB bills storage: with snapshots, and with 100 bytes for
    /// each item.
    pub bytes: u64,
    /// How many commits an archiver would move from the events table.
    pub movable_commits: u64,
    /// The bytes of their items, without snapshots.
    pub movable_bytes: u64,
    /// How many events are in the archive.
    pub archived_events: u64,
    /// The bytes of their frames in the archive's objects.
    pub archived_bytes: u64,
    /// How many events in the table hold something personal as plain text: they were written
    /// before it was sealed.
    pub plain_events: u64,
}

impl Stored {
    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            streams: self.streams + other.streams,
            commits: self.commits + other.commits,
            bytes: self.bytes + other.bytes,
            movable_commits: self.movable_commits + other.movable_commits,
            movable_bytes: self.movable_bytes + other.movable_bytes,
            archived_events: self.archived_events + other.archived_events,
            archived_bytes: self.archived_bytes + other.archived_bytes,
            plain_events: self.plain_events + other.plain_events,
        }
    }
}

/// What streams take by their kind, as `licensing/customers`.
#[derive(Debug, Default)]
struct Kinds(BTreeMap<String, Stored>);

impl Kinds {
    fn of(&mut self, stream: &StreamName) -> &mut Stored {
        self.0.entry(format!("{}/{}", stream.domain(), stream.category())).or_default()
    }

    fn movable(&mut self, found: Option<Found>) {
        let Some(found) = found.filter(|found| found.is_run) else { return };
        let kind = self.of(&found.stream);
        kind.movable_commits += found.commits.len() as u64;
        kind.movable_bytes += found.commits.iter().map(super::bytes).sum::<u64>();
    }
}

impl EventStore {
    /// What a segment of the events table and of the archive holds, by kind of stream, as
    /// `licensing/customers`; and what an archiver would move at `now`. It reads the whole segment,
    /// a read unit for each 4 KB. Items that are no commits are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn storage(
        &self,
        domains: &Domains,
        now: Timestamp,
        segment: Segment,
    ) -> Result<BTreeMap<String, Stored>, StoreError> {
        let mut kinds = Kinds::default();
        self.in_table(domains, now, segment, &mut kinds).await?;
        self.in_archive(segment, &mut kinds).await?;
        Ok(kinds.0)
    }

    async fn in_table(
        &self,
        domains: &Domains,
        now: Timestamp,
        segment: Segment,
        kinds: &mut Kinds,
    ) -> Result<(), StoreError> {
        let selection = Selection { snapshots: true, ..Selection::default() };
        let mut candidates = Candidates::new(domains, now);
        let mut stream: Option<StreamName> = None;
        let mut next: Option<ScanKey> = None;
        loop {
            let page = self.scan_table(&selection, segment, next.as_ref()).await?;
            for commit in page.commits.into_iter().filter_map(Result::ok) {
                let kind = kinds.of(&commit.stream);
                kind.streams += u64::from(stream.as_ref() != Some(&commit.stream));
                kind.commits += 1;
                kind.plain_events += plain_events(domains, &commit);
                kind.bytes += item_size(&commit_to_item(commit.clone())?) as u64 + PER_ITEM;
                stream = Some(commit.stream.clone());
                kinds.movable(candidates.take(commit));
            }
            next = page.next;
            if next.is_none() {
                kinds.movable(candidates.finish());
                return Ok(());
            }
        }
    }

    async fn in_archive(&self, segment: Segment, kinds: &mut Kinds) -> Result<(), StoreError> {
        let Some(archive) = self.archive() else { return Ok(()) };
        let (notes, mut start) = (archive.notes(self.connection()), None::<Item>);
        let all = Filter { prefix: "", sk: None, attributes: &[] };
        loop {
            let (items, next) = notes.scan(all, segment, start).await?;
            for run in items.into_iter().filter_map(Run::noted) {
                let Run { stream, first, last, length, .. } = run?;
                let kind = kinds.of(&stream);
                kind.archived_events += last + 1 - first;
                kind.archived_bytes += length;
            }
            start = next;
            if start.is_none() {
                return Ok(());
            }
        }
    }
}

fn plain_events(domains: &Domains, commit: &Commit) -> u64 {
    let domain = domains.of(&commit.stream).filter(|domain| domain.forgets());
    let aggregate = domain.and_then(|domain| domain.aggregate(&commit.stream.category()));
    let plain = |aggregate: &AggregateFn| commit.events.iter().filter_map(aggregate.plain).count();
    aggregate.map_or(0, plain) as u64
}
