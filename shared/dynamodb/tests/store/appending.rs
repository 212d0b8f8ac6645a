//! Commands on one stream: what they cost, and what happens where others are faster.

use std::collections::BTreeSet;

use futures::future::join_all;
use headwater::{Rejection, StreamName};
use headwater_dynamodb::{Done, EventStore, ExecuteError, Execution, commit_from_item};

use crate::support::dynamo::{Dynamo, committed, execution, person, run};
use crate::support::person::{Note, NoteOnce, NoteTime, NoteUpTo, Person};

fn note(text: &str) -> Note {
    Note(text.to_owned())
}

async fn versions(store: &EventStore, stream: &StreamName) -> Vec<u64> {
    let commits = store.commits_after(stream, 0).await.unwrap();
    commits.iter().flat_map(|commit| commit.events.iter().map(|event| event.number)).collect()
}

#[tokio::test]
async fn a_warm_command_is_one_put() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    assert_eq!(committed(run(&store, &ada, &note("a")).await), 1);
    dynamo.assert_calls(&[("Query", 1.0), ("PutItem", 1.0)]);
    assert_eq!(committed(run(&store, &ada, &note("b")).await), 2);
    dynamo.assert_calls(&[("PutItem", 1.0)]);
    let usage = store.take_usage();
    assert_eq!((usage.calls, usage.read_units, usage.write_units), (3, 1.0, 2.0));
}

#[tokio::test]
async fn a_new_stream_needs_no_read() {
    let dynamo = Dynamo::start().await;
    let command = note("a");
    let execution = Execution { is_new: true, ..execution(&person("ada"), &command) };
    assert_eq!(committed(dynamo.store().execute(execution).await), 1);
    dynamo.assert_calls(&[("PutItem", 1.0)]);
}

#[tokio::test]
async fn a_conflict_costs_one_call_and_no_read() {
    let dynamo = Dynamo::start().await;
    let (one, two, ada) = (dynamo.store(), dynamo.store(), person("ada"));
    run(&one, &ada, &note("a")).await.unwrap();
    committed(run(&two, &ada, &note("b")).await);
    dynamo.take_calls();
    assert_eq!(committed(run(&one, &ada, &note("c")).await), 3);
    // The refused put reports no units.
    dynamo.assert_calls(&[("PutItem", 0.0), ("PutItem", 1.0)]);
    assert_eq!(one.take_usage().conflicts, 1);
    assert_eq!(one.load::<Person>(&ada).await.unwrap().state.notes, 3);
}

