use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    Aggregate, Commit, Event, EventDraft, EventError, Folded, Form, Misfit, NewerEvent,
    ProjectionFn, RecordedEvent, Row, Snapshot, StreamName, UniqueValue, decode, encode, erased,
    has_personal, own_row,
};

/// The domains of a system, in order of name: for code that handles all of them alike, as the calls
/// on any stream and the CLI.
///
/// ```
/// # mod till {
/// #     use headwater_core as headwater;
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater_core::{Domain, Domains, StreamName, aggregate_fn, projection_fn};
///
/// static SHOP: Domain =
///     Domain::new("shop", &[aggregate_fn::<Till>()], &[projection_fn::<TillRow>()]);
///
/// let domains = Domains::new([&SHOP]);
/// let till = StreamName::new("acme", "shop", "tills", "front")?;
/// assert!(domains.is_projected(&till));
/// assert!(domains.named("office").is_none());
/// # Ok::<(), headwater_core::InvalidStreamName>(())
/// ```
#[derive(Clone)]
pub struct Domains(Vec<&'static Domain>);

impl Domains {
    /// These domains.
    pub fn new(domains: impl IntoIterator<Item = &'static Domain>) -> Self {
        let mut domains: Vec<_> = domains.into_iter().collect();
        domains.sort_by_key(|domain| domain.name);
        Self(domains)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &'static Domain> + Clone + '_ {
        self.0.iter().copied()
    }

    /// The domain of this name.
    pub fn named(&self, name: &str) -> Option<&'static Domain> {
        self.iter().find(|domain| domain.name == name)
    }

    /// The domain of a stream.
    pub fn of(&self, stream: &StreamName) -> Option<&'static Domain> {
        self.named(stream.domain())
    }

    /// Whether a stream has a row and is in a change feed. Those of unique values and of sequences
    /// have none.
    pub fn is_projected(&self, stream: &StreamName) -> bool {
        self.of(stream).is_some_and(|domain| domain.is_projected(&stream.category()))
    }
}

/// A domain with its types erased, for code that handles all domains alike: the projectors, past
/// states, and `headwater verify`.
///
/// ```
/// # mod till {
/// #     use headwater_core as headwater;
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater_core::{Domain, aggregate_fn, projection_fn};
///
/// static SHOP: Domain =
///     Domain::new("shop", &[aggregate_fn::<Till>()], &[projection_fn::<TillRow>()]);
/// assert!(SHOP.is_projected("tills"));
/// ```
#[derive(Clone, Copy)]
pub struct Domain {
    /// The second segment of its streams' names, as `identity`.
    pub name: &'static str,
    /// Its aggregates, one for each category.
    pub aggregates: &'static [AggregateFn],
    /// Its projections.
    pub projections: &'static [ProjectionFn],
    /// The handler of the effects outside that its events ask for, if any do.
    pub handler: Option<Handler>,
    /// What other systems own, if the domain takes updates from them.
    pub external: Option<External>,
}

impl Domain {
    /// A domain without effects outside and without updates from other systems. Where it has
    /// either, name it before `..Domain::new(…)`.
    pub const fn new(
        name: &'static str,
        aggregates: &'static [AggregateFn],
        projections: &'static [ProjectionFn],
    ) -> Self {
        Self { name, aggregates, projections, handler: None, external: None }
    }

    /// The aggregate of the streams of a category.
    pub fn aggregate(&self, category: &str) -> Option<&'static AggregateFn> {
        self.aggregates.iter().find(|aggregate| aggregate.category == category)
    }

    /// Whether any of its streams tells of a person who can be forgotten.
    pub fn forgets(&self) -> bool {
        self.aggregates.iter().any(|aggregate| aggregate.forgets.is_some())
    }

    /// Whether streams of a category have rows and are in the change feed.
    pub fn is_projected(&self, category: &str) -> bool {
        own_row(self.projections, category).is_some()
    }
}

/// What carries out effects outside, as mails.
#[derive(Clone, Copy)]
pub struct Handler {
    /// The name under which the state of each effect is kept.
    pub name: &'static str,
    /// The numbers of a commit's events that ask for one.
    pub asked_for: fn(&Commit) -> Vec<u64>,
    /// The first of a commit's events that only a newer build knows, so that this one cannot say
    /// whether it asks for an effect.
    pub unknown: fn(&Commit) -> Option<NewerEvent>,
}

/// The things of a domain that another system owns. Its updates arrive on a stream. An update that
/// a rule refuses is parked in the thing's row, and waits for a person.
#[derive(Clone, Copy)]
pub struct External {
    /// The environment variable that names the stream on which updates arrive.
    pub stream_variable: &'static str,
    /// The rows of the things. Those with a parked update are in the list
    /// [`IndexKey::WAITING`](crate::IndexKey::WAITING).
    pub projection: ProjectionFn,
    /// The update that is parked in a row.
    pub parked: fn(&Row) -> Option<Parked>,
    /// The record that brings the update with this revision once more, made from all commits of
    /// the thing. `None` if none of them parked it.
    pub record: RecordOf,
}

