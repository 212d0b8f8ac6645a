//! `headwater new`. That what it makes compiles and works is shown by the tutorial's test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs a command line in a folder: its exit code, and what it said.
fn run(folder: &Path, line: &str) -> (i32, String) {
    let ran = Command::new(env!("CARGO_BIN_EXE_headwater"))
        .args(line.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8(ran.stdout).unwrap() + &String::from_utf8(ran.stderr).unwrap();
    (ran.status.code().unwrap(), said)
}

fn root() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../..")
}

#[test]
fn a_project_is_the_example_under_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = run(folder.path(), &format!("new kiosk --headwater {}", root()));
    assert_eq!(code, 0, "{said}");
    for file in ["src/lib.rs", "src/order.rs", "template.yaml", "tests/costs.rs", "costs.md"] {
        let made = fs::read_to_string(folder.path().join("kiosk").join(file)).unwrap();
        let example = fs::read_to_string(format!("{}/examples/shop/{file}", root())).unwrap();
        let made = made.replace("KIOSK", "SHOP").replace("Kiosk", "Shop").replace("kiosk", "shop");
        assert!(made == example, "{file} differs");
    }
    let manifest = fs::read_to_string(folder.path().join("kiosk/Cargo.toml")).unwrap();
    let package = fs::canonicalize(format!("{}/infra/headwater", root())).unwrap();
    let expected = format!("path = {:?}, features = [\"lambda\"]", package.to_str().unwrap());
    assert!(manifest.contains(&expected), "{manifest}");

    let (code, said) = run(folder.path(), "new kiosk");
    assert!(code == 2 && said.contains("kiosk exists already"), "{code} {said}");
    let (code, said) = run(folder.path(), "new headwater");
    assert!(code == 2 && said.contains("a meaning of its own"), "{code} {said}");
    let (code, said) = run(folder.path(), "new Shop_1");
    assert!(code == 2 && said.contains("a-z and 0-9"), "{code} {said}");
    let (code, said) = run(folder.path(), "new stall --headwater nowhere");
    assert!(code == 2 && said.contains("nowhere has no infra/headwater"), "{code} {said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left of a failure");
}

#[test]
fn a_project_gets_an_aggregate_and_a_command() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), "new kiosk");
    let till = folder.path().join("kiosk");
    let read = |file: &str| fs::read_to_string(till.join(file)).unwrap();
    let (code, said) = run(&till, "new aggregate gift-card");
    assert_eq!(code, 0, "{said}");
    let (domain, lib) = (read("src/gift_card.rs"), read("src/lib.rs"));
    for line in
        ["pub struct GiftCard {", "    name: \"gift-card-exists\",", "    GiftCardCreated {"]
    {
        assert!(domain.lines().any(|is| is == line), "{line} in {domain}");
    }
    assert!(!domain.to_lowercase().contains("thing"), "{domain}");
    assert!(lib.contains(".aggregate::<GiftCard>(\"/gift-cards\", |gift_cards| {"), "{lib}");
    let golden = read("tests/golden.rs");
    for line in [
        "use kiosk::gift_card::{GiftCard, GiftCardEvent};",
        "use kiosk::gift_card_row::GiftCardRow;",
        "golden.check::<GiftCard>(\"gift-card\");",
        "golden.check_rows::<GiftCardRow>(\"gift-card\");",
        "golden.check_dropped(&[event_types::<GiftCardEvent>(), event_types::<OrderEvent>()]);",
    ] {
        assert!(golden.lines().any(|is| is.trim() == line), "{line} in {golden}");
    }
    let history = read("tests/golden/gift-card.history.json");
    for part in ["\"acme/kiosk/gift-cards/1\"", "\"GiftCardCreated\"", "\"CreateGiftCard\""] {
        assert!(history.contains(part), "{part} in {history}");
    }

    let line = "new command void-gift-card --aggregate gift-card --event gift-card-voided";
    let changed: Vec<String> = added(&till, line).into_keys().collect();
    assert_eq!(
        changed,
        ["src/gift_card.rs", "src/gift_card_row.rs", "src/lib.rs", "tests/costs.rs"]
    );
    let costs = read("tests/costs.rs");
    for row in [
        "Case::new(create_gift_card(), &[]),",
        "Case::new(call(\"POST\", \"/kiosk/gift-cards/1/void\"), &[create_gift_card()]),",
        "Case::new(get(\"/kiosk/gift-cards/1\"), &[create_gift_card()]),",
        "Case::new(get(\"/kiosk/gift-cards\"), &[create_gift_card()]),",
    ] {
        assert!(costs.lines().any(|line| line.trim() == row), "{row} in {costs}");
    }
    let (domain, row, lib) =
        (read("src/gift_card.rs"), read("src/gift_card_row.rs"), read("src/lib.rs"));
    assert!(domain.contains("const NAME: &'static str = \"VoidGiftCard\";"), "{domain}");
    assert!(domain.contains("GiftCardEvent::GiftCardVoided {} => {}"), "{domain}");
    for file in [&domain, &row] {
        assert!(file.contains("const REVISION: u32 = 2;"), "{file}");
    }
    let line = ".action::<VoidGiftCard>(\"void\", \"Void gift card.\")";
    assert!(lib.contains(line), "{lib}");

    let (code, said) =
        run(&till, "new command void-gift-card --aggregate gift-card --event gift-card-voided");
    assert!(code == 2 && said.contains("has a command VoidGiftCard already"), "{code} {said}");
    let before = (read("src/order.rs"), read("src/lib.rs"));
    let row = read("src/order_row.rs").replace("match event", "match &event");
    fs::write(till.join("src/order_row.rs"), row).unwrap();
    let (code, said) = run(&till, "new command ship-order --aggregate order --event order-shipped");
    assert!(code == 2 && said.contains("order_row.rs lacks `match event`"), "{code} {said}");
    assert_eq!((read("src/order.rs"), read("src/lib.rs")), before, "nothing was changed");
}

