use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use headwater::{
    Aggregate, Commit, Event, Folded, Part, Projection, ProjectionFn, RecordedEvent, Row, Snapshot,
    StreamName, decode, encode, part_fn, projection_fn,
};
use jiff::SignedDuration;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{difference, event_types};

/// A folder of golden files, which show that what was ever stored loads for ever. It holds
///
/// - `<EventType>.v<N>.json`: an event's data as version N stored it. Never change or remove such a
///   file.
/// - `<kind>.history.json`: the commits of a whole stream, in which every event type occurs.
/// - `<kind>.state.r<N>.json`: the state after each of these commits, at the aggregate's revision
///   N.
/// - `<kind>.row.r<N>.json`: the query row, its places in indexes and what it adds to sums after
///   each of these commits, at the projection's revision N; of rows of parts, those of all parts
///   that there are by then.
///
/// For a new kind write its history: without one the check prints how it looks. With `BLESS=1` in
/// the environment the other files that are missing are written. A commit is added for an event
/// type that has no fields. Without it, what is missing is printed. Nothing else that is there is
/// ever changed.
///
/// Each check panics if something does not load as it was stored, or is missing.
///
/// ```no_run
/// # mod till { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs")); }
/// # use till::*;
/// use headwater_testkit::{Golden, event_types};
///
/// let golden = Golden::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"));
/// golden.check::<Till>("till");
/// golden.check_rows::<TillRow>("till");
/// golden.check_dropped(&[event_types::<TillEvent>()]);
/// ```
pub struct Golden {
    folder: PathBuf,
    /// Whether what is missing is written.
    bless: bool,
}