/// Makes the record of an update with a revision from all commits of the thing.
pub type RecordOf = fn(&[Commit], u64) -> Result<Option<Vec<u8>>, EventError>;

/// An update from another system that a rule refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The owning system's revision of the thing.
    pub revision: u64,
    /// The name of the rule that refused it, as `email-taken`.
    pub reason: String,
    /// When it was parked.
    pub at: Timestamp,
}

/// An aggregate with its type erased: states come out serialized.
#[derive(Clone, Copy)]
pub struct AggregateFn {
    /// [`Aggregate::CATEGORY`].
    pub category: &'static str,
    /// [`Aggregate::PAGE`].
    pub page: u32,
    /// [`Aggregate::RETENTION`].
    pub retention: Option<SignedDuration>,
    /// Whether this build can use a snapshot.
    pub reads: fn(&Snapshot) -> bool,
    /// The state after event `last`, which may be in the middle of a commit. The commits are all of
    /// the stream, or those from a commit with a usable snapshot on.
    pub state_at: fn(&[Commit], u64) -> Result<Folded<Value>, EventError>,
    /// Folds and checks all commits of a stream.
    pub check: fn(&[Commit]) -> Checked,
    /// [`Aggregate::REVISION`].
    pub revision: u32,
    /// [`EventDraft::recorded`] for this aggregate's events.
    pub recorded: fn(&EventDraft, u64) -> Result<RecordedEvent, Misfit>,
    /// [`Event::FORGETS`] of its events.
    pub forgets: Option<&'static str>,
    /// An event that holds something personal as plain text, as this build would write it: with
    /// that marked to be sealed. `None` of any other. It was written before the field was
    /// [`Personal`](crate::Personal).
    pub plain: fn(&RecordedEvent) -> Option<RecordedEvent>,
}

