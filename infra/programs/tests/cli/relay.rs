//! `relay repair`: what the change feeds lack is put on the commits stream, and nothing else.

use headwater::Commit;
use headwater_kinesis::CommitRecord;
use serde_json::json;

use crate::support::{Machine, history, with};

/// The commits that were put since this was last asked, in order of stream and number.
fn put(machine: &Machine) -> Vec<Commit> {
    let records = machine.door.take_records().into_iter().map(|(stream, record)| {
        let commit = serde_json::from_slice::<CommitRecord>(&record.data).unwrap().commit.unwrap();
        assert_eq!((stream.as_str(), record.key.as_str()), ("commits", commit.stream.as_str()));
        commit
    });
    let mut commits: Vec<Commit> = records.collect();
    commits.sort_by_key(|commit| (commit.stream.clone(), commit.first));
    commits
}

#[tokio::test]
async fn what_the_feeds_lack_is_put_and_brings_them_up() {
    let machine = Machine::with_histories().await;
    let (users, policy) = (history("identity/user"), history("licensing/policy"));
    let renamed = |commit: &Commit| Commit {
        stream: "acme/identity/users/late".parse().unwrap(),
        ..commit.clone()
    };
    let late: Vec<Commit> = users.iter().map(renamed).collect();
    let unknown = with(
        &users[0],
        "acme/identity/user-names/00ff",
        1,
        json!({ "holder": "identity/users/late" }),
    );
    machine.append(&late).await;
    machine.append(&[unknown]).await;
    machine.project(&late[..1]).await;

    let dry = machine.run("relay repair --dry-run").await;
    let missing = &late[1..];
    let (from, to) = (missing[0].first, missing.last().unwrap().last());
    assert_eq!(dry.out, format!("acme/identity/users/late  events {from} to {to}\n"));
    assert_eq!(
        (dry.err, dry.code),
        (format!("commits that would be put on commits: {}\n", missing.len()), 0)
    );
    assert_eq!(put(&machine), []);
    for narrower in ["--domain licensing", "--tenant umbrella", "--since 2999-01-01T00:00:00Z"] {
        assert_eq!(
            machine.run(&format!("relay repair {narrower}")).await.err,
            "commits that were put on commits: 0\n",
            "{narrower}"
        );
    }

    let done = machine.run("relay repair --json").await;
    let count = missing.len();
    assert_eq!(
        done.out,
        format!(
            "{{\"stream\":\"acme/identity/users/late\",\"first\":{from},\"last\":{to},\"commits\":\
             {count}}}\n"
        )
    );
    let rung = put(&machine);
    assert_eq!(rung, missing);
    machine.project(&rung).await;
    assert_eq!(machine.run("relay repair").await.err, "commits that were put on commits: 0\n");

    // For others behind the stream, who may lack what the feeds have.
    let since = policy[1].at;
    machine.run(&format!("relay repair --all --domain licensing --since {since}")).await;
    let again = put(&machine);
    assert!(
        again.len() > 1
            && again
                .iter()
                .all(|commit| commit.at >= since && commit.stream.domain() == "licensing")
    );
    assert_eq!(
        machine.run("relay repair --all").await.code,
        2,
        "all of everything is asked for by nobody"
    );
}

#[tokio::test]
async fn one_stream_is_repaired_without_reading_the_others() {
    let machine = Machine::start().await;
    let policy = history("licensing/policy");
    machine.append(&policy).await;
    machine.project(&policy[..2]).await;
    let line = "relay repair --stream acme/licensing/policy";
    assert_eq!(
        machine.run(line).await.err,
        format!("commits that were put on commits: {}\n", policy.len() - 2)
    );
    assert_eq!(put(&machine), policy[2..]);
    machine.run(&format!("{line} --all --since {}", policy[1].at)).await;
    assert_eq!(put(&machine), policy[1..]);
    for (stream, why) in [
        ("acme/identity/users/x", "there is no such stream"),
        (
            "acme/identity/user-names/x",
            "no projector folds streams of the kind of acme/identity/user-names/x",
        ),
    ] {
        let answer = machine.run(&format!("relay repair --stream {stream}")).await;
        assert_eq!((answer.err, answer.code), (format!("error: {why}\n"), 1));
    }
}
