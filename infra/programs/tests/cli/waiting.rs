//! All that waits is in one list, whoever gave it up, and `verify` knows of it.

use std::collections::BTreeSet;
use std::time::Duration;

use headwater::{Commit, StreamName};
use headwater_dynamodb::{EffectId, Effects, Lease};
use serde_json::{Value, json};

use crate::failures::given_up;
use crate::parked::poisoned;
use crate::support::{Answer, Machine, history};

const USER: &str = "acme/identity/users/ext-8";
const INVOICE: &str = "acme/invoicing/invoices/1";

/// A commit that parks an update of a user, whom there is not yet.
fn parked() -> Commit {
    Commit { stream: USER.parse().unwrap(), ..history("identity/user").remove(0) }
}

async fn effect(machine: &Machine) -> (Effects, EffectId) {
    let number = history("invoicing/invoice")
        .iter()
        .flat_map(|commit| &commit.events)
        .find(|event| event.event_type == "InvoiceSent")
        .unwrap()
        .number;
    (
        Effects::new(machine.store(), "effects", "mail"),
        EffectId { stream: INVOICE.parse::<StreamName>().unwrap(), number },
    )
}

fn all(answer: &Answer, name: &str) -> Vec<Value> {
    answer
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()[name].clone())
        .collect()
}

#[tokio::test]
async fn all_that_waits_is_in_one_list_with_its_reason_and_the_way_out() {
    let machine = Machine::start().await;
    let (poison, _) = poisoned();
    machine.append(&poison).await;
    machine.project(&poison).await;
    machine.append(&[parked()]).await;
    machine.project(&[parked()]).await;
    let (mails, mail) = effect(&machine).await;
    let Lease::Granted(granted) = mails.lease(mail.clone(), Duration::from_secs(60)).await.unwrap()
    else {
        panic!()
    };
    mails.refused(&granted, "no address").await.unwrap();
    machine.door.put_object("0", &json!({ "something": "else" }));
    machine
        .door
        .put_object("aws/lambda/a", &given_up("invoicing-send-mail", "commits", &[INVOICE]));
    machine.door.put_object(
        "refused/licensing-reconcile-grants/1",
        &given_up("licensing-reconcile-grants", "grants", &["x"]),
    );

    let listed = machine.run("waiting --json").await;
    assert_eq!(listed.code, 0, "{listed:?}");
    let kinds: BTreeSet<String> =
        all(&listed, "kind").iter().map(|kind| kind.as_str().unwrap().to_owned()).collect();
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        ["batch", "mail", "refused", "stream", "unreadable", "update"]
    );
    for name in ["item", "why", "wayOut", "since"] {
        assert!(
            all(&listed, name)
                .iter()
                .all(|text| text.as_str().is_some_and(|text| !text.is_empty())),
            "{name}: {listed:?}"
        );
    }
    let since: Vec<String> =
        all(&listed, "since").iter().map(|since| since.as_str().unwrap().to_owned()).collect();
    assert!(since.is_sorted(), "the oldest first: {since:?}");
    let text = machine.run("waiting --tenant acme").await.out;
    assert!(
        text.contains(
            "free the name or address, then: headwater parked retry acme/identity/users/ext-8"
        ),
        "{text}"
    );
    let others = machine.run("waiting --tenant umbrella --json").await;
    assert_eq!(all(&others, "kind").len(), 3, "batches are of all tenants: {others:?}");
    let few = machine.run("waiting --limit 1").await;
    assert!(few.err.contains("there are more"), "{few:?}");
}

#[tokio::test]
async fn a_users_update_that_is_parked_is_listed_and_brought_again() {
    let machine = Machine::start().await;
    machine.append(&[parked()]).await;
    machine.project(&[parked()]).await;
    let listed = machine.run("parked ls --tenant acme --json").await;
    assert_eq!(
        (all(&listed, "kind"), all(&listed, "stream")),
        (vec![json!("update")], vec![json!(USER)])
    );
    assert_eq!(all(&listed, "error"), ["user-name-taken"]);
    let shown = machine.run(&format!("parked show {USER}")).await;
    assert!(
        shown.out.contains("its revision 1 could not be applied: user-name-taken"),
        "{shown:?}"
    );
    assert!(
        machine
            .run(&format!("parked drop {USER}"))
            .await
            .err
            .contains("an update cannot be dropped")
    );

    assert_eq!(machine.run(&format!("parked retry {USER} --dry-run")).await.code, 0);
    assert_eq!(machine.door.take_records(), []);
    let again = machine.run(&format!("parked retry {USER} --json")).await;
    assert_eq!(again.out, format!("{{\"stream\":\"{USER}\",\"revision\":1,\"dryRun\":false}}\n"));
    let [(stream, record)] = machine.door.take_records().try_into().unwrap();
    let record: Value = serde_json::from_slice(&record.data).unwrap();
    let event = parked().events.remove(0).data;
    let mut expected = event["update"].clone();
    for (name, value) in [
        ("tenant", &json!("acme")),
        ("externalId", &event["externalId"]),
        ("revision", &event["revision"]),
    ] {
        expected[name] = value.clone();
    }
    assert_eq!((stream.as_str(), record), ("external-users", expected));
}

#[tokio::test]
async fn what_waits_is_found_and_a_mail_in_no_list_too() {
    let machine = Machine::with_everything().await;
    let found = async || {
        let found = machine.run("verify --pause 0 --json").await;
        all(&found, "kind")
            .into_iter()
            .zip(all(&found, "what"))
            .map(|(kind, what)| format!("{kind} {what}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(found().await, [""; 0]);
    machine
        .door
        .put_object("aws/lambda/a", &given_up("invoicing-send-mail", "commits", &[INVOICE]));
    machine.append(&[parked()]).await;
    machine.project(&[parked()]).await;
    // As if nobody had ever heard of the mail.
    let (_, mail) = effect(&machine).await;
    machine.delete_effect(&mail).await;
    let found = found().await;
    assert_eq!(found.len(), 3, "{found:?}");
    for (found, expected) in found.iter().zip(["\"batch\"", "\"mail\"", "\"update\""]) {
        assert!(found.starts_with(expected), "{found}");
    }
    assert!(found[1].contains("was never tried"), "{found:?}");
}

impl Machine {
    async fn delete_effect(&self, EffectId { stream, number }: &EffectId) {
        let text = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
        let delete = self
            .client
            .delete_item()
            .table_name("effects")
            .key("pk", text(format!("mail/{stream}")));
        delete.key("sk", text(format!("{number:020}"))).send().await.unwrap();
    }
}
