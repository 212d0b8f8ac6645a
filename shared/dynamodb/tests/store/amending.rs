//! Events that a person decided on: appended as a command's are, and never decided again.

use std::time::{Duration, Instant};

use futures::future::join_all;
use headwater::{
    AMEND, Aggregate, Commit, Folded, Position, Rejection, Snapshot, StreamName, Token, Unique,
    UniqueKey, UniqueValue,
};
use headwater_dynamodb::{
    Amendment, Done, EventStore, ExecuteError, Expected, Idempotency, IfMatch,
};
use serde_json::{Value, json};

use crate::support::dynamo::{Dynamo, at, commit, committed, person, run};
use crate::support::person::{Leave, NAME_TAKEN, Name, Note, Person, PersonEvent};

/// What a test wants of an amendment.
#[derive(Clone, Default)]
struct Wish {
    events: Vec<PersonEvent>,
    expected: Expected,
    is_dry_run: bool,
    /// The key, and the hash of the request that it stands for.
    key: Option<(&'static str, &'static str)>,
}

fn named(name: &str) -> Wish {
    Wish { events: vec![PersonEvent::Named { name: name.to_owned() }], ..Wish::default() }
}

fn noted(text: &str) -> Wish {
    Wish { events: vec![PersonEvent::Noted { text: text.to_owned() }], ..Wish::default() }
}

/// Amends a person as it is known: the state is folded from all its commits.
async fn amend(
    store: &EventStore,
    stream: &StreamName,
    wish: Wish,
) -> Result<Done<u64>, ExecuteError> {
    let history = store.commits_until(stream, u64::MAX).await.unwrap();
    amend_on(store, stream, &history, wish).await
}

/// Amends a person of whom these commits are known.
async fn amend_on(
    store: &EventStore,
    stream: &StreamName,
    history: &[Commit],
    Wish { events, expected, is_dry_run, key }: Wish,
) -> Result<Done<u64>, ExecuteError> {
    let mut before = Folded::<Person>::default();
    history.iter().for_each(|commit| before.apply(commit).unwrap());
    let mut commit = commit(stream, before.version + 1, &events);
    commit.at = at(1_000_000_000);
    commit.metadata.command = AMEND.to_owned();
    commit.metadata.reason = Some("a test".to_owned());
    let mut after = before.clone();
    after.apply(&commit).unwrap();
    let state = serde_json::to_value(&after.state).unwrap();
    commit.snapshot = Some(Snapshot { revision: Person::REVISION, state });
    let told = Folded { state: after.version, version: after.version, at: None, since_snapshot: 0 };
    let answer = |result: Result<&Folded<u64>, &ExecuteError>| {
        json!(result.map(|told| told.state).unwrap_or_default())
    };
    let idempotency = key.map(|(key, request)| Idempotency {
        key: key.to_owned(),
        request_hash: request.to_owned(),
        body_hash: request.to_owned(),
        answer: &answer,
    });
    let amendment = Amendment {
        commit,
        history,
        is_there: before.is_there(),
        held: &before.state.unique_values(),
        wanted: &after.state.unique_values(),
        expected: &expected,
        after: &told,
        idempotency,
        now: at(1_000_000_000),
        is_dry_run,
        deadline: Instant::now() + Duration::from_secs(20),
    };
    store.amend(amendment).await
}

fn value(name: &str) -> StreamName {
    let value = UniqueValue::new("names", name, &NAME_TAKEN);
    UniqueKey::new(&[7; 32]).unwrap().stream("acme", "people", &value).unwrap()
}

async fn holder(store: &EventStore, name: &str) -> Option<String> {
    let commits = store.commits_after(&value(name), 0).await.unwrap();
    Unique::after(commits.last()?).unwrap().holder
}

#[track_caller]
fn assert_taken(outcome: &Result<Done<u64>, ExecuteError>) {
    let is_taken = matches!(
        outcome,
        Err(ExecuteError::Rejected { rejection: Rejection::Refused { rule, .. }, .. })
            if **rule == NAME_TAKEN
    );
    assert!(is_taken, "{outcome:?}");
}

