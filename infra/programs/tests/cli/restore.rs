//! `restore`: what was dumped is there again, once, and nothing is written over or sent again.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use aws_sdk_dynamodb::types::AttributeValue;
use headwater::Commit;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::dump::{commits, machine};
use crate::support::{Machine, SECRET, history};

/// A file that holds these commits.
fn file(commits: &[Commit]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dump.jsonl");
    let lines: Vec<String> =
        commits.iter().map(|commit| serde_json::to_string(commit).unwrap() + "\n").collect();
    fs::write(&path, lines.concat()).unwrap();
    (folder, path)
}

/// What `restore --json` answers, and the exit code.
async fn restore(machine: &Machine, file: &std::path::Path, options: &str) -> (Value, u8) {
    let answer = machine.run(&format!("restore {} --json {options}", file.display())).await;
    (serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{answer:?}")), answer.code)
}

#[tokio::test]
async fn a_dump_restored_elsewhere_gives_the_same_dump_and_the_same_views() {
    let (here, there, folder) =
        (machine().await, Machine::start().await, tempfile::tempdir().unwrap());
    let path = folder.path().join("dump.jsonl");
    let dumped = here.run(&format!("dump -o {} --json", path.display())).await;
    let count = here.items("events").await.len();
    assert_eq!(
        serde_json::from_str::<Value>(&dumped.out).unwrap(),
        json!({ "file": path, "streams": 10, "commits": count })
    );
    let (restored, _) = restore(&there, &path, "").await;
    assert_eq!((&restored["written"], &restored["present"]), (&json!(count), &json!(0)));
    assert_eq!(there.run("dump").await.out, fs::read_to_string(&path).unwrap());
    assert_eq!(there.items("events").await, here.items("events").await);
    // The DynamoDB stream would bring these to the projectors.
    let commits = commits(&fs::read_to_string(&path).unwrap());
    there.project(&commits).await;
    here.project(&commits).await;
    assert!(views(&there).await == views(&here).await);
}

/// The rows, but for when those that are gone will be swept away.
async fn views(machine: &Machine) -> Vec<BTreeMap<String, AttributeValue>> {
    let mut rows = machine.items("views").await;
    rows.iter_mut().for_each(|row| {
        row.remove("ttl");
    });
    rows
}

#[tokio::test]
async fn it_can_be_run_again_after_any_part_of_it() {
    let invoice = history("invoicing/invoice");
    let (_folder, path) = file(&invoice);
    for already in 0..=invoice.len() {
        let machine = Machine::start().await;
        machine.append(&invoice[..already]).await;
        let (would, _) = restore(&machine, &path, "--dry-run").await;
        assert_eq!(machine.items("events").await.len(), already, "nothing was done");
        assert_eq!(machine.items("effects").await.len(), 0, "nothing was done");
        let (restored, code) = restore(&machine, &path, "").await;
        let expected = json!([invoice.len() - already, already, [], 0]);
        assert_eq!(
            json!([restored["written"], restored["present"], restored["conflicts"], code]),
            expected
        );
        assert_eq!(
            [&would["written"], &would["present"]],
            [&restored["written"], &restored["present"]]
        );
        assert_eq!(machine.items("events").await.len(), invoice.len());
    }
}

/// A stream of more commits than are taken at a time, beside others.
#[tokio::test]
async fn long_streams_go_in_pieces_and_stay_in_order() {
    let first = history("licensing/policy").remove(0);
    let long = |id: &str, count: u64| {
        let event = first.events[0].clone();
        let (stream, first) = (format!("acme/identity/users/{id}").parse().unwrap(), first.clone());
        (1..=count).map(move |number| {
            let event = headwater::RecordedEvent { number, ..event.clone() };
            Commit {
                stream: headwater::StreamName::clone(&stream),
                first: number,
                events: vec![event],
                ..first.clone()
            }
        })
    };
    let all: Vec<Commit> = long("a", 250).chain(long("b", 3)).chain(long("c", 101)).collect();
    let (_folder, path) = file(&all);
    let machine = Machine::start().await;
    // Of one there is a part already, of another one more than was dumped.
    machine.append(&all[..120]).await;
    machine.append(&long("b", 5).collect::<Vec<_>>()).await;
    let (restored, code) = restore(&machine, &path, "").await;
    assert_eq!(
        json!([restored["written"], restored["present"], restored["conflicts"], code]),
        json!([231, 123, [], 0])
    );
    let after = machine.run("dump").await;
    assert_eq!(after.code, 0, "no stream has a gap: {}", after.err);
    assert_eq!(commits(&after.out).len(), all.len() + 2);
}

#[tokio::test]
async fn another_history_stays_as_it_is_and_is_told_of() {
    let (invoice, policy) = (history("invoicing/invoice"), history("licensing/policy"));
    let (_folder, path) = file(&[invoice.clone(), policy.clone()].concat());
    let machine = Machine::start().await;
    let mut other = invoice[1].clone();
    other.metadata.actor = "somebody else".to_owned();
    machine.append(&[invoice[0].clone(), other.clone()]).await;
    let before = machine.items("events").await;
    let answer = machine.run(&format!("restore {}", path.display())).await;
    let told = format!(
        "error: the table has another history than the dump, which stays as it is: {} from event \
         {} on\n",
        other.stream, other.first
    );
    assert_eq!((answer.err.as_str(), answer.code), (told.as_str(), 2));
    assert_eq!(
        answer.out,
        format!("commits that were written: {}, that were there: 1\n", policy.len()),
        "other streams are none the worse"
    );
    let of_invoice =
        machine.items("events").await.into_iter().filter(|item| before.contains(item)).count();
    assert_eq!((of_invoice, machine.items("events").await.len()), (2, 2 + policy.len()));
}

#[tokio::test]
async fn nothing_is_written_of_a_file_that_is_not_in_order() {
    let (invoice, policy) = (history("invoicing/invoice"), history("licensing/policy"));
    let mut misnumbered = invoice[0].clone();
    misnumbered.events[1].number += 1;
    let mut endless = invoice[0].clone();
    endless.first = u64::MAX;
    endless.events.iter_mut().for_each(|event| event.number = u64::MAX);
    let empty = Commit { events: Vec::new(), ..invoice[0].clone() };
    let mut fine = policy[0].clone();
    fine.at += jiff::SignedDuration::from_nanos(1);
    let early =
        Commit { at: invoice[0].at - jiff::SignedDuration::from_secs(1), ..invoice[1].clone() };
    for (commits, why) in [
        (vec![invoice[0].clone(), invoice[2].clone()], "is missing"),
        (vec![invoice[1].clone()], "but 1 is missing"),
        (vec![invoice[0].clone(), invoice[0].clone()], "is missing"),
        (vec![policy[0].clone(), invoice[0].clone()], "streams must be in order of name"),
        (vec![invoice[0].clone(), early], "was decided before"),
        (vec![misnumbered], "are not numbered from 1 on"),
        (vec![endless], "are not numbered from 18446744073709551615 on"),
        (vec![empty], "are not numbered from 1 on"),
        (vec![fine], "not one to the millisecond"),
    ] {
        let (_folder, path) = file(&commits);
        let machine = Machine::start().await;
        let answer = machine.run(&format!("restore {}", path.display())).await;
        let line =
            format!("error: line {} of {}; nothing was written: ", commits.len(), path.display());
        assert!(answer.err.starts_with(&line) && answer.err.contains(why), "{why}: {}", answer.err);
        assert_eq!((answer.code, machine.items("events").await.len()), (2, 0), "{why}");
    }
    let (_folder, path) = file(&policy);
    fs::write(&path, "{\"half\": a lin").unwrap();
    assert!(
        Machine::start()
            .await
            .run(&format!("restore {}", path.display()))
            .await
            .err
            .contains("it is not a commit")
    );
}

/// Where the mails of the restored events were sent, or not, is elsewhere: here they are not to be.
#[tokio::test]
async fn nobody_is_mailed_again() {
    let invoice = history("invoicing/invoice");
    let sent: Vec<u64> = invoice
        .iter()
        .flat_map(|commit| &commit.events)
        .filter(|event| event.event_type == "InvoiceSent")
        .map(|event| event.number)
        .collect();
    assert!(!sent.is_empty(), "or this shows nothing");
    let (_folder, path) = file(&invoice);
    let machine = Machine::start().await;
    let answer = machine.run(&format!("restore {}", path.display())).await;
    assert!(
        answer.out.ends_with(&format!("; mails that will not be sent: {}\n", sent.len())),
        "{answer:?}"
    );
    let kept: Vec<(String, u64)> = machine
        .items("effects")
        .await
        .iter()
        .map(|item| {
            (item["s"].as_s().unwrap().clone(), item["sk"].as_s().unwrap().parse().unwrap())
        })
        .collect();
    assert_eq!(
        kept,
        sent.into_iter().map(|number| ("done".to_owned(), number)).collect::<Vec<_>>()
    );
    // What was there before is another matter: its mails are seen to as ever.
    let machine = Machine::start().await;
    machine.append(&invoice).await;
    assert_eq!(restore(&machine, &path, "").await.0["mails"], 0);
    assert_eq!(machine.items("effects").await.len(), 0);
}

/// For longer than a command of a service would wait: the tries alone take some eight seconds.
#[tokio::test]
async fn a_table_that_is_throttled_for_a_while_ends_neither_dump_nor_restore() {
    let (here, there) = (Machine::start().await, Machine::start().await);
    let policy = history("licensing/policy");
    here.append(&policy).await;
    let (_folder, path) = file(&policy);
    here.door.throttle(40);
    there.door.throttle(40);
    let line = format!("restore {}", path.display());
    let (dumped, restored) = tokio::join!(here.run("dump --segments 1"), there.run(&line));
    assert_eq!(commits(&dumped.out), policy, "{dumped:?}");
    assert_eq!(restored.code, 0, "{restored:?}");
}

/// Where another key names unique values, every name of the dump would look free.
#[tokio::test]
async fn a_dump_is_not_restored_where_the_unique_key_is_another() {
    let (here, folder) = (machine().await, tempfile::tempdir().unwrap());
    here.adopt(SECRET).await;
    let path = folder.path().join("dump.jsonl");
    here.run(&format!("dump -o {}", path.display())).await;
    let restore = format!("restore {}", path.display());

    let (functions, table) =
        (Machine::start().await.with_secret(OTHER).await, Machine::start().await);
    table.adopt(OTHER).await;
    for there in [&functions, &table] {
        let before = there.items("events").await.len();
        let answer = there.run(&restore).await;
        assert!(
            answer.code == 2 && answer.err.contains("named by another key than here"),
            "{answer:?}"
        );
        assert_eq!(there.items("events").await.len(), before, "nothing was written");
    }
    assert_eq!(functions.run(&format!("{restore} --any-key")).await.code, 0);

    // With the same key it goes on, and the table remembers it.
    let same = Machine::start().await.with_secret(SECRET).await;
    assert_eq!(same.run(&restore).await.code, 0);
    assert_eq!(same.items("events").await, here.items("events").await);
}

const OTHER: &str = "another secret, as long as that.";