impl Golden {
    /// The golden files in a folder. What is missing is written if `BLESS` is in the environment.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), bless: std::env::var_os("BLESS").is_some() }
    }

    /// The same, whatever is in the environment.
    #[must_use]
    pub fn blessing(self, bless: bool) -> Self {
        Self { bless, ..self }
    }

    /// Every version of every event type is read, and today's is written as it stands in its file.
    /// The history folds to the states that its revision promises, and a snapshot of each can be
    /// read.
    #[track_caller]
    pub fn check<A: Aggregate>(&self, kind: &str) {
        let commits = self.history::<A>(kind);
        for event_type in event_types::<A::Event>() {
            self.check_event::<A::Event>(&event_type, &commits);
        }
        let mut folded = Folded::<A>::default();
        let mut states = Vec::new();
        for commit in &commits {
            folded.apply(commit).expect("the history can be read");
            states.push(serde_json::to_value(&folded.state).expect("states serialize"));
        }
        self.check_revision(&format!("{kind}.state"), A::REVISION, &json!(states));
        for state in states {
            let snapshot = Snapshot { revision: A::REVISION, state: state.clone() };
            let lifted = snapshot.read::<A>().expect("a snapshot of this revision can be read");
            assert_eq!(serde_json::to_value(lifted).expect("states serialize"), state);
        }
    }

    /// The history of a kind folds to the rows, index keys and contributions that their revision
    /// promises.
    #[track_caller]
    pub fn check_rows<P: Projection>(&self, kind: &str) {
        let commits: Vec<Commit> = self.read(&format!("{kind}.history.json"));
        let rows: Vec<Value> = (1..=commits.len())
            .map(|count| row(projection_fn::<P>(), &commits[0].stream, &commits[..count]))
            .collect();
        self.check_revision(&format!("{kind}.row"), P::REVISION, &json!(rows));
    }

    /// As [`Golden::check_rows`], for all parts of a stream: `source` is the kind that has the
    /// history, `kind` that of the rows.
    #[track_caller]
    pub fn check_parts<P: Part>(&self, source: &str, kind: &str) {
        let commits: Vec<Commit> = self.read(&format!("{source}.history.json"));
        let part = part_fn::<P>();
        let rows = |count: usize| -> BTreeMap<String, Value> {
            let commits = &commits[..count];
            let names = part
                .parts
                .map(|parts| parts(&commits[0].stream, commits).expect("the history can be read"));
            names
                .into_iter()
                .flatten()
                .map(|name| (name.to_string(), row(part, &name, commits)))
                .collect()
        };
        self.check_revision(
            &format!("{kind}.row"),
            P::REVISION,
            &json!((1..=commits.len()).map(rows).collect::<Vec<_>>()),
        );
    }

    /// No type of which there is a file is missing among those that are known today.
    #[track_caller]
    pub fn check_dropped(&self, known: &[Vec<String>]) {
        let files = self.folder.read_dir();
        for entry in files.unwrap_or_else(|error| panic!("{}: {error}", self.folder.display())) {
            let name = entry.expect("a file").file_name().into_string().expect("UTF-8");
            let event_type = name.split_once(".v").map(|(event_type, _)| event_type.to_owned());
            let is_known = event_type.is_none_or(|event_type| known.concat().contains(&event_type));
            assert!(
                is_known,
                "{name}: events of this type are stored; bring its variant back, with a `decide` \
                 that never makes it"
            );
        }
    }

    /// The history of a kind, in which events of all types occur.
    #[track_caller]
    fn history<A: Aggregate>(&self, kind: &str) -> Vec<Commit> {
        let file = format!("{kind}.history.json");
        let event_types = event_types::<A::Event>();
        assert!(
            self.folder.join(&file).exists(),
            "{} is missing: write the commits of one stream, with the data of each event, like\n\
             {:#}",
            self.shown(&file),
            json!([commit(&stream::<A>(), 1, "2026-01-01T00:00:01Z", &event_types)])
        );
        let mut commits: Vec<Commit> = self.read(&file);
        let missing = missing(&event_types, &commits);
        if self.bless && self.extend::<A::Event>(&file, &missing, &commits) {
            commits = self.read(&file);
        }
        let missing = self::missing(&event_types, &commits);
        assert!(
            missing.is_empty(),
            "{} has no event of {missing:?}: add a commit with each, like\n{:#}",
            self.shown(&file),
            next::<A>(&commits, &missing)
        );
        commits
    }

    /// Adds commits of those events that have no fields, and says whether there were any.
    #[track_caller]
    fn extend<E: Event>(&self, file: &str, event_types: &[String], commits: &[Commit]) -> bool {
        let Some(last) = commits.last() else { return false };
        let bare = event_types.iter().filter(|event_type| is_bare::<E>(event_type));
        let (mut number, mut at) = (last.last(), last.at);
        let added: Vec<Value> = bare
            .map(|event_type| {
                (number, at) = (number + 1, at + SignedDuration::from_secs(1));
                let event_types = std::slice::from_ref(event_type);
                commit(last.stream.as_str(), number, &at.to_string(), event_types)
            })
            .collect();
        if added.is_empty() {
            return false;
        }
        let mut history: Vec<Value> = self.read(file);
        history.extend(added);
        self.write(file, &json!(history));
        true
    }

    #[track_caller]
    fn check_event<E: Event>(&self, event_type: &str, history: &[Commit]) {
        let current = current_version::<E>(event_type);
        for version in 1..=current {
            let file = format!("{event_type}.v{version}.json");
            if version == current {
                self.want(&file, || sample::<E>(event_type, history));
            }
            let data = self.read(&file);
            let stored =
                RecordedEvent { number: 1, event_type: event_type.to_owned(), version, data };
            let event: E = decode(&stored).unwrap_or_else(|error| {
                panic!("{file} is stored like this, and must load for ever: {error}")
            });
            let written = encode(1, &event).expect("events serialize");
            assert!(
                version < current || written == stored,
                "{event_type} is written in another shape than version {version}: add an \
                 upcaster, and the new shape as {}:\n{:#}",
                self.shown(&format!("{event_type}.v{}.json", version + 1)),
                written.data
            );
        }
    }

    #[track_caller]
    fn check_revision(&self, kind: &str, revision: u32, found: &Value) {
        let file = format!("{kind}.r{revision}.json");
        self.want(&file, || found.clone());
        let expected: Value = self.read(&file);
        assert!(
            *found == expected,
            "the golden history folds to something else than {file} says, but snapshots and rows \
             of that revision are stored: raise REVISION to {}, and leave this file as it is; \
             only if that revision was never deployed, remove the file (- the file, + found):\n{}",
            revision + 1,
            difference(&format!("{expected:#}"), &format!("{found:#}"))
        );
    }

    /// Writes a file if it is missing, or says what it should hold.
    #[track_caller]
    fn want(&self, file: &str, wanted: impl FnOnce() -> Value) {
        if self.folder.join(file).exists() {
            return;
        }
        let wanted = wanted();
        assert!(
            self.bless,
            "{} is missing: look whether it should be this, and write it with BLESS=1:\n{wanted:#}",
            self.shown(file)
        );
        self.write(file, &wanted);
    }

    #[track_caller]
    fn write(&self, file: &str, value: &Value) {
        std::fs::write(self.folder.join(file), format!("{value:#}\n"))
            .unwrap_or_else(|error| panic!("{}: {error}", self.shown(file)));
    }

    #[track_caller]
    fn read<T: DeserializeOwned>(&self, file: &str) -> T {
        let text = std::fs::read_to_string(self.folder.join(file))
            .unwrap_or_else(|error| panic!("{}: {error}", self.shown(file)));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", self.shown(file)))
    }

    /// The path of a file, from the folder of the package that is tested.
    fn shown(&self, file: &str) -> String {
        let path = self.folder.join(file);
        let package = std::env::current_dir().unwrap_or_default();
        path.strip_prefix(package).unwrap_or(&path).display().to_string()
    }
}

