//! `If-Match` and `Consistency-Token`: what callers expect of versions.

use futures::future::join_all;
use headwater::{Position, StreamName, Token};
use headwater_dynamodb::{
    Done, EventStore, ExecuteError, Execution, Expected, IfMatch, IfNoneMatch,
};

use crate::support::dynamo::{Dynamo, committed, execution, person, run};
use crate::support::person::{Leave, Name, Note, NoteOnce, NoteUpTo, Person};
use crate::support::proxy::Fault;

type Result = std::result::Result<Done<Person>, ExecuteError>;

fn position(stream: &StreamName, version: u64) -> Position {
    Position { stream: stream.clone(), version }
}

fn token(positions: &[(&StreamName, u64)]) -> Token {
    Token {
        streams: positions.iter().map(|(stream, version)| position(stream, *version)).collect(),
        ..Token::default()
    }
}

async fn note_if(store: &EventStore, stream: &StreamName, condition: IfMatch) -> Result {
    let command = Note("conditional".to_owned());
    let expected = Expected { if_match: Some(condition), ..Expected::default() };
    store.execute(Execution { expected, ..execution(stream, &command) }).await
}

async fn note_unless(store: &EventStore, stream: &StreamName, condition: IfNoneMatch) -> Result {
    let command = Note("conditional".to_owned());
    let expected = Expected { if_none_match: Some(condition), ..Expected::default() };
    store.execute(Execution { expected, ..execution(stream, &command) }).await
}

fn none_of(tags: &[String]) -> IfNoneMatch {
    IfNoneMatch::NoneOf(tags.to_vec())
}

async fn note_after(store: &EventStore, stream: &StreamName, at_least: Vec<Position>) -> Result {
    let command = Note("consistent".to_owned());
    let expected = Expected { at_least, ..Expected::default() };
    store.execute(Execution { expected, ..execution(stream, &command) }).await
}

async fn note(store: &EventStore, stream: &StreamName) -> u64 {
    committed(run(store, stream, &Note("plain".to_owned())).await)
}

