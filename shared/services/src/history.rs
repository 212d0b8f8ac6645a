//! The events of one stream, folded and checked, to verify that the tables are as they should be.

use headwater::{
    Checked, Commit, Domains, Event, EventError, NewerEvent, SequenceEvent, StreamName, Unique,
    UniqueEvent, UniqueKey, UniqueKeyEvent, UniqueValue, decode, first_newer, knows,
    sequence_stream,
};
use headwater_dynamodb::Finding;

/// What the commits of a stream come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// What is wrong with them.
    pub findings: Vec<Finding>,
    /// Whether an event is of a newer build: what the others come to says nothing then.
    pub is_newer: bool,
    /// The unique values that the thing holds, each [form](UniqueValue::forms) for itself.
    pub holds: Vec<UniqueValue>,
    /// Who holds the unique value whose stream it is: a stream's name within the tenant.
    pub holder: Option<String>,
    /// The numbers that were taken, by the thing itself or, if it is a sequence's stream, from it.
    pub numbers: Vec<Number>,
}

/// A number of a sequence, as one of the two streams that were written together has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number {
    /// The sequence's stream.
    pub sequence: StreamName,
    /// The number, from 1.
    pub number: u64,
    /// Who has it: a stream's name within the tenant.
    pub taker: String,
}

/// What the commits of a stream come to: all of them, in order.
///
/// ```
/// use headwater::{Commit, Domains, StreamName};
/// use headwater_services::history;
///
/// fn is_sound(domains: &Domains, till: &StreamName, commits: &[Commit]) -> bool {
///     let history = history(domains, till, commits);
///     history.findings.is_empty() && !history.is_newer
/// }
///
/// let till = "acme/shop/tills/front".parse()?;
/// assert!(is_sound(&Domains::new([]), &till, &[]));
/// # Ok::<(), headwater::InvalidStreamName>(())
/// ```
pub fn history(domains: &Domains, stream: &StreamName, commits: &[Commit]) -> History {
    let mut history = History::default();
    history.findings.extend(order(stream, commits));
    match domains.of(stream).and_then(|service| service.aggregate(&stream.category())) {
        Some(aggregate) => history.take(stream, (aggregate.check)(commits)),
        None => history.read_auxiliary(stream, commits),
    }
    history
}

/// That the events are numbered without gaps, and times never go back.
fn order(stream: &StreamName, commits: &[Commit]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut version = 0;
    for commit in commits {
        if commit.first != version + 1 {
            findings.push(Finding::new(
                "gap",
                stream,
                format!("event {} is missing: the next is {}", version + 1, commit.first),
            ));
        }
        version = commit.last();
    }
    for pair in commits.windows(2) {
        if let [before, after] = pair
            && after.at < before.at
        {
            findings.push(Finding::new(
                "time",
                stream,
                format!(
                    "event {} was decided at {}, before the one before it",
                    after.first, after.at
                ),
            ));
        }
    }
    findings
}

impl History {
    /// Takes in what the commits of a stream with a state come to.
    fn take(&mut self, stream: &StreamName, checked: Checked) {
        for version in checked.wrong_snapshots {
            self.findings.push(Finding::new(
                "snapshot",
                stream,
                format!("the one at event {version} is not the fold of the events"),
            ));
        }
        match checked.stopped {
            Some((_, EventError::Newer(event))) => return self.leave(stream, &event),
            Some((first, error)) => {
                return self.findings.push(Finding::new(
                    "event",
                    stream,
                    format!("the commit at {first} cannot be folded: {error}"),
                ));
            }
            None => {}
        }
        self.holds = checked.holds.iter().flat_map(UniqueValue::forms).collect();
        self.numbers = checked
            .numbers
            .into_iter()
            .filter_map(|(name, number)| {
                let sequence = sequence_stream(stream.tenant(), stream.domain(), name).ok()?;
                Some(Number { sequence, number, taker: stream.within_tenant().to_owned() })
            })
            .collect();
    }

    /// Leaves a stream to a newer build. Nothing is wrong with it, but nobody can say so before
    /// that build.
    fn leave(&mut self, stream: &StreamName, event: &NewerEvent) {
        self.is_newer = true;
        self.findings.push(Finding::new("newer", stream, format!("cannot be verified: {event}")));
    }

    /// Of a stream that has no state: one of a unique value, of a sequence, or of the unique key.
    fn read_auxiliary(&mut self, stream: &StreamName, commits: &[Commit]) {
        if all::<UniqueEvent>(commits).is_some() {
            self.holder = commits
                .last()
                .and_then(|newest| Unique::after(newest).ok())
                .and_then(|unique| unique.holder);
        } else if let Some(taken) = all::<SequenceEvent>(commits) {
            let number = |(number, SequenceEvent::NumberTaken { taker })| Number {
                sequence: stream.clone(),
                number,
                taker,
            };
            self.numbers = taken.into_iter().map(number).collect();
        } else if let Some(event) = newer_auxiliary(commits) {
            self.leave(stream, &event);
        } else if stream.as_str() != UniqueKey::STREAM || all::<UniqueKeyEvent>(commits).is_none() {
            self.findings.push(Finding::new(
                "stream",
                stream,
                "no service has streams of this kind",
            ));
        }
    }
}

/// The first event of a newer build in a stream of a unique value, or of a sequence, of which this
/// build knows other events.
fn newer_auxiliary(commits: &[Commit]) -> Option<NewerEvent> {
    let knows = |event_type: &str, version| {
        knows::<UniqueEvent>(event_type, version) || knows::<SequenceEvent>(event_type, version)
    };
    let mut events = commits.iter().flat_map(|commit| &commit.events);
    let is_auxiliary = events.any(|event| knows(&event.event_type, event.version));
    first_newer(commits.iter().flat_map(|commit| &commit.events), knows).filter(|_| is_auxiliary)
}

/// All events with their numbers, if they are of this type.
fn all<E: Event>(commits: &[Commit]) -> Option<Vec<(u64, E)>> {
    commits
        .iter()
        .flat_map(|commit| &commit.events)
        .map(|event| Some((event.number, decode(event).ok()?)))
        .collect()
}
