//! The same key and request: one effect, one answer.

use axum::http::StatusCode;
use futures::future::join_all;
use headwater::{Context, Decide, Folded, Rejection, StreamName, Token};
use headwater_dynamodb::{
    Done, EventStore, ExecuteError, Execution, Expected, Idempotency, IfMatch, IfNoneMatch,
};
use serde_json::{Value, json};

use crate::support::dynamo::{Dynamo, at, committed, execution, person, run};
use crate::support::person::{Leave, Name, NameOrNote, Note, NoteOnce, NoteUpTo, Person};
use crate::support::proxy::Fault;

const DAY: i64 = 24 * 60 * 60;

fn render(result: Result<&Folded<Person>, &ExecuteError>) -> Value {
    match result {
        Ok(folded) => json!({ "status": 200, "version": folded.version }),
        Err(ExecuteError::Rejected { rejection: Rejection::Refused { rule, .. }, .. }) => {
            json!({ "status": 409, "rule": rule.name })
        }
        Err(other) => panic!("not to be recorded: {other}"),
    }
}

fn idempotency(key: &str, request: &str) -> Idempotency<'static, Person> {
    Idempotency {
        key: key.to_owned(),
        request_hash: request.to_owned(),
        body_hash: format!("body of {request}"),
        answer: &render,
    }
}

/// A request with a key, at a second.
struct Keyed<'a> {
    store: &'a EventStore,
    key: &'a str,
    request: &'a str,
    second: i64,
}

impl Keyed<'_> {
    async fn run<C: Decide<Aggregate = Person>>(
        &self,
        stream: &StreamName,
        command: &C,
    ) -> Result<Done<Person>, ExecuteError> {
        let idempotency = idempotency(self.key, self.request);
        let plain = execution(stream, command);
        let context = Context { now: at(self.second), ..plain.context.clone() };
        self.store.execute(Execution { idempotency: Some(idempotency), context, ..plain }).await
    }
}

fn keyed(store: &EventStore) -> Keyed<'_> {
    Keyed { store, key: "k", request: "r", second: 1_000_000 }
}

#[track_caller]
fn assert_replayed(outcome: Result<Done<Person>, ExecuteError>, expected: &Value) {
    match outcome {
        Ok(Done::Replayed(answer)) => assert_eq!(answer, *expected),
        other => panic!("not replayed: {other:?}"),
    }
}

#[tokio::test]
async fn a_repetition_gets_the_recorded_answer() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    let note = Note("a".to_owned());
    assert_eq!(committed(keyed(&store).run(&ada, &note).await), 1);
    // What a key costs: a commit and a record, two units each.
    dynamo.assert_calls(&[("Query", 1.0), ("TransactWriteItems", 4.0)]);
    run(&store, &ada, &note).await.unwrap();
    for store in [store, dynamo.store()] {
        assert_replayed(
            keyed(&store).run(&ada, &note).await,
            &json!({ "status": 200, "version": 1 }),
        );
    }
    assert_eq!(dynamo.store().head(&ada).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_at_once_one_has_an_effect() {
    let dynamo = Dynamo::start().await;
    let tries = (0..20).map(|_| {
        let store = dynamo.store();
        tokio::spawn(async move { keyed(&store).run(&person("ada"), &Name("Ada")).await })
    });
    let outcomes: Vec<_> =
        join_all(tries).await.into_iter().map(|outcome| outcome.unwrap().unwrap()).collect();
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Done::Committed(_))).count(), 1);
    for outcome in outcomes.into_iter().filter(|outcome| !matches!(outcome, Done::Committed(_))) {
        assert_eq!(outcome, Done::Replayed(json!({ "status": 200, "version": 1 })));
    }
    assert_eq!(dynamo.count().await, 2);
}

#[tokio::test]
async fn another_request_with_the_same_key_is_refused() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    committed(keyed(&store).run(&ada, &NoteOnce("a")).await);
    let other = Keyed { request: "other", ..keyed(&store) };
    for outcome in [
        other.run(&ada, &Note("b".to_owned())).await,
        other.run(&ada, &NoteOnce("a")).await,
        other.run(&ada, &NoteUpTo(0)).await,
        other.run(&ada, &Leave).await,
    ] {
        assert!(matches!(outcome, Err(ExecuteError::KeyReused)), "{outcome:?}");
    }
    assert_eq!(store.head(&ada).await.unwrap(), 1);
}

