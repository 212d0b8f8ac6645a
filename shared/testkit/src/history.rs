use std::fmt;
use std::sync::Arc;

use headwater::{
    Aggregate, Commit, Context, Decide, Event, Folded, Metadata, Number, Snapshot, StreamName,
    Verdict, encode,
};
use jiff::{SignedDuration, Timestamp};
use proptest::sample::Index;
use uuid::Uuid;

use crate::Clock;

/// A command with its type forgotten, so that commands of one aggregate can be drawn at random.
///
/// ```
/// # mod till { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs")); }
/// # use till::*;
/// use headwater_testkit::AnyCommand;
/// use proptest::prelude::*;
///
/// fn any_command() -> impl Strategy<Value = AnyCommand<Till>> {
///     prop_oneof![
///         Just(AnyCommand::new(OpenTill {})),
///         (1..500_u64).prop_map(|cents| AnyCommand::new(AddCoin { cents })),
///     ]
/// }
/// # let _ = any_command();
/// ```
#[derive(Clone)]
pub struct AnyCommand<A: Aggregate> {
    name: &'static str,
    shown: String,
    decide: Arc<AnyDecide<A>>,
}

/// Decides with the next number of the command's sequence, if it takes one.
type AnyDecide<A> = dyn Fn(&A, &Context, u64) -> Verdict<A> + Send + Sync;

impl<A: Aggregate> AnyCommand<A> {
    /// Forgets a command's type.
    pub fn new<C: Decide<Aggregate = A> + fmt::Debug + 'static>(command: C) -> Self {
        let shown = format!("{command:?}");
        Self {
            name: C::NAME,
            shown,
            decide: Arc::new(move |state, context, next| {
                command.decide(state, context, C::Number::SOURCE.take(|_| next))
            }),
        }
    }
}

impl<A: Aggregate> fmt::Debug for AnyCommand<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// A stream that grows by commands, one a second, as the event store would let it grow.
///
/// ```
/// # mod till { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs")); }
/// # use till::*;
/// use headwater::StreamName;
/// use headwater_testkit::{AnyCommand, History};
///
/// let mut history = History::new(StreamName::new("acme", "shop", "tills", "front")?);
/// assert!(history.run(&AnyCommand::<Till>::new(OpenTill {})).is_ok());
/// assert!(history.run(&AnyCommand::new(OpenTill {})).is_err());
/// assert_eq!((history.folded().version, history.commits().len()), (1, 1));
/// # Ok::<(), headwater::InvalidStreamName>(())
/// ```
#[derive(Debug)]
pub struct History<A: Aggregate> {
    stream: StreamName,
    clock: Clock,
    folded: Folded<A>,
    commits: Vec<Commit>,
}

impl<A: Aggregate> History<A> {
    /// Nothing has happened yet.
    pub fn new(stream: StreamName) -> Self {
        Self { stream, clock: Clock::default(), folded: Folded::default(), commits: Vec::new() }
    }

    /// What the commands amount to.
    pub fn folded(&self) -> &Folded<A> {
        &self.folded
    }

    /// What the commands have appended.
    pub fn commits(&self) -> &[Commit] {
        &self.commits
    }

    /// The state as it is loaded where one of the commits carries a snapshot: from that and what
    /// follows it.
    ///
    /// # Panics
    /// If a state or an event cannot be written and read back.
    pub fn loaded_from_snapshot(&self, at: Index) -> A {
        if self.commits.is_empty() {
            return A::default();
        }
        let (before, after) = self.commits.split_at(at.index(self.commits.len()) + 1);
        let mut folded = Folded::<A>::default();
        before.iter().for_each(|commit| {
            folded.apply(commit).expect("an event that was written can be read")
        });
        let state = serde_json::to_value(&folded.state).expect("a state serializes");
        let carrier = Commit {
            snapshot: Some(Snapshot { revision: A::REVISION, state }),
            ..before[before.len() - 1].clone()
        };
        let mut loaded = Folded::<A>::default();
        [&carrier].into_iter().chain(after).for_each(|commit| {
            loaded.apply(commit).expect("a snapshot that was written can be read")
        });
        loaded.state
    }

    /// Decides a command a second later, and appends what follows. Answers the decision.
    ///
    /// # Panics
    /// If an event cannot be written and read back.
    pub fn run(&mut self, command: &AnyCommand<A>) -> Verdict<A> {
        let now = self.clock.advance(SignedDuration::from_secs(1));
        let id = self.stream.id().to_owned();
        // Another number for each command that appended something.
        let number = self.folded.version + 1;
        let context = Context { now, id, fresh_id: Uuid::nil(), actor: "tester".to_owned() };
        let events = (command.decide)(&self.folded.state, &context, number)?;
        if !events.is_empty() {
            let commit = commit(&self.stream, self.folded.version + 1, now, command.name, &events);
            self.folded.apply(&commit).expect("an event that was just written can be read");
            self.commits.push(commit);
        }
        Ok(events)
    }

    /// Runs a command twice: whatever it did the first time, no event follows the second time.
    /// Answers the first decision.
    ///
    /// # Panics
    /// If an event does.
    #[track_caller]
    pub fn run_twice(&mut self, command: &AnyCommand<A>) -> Verdict<A> {
        let verdict = self.run(command);
        let version = self.folded.version;
        let again = self.run(command);
        assert!(
            self.folded.version == version,
            "{command:?} once more appended {} events",
            again.unwrap_or_default().len()
        );
        verdict
    }
}

/// Makes the commits of a stream from their events, one a second.
///
/// ```
/// # mod till { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs")); }
/// # use till::*;
/// use headwater::{Row, StreamName, apply_commits};
/// use headwater_testkit::commits;
///
/// let till = StreamName::new("acme", "shop", "tills", "front")?;
/// let coin = TillEvent::CoinAdded { cents: 50 };
/// let commits = commits(&till, [vec![TillEvent::TillOpened {}, coin]]);
/// let applied = apply_commits::<TillRow>(&till, &Row::default(), &commits).unwrap();
/// assert_eq!(applied.row.read::<TillRow>().unwrap().cents, 50);
/// # Ok::<(), headwater::InvalidStreamName>(())
/// ```
///
/// # Panics
/// If an event does not serialize to its type and data.
pub fn commits<E: Event>(
    stream: &StreamName,
    events: impl IntoIterator<Item = Vec<E>>,
) -> Vec<Commit> {
    let mut clock = Clock::default();
    let mut commits: Vec<Commit> = Vec::new();
    for events in events {
        let first = commits.last().map_or(1, |previous| previous.last() + 1);
        commits.push(commit(
            stream,
            first,
            clock.advance(SignedDuration::from_secs(1)),
            "Given",
            &events,
        ));
    }
    commits
}

fn commit<E: Event>(
    stream: &StreamName,
    first: u64,
    at: Timestamp,
    command: &str,
    events: &[E],
) -> Commit {
    let stored = (first..).zip(events).map(|(number, event)| {
        encode(number, event).expect("an event serializes to its type and data")
    });
    let metadata = Metadata {
        commit_id: Uuid::from_u64_pair(0, first),
        command: command.to_owned(),
        actor: "tester".to_owned(),
        correlation_id: format!("request-{first}"),
        causation_id: None,
        traceparent: None,
        reason: None,
    };
    Commit { stream: stream.clone(), first, at, metadata, events: stored.collect(), snapshot: None }
}