/// The version in which an event type is written today.
fn current_version<E: Event>(event_type: &str) -> u32 {
    1 + E::UPCASTERS.iter().filter(|step| step.event_type == event_type).count() as u32
}

/// Those types of which a history has no event.
fn missing(event_types: &[String], history: &[Commit]) -> Vec<String> {
    let events = history.iter().flat_map(|commit| &commit.events);
    let stored: BTreeSet<&str> = events.map(|event| event.event_type.as_str()).collect();
    event_types.iter().filter(|event_type| !stored.contains(event_type.as_str())).cloned().collect()
}

/// Whether an event of this type can be read from no data at all.
fn is_bare<E: Event>(event_type: &str) -> bool {
    let (version, data) = (current_version::<E>(event_type), json!({}));
    let stored = RecordedEvent { number: 1, event_type: event_type.to_owned(), version, data };
    let read: Result<E, _> = decode(&stored);
    read.is_ok_and(|event| encode(1, &event).is_ok_and(|written| written == stored))
}

/// The data of the first event of a type in a history, as today's version writes it.
fn sample<E: Event>(event_type: &str, history: &[Commit]) -> Value {
    let mut events = history.iter().flat_map(|commit| &commit.events);
    let stored = events.find(|event| event.event_type == event_type).expect("the history has all");
    let event: E = decode(stored).expect("the history can be read");
    encode(1, &event).expect("events serialize").data
}

/// The name of a stream of this aggregate.
fn stream<A: Aggregate>() -> String {
    let path: String = A::CATEGORY.split('/').map(|category| format!("/{category}/1")).collect();
    format!("acme/{}{path}", A::DOMAIN)
}

/// What follows a history, but for the data of the events.
fn next<A: Aggregate>(history: &[Commit], event_types: &[String]) -> Value {
    match history.last() {
        None => commit(&stream::<A>(), 1, "2026-01-01T00:00:01Z", event_types),
        Some(last) => {
            let at = last.at + SignedDuration::from_secs(1);
            commit(last.stream.as_str(), last.last() + 1, &at.to_string(), event_types)
        }
    }
}

/// A commit as a history's file holds it, but for the data of the events.
fn commit(stream: &str, first: u64, at: &str, event_types: &[String]) -> Value {
    let events: Vec<Value> = (first..)
        .zip(event_types)
        .map(|(number, event_type)| {
            json!({ "number": number, "type": event_type, "version": 1, "data": {} })
        })
        .collect();
    json!({
        "stream": stream,
        "first": first,
        "at": at,
        "metadata": {
            "commitId": Uuid::from_u64_pair(0, first),
            "command": "Test",
            "actor": "tester",
            "correlationId": format!("request-{first}"),
        },
        "events": events,
    })
}

fn row(projection: ProjectionFn, name: &StreamName, commits: &[Commit]) -> Value {
    let applied =
        (projection.apply)(name, &Row::default(), commits).expect("the history can be read");
    let mut row = json!({ "row": applied.row.data, "keys": applied.keys });
    if !applied.contributions.is_empty() {
        row["sums"] = applied
            .contributions
            .iter()
            .map(|(key, amounts)| json!({ "key": key, "amounts": amounts }))
            .collect();
    }
    row
}
