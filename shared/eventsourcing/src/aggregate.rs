use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Commit, Event, EventError, UniqueValue, decode};

/// The state that the rules of one kind of stream need, folded from its events. `Default` is the state before any event.
pub trait Aggregate: Default + Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What can have happened.
    type Event: Event;

    /// The service, as `identity`: the second segment of the stream's name.
    const DOMAIN: &'static str;

    /// The categories of the stream's name, as `users` or `groups/members`.
    const CATEGORY: &'static str;

    /// Names shape, fold and upcasters together. Raise it whenever one of them changes: older snapshots are then ignored, never misread.
    const REVISION: u32;

    /// How many of the newest commits one load reads, and so the most that may lie between two snapshots.
    ///
    /// A load bills a read unit for each 4 KB of this page. With commits of `c` KB and a state of `s` KB, where a share `f` of the
    /// commands finds a cold Lambda, the cheapest page is about `sqrt(40·s / (f·c))`: a write unit costs five read units and bills
    /// each KB of one item, a strong read unit 4 KB of the sum. 8 suits states of some 200 bytes in commits of some 400.
    const PAGE: u32 = 8;

    /// Takes one event in. `at` is when its commit was decided.
    fn evolve(&mut self, event: &Self::Event, at: Timestamp);

    /// The values that this state alone may hold in its tenant. What a command adds to them is claimed and what it takes away
    /// is released, in the same transaction as its events.
    fn unique_values(&self) -> Vec<UniqueValue> {
        Vec::new()
    }

    /// Lifts the state of a snapshot that an older revision wrote, where that is cheaper than to fold the history again. Without it
    /// such a snapshot is ignored, never misread.
    fn lift(_revision: u32, _state: &Value) -> Option<Self> {
        None
    }
}

/// A state that rides inside a commit, so that a load need not go back further.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The [`Aggregate::REVISION`] that wrote it.
    pub revision: u32,
    /// The state after the commit that carries it.
    pub state: Value,
}

impl Snapshot {
    /// The state, if this build can use it.
    pub fn read<A: Aggregate>(&self) -> Option<A> {
        if self.revision == A::REVISION { serde_json::from_value(self.state.clone()).ok() } else { A::lift(self.revision, &self.state) }
    }
}

/// An aggregate's state and how far its stream had got.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded<A> {
    /// The state after event `version`.
    pub state: A,
    /// The number of the last event folded, 0 before any.
    pub version: u64,
    /// When the last commit was decided.
    pub at: Option<Timestamp>,
    /// How many commits were appended since the last usable snapshot: when [`Aggregate::PAGE`] is reached the next one carries one.
    pub since_snapshot: u32,
}

impl<A: Aggregate> Default for Folded<A> {
    fn default() -> Self {
        Self { state: A::default(), version: 0, at: None, since_snapshot: 0 }
    }
}

impl<A: Aggregate> Folded<A> {
    /// Takes a commit in: its snapshot if this build can use it, else its events one by one. What was folded already is skipped.
    ///
    /// # Errors
    /// [`EventError`] if an event cannot be read.
    pub fn apply(&mut self, commit: &Commit) -> Result<(), EventError> {
        if commit.last() <= self.version {
            return Ok(());
        }
        match commit.snapshot.as_ref().and_then(Snapshot::read) {
            Some(state) => {
                self.state = state;
                self.since_snapshot = 0;
            }
            None => {
                self.apply_events(commit, commit.last())?;
                self.since_snapshot += 1;
            }
        }
        self.version = commit.last();
        self.at = Some(commit.at);
        Ok(())
    }

    /// Takes in the events of a commit up to number `last`, which may lie in its middle: the state *as it was* at that version.
    ///
    /// # Errors
    /// [`EventError`] if an event cannot be read.
    pub fn apply_events(&mut self, commit: &Commit, last: u64) -> Result<(), EventError> {
        let seen = self.version;
        for event in commit.events.iter().filter(|event| event.number > seen && event.number <= last) {
            self.state.evolve(&decode::<A::Event>(event)?, commit.at);
            self.version = event.number;
        }
        self.at = Some(commit.at);
        Ok(())
    }
}