#[tokio::test]
async fn events_that_no_command_decided_on_are_appended_with_a_snapshot() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    committed(run(&store, &person("1"), &Note("a".to_owned())).await);
    dynamo.take_calls();
    let amended = amend(&store, &person("1"), noted("b")).await.unwrap();
    assert!(matches!(amended, Done::Committed(Folded { state: 2, .. })), "{amended:?}");
    // The history, and a put as of a command.
    dynamo.assert_calls(&[("Query", 1.0), ("PutItem", 1.0)]);
    let [_, commit] = store.commits_after(&person("1"), 0).await.unwrap().try_into().unwrap();
    assert_eq!((commit.metadata.command.as_str(), commit.last()), ("Amend", 2));
    assert_eq!(commit.metadata.reason.as_deref(), Some("a test"));
    // A load goes back no further than to it.
    let state: Folded<Person> = dynamo.store().load(&person("1")).await.unwrap();
    assert_eq!((state.state.notes, state.since_snapshot), (2, 0));
    // The process that has the state before it in its memory goes on after it.
    assert_eq!(committed(run(&store, &person("1"), &Note("c".to_owned())).await), 3);
}

#[tokio::test]
async fn a_value_is_claimed_and_given_up_in_the_same_transaction() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    committed(run(&store, &person("1"), &Name("Ada")).await);
    amend(&store, &person("1"), named("Grace")).await.unwrap();
    assert_eq!(holder(&store, "ada").await, None);
    assert_eq!(holder(&store, "grace").await.as_deref(), Some("people/persons/1"));
    let commits = store.commits_after(&person("1"), 1).await.unwrap();
    let claims = store.commits_after(&value("grace"), 0).await.unwrap();
    assert_eq!(commits[0].metadata, claims[0].metadata);
    committed(run(&store, &person("2"), &Name("Ada")).await);
}

#[tokio::test]
async fn a_value_that_another_holds_is_refused_also_when_only_tried() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    committed(run(&store, &person("1"), &Name("Ada")).await);
    committed(run(&store, &person("2"), &Name("Grace")).await);
    let count = dynamo.count().await;
    for is_dry_run in [true, false] {
        let wish = Wish { is_dry_run, ..named("GRACE") };
        assert_taken(&amend(&store, &person("1"), wish).await);
    }
    assert_eq!(dynamo.count().await, count);
    committed(run(&store, &person("2"), &Leave).await);
    amend(&store, &person("1"), named("GRACE")).await.unwrap();
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    committed(run(&store, &person("1"), &Name("Ada")).await);
    let count = dynamo.count().await;
    let wish = Wish { is_dry_run: true, key: Some(("k", "r")), ..named("Grace") };
    let tried = amend(&store, &person("1"), wish.clone()).await.unwrap();
    assert!(matches!(tried, Done::Unchanged(Folded { state: 2, .. })), "{tried:?}");
    assert_eq!(dynamo.count().await, count);
    // Nor is it an answer under its key.
    let done = amend(&store, &person("1"), Wish { is_dry_run: false, ..wish }).await.unwrap();
    assert!(matches!(done, Done::Committed(_)), "{done:?}");
}

#[tokio::test]
async fn what_came_between_is_a_conflict_and_is_shown() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    for text in ["a", "b", "c"] {
        committed(run(&store, &person("1"), &Note(text.to_owned())).await);
    }
    let on = |version| Expected { decided_on: Some(version), ..Expected::default() };
    // Another note, which would commute with a command.
    let stale = amend(&store, &person("1"), Wish { expected: on(1), ..noted("d") }).await;
    let Err(ExecuteError::Concurrent(found)) = stale else { panic!("{stale:?}") };
    let firsts: Vec<u64> = found.commits.iter().map(|commit| commit.first).collect();
    assert_eq!((found.decided_on, found.version, firsts), (1, 3, vec![2, 3]));
    let ahead = amend(&store, &person("1"), Wish { expected: on(4), ..noted("d") }).await;
    let expected = Position { stream: person("1"), version: 4 };
    assert!(matches!(&ahead, Err(ExecuteError::TokenAhead(at)) if *at == expected), "{ahead:?}");

    // Without a version it is the one that was read.
    let history = store.commits_until(&person("1"), u64::MAX).await.unwrap();
    committed(run(&store, &person("1"), &Note("between".to_owned())).await);
    for wish in [noted("d"), named("Ada"), Wish { expected: on(3), ..noted("d") }] {
        let lost = amend_on(&store, &person("1"), &history, wish).await;
        let Err(ExecuteError::Concurrent(found)) = lost else { panic!("{lost:?}") };
        assert_eq!((found.decided_on, found.version, found.commits.len()), (3, 4, 1));
    }
    assert_eq!(store.head(&person("1")).await.unwrap(), 4);
    assert_eq!(holder(&store, "ada").await, None, "nothing of it was written");
    amend(&store, &person("1"), Wish { expected: on(4), ..noted("d") }).await.unwrap();
}

