//! What was ever stored must load for ever. `tests/golden/<domain>/` holds
//!
//! - `<EventType>.v<N>.json`: an event's data as version N stored it. Such a file is never changed
//!   or removed.
//! - `<kind>.history.json`: the commits of a whole stream, in which every event type occurs.
//! - `<kind>.state.r<N>.json`: the state after each of these commits, at the aggregate's revision
//!   N.
//! - `<kind>.row.r<N>.json`: the query row, its places in indexes and what it adds to sums after
//!   each of these commits, at the projection's revision N; of rows of parts, those of all parts
//!   that there are by then.
//!
//! For a new kind write its history: without one the test prints how it looks. With `BLESS=1` in
//! the environment the other files that are missing are written; without it each is printed. A
//! file that is there is never written anew.
//!
//! `grant.txt` is a provisional grant as clients hold it; the licensing package reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use headwater::{
    Aggregate, Commit, Event, Folded, Part, Projection, ProjectionFn, RecordedEvent, Row, Snapshot,
    StreamName, decode, encode, part_fn, projection_fn,
};
use headwater_testkit::{difference, event_types};
use identity::{
    Group, GroupEvent, GroupRow, MemberRow, Membership, MembershipEvent, User, UserEvent, UserRow,
};
use invoicing::{Invoice, InvoiceEvent, InvoiceRow};
use licensing::{
    Customer, CustomerEvent, DeviceRow, LicenseRow, Playback, PlaybackEvent, PlaybackRow, Policy,
    PolicyEvent, PolicyRow,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

#[test]
fn users_load_for_ever() {
    Golden::new().check::<User>("identity/user");
    Golden::new().check_rows::<UserRow>("identity/user");
}

#[test]
fn groups_load_for_ever() {
    Golden::new().check::<Group>("identity/group");
    Golden::new().check_rows::<GroupRow>("identity/group");
}

#[test]
fn memberships_load_for_ever() {
    Golden::new().check::<Membership>("identity/membership");
    Golden::new().check_rows::<MemberRow>("identity/membership");
}

#[test]
fn customers_load_for_ever() {
    Golden::new().check::<Customer>("licensing/customer");
    Golden::new().check_parts::<LicenseRow>("licensing/customer", "licensing/license");
    Golden::new().check_parts::<DeviceRow>("licensing/customer", "licensing/device");
}

#[test]
fn playback_loads_for_ever() {
    Golden::new().check::<Playback>("licensing/playback");
    Golden::new().check_rows::<PlaybackRow>("licensing/playback");
}

#[test]
fn policies_load_for_ever() {
    Golden::new().check::<Policy>("licensing/policy");
    Golden::new().check_rows::<PolicyRow>("licensing/policy");
}

#[test]
fn invoices_load_for_ever() {
    Golden::new().check::<Invoice>("invoicing/invoice");
    Golden::new().check_rows::<InvoiceRow>("invoicing/invoice");
}

#[test]
fn customers_of_invoicing_load_for_ever() {
    Golden::new().check::<invoicing::Customer>("invoicing/customer");
    Golden::new().check_rows::<invoicing::CustomerRow>("invoicing/customer");
}

#[test]
fn no_event_type_is_ever_dropped() {
    check_known(
        "identity",
        &[
            event_types::<UserEvent>(),
            event_types::<GroupEvent>(),
            event_types::<MembershipEvent>(),
        ]
        .concat(),
    );
    check_known(
        "licensing",
        &[
            event_types::<CustomerEvent>(),
            event_types::<PlaybackEvent>(),
            event_types::<PolicyEvent>(),
        ]
        .concat(),
    );
    check_known(
        "invoicing",
        &[event_types::<InvoiceEvent>(), event_types::<invoicing::CustomerEvent>()].concat(),
    );
}

fn check_known(domain: &str, known: &[String]) {
    for entry in Golden::new().folder.join(domain).read_dir().expect("the folder of golden files") {
        let name = entry.expect("a file").file_name().into_string().expect("UTF-8");
        let event_type = name.split_once(".v").map(|(event_type, _)| event_type.to_owned());
        let is_known = event_type.is_none_or(|event_type| known.contains(&event_type));
        assert!(
            is_known,
            "{name}: events of this type are stored; bring its variant back, with a `decide` that \
             never makes it"
        );
    }
}

/// The folder of golden files.
struct Golden {
    folder: PathBuf,
    /// Whether what is missing is written.
    bless: bool,
}

impl Golden {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
        Self { folder, bless: std::env::var_os("BLESS").is_some() }
    }

    /// Every version of every event type is read, and today's is written as it stands in its file.
    /// The history folds to the states that its revision promises, and a snapshot of each can be
    /// read.
    fn check<A: Aggregate>(&self, kind: &str) {
        let commits = self.history::<A>(kind);
        for event_type in event_types::<A::Event>() {
            self.check_event::<A::Event>(kind, &event_type, &commits);
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

    /// The history of a kind, in which events of all types occur.
    fn history<A: Aggregate>(&self, kind: &str) -> Vec<Commit> {
        let file = format!("{kind}.history.json");
        let event_types = event_types::<A::Event>();
        assert!(
            self.folder.join(&file).exists(),
            "tests/golden/{file} is missing: write the commits of one stream, with the data of \
             each event, like\n{:#}",
            example::<A>(&event_types)
        );
        let commits: Vec<Commit> = self.read(&file);
        let events = commits.iter().flat_map(|commit| &commit.events);
        let stored: BTreeSet<String> = events.map(|event| event.event_type.clone()).collect();
        let missing: Vec<&String> =
            event_types.iter().filter(|event_type| !stored.contains(*event_type)).collect();
        assert!(
            missing.is_empty(),
            "tests/golden/{file} has no event of {missing:?}: add a commit with each, like\n{:#}",
            example::<A>(&event_types)
        );
        commits
    }

    fn check_event<E: Event>(&self, kind: &str, event_type: &str, history: &[Commit]) {
        let domain = kind.split('/').next().unwrap_or_default();
        let steps = E::UPCASTERS.iter().filter(|step| step.event_type == event_type);
        let current = 1 + steps.count() as u32;
        for version in 1..=current {
            let file = format!("{domain}/{event_type}.v{version}.json");
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
                 upcaster, and the new shape as tests/golden/{domain}/{event_type}.v{}.json:\n{:#}",
                version + 1,
                written.data
            );
        }
    }

    /// The history folds to the rows, index keys and contributions that their revision promises.
    fn check_rows<P: Projection>(&self, kind: &str) {
        let commits: Vec<Commit> = self.read(&format!("{kind}.history.json"));
        let rows: Vec<Value> = (1..=commits.len())
            .map(|count| row(projection_fn::<P>(), &commits[0].stream, &commits[..count]))
            .collect();
        self.check_revision(&format!("{kind}.row"), P::REVISION, &json!(rows));
    }

    /// As [`Golden::check_rows`], for all parts of a stream.
    fn check_parts<P: Part>(&self, source: &str, kind: &str) {
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

    #[track_caller]
    fn check_revision(&self, kind: &str, revision: u32, found: &Value) {
        let file = format!("{kind}.r{revision}.json");
        self.want(&file, || found.clone());
        let expected: Value = self.read(&file);
        assert!(
            *found == expected,
            "the golden history folds to something else than {file} says, but snapshots and rows \
             of that revision are stored: raise REVISION to {}, and leave this file as it is \
             (- the file, + found):\n{}",
            revision + 1,
            difference(&format!("{expected:#}"), &format!("{found:#}"))
        );
    }

    /// Writes a file if it is missing, or says what it should hold.
    #[track_caller]
    fn want(&self, file: &str, wanted: impl FnOnce() -> Value) {
        let path = self.folder.join(file);
        if path.exists() {
            return;
        }
        let text = format!("{:#}\n", wanted());
        assert!(
            self.bless,
            "tests/golden/{file} is missing: look whether it should be this, and write it with \
             BLESS=1:\n{text}"
        );
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    #[track_caller]
    fn read<T: DeserializeOwned>(&self, file: &str) -> T {
        let text = std::fs::read_to_string(self.folder.join(file))
            .unwrap_or_else(|error| panic!("tests/golden/{file}: {error}"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("tests/golden/{file}: {error}"))
    }
}

/// The data of the first event of a type in a history, as today's version writes it.
fn sample<E: Event>(event_type: &str, history: &[Commit]) -> Value {
    let mut events = history.iter().flat_map(|commit| &commit.events);
    let stored = events.find(|event| event.event_type == event_type).expect("the history has all");
    let event: E = decode(stored).expect("the history can be read");
    encode(1, &event).expect("events serialize").data
}

/// A history as its file holds it, but for the data of the events.
fn example<A: Aggregate>(event_types: &[String]) -> Value {
    let path: String = A::CATEGORY.split('/').map(|category| format!("/{category}/1")).collect();
    let events: Vec<Value> = (1..)
        .zip(event_types)
        .map(|(number, event_type)| {
            json!({ "number": number, "type": event_type, "version": 1, "data": {} })
        })
        .collect();
    json!([{
        "stream": format!("acme/{}{path}", A::DOMAIN),
        "first": 1,
        "at": "2026-01-01T00:00:01Z",
        "metadata": {
            "commitId": "00000000-0000-0000-0000-000000000001",
            "command": "Test",
            "actor": "tester",
            "correlationId": "request-1",
        },
        "events": events,
    }])
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

/// A new kind is blessed from its history, and what is there is never written anew.
#[test]
fn what_is_missing_is_printed_or_written() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("identity")).expect("a folder");
    let golden = |bless| Golden { folder: folder.path().to_owned(), bless };
    let said = |bless| {
        let check = std::panic::AssertUnwindSafe(|| {
            golden(bless).check::<Group>("identity/group");
            golden(bless).check_rows::<GroupRow>("identity/group");
        });
        let panic = std::panic::catch_unwind(check).err()?;
        panic.downcast_ref::<String>().cloned()
    };
    let no_history = said(true).expect("nothing makes up a history");
    assert!(no_history.contains("group.history.json is missing"), "{no_history}");
    let printed = &no_history[no_history.find('[').expect("an example")..];
    let example: Vec<Commit> = serde_json::from_str(printed).expect("commits");
    assert_eq!(example[0].stream.as_str(), "acme/identity/groups/1");
    assert_eq!(example[0].events.len(), event_types::<GroupEvent>().len());

    let file = |file: &str| folder.path().join("identity").join(file);
    let real = Golden::new().folder.join("identity/group.history.json");
    std::fs::copy(real, file("group.history.json")).expect("a copy");
    let missing = said(false).expect("the events are missing");
    assert!(missing.contains("GroupCreated.v1.json is missing"), "{missing}");
    assert_eq!(said(true), None);
    assert_eq!(said(false), None, "all is there");

    std::fs::write(file("group.row.r1.json"), "[]\n").expect("a file");
    let differs = said(true).expect("the rows differ");
    assert!(differs.contains("raise REVISION to 2") && differs.contains("+ "), "{differs}");
    assert_eq!(std::fs::read_to_string(file("group.row.r1.json")).expect("a file"), "[]\n");
}