#[tokio::test]
async fn answers_without_an_effect_are_recorded_too() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    committed(run(&store, &ada, &NoteOnce("a")).await);
    dynamo.take_calls();
    let unchanged = keyed(&store).run(&ada, &NoteOnce("a")).await.unwrap();
    assert!(matches!(unchanged, Done::Unchanged(_)));
    dynamo.assert_calls(&[("Query", 1.0), ("PutItem", 1.0)]);
    let refused = Keyed { key: "k2", ..keyed(&store) };
    assert!(matches!(
        refused.run(&ada, &NoteUpTo(1)).await,
        Err(ExecuteError::Rejected { rejection: Rejection::Refused { .. }, .. })
    ));
    // By now both would have an effect.
    committed(run(&store, &ada, &NoteOnce("b")).await);
    assert_replayed(
        keyed(&store).run(&ada, &NoteOnce("a")).await,
        &json!({ "status": 200, "version": 1 }),
    );
    assert_replayed(
        refused.run(&ada, &NoteUpTo(9)).await,
        &json!({ "status": 409, "rule": "full" }),
    );
    assert_eq!(store.head(&ada).await.unwrap(), 2);
}

/// A process that dies in between would leave the answer without what it says was recorded, and the
/// same request finds only the answer.
#[tokio::test]
async fn a_refusal_that_leaves_events_is_one_write_with_its_answer() {
    let dynamo = Dynamo::start().await;
    let (store, eve) = (dynamo.store(), person("eve"));
    committed(run(&store, &person("ada"), &Name("Ada")).await);
    dynamo.take_calls();
    dynamo.inject("TransactWriteItems", Fault::lose_reply());
    let refused = keyed(&store).run(&eve, &NameOrNote("Ada")).await;
    assert!(
        matches!(refused, Err(ExecuteError::Rejected { rejection: Rejection::Refused { .. }, .. })),
        "{refused:?}"
    );
    let calls = dynamo.take_calls();
    assert!(
        calls.iter().all(|(call, _)| call != "PutItem"),
        "the answer has no write of its own: {calls:?}"
    );
    for store in [store, dynamo.store()] {
        assert_replayed(
            keyed(&store).run(&eve, &NameOrNote("Ada")).await,
            &json!({ "status": 409, "rule": "name-taken" }),
        );
        let state = store.load::<Person>(&eve).await.unwrap();
        assert_eq!(
            (state.version, state.state.last.as_str(), state.state.name),
            (1, "name-taken", None)
        );
    }
    // Without a key it is noted, too; and once the name is free the command has it.
    let store = dynamo.store();
    assert!(matches!(
        run(&store, &eve, &NameOrNote("Ada")).await,
        Err(ExecuteError::Rejected { rejection: Rejection::Refused { .. }, .. })
    ));
    committed(run(&store, &person("ada"), &Leave).await);
    assert_eq!(committed(run(&store, &eve, &NameOrNote("Ada")).await), 3);
}

#[tokio::test]
async fn what_is_unknown_is_not_recorded_but_an_earlier_answer_counts() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    assert!(matches!(
        keyed(&store).run(&ada, &Leave).await,
        Err(ExecuteError::Rejected { rejection: Rejection::Unknown { .. }, .. })
    ));
    committed(run(&store, &ada, &Name("Ada")).await);
    assert_eq!(committed(keyed(&store).run(&ada, &Leave).await), 2);
    assert_replayed(keyed(&store).run(&ada, &Leave).await, &json!({ "status": 200, "version": 2 }));
}

#[tokio::test]
async fn a_record_counts_for_a_day() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    let note = Note("a".to_owned());
    let on = |second| Keyed { second, ..keyed(&store) };
    committed(on(0).run(&ada, &note).await);
    assert_replayed(on(DAY).run(&ada, &note).await, &json!({ "status": 200, "version": 1 }));
    // DynamoDB has not deleted it yet, but it does not count any more: neither in a transaction nor
    // in a put nor in a read.
    assert_eq!(committed(on(DAY + 1).run(&ada, &note).await), 2);
    let unchanged = on(2 * DAY + 2).run(&ada, &NoteOnce("a")).await.unwrap();
    assert!(matches!(unchanged, Done::Unchanged(_)));
    assert_replayed(
        on(3 * DAY + 2).run(&ada, &Leave).await,
        &json!({ "status": 200, "version": 2 }),
    );
    let unknown = on(3 * DAY + 3).run(&ada, &Leave).await;
    assert!(
        matches!(unknown, Err(ExecuteError::Rejected { rejection: Rejection::Unknown { .. }, .. })),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn lost_replies_are_settled() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    dynamo.inject("TransactWriteItems", Fault::lose_reply());
    assert_eq!(committed(keyed(&store).run(&ada, &NoteOnce("a")).await), 1);
    // The second put finds the record of the first.
    dynamo.inject("PutItem", Fault::lose_reply());
    let unchanged = Keyed { key: "k2", ..keyed(&store) }.run(&ada, &NoteOnce("a")).await;
    assert_replayed(unchanged, &json!({ "status": 200, "version": 1 }));
}