#[tokio::test]
async fn conditions_of_headers_hold_too() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    committed(run(&store, &person("1"), &Name("Ada")).await);
    let token = |stream: &StreamName, version| {
        let condition = Some(IfMatch::AnyOf(vec![Token::of(stream, version)]));
        Expected { if_match: condition, ..Expected::default() }
    };
    let exists = Expected { if_match: Some(IfMatch::Exists), ..Expected::default() };
    let wish = |expected: Expected| Wish { expected, ..noted("a") };
    let failed = |outcome: Result<Done<u64>, ExecuteError>| {
        assert!(matches!(outcome, Err(ExecuteError::PreconditionFailed { .. })), "{outcome:?}");
    };
    failed(amend(&store, &person("1"), wish(token(&person("1"), 2))).await);
    failed(amend(&store, &person("1"), wish(token(&person("2"), 1))).await);
    amend(&store, &person("1"), wish(token(&person("1"), 1))).await.unwrap();
    amend(&store, &person("1"), wish(exists.clone())).await.unwrap();
    committed(run(&store, &person("1"), &Leave).await);
    failed(amend(&store, &person("1"), wish(exists)).await);
}

#[tokio::test]
async fn the_same_request_amends_once_and_is_answered_the_same() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    committed(run(&store, &person("1"), &Note("a".to_owned())).await);
    let wish = Wish { key: Some(("k", "r")), ..noted("b") };
    let history = store.commits_until(&person("1"), u64::MAX).await.unwrap();
    let ada = person("1");
    let tries = (0..8).map(|_| amend_on(&store, &ada, &history, wish.clone()));
    let outcomes = join_all(tries).await;
    let committed = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Done::Committed(_))));
    assert_eq!(committed.count(), 1, "{outcomes:?}");
    let two = Value::from(2);
    let replayed = |outcome: &Result<Done<u64>, ExecuteError>| match outcome {
        Ok(Done::Replayed(answer)) => *answer == two,
        _ => false,
    };
    assert_eq!(outcomes.iter().filter(|outcome| replayed(outcome)).count(), 7, "{outcomes:?}");
    assert!(replayed(&amend(&store, &person("1"), wish.clone()).await));
    let other = amend(&store, &person("1"), Wish { key: Some(("k", "other")), ..wish }).await;
    assert!(matches!(other, Err(ExecuteError::KeyReused)), "{other:?}");
    assert_eq!(store.head(&person("1")).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_amendment_and_commands_that_want_a_name_one_gets_it() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    for id in 0..8 {
        let stream = person(&id.to_string());
        committed(run(&store, &stream, &Note("a".to_owned())).await);
    }
    let amendments = (0..4).map(|id| {
        let store = dynamo.store();
        tokio::spawn(
            async move { amend(&store, &person(&id.to_string()), named("Ada")).await.is_ok() },
        )
    });
    let commands = (4..8).map(|id| {
        let store = dynamo.store();
        tokio::spawn(
            async move { run(&store, &person(&id.to_string()), &Name("Ada")).await.is_ok() },
        )
    });
    let outcomes = join_all(amendments.chain(commands)).await;
    let winners = outcomes.into_iter().filter(|outcome| *outcome.as_ref().unwrap());
    assert_eq!(winners.count(), 1);
    assert!(holder(&store, "ada").await.is_some());
}

#[tokio::test]
async fn what_one_write_cannot_hold_is_refused() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    committed(run(&store, &person("1"), &Note("a".to_owned())).await);
    let large = amend(&store, &person("1"), noted(&"x".repeat(500_000))).await;
    assert!(matches!(large, Err(ExecuteError::TooLarge(_))), "{large:?}");
    // The snapshot of a state as large as this has no room beside the event; the event has.
    amend(&store, &person("1"), noted(&"x".repeat(300_000))).await.unwrap();
    let state: Folded<Person> = dynamo.store().load(&person("1")).await.unwrap();
    assert_eq!((state.state.notes, state.since_snapshot), (2, 2));
}