#[tokio::test]
async fn after_two_conflicts_the_tail_is_read() {
    let dynamo = Dynamo::start().await;
    let (one, two, ada) = (dynamo.store(), dynamo.store(), person("ada"));
    run(&one, &ada, &note("a")).await.unwrap();
    for _ in 0..20 {
        run(&two, &ada, &note("b")).await.unwrap();
    }
    dynamo.take_calls();
    assert_eq!(committed(run(&one, &ada, &note("c")).await), 22);
    let calls: Vec<String> =
        dynamo.take_calls().into_iter().map(|(operation, _)| operation).collect();
    assert_eq!(calls, ["PutItem", "PutItem", "Query", "PutItem"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_writers_on_one_stream_all_succeed() {
    let dynamo = Dynamo::start().await;
    let ada = person("ada");
    let writers = (0..16).map(|writer| {
        let (store, ada) = (dynamo.store(), ada.clone());
        tokio::spawn(async move {
            for round in 0..5 {
                committed(run(&store, &ada, &note(&format!("{writer}.{round}"))).await);
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    assert_eq!(versions(&dynamo.store(), &ada).await, (1..=80).collect::<Vec<_>>());
    let texts: BTreeSet<String> = dynamo
        .store()
        .commits_after(&ada, 0)
        .await
        .unwrap()
        .iter()
        .map(|commit| commit.events[0].data["text"].to_string())
        .collect();
    assert_eq!(texts.len(), 80);
}

/// Two Lambdas alternate. What one remembers is always stale, and what it answers never is.
#[tokio::test]
async fn an_answer_that_writes_nothing_is_never_stale() {
    let dynamo = Dynamo::start().await;
    let (one, two, ada) = (dynamo.store(), dynamo.store(), person("ada"));
    for round in 0..4 {
        for (store, text) in [(&one, "a"), (&two, "b")] {
            let version = committed(run(store, &ada, &NoteOnce(text)).await);
            let expected = round * 2 + if text == "a" { 1 } else { 2 };
            assert_eq!(version, expected);
        }
    }
    // A repetition: both know, but one must read to be sure.
    dynamo.take_calls();
    let again = run(&one, &ada, &NoteOnce("b")).await.unwrap();
    assert!(matches!(&again, Done::Unchanged(folded) if folded.version == 8));
    // Its own last note was "a": so it tries to write, and is told.
    dynamo.assert_calls(&[("PutItem", 0.0), ("Query", 1.0)]);
}

#[tokio::test]
async fn a_rejection_is_read_before_it_is_given() {
    let dynamo = Dynamo::start().await;
    let (one, two, ada) = (dynamo.store(), dynamo.store(), person("ada"));
    committed(run(&one, &ada, &NoteUpTo(1)).await);
    dynamo.take_calls();
    let refused = run(&one, &ada, &NoteUpTo(1)).await;
    assert!(matches!(
        refused,
        Err(ExecuteError::Rejected { rejection: Rejection::Refused { .. }, .. })
    ));
    dynamo.assert_calls(&[("Query", 1.0)]);
    // Cold, the state was read in this call: once is enough.
    run(&two, &ada, &NoteUpTo(1)).await.unwrap_err();
    dynamo.assert_calls(&[("Query", 1.0)]);
}

#[tokio::test]
async fn a_new_stream_that_exists_is_read_before_it_is_refused() {
    let dynamo = Dynamo::start().await;
    let ada = person("ada");
    committed(run(&dynamo.store(), &ada, &NoteUpTo(1)).await);
    dynamo.take_calls();
    let refused =
        dynamo.store().execute(Execution { is_new: true, ..execution(&ada, &NoteUpTo(1)) }).await;
    assert!(matches!(refused, Err(ExecuteError::Rejected { .. })));
    dynamo.assert_calls(&[("PutItem", 0.0), ("Query", 1.0)]);
}

#[tokio::test]
async fn time_never_runs_backwards_in_a_stream() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    for second in [5_000, 4_000, 6_000] {
        let mut execution = execution(&ada, &NoteTime);
        execution.context.now = crate::support::dynamo::at(second);
        store.execute(execution).await.unwrap();
    }
    let commits = store.commits_after(&ada, 0).await.unwrap();
    assert_eq!(
        commits.iter().map(|commit| commit.at.as_second()).collect::<Vec<_>>(),
        [5_000, 5_000, 6_000]
    );
    // Decisions are made at the time that their commits bear.
    assert_eq!(
        commits
            .iter()
            .map(|commit| commit.events[0].data["text"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["5000", "5000", "6000"]
    );
}

#[tokio::test]
async fn a_commit_says_who_and_why() {
    let dynamo = Dynamo::start().await;
    let (ada, command) = (person("ada"), note("a"));
    let mut execution = execution(&ada, &command);
    execution.origin.causation_id = Some("k".to_owned());
    execution.origin.traceparent = Some("p".to_owned());
    dynamo.store().execute(execution).await.unwrap();
    let metadata = commit_from_item(dynamo.item(&ada, 1).await.unwrap()).unwrap().metadata;
    assert_eq!(
        (metadata.command.as_str(), metadata.actor.as_str(), metadata.correlation_id.as_str()),
        ("Note", "ada", "c")
    );
    assert_eq!(
        (metadata.causation_id.as_deref(), metadata.traceparent.as_deref()),
        (Some("k"), Some("p"))
    );
}
