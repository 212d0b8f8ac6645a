//! What an older build does where a newer one has written what it does not know: nothing, and it
//! says so.

use headwater::{
    Commit, Folded, NewerEvent, RecordedEvent, StreamName, UniqueKey, UniqueValue, sequence_stream,
};
use headwater_dynamodb::{
    At, Done, EventStore, ExecuteError, Execution, Expected, Idempotency, StoreError,
};
use serde_json::json;

use crate::support::dynamo::{Dynamo, commit, committed, execution, person, run};
use crate::support::person::{NAME_TAKEN, Name, Note, Person, PersonEvent, TakeTicket};

fn noted(text: &str) -> PersonEvent {
    PersonEvent::Noted { text: text.to_owned() }
}

/// A commit whose last event is of a type that this build does not know.
fn newer(stream: &StreamName, first: u64) -> Commit {
    let mut commit = commit(stream, first, &[noted("a"), noted("b")]);
    (commit.events[1].event_type, commit.events[1].version) = ("Promoted".to_owned(), 1);
    commit
}

#[track_caller]
fn assert_newer<T: std::fmt::Debug>(outcome: Result<T, ExecuteError>, number: u64) {
    let expected = NewerEvent { number, event_type: "Promoted".to_owned(), version: 1 };
    assert!(
        matches!(
            &outcome,
            Err(ExecuteError::Store(StoreError::Newer(event))) if *event == expected,
        ),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn no_command_is_decided_on_a_state_without_a_newer_event() {
    let dynamo = Dynamo::start().await;
    let (warm, ada) = (dynamo.store(), person("ada"));
    assert_eq!(committed(run(&warm, &ada, &Note("a".to_owned())).await), 1);
    dynamo.import(vec![newer(&ada, 2)]);
    let count = dynamo.count().await;
    let note = Note("b".to_owned());
    // One that remembers a state, one that reads it, one that takes it for empty; and again, since
    // none may remember half of it.
    for store in [&warm, &dynamo.store(), &warm] {
        assert_newer(run(store, &ada, &note).await, 3);
        assert_newer(store.execute(Execution { is_new: true, ..execution(&ada, &note) }).await, 3);
        let expected = Expected { decided_on: Some(1), ..Expected::default() };
        assert_newer(store.execute(Execution { expected, ..execution(&ada, &note) }).await, 3);
    }
    assert_eq!(dynamo.count().await, count);
}

#[tokio::test]
async fn what_came_before_a_newer_event_is_read_as_it_was() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    dynamo.import(vec![
        commit(&ada, 1, &[noted("x")]),
        newer(&ada, 2),
        commit(&ada, 4, &[noted("y")]),
    ]);
    for (version, last) in [(1, "x"), (2, "a")] {
        assert_eq!(
            store.load_at::<Person>(&ada, At::Version(version)).await.unwrap().state.last,
            last
        );
    }
    for version in [3, 4, u64::MAX] {
        assert!(matches!(
            store.load_at::<Person>(&ada, At::Version(version)).await,
            Err(StoreError::Newer(_))
        ));
    }
    assert!(matches!(
        store.load::<Person>(&ada).await,
        Err(StoreError::Newer(event)) if event.number == 3,
    ));
    assert_eq!(store.commits_after(&ada, 0).await.unwrap().len(), 3, "as they are stored");
}

#[tokio::test]
async fn an_event_of_a_newer_version_is_newer_and_damaged_data_is_not() {
    let dynamo = Dynamo::start().await;
    let (store, ada, bob) = (dynamo.store(), person("ada"), person("bob"));
    let (mut version, mut damaged) =
        (commit(&ada, 1, &[noted("a")]), commit(&bob, 1, &[noted("a")]));
    version.events[0].version = 9;
    damaged.events[0].data = json!({ "text": 5 });
    dynamo.import(vec![version, damaged]);
    assert!(matches!(
        store.load::<Person>(&ada).await,
        Err(StoreError::Newer(event)) if event.version == 9,
    ));
    assert!(matches!(store.load::<Person>(&bob).await, Err(StoreError::Event(_))));
}

#[tokio::test]
async fn neither_names_nor_numbers_are_given_where_a_newer_build_has_said_more_of_them() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    let names = UniqueKey::new(&[7; 32])
        .unwrap()
        .stream("acme", "people", &UniqueValue::new("names", "Ada", &NAME_TAKEN))
        .unwrap();
    let tickets = sequence_stream("acme", "people", "tickets").unwrap();
    let of = |stream: &StreamName, event_type: &str, data| {
        let mut newer = newer(stream, 1);
        newer.events[0] =
            RecordedEvent { number: 1, event_type: event_type.to_owned(), version: 1, data };
        newer.events.swap(0, 1);
        newer.events.iter_mut().zip(1..).for_each(|(event, number)| event.number = number);
        newer
    };
    let taken = of(&tickets, "NumberTaken", json!({ "taker": "people/persons/bob" }));
    dynamo.import(vec![of(&names, "UniqueValueReleased", json!({})), taken]);
    let count = dynamo.count().await;
    // The last event of each is one that it knows.
    assert_newer(
        store.execute(Execution { is_new: true, ..execution(&ada, &Name("Ada")) }).await,
        1,
    );
    assert_newer(run(&store, &ada, &TakeTicket(100)).await, 1);
    assert_eq!(dynamo.count().await, count);
    assert_eq!(committed(run(&store, &ada, &Name("Bob")).await), 1, "others are");
}

/// A newer build may have carried the request out, and its reply got lost.
#[tokio::test]
async fn a_request_that_was_answered_before_is_answered_the_same() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    let keyed = async |store: &EventStore, key: &str, request: &str| {
        let answer = |_: Result<&Folded<Person>, &ExecuteError>| json!({ "status": 200 });
        let (request_hash, body_hash) = (request.to_owned(), request.to_owned());
        let idempotency =
            Some(Idempotency { key: key.to_owned(), request_hash, body_hash, answer: &answer });
        store.execute(Execution { idempotency, ..execution(&ada, &Note("a".to_owned())) }).await
    };
    assert_eq!(committed(keyed(&store, "k", "r").await), 1);
    dynamo.import(vec![newer(&ada, 2)]);
    for store in [&store, &dynamo.store()] {
        let again = keyed(store, "k", "r").await;
        assert!(
            matches!(&again, Ok(Done::Replayed(answer)) if *answer == json!({ "status": 200 })),
            "{again:?}"
        );
        assert!(matches!(keyed(store, "k", "other").await, Err(ExecuteError::KeyReused)));
        assert_newer(keyed(store, "new", "r").await, 3);
    }
}
