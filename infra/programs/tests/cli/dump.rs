//! `dump`: all commits, in order, and what it leaves out.

use std::time::Duration;

use headwater::Commit;
use serde_json::json;

use crate::support::{Answer, Machine, history, with};

/// The commits of a dump.
pub(crate) fn commits(dump: &str) -> Vec<Commit> {
    dump.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The histories, with a stream of a unique value and another tenant's.
pub(crate) async fn machine() -> Machine {
    let machine = Machine::with_histories().await;
    let users = history("identity/user");
    let value = with(
        &users[0],
        "acme/identity/user-names/00ff",
        1,
        json!({ "holder": "identity/users/ext-7" }),
    );
    let foreign =
        Commit { stream: "umbrella/identity/users/ext-7".parse().unwrap(), ..users[0].clone() };
    machine.append(&[value, foreign]).await;
    machine
}

#[track_caller]
fn streams(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.code, 0, "{answer:?}");
    let mut streams: Vec<String> =
        commits(&answer.out).into_iter().map(|commit| commit.stream.to_string()).collect();
    streams.dedup();
    streams
}

/// Of a megabyte over a thin line, say. A function would not wait for so long.
#[tokio::test]
async fn an_answer_may_take_some_seconds() {
    let machine = Machine::with_histories().await;
    machine.door.slow_down(Duration::from_secs(4));
    let dumped = machine.run("dump --segments 1").await;
    assert_eq!(
        (dumped.code, commits(&dumped.out).len()),
        (0, machine.items("events").await.len()),
        "{dumped:?}"
    );
}

#[tokio::test]
async fn every_commit_is_in_it_once_in_order_of_stream_and_number() {
    let machine = machine().await;
    let dumped = machine.run("dump").await;
    let commits = commits(&dumped.out);
    assert_eq!(
        dumped.err,
        format!("streams: 10, commits: {}\n", machine.items("events").await.len())
    );
    assert!(commits.is_sorted_by_key(|commit| (commit.stream.clone(), commit.first)));
    assert_eq!(commits.len(), machine.items("events").await.len());
    let invoice: Vec<Commit> =
        commits.into_iter().filter(|commit| commit.stream.category() == "invoices").collect();
    assert_eq!(invoice, history("invoicing/invoice"), "whole, with who, when and why");
}

#[tokio::test]
async fn a_part_can_be_had() {
    let machine = machine().await;
    let umbrella = streams(&machine.run("dump --tenant umbrella").await);
    assert_eq!(umbrella, ["umbrella/identity/users/ext-7"]);
    let licensing = streams(&machine.run("dump --domain licensing --segments 1").await);
    assert!(
        licensing.len() == 3
            && licensing.iter().all(|stream| stream.starts_with("acme/licensing/")),
        "{licensing:?}"
    );
    let one = machine.run("dump --stream acme/invoicing/invoices/1").await;
    assert_eq!(commits(&one.out), history("invoicing/invoice"));
    let until = history("invoicing/invoice")[2].at;
    for line in [
        format!("dump --domain invoicing --until {until}"),
        format!("dump --stream acme/invoicing/invoices/1 --until {until}"),
    ] {
        let mut early = commits(&machine.run(&line).await.out);
        early.retain(|commit| commit.stream.category() == "invoices");
        assert_eq!(early.last().unwrap().at, until, "{line}");
    }
    let nobody = machine.run("dump --stream acme/invoicing/invoices/2").await;
    assert_eq!((nobody.code, nobody.err.as_str()), (1, "error: there is no such stream\n"));
}

#[tokio::test]
async fn what_cannot_be_restored_is_no_dump_and_leaves_no_file() {
    let (machine, folder) = (Machine::start().await, tempfile::tempdir().unwrap());
    let invoice = history("invoicing/invoice");
    machine.append(&[invoice[0].clone(), invoice[2].clone()]).await;
    let file = folder.path().join("dump.jsonl");
    let answer = machine.run(&format!("dump -o {}", file.display())).await;
    let missing = invoice[0].last() + 1;
    assert_eq!(
        (answer.err, answer.code),
        (format!("error: acme/invoicing/invoices/1 lacks the event {missing}\n"), 2)
    );
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}
