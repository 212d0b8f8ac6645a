use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Commit, Event, EventError, UniqueValue, decode};

/// The state that the rules of one kind of stream need, folded from its events. `Default` is the
/// state before any event.
///
/// ```
/// use headwater_core::{Aggregate, Event};
/// use jiff::Timestamp;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Serialize, Deserialize)]
/// #[serde(tag = "type", content = "data")]
/// enum TillEvent {
///     CoinAdded { cents: u64 },
/// }
///
/// impl Event for TillEvent {}
///
/// #[derive(Clone, Default, Serialize, Deserialize)]
/// struct Till {
///     cents: u64,
/// }
///
/// impl Aggregate for Till {
///     type Event = TillEvent;
///     const DOMAIN: &'static str = "shop";
///     const CATEGORY: &'static str = "tills";
///     const REVISION: u32 = 1;
///
///     fn evolve(&mut self, TillEvent::CoinAdded { cents }: &TillEvent, _: Timestamp) {
///         self.cents += cents;
///     }
/// }
/// ```
pub trait Aggregate:
    Default + Clone + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The events of its streams.
    type Event: Event;

    /// The service, as `identity`: the second segment of the stream's name.
    const DOMAIN: &'static str;

    /// The categories of the stream's name, as `users` or `groups/members`.
    const CATEGORY: &'static str;

    /// Names shape, fold and upcasters together. Raise it whenever one of them changes, as with a
    /// new type of event: other builds' snapshots are then ignored, never misread.
    const REVISION: u32;

    /// How many of the newest commits one load reads, and so the longest distance between two
    /// snapshots, in commits.
    ///
    /// A short page makes a load cheap, and a long one makes snapshots rare. 8 suits states of some
    /// 200 bytes in commits of some 400. What a store bills for a page is for it to say: with
    /// `headwater-dynamodb`, see `EventStore::load`.
    const PAGE: u32 = 8;

    /// How long commits stay in the events table, at least; `None` is for ever. Older ones may be
    /// moved to the archive, except for the first of each stream, and the newest, which loads need:
    /// twice [`PAGE`](Self::PAGE). Whatever shows history reads both.
    ///
    /// It is 30 days or more, since nobody goes on trying to write for so long. A place in a stream
    /// must not become free while somebody may still think that it always was.
    const RETENTION: Option<SignedDuration> = None;

    /// Folds one event into the state. `at` is the time of its commit.
    fn evolve(&mut self, event: &Self::Event, at: Timestamp);

    /// Whether the thing exists, given that the stream has events: `false` after a delete, for
    /// instance. `If-Match: *` and `If-None-Match: *` check this.
    fn is_there(&self) -> bool {
        true
    }

    /// The values that this state alone may hold in its tenant. A command claims the values that it
    /// adds and releases those that it removes, in the transaction of its events.
    fn unique_values(&self) -> Vec<UniqueValue> {
        Vec::new()
    }

    /// The number of a [sequence](crate::Source::Sequence) that an event says was taken, with the
    /// sequence's name: by it `headwater verify` compares the two streams.
    fn number_taken(_event: &Self::Event) -> Option<(&'static str, u64)> {
        None
    }

    /// Lifts the state of a snapshot that an older revision wrote, where that is cheaper than to
    /// fold the history again. Without it such a snapshot is ignored, never misread.
    fn lift(_revision: u32, _state: &Value) -> Option<Self> {
        None
    }
}

/// A state stored inside a commit, so that a load need not read earlier commits.
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
        if self.revision == A::REVISION {
            serde_json::from_value(self.state.clone()).ok()
        } else {
            A::lift(self.revision, &self.state)
        }
    }
}

/// An aggregate's state, and the position in its stream up to which it is folded.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded<A> {
    /// The state after event `version`.
    pub state: A,
    /// The number of the last event folded, 0 before any.
    pub version: u64,
    /// When the last commit was decided.
    pub at: Option<Timestamp>,
    /// How many commits were appended since the last usable snapshot. At [`Aggregate::PAGE`] the
    /// next commit carries one.
    pub since_snapshot: u32,
}