/// The sources of two services of this repository, to change them.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for service in ["identity", "licensing"] {
        for part in ["shared", "functions"] {
            let source = format!("{}/{part}/{service}/src", root());
            let copy = folder.path().join(part).join(service);
            fs::create_dir_all(&copy).unwrap();
            let copied = Command::new("cp").arg("-r").arg(source).arg(copy).status().unwrap();
            assert!(copied.success());
        }
    }
    fs::copy(format!("{}/rustfmt.toml", root()), folder.path().join("rustfmt.toml")).unwrap();
    folder
}

/// All files below a folder, by their paths.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            let below = files(&path).into_iter();
            found.extend(below.map(|(path, text)| (format!("{name}/{path}"), text)));
        } else {
            found.insert(name, fs::read_to_string(path).unwrap());
        }
    }
    found
}

/// Runs a command line that succeeds. What it has added, line by line, by the files' paths.
fn added(folder: &Path, line: &str) -> BTreeMap<String, Vec<String>> {
    let before = files(folder);
    let (code, said) = run(folder, line);
    assert_eq!(code, 0, "{said}");
    let mut added = BTreeMap::new();
    for (path, text) in files(folder) {
        let old = before.get(&path).map(String::as_str).unwrap_or_default();
        if text != old {
            let old: BTreeSet<&str> = old.lines().map(str::trim).collect();
            let new = text.lines().map(str::trim).filter(|line| !old.contains(line));
            added.insert(path, new.map(str::to_owned).collect());
        }
    }
    added
}

#[track_caller]
fn has(lines: &[String], wanted: &[&str]) {
    for line in wanted {
        assert!(lines.iter().any(|is| is == line), "`{line}` is not in {lines:#?}");
    }
}

#[test]
fn a_service_of_several_gets_a_command_with_a_new_event() {
    let folder = repository();
    let line = "new command close-group --aggregate group --event group-closed --service identity";
    let added = added(folder.path(), line);
    let paths: Vec<&str> = added.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "functions/identity/src/lib.rs",
            "shared/identity/src/group.rs",
            "shared/identity/src/group/tests.rs",
            "shared/identity/src/group_row.rs",
        ]
    );
    has(&added[paths[0]], &[".action::<CloseGroup>(\"close\", \"Close group.\")"]);
    assert_eq!(added[paths[0]].len(), 2, "a line of the table and one of imports");
    let type_and_rule = [
        "GroupClosed {},",
        "const REVISION: u32 = 2;",
        "GroupEvent::GroupClosed {} => {}",
        "/// `POST /identity/groups/{id}/close`: close group.",
        "pub struct CloseGroup {}",
        "Ok(vec![GroupEvent::GroupClosed {}])",
    ];
    has(&added[paths[1]], &type_and_rule);
    has(&added[paths[2]], &["fn close_group_finds_nothing_where_there_is_none() {"]);
    let row = ["const REVISION: u32 = 2;", "GroupEvent::GroupClosed {} => {}"];
    assert_eq!(added[paths[3]], row);
}

#[test]
fn commands_in_a_folder_get_a_file_and_parts_their_arms() {
    let folder = repository();
    let line = "new command block-customer --aggregate customer --event customer-blocked \
                --service licensing";
    let added = added(folder.path(), line);
    let paths: Vec<&str> = added.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "functions/licensing/src/lib.rs",
            "shared/licensing/src/commands.rs",
            "shared/licensing/src/commands/block_customer.rs",
            "shared/licensing/src/customer.rs",
            "shared/licensing/src/device_row.rs",
            "shared/licensing/src/license_row.rs",
        ]
    );
    let table = [
        "use licensing::commands::BlockCustomer;",
        ".action::<BlockCustomer>(\"block\", \"Block customer.\")",
    ];
    assert_eq!(added[paths[0]], table);
    let module = ["mod block_customer;", "pub use block_customer::BlockCustomer;"];
    assert_eq!(added[paths[1]], module);
    // There is no customer that is not there: any may have a first event.
    let command = [
        "use crate::customer::{Customer, CustomerEvent};",
        "fn decide(&self, _: &Customer, _: &Context) -> Verdict<Customer> {",
        "fn block_customer_is_recorded() {",
        "use headwater_testkit::given;",
    ];
    has(&added[paths[2]], &command);
    let arm = |value: &str| format!("CustomerEvent::CustomerBlocked {{}} => {value}");
    has(&added[paths[3]], &["CustomerBlocked {},", &arm("{}")]);
    for row in &paths[4..] {
        assert_eq!(added[*row], ["const REVISION: u32 = 2;", &arm("{}"), &arm("None,")]);
    }
}

