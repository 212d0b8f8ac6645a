//! What was ever stored must load for ever: see [`Golden`], which checks `tests/golden/<domain>/`.
//!
//! `grant.txt` is a provisional grant as clients hold it; the licensing package reads it.

use headwater::Commit;
use headwater_testkit::{Golden, event_types};
use identity::{
    Group, GroupEvent, GroupRow, MemberRow, Membership, MembershipEvent, User, UserEvent, UserRow,
};
use invoicing::{Invoice, InvoiceEvent, InvoiceRow};
use licensing::{
    Customer, CustomerEvent, DeviceRow, LicenseRow, Playback, PlaybackEvent, PlaybackRow, Policy,
    PolicyEvent, PolicyRow,
};

/// The golden files of a domain.
fn golden(domain: &str) -> Golden {
    Golden::new(folder(domain))
}

fn folder(domain: &str) -> String {
    format!("{}/golden/{domain}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn users_load_for_ever() {
    golden("identity").check::<User>("user");
    golden("identity").check_rows::<UserRow>("user");
}

#[test]
fn groups_load_for_ever() {
    golden("identity").check::<Group>("group");
    golden("identity").check_rows::<GroupRow>("group");
}

#[test]
fn memberships_load_for_ever() {
    golden("identity").check::<Membership>("membership");
    golden("identity").check_rows::<MemberRow>("membership");
}

#[test]
fn customers_load_for_ever() {
    golden("licensing").check::<Customer>("customer");
    golden("licensing").check_parts::<LicenseRow>("customer", "license");
    golden("licensing").check_parts::<DeviceRow>("customer", "device");
}

#[test]
fn playback_loads_for_ever() {
    golden("licensing").check::<Playback>("playback");
    golden("licensing").check_rows::<PlaybackRow>("playback");
}

#[test]
fn policies_load_for_ever() {
    golden("licensing").check::<Policy>("policy");
    golden("licensing").check_rows::<PolicyRow>("policy");
}

#[test]
fn invoices_load_for_ever() {
    golden("invoicing").check::<Invoice>("invoice");
    golden("invoicing").check_rows::<InvoiceRow>("invoice");
}

#[test]
fn customers_of_invoicing_load_for_ever() {
    golden("invoicing").check::<invoicing::Customer>("customer");
    golden("invoicing").check_rows::<invoicing::CustomerRow>("customer");
}

#[test]
fn no_event_type_is_ever_dropped() {
    golden("identity").check_dropped(&[
        event_types::<UserEvent>(),
        event_types::<GroupEvent>(),
        event_types::<MembershipEvent>(),
    ]);
    golden("licensing").check_dropped(&[
        event_types::<CustomerEvent>(),
        event_types::<PlaybackEvent>(),
        event_types::<PolicyEvent>(),
    ]);
    golden("invoicing")
        .check_dropped(&[event_types::<InvoiceEvent>(), event_types::<invoicing::CustomerEvent>()]);
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
