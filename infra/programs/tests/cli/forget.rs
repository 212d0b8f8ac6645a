//! `forget` and `certificate`: a person is forgotten once, for good, and with a proof.

use serde_json::{Value, json};

use crate::support::{Machine, history};

/// The golden user, whose events are older than their encryption.
const USER: &str = "acme/identity/users/ext-7";

#[tokio::test]
async fn a_person_is_forgotten_once_and_that_is_certified() {
    let machine = Machine::with_keys().await;
    let version = history("identity/user").last().unwrap().last() + 1;
    let before = machine.items("events").await;

    let would = machine.run(&format!("forget {USER} --reason asked --by eve --dry-run")).await;
    assert_eq!(would.code, 0, "{would:?}");
    assert!(would.out.contains(&format!("  {version} UserErased {{}}")), "{would:?}");
    assert!(would.out.contains("  replace /status \"deleted\" -> \"erased\""), "{would:?}");
    assert_eq!(machine.items("events").await, before);
    assert_eq!(machine.items("keys").await.len(), 0);

    let line = format!("forget {USER} --reason asked --by eve --json");
    let forgotten = machine.run(&line).await;
    assert_eq!(forgotten.code, 0, "{forgotten:?}");
    let certificate: Value = serde_json::from_str(&forgotten.out).unwrap();
    assert_eq!(certificate["subject"], USER);
    assert_eq!(
        [&certificate["version"], &certificate["forgottenBy"], &certificate["keyIsDestroyed"]],
        [&json!(version), &json!("eve"), &json!(true)]
    );
    // No projector runs here, and these events were written before their fields were personal.
    assert_eq!(certificate["rowsArePurged"], false);
    assert_eq!(certificate["plainEvents"], 10, "{certificate}");
    let keys = machine.items("keys").await;
    assert!(keys.len() == 1 && keys[0].contains_key("x"), "{keys:?}");

    let again = machine.run(&line).await;
    assert_eq!(again.out, forgotten.out, "once");
    let told = machine.run(&format!("forget {USER} --reason asked --by eve")).await.out;
    for line in [
        "key destroyed",
        "rows NOT YET purged",
        "10 events are older than their encryption",
        "signed by",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
}

#[tokio::test]
async fn a_certificate_that_was_changed_is_known() {
    let machine = Machine::with_keys().await;
    let line = format!("forget {USER} --reason asked --by eve --json");
    let certificate = machine.run(&line).await.out;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("certificate.json");
    let check = format!("certificate {}", file.display());
    for (text, code, says) in [
        (certificate.clone(), 0, "signed, and as it was"),
        (certificate.replace("\"eve\"", "\"bob\""), 1, "is not signed by the master key"),
        (certificate.replace("\"plainEvents\":10", "\"plainEvents\":0"), 1, "is not signed"),
        ("{}".to_owned(), 2, "is no certificate"),
    ] {
        std::fs::write(&file, text).unwrap();
        let answer = machine.run(&check).await;
        assert_eq!(answer.code, code, "{answer:?}");
        assert!(answer.out.contains(says) || answer.err.contains(says), "{says}: {answer:?}");
    }
}

#[tokio::test]
async fn only_whom_a_stream_tells_of_is_forgotten_and_only_with_keys() {
    let machine = Machine::with_keys().await;
    for (stream, code, says) in [
        ("acme/identity/groups/crew", 1, "tell of nobody"),
        ("acme/shop/tills/front", 1, "tell of nobody"),
        ("acme/identity/users/nobody", 1, "no such stream"),
    ] {
        let answer = machine.run(&format!("forget {stream} --reason asked --by eve")).await;
        assert!(answer.code == code && answer.err.contains(says), "{answer:?}");
    }
    let without = Machine::with_everything().await;
    let answer = without.run(&format!("forget {USER} --reason asked --by eve")).await;
    assert!(answer.code == 2 && answer.err.contains("PERSONAL_KEY are not set"), "{answer:?}");
}

#[tokio::test]
async fn what_was_written_before_is_counted_and_sealed_in_a_dump() {
    let machine = Machine::with_keys().await;
    let storage = machine.run("storage").await;
    assert!(storage.err.contains("events tell of persons and are not sealed"), "{storage:?}");

    let dump = format!("dump --stream {USER}");
    let plain = machine.run(&dump).await.out;
    assert!(plain.contains("Ada Lovelace") && !plain.contains("$sealed"), "{plain}");
    let sealed = machine.run(&format!("{dump} --seal")).await.out;
    assert!(!sealed.contains("Ada") && sealed.contains("$sealed"), "{sealed}");
    assert_eq!(sealed.lines().count(), plain.lines().count());

    machine.run(&format!("forget {USER} --reason asked --by eve")).await;
    let erased = machine.run(&format!("{dump} --seal")).await.out;
    assert!(!erased.contains("Ada") && !erased.contains("$sealed"), "{erased}");
    assert!(erased.contains(r#"{"displayName":{"$erased":true}}"#), "{erased}");
    let without = Machine::with_everything().await.run(&format!("{dump} --seal")).await;
    assert!(without.code == 2 && without.err.contains("PERSONAL_KEY"), "{without:?}");
}
