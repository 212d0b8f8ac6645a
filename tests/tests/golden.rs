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
//! `grant.txt` is a provisional grant as clients hold it; the licensing package reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use headwater::{
    Aggregate, Commit, Event, Folded, Part, Projection, ProjectionFn, RecordedEvent, Row, Snapshot,
    StreamName, decode, encode, part_fn, projection_fn,
};
use headwater_testkit::event_types;
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
    check_events::<UserEvent>("identity");
    check_states::<User>("identity/user");
    check_rows::<UserRow>("identity/user");
}

#[test]
fn groups_load_for_ever() {
    check_events::<GroupEvent>("identity");
    check_states::<Group>("identity/group");
    check_rows::<GroupRow>("identity/group");
}

#[test]
fn memberships_load_for_ever() {
    check_events::<MembershipEvent>("identity");
    check_states::<Membership>("identity/membership");
    check_rows::<MemberRow>("identity/membership");
}

#[test]
fn customers_load_for_ever() {
    check_events::<CustomerEvent>("licensing");
    check_states::<Customer>("licensing/customer");
    check_parts::<LicenseRow>("licensing/customer", "licensing/license");
    check_parts::<DeviceRow>("licensing/customer", "licensing/device");
}

#[test]
fn playback_loads_for_ever() {
    check_events::<PlaybackEvent>("licensing");
    check_states::<Playback>("licensing/playback");
    check_rows::<PlaybackRow>("licensing/playback");
}

#[test]
fn policies_load_for_ever() {
    check_events::<PolicyEvent>("licensing");
    check_states::<Policy>("licensing/policy");
    check_rows::<PolicyRow>("licensing/policy");
}

#[test]
fn invoices_load_for_ever() {
    check_events::<InvoiceEvent>("invoicing");
    check_states::<Invoice>("invoicing/invoice");
    check_rows::<InvoiceRow>("invoicing/invoice");
}

#[test]
fn customers_of_invoicing_load_for_ever() {
    check_events::<invoicing::CustomerEvent>("invoicing");
    check_states::<invoicing::Customer>("invoicing/customer");
    check_rows::<invoicing::CustomerRow>("invoicing/customer");
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
    for entry in golden(domain).read_dir().expect("the folder of golden files") {
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

/// Every version of every event type is read, and today's is written as it stands in its file.
fn check_events<E: Event>(domain: &str) {
    for event_type in event_types::<E>() {
        let current =
            1 + E::UPCASTERS.iter().filter(|step| step.event_type == event_type).count() as u32;
        for version in 1..=current {
            let file = format!("{domain}/{event_type}.v{version}.json");
            let stored = RecordedEvent {
                number: 1,
                event_type: event_type.clone(),
                version,
                data: read(&file),
            };
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
}

/// The history folds to the states that its revision promises, and a snapshot of each can be read.
fn check_states<A: Aggregate>(kind: &str) {
    let commits: Vec<Commit> = read(&format!("{kind}.history.json"));
    let stored: BTreeSet<String> = commits
        .iter()
        .flat_map(|commit| &commit.events)
        .map(|event| event.event_type.clone())
        .collect();
    assert_eq!(
        stored,
        event_types::<A::Event>().into_iter().collect(),
        "the history of {kind} has events of every type"
    );

    let mut folded = Folded::<A>::default();
    let mut states = Vec::new();
    for commit in &commits {
        folded.apply(commit).expect("the history can be read");
        states.push(serde_json::to_value(&folded.state).expect("states serialize"));
    }
    check_revision(&format!("{kind}.state"), A::REVISION, &json!(states));
    for state in states {
        let snapshot = Snapshot { revision: A::REVISION, state: state.clone() };
        let lifted = snapshot.read::<A>().expect("a snapshot of this revision can be read");
        assert_eq!(serde_json::to_value(lifted).expect("states serialize"), state);
    }
}

/// The history folds to the rows, index keys and contributions that their revision promises.
fn check_rows<P: Projection>(kind: &str) {
    let commits: Vec<Commit> = read(&format!("{kind}.history.json"));
    let rows: Vec<Value> = (1..=commits.len())
        .map(|count| row(projection_fn::<P>(), &commits[0].stream, &commits[..count]))
        .collect();
    check_revision(&format!("{kind}.row"), P::REVISION, &json!(rows));
}

/// As [`check_rows`], for all parts of a stream.
fn check_parts<P: Part>(source: &str, kind: &str) {
    let commits: Vec<Commit> = read(&format!("{source}.history.json"));
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
    check_revision(
        &format!("{kind}.row"),
        P::REVISION,
        &json!((1..=commits.len()).map(rows).collect::<Vec<_>>()),
    );
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

#[track_caller]
fn check_revision(kind: &str, revision: u32, found: &Value) {
    let path = golden(&format!("{kind}.r{revision}.json"));
    assert!(
        path.exists(),
        "REVISION was raised: keep what it folds to now as \
         tests/golden/{kind}.r{revision}.json:\n{found:#}"
    );
    let expected: Value = read(&format!("{kind}.r{revision}.json"));
    assert!(
        *found == expected,
        "the golden history folds to something else than {kind}.r{revision}.json says, but \
         snapshots and rows of that revision are stored: raise REVISION to {}, and leave this \
         file as it is. Found:\n{found:#}",
        revision + 1
    );
}

fn read<T: DeserializeOwned>(file: &str) -> T {
    let path = golden(file);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("tests/golden/{file}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("tests/golden/{file}: {error}"))
}

fn golden(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(file)
}
