//! Streams that are parked: found, and taken up again once their cause is repaired.

use headwater::{Commit, StreamName};
use serde_json::Value;

use crate::support::{Answer, Machine, history};

/// Histories of a group and of a policy whose last commit holds an event that no build knows, and what it was in truth.
fn poisoned() -> (Vec<Commit>, Vec<Commit>) {
    let (mut commits, mut cures) = (Vec::new(), Vec::new());
    for name in ["identity/group", "licensing/policy"] {
        let mut own = history(name);
        let last = own.last_mut().unwrap();
        cures.push(last.clone());
        last.events[0].event_type = "Nonsense".to_owned();
        commits.extend(own);
    }
    (commits, cures)
}

/// The JSON documents of an answer, and what they say under a name.
fn all(answer: &Answer, name: &str) -> Vec<Value> {
    assert_eq!(answer.code, 0, "{answer:?}");
    answer.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()[name].clone()).collect()
}

#[tokio::test]
async fn what_is_parked_is_listed_and_taken_up_again() {
    let machine = Machine::start().await;
    let (commits, cures) = poisoned();
    machine.append(&commits).await;
    let [group, policy]: [StreamName; 2] = machine.project(&commits).await.try_into().unwrap();

    assert_eq!(all(&machine.run("parked ls --tenant acme --json").await, "stream"), [group.as_str(), policy.as_str()]);
    assert_eq!(all(&machine.run("parked ls --tenant acme --json").await, "version"), [6, 7]);
    let first = machine.run("parked ls --tenant acme --json --limit 1").await;
    assert_eq!(all(&first, "stream"), [group.as_str()]);
    assert_eq!(first.err, format!("there are more: --after {group}\n"));
    let rest = machine.run(&format!("parked ls --tenant acme --json --after {group}")).await;
    assert_eq!(all(&rest, "stream"), [policy.as_str()]);
    assert_eq!(all(&machine.run("parked ls --tenant acm --json").await, "stream"), Vec::<Value>::new());

    let why = machine.run(&format!("parked show {group}")).await;
    assert!(why.out.contains("cannot be brought to version 6\n") && why.out.contains("Nonsense"), "{why:?}");

    // Nothing has been repaired yet.
    let again = machine.run(&format!("parked retry {group}")).await;
    assert!(again.err.contains("is parked again") && again.err.contains("Nonsense"), "{again:?}");
    assert_eq!((again.code, again.out.as_str()), (2, ""));

    machine.append(&cures).await;
    let dry = machine.run(&format!("parked retry {group} --dry-run")).await;
    assert_eq!(dry.out, format!("{group} would be folded on, to version 6 at least\n"));
    assert_eq!(all(&machine.run("parked ls --tenant acme --json").await, "stream").len(), 2, "nothing was done");
    let done = machine.run(&format!("parked retry {group}")).await;
    assert_eq!((done.out, done.code), (format!("{group} was folded on, to version 6\n"), 0));
    assert_eq!(all(&machine.run("parked ls --tenant acme --json").await, "stream"), [policy.as_str()]);
    let not_parked = machine.run(&format!("parked retry {group}")).await;
    assert_eq!((not_parked.err, not_parked.code), (format!("error: {group} is not parked\n"), 1));
}
