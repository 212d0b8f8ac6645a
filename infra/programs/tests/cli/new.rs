//! `headwater new`. That what it makes compiles and works is shown by the tutorial's test.

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
    for file in ["src/lib.rs", "src/order.rs", "template.yaml", "examples/local.rs"] {
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

    let (code, said) =
        run(&till, "new command void-gift-card --aggregate gift-card --event gift-card-voided");
    assert_eq!(code, 0, "{said}");
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
    fs::write(till.join("src/order_row.rs"), "").unwrap();
    let (code, said) = run(&till, "new command ship-order --aggregate order --event order-shipped");
    assert!(code == 2 && said.contains("order_row.rs lacks"), "{code} {said}");
    assert_eq!((read("src/order.rs"), read("src/lib.rs")), before, "nothing was changed");
}
