use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Commit, Event, EventError, StreamName, decode};

/// A query row folded from the events of one kind of stream. `Default` is the row before any event.
///
/// The same fold serves the projector, the forced read and the rebuild, so that they cannot disagree.
pub trait Projection: Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What can have happened.
    type Event: Event;

    /// The categories of the streams that it folds, as `users` or `groups/members`.
    const CATEGORY: &'static str;

    /// Names shape, fold and index keys together. Raise it whenever one of them changes: a row of another revision is not used.
    const REVISION: u32;

    /// Takes one event in. `at` is when its commit was decided.
    fn evolve(&mut self, event: &Self::Event, at: Timestamp);

    /// Whether the thing is gone. Its row stays as a tombstone, so that a late duplicate cannot raise the dead.
    fn is_deleted(&self) -> bool;

    /// The lists and searches in which the row stands.
    fn index_keys(&self, stream: &StreamName) -> BTreeSet<IndexKey>;
}

/// A place in an index: a list of a tenant's domain in which rows stand in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IndexKey {
    /// Which list, as `users` or `members/7`.
    pub index: String,
    /// Where in it: sorts as bytes, and is unique by ending in the row's id.
    pub sort: String,
}

impl IndexKey {
    /// A key whose order is `order` and which the row's id makes unique. A NUL stands between: it sorts before all else, so that a
    /// shorter text comes before a longer one that begins with it. DynamoDB's sort keys end at 1,024 bytes, so of a longer order only
    /// the beginning counts.
    pub fn new(index: impl Into<String>, order: &str, id: &str) -> Self {
        let order = &order[..order.floor_char_boundary(800)];
        Self { index: index.into(), sort: format!("{order}\0{id}") }
    }

    /// An order that puts the newest first: the time counted down.
    pub fn newest_first(at: Timestamp) -> String {
        format!("{:013}", 9_999_999_999_999_i64 - at.as_millisecond())
    }
}

/// A primary row: what a stream's events amount to, and how far they were folded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The number of the last event folded, 0 before any.
    pub version: u64,
    /// The [`Projection::REVISION`] that folded it.
    pub revision: u32,
    /// Whether the thing is gone.
    pub deleted: bool,
    /// The projection, serialized.
    pub data: Value,
}

impl Row {
    /// The projection that the row holds.
    ///
    /// # Errors
    /// If the data is not of that shape, although the revision says so: a defect.
    pub fn read<P: Projection>(&self) -> Result<P, serde_json::Error> {
        serde_json::from_value(self.data.clone())
    }
}

/// What folding some commits into a row amounts to.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The row afterwards.
    pub row: Row,
    /// All index keys of the row afterwards.
    pub keys: BTreeSet<IndexKey>,
    /// Index rows to be put: those that were missing after at least one of the commits folded, or before.
    pub put: BTreeSet<IndexKey>,
    /// Index rows to be removed: those that stood before or after one of the commits folded, and no longer do.
    pub removed: BTreeSet<IndexKey>,
}

/// A projection with its type forgotten, for code that handles all of a domain's: rows go in and out serialized.
#[derive(Clone, Copy)]
pub struct ProjectionFn {
    /// [`Projection::CATEGORY`].
    pub category: &'static str,
    /// [`Projection::REVISION`].
    pub revision: u32,
    /// [`apply_commits`] for this projection.
    pub apply: fn(&StreamName, &Row, &[Commit]) -> Result<Applied, EventError>,
}

/// Forgets a projection's type.
pub const fn projection_fn<P: Projection>() -> ProjectionFn {
    ProjectionFn { category: P::CATEGORY, revision: P::REVISION, apply: apply_commits::<P> }
}

/// Folds commits into a row. Those that it has already are skipped; a row of another revision is folded from nothing, so all commits
/// must then be given.
///
/// Every state on the way counts for the index keys, not only the first and the last: another worker may have stopped at any of them.
///
/// # Errors
/// [`EventError`] if an event cannot be read, or the row is not what its revision says.
pub fn apply_commits<P: Projection>(stream: &StreamName, row: &Row, commits: &[Commit]) -> Result<Applied, EventError> {
    let usable = row.version > 0 && row.revision == P::REVISION;
    let mut projection = if usable { row.read::<P>().map_err(|error| damaged::<P>(&error))? } else { P::default() };
    let mut version = if usable { row.version } else { 0 };
    let mut keys = if version > 0 { live_keys(&projection, stream) } else { BTreeSet::new() };
    let mut ever = keys.clone();
    let mut always = keys.clone();
    for commit in commits {
        for event in commit.events.iter().filter(|event| event.number > version) {
            projection.evolve(&decode::<P::Event>(event)?, commit.at);
        }
        version = version.max(commit.last());
        keys = live_keys(&projection, stream);
        ever.extend(keys.iter().cloned());
        if commit.last() < commits.last().map_or(0, Commit::last) {
            always.retain(|key| keys.contains(key));
        }
    }
    let data = serde_json::to_value(&projection).map_err(|error| damaged::<P>(&error))?;
    Ok(Applied {
        row: Row { version, revision: P::REVISION, deleted: projection.is_deleted(), data },
        put: keys.difference(&always).cloned().collect(),
        removed: ever.difference(&keys).cloned().collect(),
        keys,
    })
}

fn live_keys<P: Projection>(projection: &P, stream: &StreamName) -> BTreeSet<IndexKey> {
    if projection.is_deleted() { BTreeSet::new() } else { projection.index_keys(stream) }
}

fn damaged<P: Projection>(error: &serde_json::Error) -> EventError {
    EventError::Unreadable { event_type: format!("row of {}", P::CATEGORY), version: P::REVISION, reason: error.to_string() }
}