#[track_caller]
fn assert_failed(outcome: &Result, expected: u64) {
    assert!(
        matches!(
            outcome,
            Err(ExecuteError::PreconditionFailed { version }) if *version == expected,
        ),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_condition_on_the_own_stream() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    assert_failed(&note_if(&store, &ada, IfMatch::Exists).await, 0);
    note(&store, &ada).await;
    assert_eq!(committed(note_if(&store, &ada, IfMatch::Exists).await), 2);
    dynamo.take_calls();
    assert_eq!(
        committed(note_if(&store, &ada, IfMatch::AnyOf(vec![token(&[(&ada, 2)])])).await),
        3
    );
    dynamo.assert_calls(&[("PutItem", 1.0)]);
    // It is read before it is refused.
    assert_failed(&note_if(&store, &ada, IfMatch::AnyOf(vec![token(&[(&ada, 2)])])).await, 3);
    dynamo.assert_calls(&[("Query", 1.0)]);
    assert_failed(&note_if(&store, &ada, IfMatch::AnyOf(vec![])).await, 3);
    assert_failed(&note_if(&store, &ada, IfMatch::AnyOf(vec![token(&[(&ada, 4)])])).await, 3);
    assert_eq!(
        committed(
            note_if(&store, &ada, IfMatch::AnyOf(vec![token(&[(&ada, 1)]), token(&[(&ada, 3)])]))
                .await
        ),
        4
    );
}

#[tokio::test]
async fn a_stream_without_events_can_be_the_condition() {
    let dynamo = Dynamo::start().await;
    let (store, ada, bob) = (dynamo.store(), person("ada"), person("bob"));
    let fresh = |stream: &StreamName| IfMatch::AnyOf(vec![token(&[(stream, 0)])]);
    assert_eq!(committed(note_if(&store, &ada, fresh(&ada)).await), 1);
    assert_failed(&note_if(&store, &ada, fresh(&ada)).await, 1);
    // Another one, too: it is part of the write.
    assert_eq!(committed(note_if(&store, &ada, fresh(&bob)).await), 2);
    let moves = {
        let (store, bob) = (dynamo.store(), bob.clone());
        Box::pin(async move {
            note(&store, &bob).await;
        })
    };
    dynamo.inject("Query", Fault::Then(moves));
    assert_failed(
        &note_if(&dynamo.store(), &ada, IfMatch::AnyOf(vec![token(&[(&bob, 0), (&ada, 2)])])).await,
        2,
    );
    // Nobody has seen less.
    dynamo.take_calls();
    assert_eq!(
        committed(note_after(&store, &ada, vec![position(&bob, 0), position(&ada, 0)]).await),
        3
    );
    dynamo.assert_calls(&[("PutItem", 1.0)]);
}

#[tokio::test]
async fn what_must_not_exist_is_made_once() {
    let dynamo = Dynamo::start().await;
    let (one, two, ada) = (dynamo.store(), dynamo.store(), person("ada"));
    assert_eq!(committed(note_unless(&one, &ada, IfNoneMatch::Absent).await), 1);
    for store in [&one, &two] {
        assert_failed(&note_unless(store, &ada, IfNoneMatch::Absent).await, 1);
    }
    let command = Note("new".to_owned());
    let expected = Expected { if_none_match: Some(IfNoneMatch::Absent), ..Expected::default() };
    assert_failed(
        &two.execute(Execution { expected, is_new: true, ..execution(&ada, &command) }).await,
        1,
    );
    // What has left is not there; its stream is.
    committed(run(&one, &ada, &Name("Ada")).await);
    committed(run(&one, &ada, &Leave).await);
    assert_failed(&note_if(&one, &ada, IfMatch::Exists).await, 3);
    assert_eq!(committed(note_unless(&two, &ada, IfNoneMatch::Absent).await), 4);
}

#[tokio::test]
async fn a_version_that_is_ruled_out_fails_the_condition() {
    let dynamo = Dynamo::start().await;
    let (store, stale, ada, bob) = (dynamo.store(), dynamo.store(), person("ada"), person("bob"));
    note(&store, &ada).await;
    note(&stale, &ada).await;
    let tag = |stream: &StreamName, version| Token::of(stream, version).to_string();
    // The process that knows of version 1 only finds out, either way.
    assert_failed(&note_unless(&store, &ada, none_of(&[tag(&ada, 2)])).await, 2);
    assert_eq!(
        committed(
            note_unless(&store, &ada, none_of(&[tag(&ada, 1), tag(&bob, 2), "foreign".to_owned()]))
                .await
        ),
        3
    );
    assert_failed(
        &note_unless(
            &stale,
            &ada,
            none_of(&["foreign".to_owned(), format!("{};g1.2", tag(&ada, 3))]),
        )
        .await,
        3,
    );
    assert_failed(&note_unless(&store, &bob, none_of(&[tag(&bob, 0)])).await, 0);
}

#[tokio::test]
async fn a_condition_that_a_stale_cache_does_not_know_of_holds() {
    let dynamo = Dynamo::start().await;
    let (one, two, ada) = (dynamo.store(), dynamo.store(), person("ada"));
    note(&one, &ada).await;
    note(&two, &ada).await;
    assert_eq!(committed(note_if(&one, &ada, IfMatch::AnyOf(vec![token(&[(&ada, 2)])])).await), 3);
    // And one that held only in the cache does not: the write finds out.
    assert_failed(&note_if(&two, &ada, IfMatch::AnyOf(vec![token(&[(&ada, 2)])])).await, 3);
    assert_eq!(dynamo.count().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_with_the_same_condition_one_wins() {
    let dynamo = Dynamo::start().await;
    let ada = person("ada");
    note(&dynamo.store(), &ada).await;
    let tries = (0..16).map(|_| {
        let (store, ada) = (dynamo.store(), ada.clone());
        tokio::spawn(async move {
            note_if(&store, &ada, IfMatch::AnyOf(vec![token(&[(&ada, 1)])])).await
        })
    });
    let outcomes: Vec<_> =
        join_all(tries).await.into_iter().map(std::result::Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    outcomes
        .iter()
        .filter(|outcome| outcome.is_err())
        .for_each(|outcome| assert_failed(outcome, 2));
    assert_eq!(dynamo.count().await, 2);
}

#[tokio::test]
async fn a_condition_on_other_streams_is_part_of_the_write() {
    let dynamo = Dynamo::start().await;
    let (store, ada, bob, eve) = (dynamo.store(), person("ada"), person("bob"), person("eve"));
    note(&store, &ada).await;
    note(&store, &bob).await;
    dynamo.take_calls();
    let both = IfMatch::AnyOf(vec![token(&[(&ada, 1), (&bob, 1), (&bob, 1)])]);
    assert_eq!(committed(note_if(&store, &ada, both).await), 2);
    let calls: Vec<String> =
        dynamo.take_calls().into_iter().map(|(operation, _)| operation).collect();
    assert_eq!(calls, ["Query", "TransactWriteItems"]);
    note(&store, &bob).await;
    assert_failed(
        &note_if(&store, &ada, IfMatch::AnyOf(vec![token(&[(&ada, 2), (&bob, 1)])])).await,
        2,
    );
    // A version that never was is compared, not used as a key: nobody could check that event 8 is
    // absent and be sure of 7.
    assert_failed(&note_if(&store, &ada, IfMatch::AnyOf(vec![token(&[(&bob, 7)])])).await, 2);
    assert_failed(&note_if(&store, &ada, IfMatch::AnyOf(vec![token(&[(&eve, 1)])])).await, 2);
    assert_eq!(
        committed(note_if(&store, &ada, IfMatch::AnyOf(vec![token(&[(&bob, 2)])])).await),
        3
    );
}

/// The other stream moves between our look at it and our write.
#[tokio::test]
async fn another_stream_that_moves_meanwhile_fails_the_condition() {
    let dynamo = Dynamo::start().await;
    let (store, ada, bob) = (dynamo.store(), person("ada"), person("bob"));
    note(&store, &ada).await;
    note(&store, &bob).await;
    let elsewhere = dynamo.store();
    let moves = {
        let (store, bob) = (elsewhere.clone(), bob.clone());
        Box::pin(async move {
            note(&store, &bob).await;
        })
    };
    dynamo.inject("Query", Fault::Then(moves));
    let outcome = note_if(&store, &ada, IfMatch::AnyOf(vec![token(&[(&ada, 1), (&bob, 1)])])).await;
    assert_failed(&outcome, 1);
    assert_eq!(store.take_usage().conflicts, 1);
}

#[tokio::test]
async fn another_stream_is_checked_beside_claims_too() {
    let dynamo = Dynamo::start().await;
    let (store, ada, bob) = (dynamo.store(), person("ada"), person("bob"));
    note(&store, &bob).await;
    let moves = {
        let (store, bob) = (store.clone(), bob.clone());
        Box::pin(async move {
            note(&store, &bob).await;
        })
    };
    // The state is read, then the other stream, which moves.
    dynamo.inject("Query", Fault::Then(Box::pin(async {})));
    dynamo.inject("Query", Fault::Then(moves));
    let expected = Expected {
        if_match: Some(IfMatch::AnyOf(vec![token(&[(&bob, 1)])])),
        ..Expected::default()
    };
    assert_failed(&store.execute(Execution { expected, ..execution(&ada, &Name("Ada")) }).await, 0);
}

#[tokio::test]
async fn a_command_decides_on_what_its_caller_has_seen() {
    let dynamo = Dynamo::start().await;
    let (one, two, ada, bob) = (dynamo.store(), dynamo.store(), person("ada"), person("bob"));
    note(&one, &ada).await;
    note(&two, &ada).await;
    dynamo.take_calls();
    assert_eq!(committed(note_after(&one, &ada, vec![position(&ada, 2)]).await), 3);
    dynamo.assert_calls(&[("Query", 1.0), ("PutItem", 1.0)]);
    for ahead in [position(&ada, 4), position(&bob, 1)] {
        let refused = note_after(&one, &ada, vec![position(&ada, 1), ahead.clone()]).await;
        assert!(
            matches!(&refused, Err(ExecuteError::TokenAhead(position)) if *position == ahead),
            "{refused:?}"
        );
    }
    note(&two, &bob).await;
    assert_eq!(committed(note_after(&one, &ada, vec![position(&bob, 1)]).await), 4);
}

#[tokio::test]
async fn a_repetition_is_no_change_only_if_the_condition_holds() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    committed(run(&store, &ada, &NoteOnce("a")).await);
    let conditional = |version| Expected {
        if_match: Some(IfMatch::AnyOf(vec![token(&[(&ada, version)])])),
        ..Expected::default()
    };
    let same = store
        .execute(Execution { expected: conditional(1), ..execution(&ada, &NoteOnce("a")) })
        .await
        .unwrap();
    assert!(matches!(same, Done::Unchanged(_)));
    assert_failed(
        &store
            .execute(Execution { expected: conditional(2), ..execution(&ada, &NoteOnce("a")) })
            .await,
        1,
    );
    // The condition is looked at before the rules are.
    assert_failed(
        &store
            .execute(Execution { expected: conditional(2), ..execution(&ada, &NoteUpTo(0)) })
            .await,
        1,
    );
}
