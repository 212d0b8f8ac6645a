//! `trace`: all that one request led to, wherever it lies.

use headwater::{Commit, Metadata};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Machine, history, with};

/// The golden histories are older than a day.
const SINCE: &str = "--since 2020-01-01T00:00:00Z";

fn caused(commit: &Commit, id: u128, by: Option<String>) -> Commit {
    let metadata = Metadata {
        commit_id: Uuid::from_u128(id),
        correlation_id: "ticket-7".to_owned(),
        causation_id: by,
        ..commit.metadata.clone()
    };
    Commit { metadata, ..commit.clone() }
}

/// Of a request: an invoice's first commit with the claim of a unique value, what that caused in
/// two other streams, and what the second of these caused.
fn request() -> Vec<Commit> {
    let (invoice, user, policy) =
        (history("invoicing/invoice"), history("identity/user"), history("licensing/policy"));
    let group = history("identity/group");
    let at = group[0].at;
    let first = Commit { at, ..caused(&invoice[0], 1, None) };
    let claim = with(
        &first,
        "acme/invoicing/customer-emails/00ff",
        1,
        json!({ "holder": "invoicing/customers/1" }),
    );
    let later = at + jiff::SignedDuration::from_secs(1);
    let by_event = Commit {
        at: later,
        ..caused(&user[0], 2, Some(format!("invoicing/invoices/1@{}", first.last())))
    };
    let by_commit =
        Commit { at: later, ..caused(&policy[0], 3, Some(Uuid::from_u128(1).to_string())) };
    let next = Commit { at: later, ..caused(&group[0], 4, Some(Uuid::from_u128(2).to_string())) };
    vec![first, claim, by_event, by_commit, next]
}

#[track_caller]
fn told(answer: &Answer) -> Vec<(String, u64)> {
    assert_eq!(answer.code, 0, "{answer:?}");
    let lines = answer.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .map(|line| (line["stream"].as_str().unwrap().to_owned(), line["depth"].as_u64().unwrap()))
        .collect()
}

#[tokio::test]
async fn what_a_request_led_to_is_shown_as_a_tree() {
    let machine = Machine::start().await;
    let request = request();
    machine.append(&request).await;
    machine
        .append(&[history("invoicing/invoice")[1].clone(), history("identity/user")[1].clone()])
        .await;
    let [first, claim, user, policy, group] =
        [0, 1, 2, 3, 4].map(|place: usize| request[place].stream.to_string());
    let whole = machine.run(&format!("trace ticket-7 --tenant acme {SINCE} --json")).await;
    let expected = [(&first, 0), (&user, 1), (&group, 2), (&policy, 1), (&claim, 0)]
        .map(|(stream, depth)| (stream.clone(), depth));
    assert_eq!(told(&whole), expected);
    let text = machine.run(&format!("trace ticket-7 --tenant acme {SINCE}")).await.out;
    assert!(
        text.contains(&format!("  └ {user} ")) && text.contains(&format!("    └ {group} ")),
        "{text}"
    );

    let identity = machine
        .run(&format!("trace ticket-7 --tenant acme --domain identity {SINCE} --json"))
        .await;
    assert_eq!(told(&identity), [(user.clone(), 0), (group.clone(), 1)]);
    let few = machine.run(&format!("trace ticket-7 --tenant acme --limit 2 {SINCE} --json")).await;
    assert_eq!(
        (told(&few).len(), few.err.as_str()),
        (2, "there are more, and not only later ones: give a higher --limit\n")
    );
    for nothing in [
        "trace ticket-7 --tenant acme",
        &format!("trace ticket-8 --tenant acme {SINCE}"),
        &format!("trace ticket-7 --tenant umbrella {SINCE}"),
    ] {
        assert_eq!(machine.run(nothing).await.code, 1, "{nothing}");
    }
}

#[tokio::test]
async fn the_feeds_tell_of_what_was_projected() {
    let machine = Machine::with_histories().await;
    let users = history("identity/user");
    // More than one window of the feed is read.
    let renamed = |id: u64| {
        let commit = caused(&users[0], u128::from(id), None);
        let correlation_id =
            if id.is_multiple_of(50) { "ticket-7".to_owned() } else { "other".to_owned() };
        Commit {
            stream: format!("acme/identity/users/u{id}").parse().unwrap(),
            metadata: Metadata { correlation_id, ..commit.metadata.clone() },
            ..commit
        }
    };
    let many: Vec<Commit> = (1..=250).map(renamed).collect();
    machine.append(&many).await;
    machine.project(&many).await;
    let unprojected = Commit {
        stream: "acme/identity/users/unprojected".parse().unwrap(),
        ..caused(&users[0], 999, None)
    };
    machine.append(&[unprojected]).await;
    let found = machine.run(&format!("trace ticket-7 --tenant acme --feed {SINCE} --json")).await;
    let expected = [50, 100, 150, 200, 250].map(|id| (format!("acme/identity/users/u{id}"), 0));
    assert_eq!(told(&found), expected);
    assert_eq!(
        machine.run("trace ticket-7 --tenant acme --feed").await.code,
        1,
        "a day is too short"
    );
}

/// Only a defect could write it, but then this is what one looks with.
#[tokio::test]
async fn a_circle_of_causes_is_shown_too() {
    let machine = Machine::start().await;
    let (user, group) = (history("identity/user"), history("identity/group"));
    let circle = [
        caused(&user[0], 1, Some(Uuid::from_u128(2).to_string())),
        caused(&group[0], 2, Some(Uuid::from_u128(1).to_string())),
    ];
    machine.append(&circle).await;
    assert_eq!(
        told(&machine.run(&format!("trace ticket-7 --tenant acme {SINCE} --json")).await).len(),
        2
    );
}
