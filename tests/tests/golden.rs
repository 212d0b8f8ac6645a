//! What was ever stored must load for ever: see [`Golden`], which checks `tests/golden/<domain>/`.
//!
//! `grant.txt` is a provisional grant as clients hold it; the licensing package reads it.

use std::collections::BTreeMap;

use headwater::{Aggregate, Commit, Domains, Part, Projection};
use headwater_lambda::domains;
use headwater_testkit::{Golden, event_types};
use identity::{Group, GroupEvent, GroupRow, MemberRow, Membership, User, UserRow};
use invoicing::{Invoice, InvoiceRow};
use licensing::{Customer, DeviceRow, LicenseRow, Playback, PlaybackRow, Policy, PolicyRow};

type Check = Box<dyn Fn(&Golden)>;

/// A kind of thing that is stored, and the checks of its golden files.
struct Kind {
    /// As its files begin: `user`.
    name: &'static str,
    domain: &'static str,
    /// The categories of its streams and of its rows, as `customers` and `customers/licenses`.
    categories: Vec<&'static str>,
    event_types: Vec<String>,
    checks: Vec<Check>,
}

impl Kind {
    fn of<A: Aggregate>(name: &'static str) -> Self {
        Self {
            name,
            domain: A::DOMAIN,
            categories: vec![A::CATEGORY],
            event_types: event_types::<A::Event>(),
            checks: vec![Box::new(move |golden| golden.check::<A>(name))],
        }
    }

    /// With a row of its own.
    fn row<P: Projection>(mut self) -> Self {
        let name = self.name;
        self.categories.push(P::CATEGORY);
        self.checks.push(Box::new(move |golden| golden.check_rows::<P>(name)));
        self
    }

    /// With a row for each part, whose files begin with `part`.
    fn part<P: Part>(mut self, part: &'static str) -> Self {
        let name = self.name;
        self.categories.push(P::CATEGORY);
        self.checks.push(Box::new(move |golden| golden.check_parts::<P>(name, part)));
        self
    }
}

/// All that is stored. A test finds what is missing.
fn kinds() -> Vec<Kind> {
    vec![
        Kind::of::<User>("user").row::<UserRow>(),
        Kind::of::<Group>("group").row::<GroupRow>(),
        Kind::of::<Membership>("membership").row::<MemberRow>(),
        Kind::of::<Customer>("customer").part::<LicenseRow>("license").part::<DeviceRow>("device"),
        Kind::of::<Playback>("playback").row::<PlaybackRow>(),
        Kind::of::<Policy>("policy").row::<PolicyRow>(),
        Kind::of::<Invoice>("invoice").row::<InvoiceRow>(),
        Kind::of::<invoicing::Customer>("customer").row::<invoicing::CustomerRow>(),
    ]
}

/// The golden files of a domain.
fn golden(domain: &str) -> Golden {
    Golden::new(folder(domain))
}