/// The result of folding and checking all commits of a stream.
#[derive(Debug, Default, PartialEq)]
pub struct Checked {
    /// The commit that could not be folded, by its first event, and why; those after it were not
    /// checked.
    pub stopped: Option<(u64, EventError)>,
    /// The versions whose snapshots are not the fold of the events.
    pub wrong_snapshots: Vec<u64>,
    /// Whether the thing exists, as [`Folded::is_there`] says it.
    pub is_there: bool,
    /// The unique values that the thing holds.
    pub holds: Vec<UniqueValue>,
    /// The numbers that the events say were taken: the sequence's name, and the number.
    pub numbers: Vec<(&'static str, u64)>,
}

/// Erases an aggregate's type.
///
/// ```
/// # mod till {
/// #     use headwater_core as headwater;
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater_core::aggregate_fn;
///
/// let till = aggregate_fn::<Till>();
/// assert_eq!(till.category, "tills");
/// assert_eq!((till.state_at)(&[], 0)?.state["is_open"], false);
/// # Ok::<(), headwater_core::EventError>(())
/// ```
pub const fn aggregate_fn<A: Aggregate>() -> AggregateFn {
    AggregateFn {
        category: A::CATEGORY,
        page: A::PAGE,
        retention: A::RETENTION,
        reads: |snapshot| snapshot.read::<A>().is_some(),
        state_at: state_at::<A>,
        check: check::<A>,
        revision: A::REVISION,
        recorded: EventDraft::recorded::<A::Event>,
        forgets: A::Event::FORGETS,
        plain: plain::<A::Event>,
    }
}

/// An event with a sealed value cannot be read, so it is none that was written before.
fn plain<E: Event>(stored: &RecordedEvent) -> Option<RecordedEvent> {
    let rewritten = decode::<E>(stored).and_then(|event| encode(stored.number, &event)).ok()?;
    Some(rewritten).filter(|event| has_personal(&event.data, &|form| form.is_telling()))
}

fn state_at<A: Aggregate>(commits: &[Commit], last: u64) -> Result<Folded<Value>, EventError> {
    let mut folded = Folded::<A>::default();
    for commit in commits {
        if commit.last() <= last {
            folded.apply(commit)?;
        } else {
            folded.apply_events(commit, last)?;
        }
    }
    let Folded { state, version, at, since_snapshot } = folded;
    Ok(Folded { state: serialized(&state), version, at, since_snapshot })
}

fn check<A: Aggregate>(commits: &[Commit]) -> Checked {
    let (mut checked, mut folded) = (Checked::default(), Folded::<A>::default());
    for commit in commits {
        if let Err(error) = folded.apply_events(commit, commit.last()) {
            checked.stopped = Some((commit.first, error));
            return checked;
        }
        let snapshot = commit.snapshot.as_ref().filter(|s| s.revision == A::REVISION);
        // As it is written: a number that DynamoDB gives back may look otherwise.
        let is_right = snapshot.is_none_or(|snapshot| {
            snapshot.read::<A>().is_some_and(|s| is_same(serialized(&s), serialized(&folded.state)))
        });
        if !is_right {
            checked.wrong_snapshots.push(commit.last());
        }
        let events = commit.events.iter().filter_map(|event| decode::<A::Event>(event).ok());
        checked.numbers.extend(events.filter_map(|event| A::number_taken(&event)));
    }
    checked.is_there = folded.is_there();
    checked.holds = folded.state.unique_values();
    checked
}

/// Whether a snapshot is the fold of the events. What was forgotten of it is not compared: events
/// of before their fields were personal still tell it.
fn is_same(mut snapshot: Value, mut folded: Value) -> bool {
    if has_personal(&snapshot, &|form| form == Form::Erased) {
        (snapshot, folded) = (erased(snapshot), erased(folded));
    }
    snapshot == folded
}

/// A state is plain data, so it can always be written.
fn serialized<A: Aggregate>(state: &A) -> Value {
    serde_json::to_value(state).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::{Event, Metadata, StreamName, encode};
    use jiff::Timestamp;

    /// The coins of a till, and its name.
    #[derive(Clone, Debug, Default, Serialize, Deserialize)]
    struct Till {
        coins: u64,
    }

    #[derive(Clone, Debug, Serialize, Deserialize)]
    #[serde(tag = "type", content = "data")]
    enum TillEvent {
        Paid { coins: u64 },
        Numbered { number: u64 },
    }

    impl Event for TillEvent {}

    impl Aggregate for Till {
        type Event = TillEvent;
        const DOMAIN: &'static str = "shop";
        const CATEGORY: &'static str = "tills";
        const REVISION: u32 = 3;

        fn evolve(&mut self, event: &TillEvent, _: Timestamp) {
            if let TillEvent::Paid { coins } = event {
                self.coins += coins;
            }
        }

        fn unique_values(&self) -> Vec<UniqueValue> {
            vec![]
        }

        fn number_taken(event: &TillEvent) -> Option<(&'static str, u64)> {
            match event {
                TillEvent::Numbered { number } => Some(("tills", *number)),
                TillEvent::Paid { .. } => None,
            }
        }
    }

    fn commit(first: u64, events: &[TillEvent], snapshot: Option<(u32, u64)>) -> Commit {
        Commit {
            stream: StreamName::new("acme", "shop", "tills", "7").unwrap(),
            first,
            at: Timestamp::from_second(first as i64).unwrap(),
            metadata: Metadata {
                commit_id: Uuid::nil(),
                command: "Pay".into(),
                actor: "ada".into(),
                correlation_id: "c".into(),
                causation_id: None,
                traceparent: None,
                reason: None,
            },
            events: (first..)
                .zip(events)
                .map(|(number, event)| encode(number, event).unwrap())
                .collect(),
            snapshot: snapshot
                .map(|(revision, coins)| Snapshot { revision, state: json!({ "coins": coins }) }),
        }
    }

    const PAID: TillEvent = TillEvent::Paid { coins: 5 };

    #[test]
    fn a_state_is_that_after_an_event_in_the_middle_of_a_commit_too() {
        let till = aggregate_fn::<Till>();
        let commits = [
            commit(1, &[PAID], None),
            commit(2, &[PAID, PAID], Some((3, 15))),
            commit(4, &[PAID], None),
        ];
        for (from, last, coins) in
            [(0, 1, 5), (0, 2, 10), (0, 3, 15), (0, 4, 20), (0, u64::MAX, 20), (1, 4, 20)]
        {
            let folded = (till.state_at)(&commits[from..], last).unwrap();
            let expected = (json!({ "coins": coins }), last.min(4));
            assert_eq!((folded.state, folded.version), expected, "{from} {last}");
        }
        let snapshot = |index: usize| commits[index].snapshot.as_ref();
        assert!(snapshot(1).is_some_and(till.reads));
        let other = commit(1, &[PAID], Some((2, 5)));
        assert!(!other.snapshot.as_ref().is_some_and(till.reads), "of another revision");
    }

    #[test]
    fn a_history_is_checked_for_its_snapshots_and_its_numbers() {
        let till = aggregate_fn::<Till>();
        let commits = [
            commit(1, &[PAID], Some((3, 5))),
            commit(2, &[TillEvent::Numbered { number: 9 }], Some((3, 6))),
            commit(3, &[PAID], Some((2, 77))),
        ];
        let checked = (till.check)(&commits);
        assert_eq!(checked.wrong_snapshots, [2], "that of another revision says nothing");
        assert_eq!(checked.numbers, [("tills", 9)]);
        assert_eq!(checked.stopped, None);

        let mut broken = commits;
        broken[1].events[0].data = json!({ "number": "nine" });
        let stopped = (till.check)(&broken).stopped.map(|(first, _)| first);
        assert_eq!(stopped, Some(2));
    }
}