impl<A: Aggregate> Default for Folded<A> {
    fn default() -> Self {
        Self { state: A::default(), version: 0, at: None, since_snapshot: 0 }
    }
}

impl<A: Aggregate> Folded<A> {
    /// Whether the thing exists.
    pub fn is_there(&self) -> bool {
        self.version > 0 && self.state.is_there()
    }

    /// Folds a commit: its snapshot if this build can use it, else its events one by one. Skips
    /// what was folded already.
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

    /// Takes in the events of a commit up to number `last`, which may lie in its middle: the state
    /// *as it was* at that version.
    ///
    /// # Errors
    /// [`EventError`] if an event cannot be read.
    pub fn apply_events(&mut self, commit: &Commit, last: u64) -> Result<(), EventError> {
        let seen = self.version;
        for event in
            commit.events.iter().filter(|event| event.number > seen && event.number <= last)
        {
            self.state.evolve(&decode::<A::Event>(event)?, commit.at);
            self.version = event.number;
        }
        self.at = Some(commit.at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::{Metadata, StreamName, encode};

    /// The coins of a till, as they came in.
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Till(Vec<u64>);

    #[derive(Clone, Debug, Serialize, Deserialize)]
    #[serde(tag = "type", content = "data")]
    enum TillEvent {
        Paid { coin: u64 },
    }

    impl Event for TillEvent {}

    impl Aggregate for Till {
        type Event = TillEvent;
        const DOMAIN: &'static str = "shop";
        const CATEGORY: &'static str = "tills";
        const REVISION: u32 = 3;

        fn evolve(&mut self, TillEvent::Paid { coin }: &TillEvent, _: Timestamp) {
            self.0.push(*coin);
        }
    }

    fn at(second: u64) -> Timestamp {
        Timestamp::from_second(second as i64).unwrap()
    }

    fn commit(first: u64, coins: &[u64]) -> Commit {
        let metadata = Metadata {
            commit_id: Uuid::nil(),
            command: "Pay".into(),
            actor: "ada".into(),
            correlation_id: "c".into(),
            causation_id: None,
            traceparent: None,
            reason: None,
        };
        let events = (first..)
            .zip(coins)
            .map(|(number, coin)| encode(number, &TillEvent::Paid { coin: *coin }).unwrap())
            .collect();
        Commit {
            stream: StreamName::new("acme", "shop", "tills", "7").unwrap(),
            first,
            at: at(first),
            metadata,
            events,
            snapshot: None,
        }
    }

    fn with_snapshot(commit: Commit, revision: u32) -> Commit {
        Commit { snapshot: Some(Snapshot { revision, state: json!([50]) }), ..commit }
    }

    fn folded(coins: &[u64], version: u64, second: u64, since_snapshot: u32) -> Folded<Till> {
        Folded { state: Till(coins.to_vec()), version, at: Some(at(second)), since_snapshot }
    }

    #[test]
    fn commits_are_folded_in_order_and_each_once() {
        let mut till = Folded::default();
        for commit in [commit(1, &[5, 7]), commit(3, &[9]), commit(3, &[9]), commit(1, &[5, 7])] {
            till.apply(&commit).unwrap();
        }
        assert_eq!(till, folded(&[5, 7, 9], 3, 3, 2));
    }

    #[test]
    fn a_commit_is_folded_up_to_its_middle_and_then_the_rest_of_it() {
        let mut till = Folded::default();
        till.apply_events(&commit(1, &[5, 7, 9]), 2).unwrap();
        assert_eq!(till, folded(&[5, 7], 2, 1, 0));
        till.apply(&commit(1, &[5, 7, 9])).unwrap();
        assert_eq!(till, folded(&[5, 7, 9], 3, 1, 1));
    }

    #[test]
    fn a_snapshot_stands_for_all_before_it_if_it_is_of_this_revision() {
        let mut till = folded(&[5, 7], 2, 1, 1);
        till.apply(&with_snapshot(commit(3, &[9]), 2)).unwrap();
        assert_eq!(till, folded(&[5, 7, 9], 3, 3, 2));
        till.apply(&with_snapshot(commit(4, &[1]), 3)).unwrap();
        assert_eq!(till, folded(&[50], 4, 4, 0));
    }
}
