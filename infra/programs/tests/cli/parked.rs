//! Streams that are parked: found, and taken up again once their cause is repaired. And mails that
//! wait for a person.

use std::time::Duration;

use headwater::{Commit, StreamName};
use headwater_dynamodb::{EffectId, Effects, Lease};
use headwater_kinesis::CommitRecord;
use serde_json::{Value, json};

use crate::support::{Answer, Machine, history};

/// Histories of a group and of a policy whose last commit holds an event that no build can read,
/// and what it was in truth.
pub(crate) fn poisoned() -> (Vec<Commit>, Vec<Commit>) {
    let (mut commits, mut cures) = (Vec::new(), Vec::new());
    for name in ["identity/group", "licensing/policy"] {
        let mut own = history(name);
        let last = own.last_mut().unwrap();
        cures.push(last.clone());
        last.events[0].data = json!("Nonsense");
        commits.extend(own);
    }
    (commits, cures)
}

/// The JSON documents of an answer, and what they say under a name.
fn all(answer: &Answer, name: &str) -> Vec<Value> {
    assert_eq!(answer.code, 0, "{answer:?}");
    answer
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()[name].clone())
        .collect()
}

#[tokio::test]
async fn what_is_parked_is_listed_and_taken_up_again() {
    let machine = Machine::start().await;
    let (commits, cures) = poisoned();
    machine.append(&commits).await;
    let [group, policy]: [StreamName; 2] = machine.project(&commits).await.try_into().unwrap();

    assert_eq!(
        all(&machine.run("parked ls --tenant acme --json").await, "stream"),
        [group.as_str(), policy.as_str()]
    );
    assert_eq!(all(&machine.run("parked ls --tenant acme --json").await, "version"), [6, 7]);
    let first = machine.run("parked ls --tenant acme --json --limit 1").await;
    assert_eq!(all(&first, "stream"), [group.as_str()]);
    assert_eq!(first.err, format!("there are more: --after {group}\n"));
    let rest = machine.run(&format!("parked ls --tenant acme --json --after {group}")).await;
    assert_eq!(all(&rest, "stream"), [policy.as_str()]);
    assert_eq!(
        all(&machine.run("parked ls --tenant acm --json").await, "stream"),
        Vec::<Value>::new()
    );

    let why = machine.run(&format!("parked show {group}")).await;
    assert!(
        why.out.contains("cannot be brought to version 6\n") && why.out.contains("Nonsense"),
        "{why:?}"
    );

    // Nothing has been repaired yet.
    let again = machine.run(&format!("parked retry {group}")).await;
    assert!(again.err.contains("is parked again") && again.err.contains("Nonsense"), "{again:?}");
    assert_eq!((again.code, again.out.as_str()), (2, ""));

    machine.append(&cures).await;
    let dry = machine.run(&format!("parked retry {group} --dry-run")).await;
    assert_eq!(dry.out, format!("{group} would be resumed, to version 6 at least\n"));
    assert_eq!(
        all(&machine.run("parked ls --tenant acme --json").await, "stream").len(),
        2,
        "nothing was done"
    );
    let done = machine.run(&format!("parked retry {group}")).await;
    assert_eq!((done.out, done.code), (format!("{group} was resumed, to version 6\n"), 0));
    assert_eq!(
        all(&machine.run("parked ls --tenant acme --json").await, "stream"),
        [policy.as_str()]
    );
    let not_parked = machine.run(&format!("parked retry {group}")).await;
    assert_eq!((not_parked.err, not_parked.code), (format!("error: {group} is not parked\n"), 1));
}