#[test]
fn a_command_of_events_that_are_there_changes_no_fold() {
    let folder = repository();
    let line = "new command drop-group --aggregate group --event group-deleted --service identity";
    let dropping = added(folder.path(), line);
    assert_eq!(dropping.len(), 3, "{:?}", dropping.keys());
    let command = &dropping["shared/identity/src/group.rs"];
    has(command, &["pub struct DropGroup {}"]);
    assert!(!command.iter().any(|line| line.contains("REVISION")), "{command:?}");

    let line = "new command tidy-customer --aggregate customer --service licensing";
    let tidying = added(folder.path(), line);
    let command = &tidying["shared/licensing/src/commands/tidy_customer.rs"];
    has(command, &["Ok(vec![])", "use crate::customer::Customer;"]);
    assert_eq!(tidying.len(), 3, "{:?}", tidying.keys());
}

#[test]
fn a_service_of_several_gets_an_aggregate() {
    let folder = repository();
    for (service, projections) in [("identity", 4), ("licensing", 5)] {
        let added = added(folder.path(), &format!("new aggregate badge --service {service}"));
        let file = |file: &str| &added[&format!("shared/{service}/src/{file}")];
        assert_eq!(added.len(), 4, "{:?}", added.keys());
        has(file("badge.rs"), &["pub struct Badge {", "use headwater_testkit::given;"]);
        has(file("badge_row.rs"), &["pub struct BadgeRow {"]);
        let lib = [
            "pub mod badge;",
            "pub mod badge_row;",
            "pub use badge::{Badge, BadgeEvent};",
            "pub use badge_row::BadgeRow;",
            &format!("pub const PROJECTIONS: [ProjectionFn; {projections}] = ["),
            "//! | `badges/<id>` | [`Badge`] | [`BadgeRow`] | in [`badge`] |",
        ];
        has(file("lib.rs"), &lib);
        let lib = file("lib.rs").join("\n");
        assert!(lib.contains("aggregate_fn::<Badge>()"), "{lib}");
        assert!(lib.contains("projection_fn::<BadgeRow>()"), "{lib}");
        let table = [
            &format!("use {service}::badge::{{Badge, CreateBadge}};"),
            &format!("use {service}::badge_row::{{BADGES, BadgeRow}};"),
            ".aggregate::<Badge>(\"/badges\", |badges| {",
            ".create::<CreateBadge>(\"Create a badge.\")",
        ];
        has(&added[&format!("functions/{service}/src/lib.rs")], &table);
    }
    let line = "new command void-badge --aggregate badge --event badge-voided --service identity";
    assert_eq!(added(folder.path(), line).len(), 3, "an aggregate takes commands");
}

#[test]
fn where_a_place_is_missing_nothing_is_changed() {
    let folder = repository();
    let table = folder.path().join("functions/identity/src/lib.rs");
    let without = fs::read_to_string(&table).unwrap().replace(".execute()", "");
    fs::write(&table, without).unwrap();
    let lib = folder.path().join("shared/licensing/src/lib.rs");
    let without = fs::read_to_string(&lib).unwrap().replace("PROJECTIONS: [", "ROWS: [");
    fs::write(&lib, without).unwrap();
    let before = files(folder.path());
    let command = |rest: &str| format!("new command mute-it --aggregate {rest}");
    for (line, wanted) in [
        ("new aggregate badge --service identity".to_owned(), "lacks `.execute()`"),
        ("new aggregate badge --service licensing".to_owned(), "lacks `&[projection_fn::<`"),
        ("new aggregate user --service identity".to_owned(), "has a type User already"),
        (
            "new aggregate person --plural users --service identity".to_owned(),
            "choose another with `--plural NAME`",
        ),
        ("new aggregate badge".to_owned(), "with `--service NAME`"),
        (
            "new aggregate badge --service billing".to_owned(),
            "shared/billing/src/lib.rs is missing",
        ),
        (command("user --event user-muted"), "with `--service NAME`"),
        (command("badge --service identity"), "no file of shared/identity/src has"),
        (command("membership --service identity"), "cannot say the ids"),
        (command("policy --service licensing"), "cannot say the ids"),
        (
            command("playback --event it-muted --service licensing"),
            "`evolve`, which knows a single event",
        ),
        (
            "new command create-user --aggregate user --service identity".to_owned(),
            "has a command CreateUser already",
        ),
    ] {
        let (code, said) = run(folder.path(), &line);
        assert!(code == 2 && said.contains(wanted), "{line}: {code} {said}");
        assert!(files(folder.path()) == before, "{line} has changed something");
    }
}