/// What decides nothing for good is not kept, so that the key is free for what the caller decides
/// next.
#[tokio::test]
async fn neither_a_failed_condition_nor_a_conflict_is_recorded() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    committed(run(&store, &ada, &Name("Ada")).await);
    dynamo.take_calls();
    let note = Note("a".to_owned());
    let at = |version| Some(IfMatch::AnyOf(vec![Token::of(&ada, version)]));
    let expecting = |expected| Execution {
        idempotency: Some(idempotency("k", "r")),
        expected,
        ..execution(&ada, &note)
    };
    let absent = Expected { if_none_match: Some(IfNoneMatch::Absent), ..Expected::default() };
    for expected in [Expected { if_match: at(0), ..Expected::default() }, absent] {
        let failed = store.execute(expecting(expected)).await;
        assert!(
            matches!(failed, Err(ExecuteError::PreconditionFailed { version: 1 })),
            "{failed:?}"
        );
        dynamo.assert_calls(&[("Query", 1.0), ("GetItem", 1.0)]);
    }
    let conflict =
        store.execute(expecting(Expected { decided_on: Some(0), ..Expected::default() })).await;
    assert!(
        matches!(&conflict, Err(ExecuteError::Concurrent(found)) if found.version == 1),
        "{conflict:?}"
    );
    assert_eq!(
        committed(
            store.execute(expecting(Expected { if_match: at(1), ..Expected::default() })).await
        ),
        2
    );
    // What is recorded takes precedence over a condition that has failed since.
    let again = store.execute(expecting(Expected { if_match: at(1), ..Expected::default() })).await;
    assert_replayed(again, &json!({ "status": 200, "version": 2 }));
}

/// Earlier builds know a request by the bytes of its body alone, and what they have recorded counts
/// for a day.
#[tokio::test]
async fn what_an_earlier_build_recorded_counts() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    let record = json!({
        "pk": "k",
        "h": "body of r",
        "a": "{\"status\":200,\"version\":7}",
        "ttl": 1_000_000 + DAY,
    });
    dynamo.put_record(record).await;
    assert_replayed(
        keyed(&store).run(&ada, &Note("a".to_owned())).await,
        &json!({ "status": 200, "version": 7 }),
    );
    let other = Keyed { request: "other", ..keyed(&store) }.run(&ada, &Note("a".to_owned())).await;
    assert!(matches!(other, Err(ExecuteError::KeyReused)), "{other:?}");
    assert_eq!(store.head(&ada).await.unwrap(), 0);
}

/// Of a transaction a reader may see the record first: its answer is given once the commit can be
/// seen, or the answer's token would be ahead of its stream.
#[tokio::test]
async fn a_recorded_answer_is_given_once_its_commit_can_be_seen() {
    let dynamo = Dynamo::start().await;
    let (one, other, ada) = (dynamo.store(), dynamo.store(), person("1"));
    committed(keyed(&one).run(&ada, &Note("x".to_owned())).await);
    dynamo.take_calls();
    let again = async || {
        let replayed = keyed(&other).run(&ada, &Note("x".to_owned())).await;
        assert!(matches!(replayed, Ok(Done::Replayed(_))), "{replayed:?}");
        dynamo.take_calls().into_iter().map(|(call, _)| call).collect::<Vec<_>>()
    };
    // The stream seems to be empty, and a transaction is at work on its first commit.
    let nothing = json!({ "Count": 0, "ScannedCount": 0, "Items": [] });
    dynamo.inject("Query", Fault::Refuse(StatusCode::OK, nothing));
    dynamo.inject("TransactGetItems", Fault::cancelled(&["TransactionConflict"]));
    let looks = ["TransactGetItems", "TransactGetItems"];
    assert_eq!(again().await, [&["Query", "TransactWriteItems"], &looks[..]].concat());
    // Who has seen the commit need not look again.
    assert_eq!(again().await, ["Query", "TransactWriteItems"]);
}