#[tokio::test]
async fn what_waits_for_a_newer_build_is_in_the_same_list() {
    let machine = Machine::start().await;
    let mut group = history("identity/group");
    let last = group.last_mut().unwrap();
    last.events[0].event_type = "Promoted".to_owned();
    let (stream, number, head) = (last.stream.clone(), last.first, last.last());
    machine.append(&group).await;
    machine.project(&group).await;
    let listed = machine.run("parked ls --tenant acme --json").await;
    assert_eq!(
        (all(&listed, "kind"), all(&listed, "stream"), all(&listed, "version")),
        (vec![json!("newer")], vec![json!(stream)], vec![json!(head)])
    );
    let why = machine.run(&format!("parked show {stream}")).await;
    assert!(
        why.out.contains("goes on by itself")
            && why.out.contains(&format!("event {number}, Promoted v1,")),
        "{why:?}"
    );
    let retried = machine.run(&format!("parked retry {stream}")).await;
    assert!(
        retried.err.contains("still waits for a newer build") && retried.code == 2,
        "{retried:?}"
    );
    let lag = machine.run("views lag --tenant acme --json").await;
    assert_eq!(
        (all(&lag, "stream"), all(&lag, "why")),
        (vec![json!(stream)], vec![json!("newer")])
    );
    assert_eq!(all(&machine.run("parked ls --tenant acme --json").await, "version"), [head]);
}

#[tokio::test]
async fn a_stream_cannot_be_dropped() {
    let machine = Machine::start().await;
    let (commits, _) = poisoned();
    machine.append(&commits).await;
    let group = machine.project(&commits).await.remove(0);
    let refused = machine.run(&format!("parked drop {group}")).await;
    assert!(
        refused.err.contains("cannot be dropped")
            && refused.err.ends_with(&format!("headwater parked retry {group}\n")),
        "{refused:?}"
    );
    assert_eq!(refused.code, 2);
    assert_eq!(machine.run(&format!("parked show {group}")).await.code, 0, "it is parked still");
}

/// An effect that an invoice's event asks for.
fn mail(number: u64) -> EffectId {
    EffectId { stream: "acme/invoicing/invoices/7".parse().unwrap(), number }
}

/// A machine with mails that wait: two of which nobody knows, one that surely was not sent.
async fn with_mails() -> (Machine, Effects) {
    let machine = Machine::start().await;
    let effects = Effects::new(machine.store(), "effects", "mail");
    for number in [3, 12] {
        let Lease::Granted(granted) =
            effects.lease(mail(number), Duration::from_secs(60)).await.unwrap()
        else {
            panic!()
        };
        effects.unknown(&granted, "no reply").await.unwrap();
    }
    while let Lease::Granted(granted) =
        effects.lease(mail(5), Duration::from_secs(60)).await.unwrap()
    {
        effects.failed(&granted, "no such mailbox", Duration::ZERO).await.unwrap();
    }
    (machine, effects)
}

#[tokio::test]
async fn mails_that_wait_are_listed_after_the_streams() {
    let (machine, _) = with_mails().await;
    let (commits, _) = poisoned();
    machine.append(&commits).await;
    machine.project(&commits).await;
    let listed = machine.run("parked ls --tenant acme --json").await;
    assert_eq!(all(&listed, "kind"), ["stream", "stream", "mail", "mail", "mail"]);
    assert_eq!(all(&listed, "event")[2..], [3, 5, 12]);
    assert_eq!(all(&listed, "why")[2..], ["unknown", "failed", "unknown"]);
    // From page to page, across the two kinds.
    let (mut after, mut items) = (String::new(), Vec::new());
    loop {
        let page = machine.run(&format!("parked ls --tenant acme --limit 1 {after}")).await;
        items.push(page.out.lines().nth(1).unwrap().split_whitespace().nth(1).unwrap().to_owned());
        let Some(next) = page.err.strip_prefix("there are more: ") else { break };
        after = next.trim_end().to_owned();
    }
    let mails = [3, 5, 12].map(|number| format!("acme/invoicing/invoices/7@{number}"));
    assert_eq!(
        items,
        [&["acme/identity/groups/crew".to_owned(), "acme/licensing/policy".to_owned()][..], &mails]
            .concat()
    );
    assert_eq!(
        all(&machine.run("parked ls --tenant umbrella --json").await, "kind"),
        Vec::<Value>::new()
    );

    let shown = machine.run("parked show acme/invoicing/invoices/7@5").await;
    let expected = "the mail that acme/invoicing/invoices/7@5 asks for waits: it was not sent, \
                    tried 5 times: no such mailbox\n";
    assert_eq!((shown.out.as_str(), shown.code), (expected, 0));
    assert_eq!(
        machine.run("parked show acme/invoicing/invoices/7@12").await.out,
        expected.replace("@5", "@12").replace(
            "was not sent, tried 5 times: no such mailbox",
            "may have been sent: no reply"
        )
    );
    let none = machine.run("parked show acme/invoicing/invoices/7@4").await;
    assert_eq!(
        (none.err.as_str(), none.code),
        ("error: no mail that acme/invoicing/invoices/7@4 asks for waits for a person\n", 1)
    );
}