fn folder(domain: &str) -> String {
    format!("{}/golden/{domain}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn all_that_was_stored_loads_for_ever() {
    for kind in kinds() {
        let golden = golden(kind.domain);
        kind.checks.iter().for_each(|check| check(&golden));
    }
}

#[test]
fn no_event_type_is_ever_dropped() {
    let mut known: BTreeMap<&str, Vec<Vec<String>>> = BTreeMap::new();
    for kind in kinds() {
        known.entry(kind.domain).or_default().push(kind.event_types);
    }
    for (domain, event_types) in known {
        golden(domain).check_dropped(&event_types);
    }
}

#[test]
fn every_aggregate_and_row_has_golden_files() {
    let domains = domains(&platform_functions::services());
    assert_eq!(missing(&domains, &kinds()), [""; 0]);
    let mut kinds = kinds();
    kinds.retain(|kind| kind.name != "group");
    let told = missing(&domains, &kinds).join("\n");
    assert!(told.contains("identity/groups: add `Kind::of::<…>(…)` to `kinds`"), "{told}");
    assert!(told.contains("identity/groups: add `.row::<…>()`"), "{told}");
}

/// What is to be added for the aggregates and rows of these domains that no kind has.
fn missing(domains: &Domains, kinds: &[Kind]) -> Vec<String> {
    let of = |domain: &str, category: &str| {
        let kinds = kinds.iter().filter(|kind| kind.domain == domain);
        kinds.flat_map(|kind| &kind.categories).filter(|known| **known == category).count()
    };
    let mut missing = Vec::new();
    for domain in domains.iter() {
        let name = domain.name;
        let aggregates = domain.aggregates.iter().map(|aggregate| aggregate.category);
        for category in aggregates.filter(|category| of(name, category) == 0) {
            missing.push(format!("{name}/{category}: add `Kind::of::<…>(…)` to `kinds`"));
        }
        for row in domain.projections {
            // A row of its own has the category of its aggregate.
            let (wanted, line) = match row.parts {
                Some(_) => (1, ".part::<…>(…)"),
                None => (2, ".row::<…>()"),
            };
            if of(name, row.category) < wanted {
                missing.push(format!("{name}/{}: add `{line}` to its kind", row.category));
            }
        }
    }
    missing
}

/// A new kind is blessed from its history, and what is there is never changed.
#[test]
fn what_is_missing_is_printed_or_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let golden = |bless| Golden::new(folder.path()).blessing(bless);
    let said = |bless| {
        panicking(|| {
            golden(bless).check::<Group>("group");
            golden(bless).check_rows::<GroupRow>("group");
        })
    };
    let no_history = said(true).expect("nothing makes up a history");
    assert!(no_history.contains("group.history.json is missing"), "{no_history}");
    let printed = &no_history[no_history.find('[').expect("an example")..];
    let example: Vec<Commit> = serde_json::from_str(printed).expect("commits");
    assert_eq!(example[0].stream.as_str(), "acme/identity/groups/1");
    assert_eq!(example[0].events.len(), event_types::<GroupEvent>().len());

    let file = |file: &str| folder.path().join(file);
    let real = format!("{}/group.history.json", self::folder("identity"));
    std::fs::copy(real, file("group.history.json")).expect("a copy");
    let missing = said(false).expect("the events are missing");
    assert!(missing.contains("GroupCreated.v1.json is missing"), "{missing}");
    assert_eq!(said(true), None);
    assert_eq!(said(false), None, "all is there");

    std::fs::write(file("group.row.r1.json"), "[]\n").expect("a file");
    let differs = said(true).expect("the rows differ");
    assert!(differs.contains("raise REVISION to 2") && differs.contains("+ "), "{differs}");
    assert_eq!(std::fs::read_to_string(file("group.row.r1.json")).expect("a file"), "[]\n");

    std::fs::write(file("GroupClosed.v1.json"), "{}\n").expect("a file");
    let dropped = panicking(|| golden(true).check_dropped(&[event_types::<GroupEvent>()]));
    let dropped = dropped.expect("a type is missing");
    assert!(dropped.contains("GroupClosed.v1.json: events of this type are stored"), "{dropped}");
}

/// Only events without fields have data that need nobody to think of: their commits are added.
#[test]
fn an_event_without_fields_is_added_to_its_history() {
    let folder = tempfile::tempdir().expect("a folder");
    let check =
        |bless| panicking(|| Golden::new(folder.path()).blessing(bless).check::<Group>("group"));
    let read = |path: &std::path::Path| -> Vec<Commit> {
        serde_json::from_str(&std::fs::read_to_string(path).expect("a file")).expect("commits")
    };
    let without = |event_type: &str| -> Vec<Commit> {
        let mut commits = read(format!("{}/group.history.json", self::folder("identity")).as_ref());
        commits.retain(|commit| commit.events.iter().all(|event| event.event_type != event_type));
        commits
    };
    let history = folder.path().join("group.history.json");
    let write = |commits: &[Commit]| {
        std::fs::write(&history, serde_json::to_string(commits).expect("JSON")).expect("a file");
    };
    let short = without("GroupDeleted");
    write(&short);
    let said = check(false).expect("a type is missing");
    assert!(said.contains("no event of [\"GroupDeleted\"]"), "{said}");
    assert_eq!(read(&history), short);
    assert_eq!(check(true), None);
    let longer = read(&history);
    assert_eq!(&longer[..short.len()], short);
    let (last, before) = (longer.last().expect("one"), short.last().expect("one"));
    assert_eq!((last.first, &last.stream), (before.last() + 1, &before.stream));
    assert_eq!(last.events[0].event_type, "GroupDeleted");

    write(&without("GroupNameSet"));
    let said = check(true).expect("nothing makes up a group's name");
    assert!(said.contains("no event of [") && said.contains("GroupNameSet"), "{said}");
}

/// What a check says as it fails.
fn panicking(check: impl FnOnce()) -> Option<String> {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).err()?;
    panic.downcast_ref::<String>().cloned()
}