#[tokio::test]
async fn a_mail_is_tried_again_or_never_sent_as_a_person_says() {
    let (machine, effects) = with_mails().await;
    for line in [
        "parked retry acme/invoicing/invoices/7@3 --dry-run",
        "parked drop acme/invoicing/invoices/7@3 --dry-run",
    ] {
        assert_eq!(machine.run(line).await.code, 0);
    }
    assert_eq!(
        effects.lease(mail(3), Duration::from_secs(60)).await.unwrap(),
        Lease::Waiting,
        "nothing was done"
    );
    assert_eq!(machine.door.take_records(), []);

    let again = machine.run("parked retry acme/invoicing/invoices/7@3 --json").await;
    let outcome = json!({
        "stream": "acme/invoicing/invoices/7",
        "event": 3,
        "outcome": "TRY_AGAIN",
        "dryRun": false,
    });
    assert_eq!(serde_json::from_str::<Value>(&again.out).unwrap(), outcome);
    let [(stream, record)] = machine.door.take_records().try_into().unwrap();
    let record: CommitRecord = serde_json::from_slice(&record.data).unwrap();
    assert_eq!(
        (stream.as_str(), record),
        ("commits", CommitRecord { stream: mail(3).stream, last: 3, commit: None })
    );
    assert!(matches!(
        effects.lease(mail(3), Duration::from_secs(60)).await.unwrap(),
        Lease::Granted(_)
    ));

    let dropped = machine.run("parked drop acme/invoicing/invoices/7@12").await;
    assert_eq!(
        dropped.out,
        "the mail that acme/invoicing/invoices/7@12 asks for will never be sent\n"
    );
    assert_eq!(effects.lease(mail(12), Duration::from_secs(60)).await.unwrap(), Lease::Done);
    assert_eq!(machine.door.take_records(), []);
    // What is done for good waits no more, so no record of it comes.
    assert_eq!(machine.run("parked retry acme/invoicing/invoices/7@12").await.code, 1);
    assert_eq!(machine.door.take_records(), []);
    assert_eq!(machine.run("parked drop acme/invoicing/invoices/7@12").await.code, 1);
}

#[tokio::test]
async fn what_a_person_says_of_a_mail_holds_for_the_wait_that_was_listed() {
    let (machine, effects) = with_mails().await;
    let listed = machine.run("waiting --tenant acme --json").await;
    let (item, since) = (all(&listed, "item").remove(0), all(&listed, "since").remove(0));
    let (item, since) = (item.as_str().unwrap(), since.as_str().unwrap());
    let other = "2026-01-01T00:00:00Z";
    for line in ["retry", "drop", "retry --dry-run"] {
        let refused = machine.run(&format!("parked {line} {item} --since {other}")).await;
        let expected = format!("no mail that {item} asks for waits for a person since {other}");
        assert!(refused.code == 1 && refused.err.contains(&expected), "{refused:?}");
    }
    // The way out, as it is listed.
    let way_out = all(&listed, "wayOut").remove(0);
    let retry = format!("headwater parked retry {item} --since {since}");
    assert!(way_out.as_str().unwrap().starts_with(&retry), "{way_out}");
    assert_eq!(machine.run(&retry["headwater ".len()..]).await.code, 0);
    let number = item.split_once('@').unwrap().1.parse().unwrap();
    assert!(matches!(
        effects.lease(mail(number), Duration::from_secs(60)).await.unwrap(),
        Lease::Granted(_)
    ));
    let stream = machine.run(&format!("parked retry acme/licensing/policy --since {since}")).await;
    assert!(stream.code != 0 && stream.err.contains("--since is for mails"), "{stream:?}");
}
