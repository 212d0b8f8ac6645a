//! What goes wrong between us and DynamoDB. No command is applied twice, and none is reported
//! failed that succeeded.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use headwater_dynamodb::{ExecuteError, Execution, StoreError};
use serde_json::json;

use crate::support::dynamo::{Dynamo, EVENTS, committed, execution, person, run, unreachable};
use crate::support::person::{Name, Note, Person};
use crate::support::proxy::Fault;

fn note(text: &str) -> Note {
    Note(text.to_owned())
}

fn operations(dynamo: &Dynamo) -> Vec<String> {
    dynamo.take_calls().into_iter().map(|(operation, _)| operation).collect()
}

/// Each of these leaves the outcome of a write open; asking again settles it.
fn unknown_outcomes() -> Vec<Fault> {
    vec![
        Fault::lose_reply(),
        Fault::Hang,
        Fault::FailAfter,
        Fault::Refuse(StatusCode::INTERNAL_SERVER_ERROR, json!({})),
        Fault::Refuse(StatusCode::SERVICE_UNAVAILABLE, json!({})),
    ]
}

#[tokio::test]
async fn a_put_whose_reply_is_lost_is_settled() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    run(&store, &ada, &note("first")).await.unwrap();
    for (fault, version) in unknown_outcomes().into_iter().zip(2..) {
        dynamo.take_calls();
        dynamo.inject("PutItem", fault);
        assert_eq!(committed(run(&store, &ada, &note("x")).await), version);
        assert_eq!(operations(&dynamo), ["PutItem", "PutItem"]);
    }
    assert_eq!(dynamo.store().load::<Person>(&ada).await.unwrap().state.notes, 6);
    assert_eq!(store.take_usage().retries, 5);
}

#[tokio::test]
async fn a_transaction_whose_reply_is_lost_is_settled() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    for (fault, (name, version)) in
        unknown_outcomes().into_iter().zip([("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5)])
    {
        dynamo.inject("TransactWriteItems", fault);
        assert_eq!(committed(run(&store, &ada, &Name(name)).await), version);
    }
    assert_eq!(dynamo.store().load::<Person>(&ada).await.unwrap().state.name.as_deref(), Some("e"));
    // Five commits, five claims, four releases.
    assert_eq!(dynamo.count().await, 14);
}

/// Our commit stands, the reply is lost, and before we ask again another has appended.
#[tokio::test]
async fn a_lost_reply_is_settled_although_another_commit_has_followed() {
    let dynamo = Dynamo::start().await;
    let (one, two, ada) = (dynamo.store(), dynamo.store(), person("ada"));
    let follow = {
        let (two, ada) = (two.clone(), ada.clone());
        Box::pin(async move {
            assert_eq!(committed(run(&two, &ada, &Note("second".to_owned())).await), 2)
        })
    };
    dynamo.inject("PutItem", Fault::LoseReply(follow));
    assert_eq!(committed(run(&one, &ada, &note("first")).await), 1);
    one.load::<Person>(&ada).await.unwrap();
    let follow = {
        let (two, ada) = (two.clone(), ada.clone());
        Box::pin(async move {
            assert_eq!(committed(run(&two, &ada, &Note("fourth".to_owned())).await), 4)
        })
    };
    dynamo.inject("TransactWriteItems", Fault::LoseReply(follow));
    assert_eq!(committed(run(&one, &ada, &Name("ada")).await), 3);
    let texts: Vec<String> = two
        .commits_after(&ada, 0)
        .await
        .unwrap()
        .iter()
        .map(|commit| commit.events[0].event_type.clone())
        .collect();
    assert_eq!(texts, ["Noted", "Noted", "Named", "Noted"]);
}

/// Ten minutes later, or after a restart, the token is forgotten: then the reasons show our own
/// commit.
#[tokio::test]
async fn our_own_commit_among_the_reasons_is_success() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    dynamo.inject("TransactWriteItems", Fault::lose_reply());
    dynamo.inject("TransactWriteItems", Fault::ForgetToken);
    assert_eq!(committed(run(&store, &ada, &Name("ada")).await), 1);
    assert_eq!(operations(&dynamo), ["Query", "TransactWriteItems", "TransactWriteItems"]);
    assert_eq!((dynamo.count().await, store.take_usage().conflicts), (2, 0));
}

/// The first attempt was not done after all, and another's commit stands where it should: that the
/// outcome was open makes it no success.
#[tokio::test]
async fn anothers_commit_after_an_open_outcome_is_a_conflict() {
    let dynamo = Dynamo::start().await;
    let (one, two, ada) = (dynamo.store(), dynamo.store(), person("ada"));
    run(&one, &ada, &note("first")).await.unwrap();
    run(&two, &ada, &note("second")).await.unwrap();
    dynamo.take_calls();
    dynamo
        .inject("TransactWriteItems", Fault::Refuse(StatusCode::INTERNAL_SERVER_ERROR, json!({})));
    assert_eq!(committed(run(&one, &ada, &Name("ada")).await), 3);
    assert_eq!(
        operations(&dynamo),
        ["TransactWriteItems", "TransactWriteItems", "TransactGetItems", "TransactWriteItems"]
    );
    assert_eq!(dynamo.count().await, 4, "three commits and a claim");
}

/// A cancelled transaction may give reasons without items. Then only our key can tell whether an
/// earlier attempt stands.
#[tokio::test]
async fn reasons_that_do_not_tell_are_settled_by_our_key() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    dynamo.inject("TransactWriteItems", Fault::lose_reply());
    dynamo.inject("TransactWriteItems", Fault::cancelled(&["None", "ConditionalCheckFailed"]));
    assert_eq!(committed(run(&store, &ada, &Name("ada")).await), 1);
    assert_eq!(
        operations(&dynamo),
        ["Query", "TransactWriteItems", "TransactWriteItems", "TransactGetItems"]
    );
    assert_eq!(dynamo.count().await, 2);
}

#[tokio::test]
async fn what_is_known_not_to_be_done_is_done_again() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    for code in
        ["ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"]
    {
        dynamo.inject("Query", Fault::error(code));
    }
    dynamo.inject("Query", Fault::FailAfter);
    for code in [
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "TransactionConflictException",
    ] {
        dynamo.inject("PutItem", Fault::error(code));
    }
    assert_eq!(committed(run(&store, &ada, &note("first")).await), 1);
    for code in ["TransactionInProgressException", "ThrottlingException"] {
        dynamo.inject("TransactWriteItems", Fault::error(code));
    }
    for reasons in [
        ["TransactionConflict", "None"],
        ["None", "ThrottlingError"],
        ["ProvisionedThroughputExceeded", "None"],
    ] {
        dynamo.inject("TransactWriteItems", Fault::cancelled(&reasons));
    }
    assert_eq!(committed(run(&store, &ada, &Name("ada")).await), 2);
    assert_eq!((store.take_usage().conflicts, dynamo.count().await), (0, 3));
}

#[tokio::test]
async fn a_definite_no_is_not_repeated() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    let command = note("a");
    for code in ["AccessDeniedException", "ValidationException", "ResourceNotFoundException"] {
        dynamo.inject("PutItem", Fault::error(code));
        let execution = Execution { is_new: true, ..execution(&ada, &command) };
        let refused = store.execute(execution).await;
        assert!(matches!(refused, Err(ExecuteError::Store(StoreError::Refused(_)))), "{refused:?}");
    }
    for reasons in [
        ["ValidationError", "None"],
        ["None", "ItemCollectionSizeLimitExceeded"],
        // What passes beside it does not make it pass.
        ["TransactionConflict", "ValidationError"],
        ["ItemCollectionSizeLimitExceeded", "TransactionConflict"],
        ["ThrottlingError", "AccessDenied"],
        ["ConditionalCheckFailed", "ValidationError"],
    ] {
        dynamo.inject("TransactWriteItems", Fault::cancelled(&reasons));
        let refused = run(&store, &ada, &Name("ada")).await;
        assert!(matches!(refused, Err(ExecuteError::Store(StoreError::Refused(_)))), "{refused:?}");
    }
    dynamo.inject("Query", Fault::error("AccessDeniedException"));
    let refused = dynamo.store().load::<Person>(&ada).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    assert_eq!(store.take_usage().retries, 0);
    assert_eq!(dynamo.count().await, 0);
}

#[tokio::test]
async fn at_the_deadline_each_trouble_has_its_name() {
    let dynamo = Dynamo::start().await;
    let ada = person("ada");
    let soon = || Instant::now() + Duration::from_millis(400);
    let (put, name) = (Note("a".to_owned()), Name("ada"));
    let many = |fault: fn() -> Fault, operation: &str| {
        (0..40).for_each(|_| dynamo.inject(operation, fault()))
    };

    many(|| Fault::error("ThrottlingException"), "PutItem");
    let late = dynamo
        .store()
        .execute(Execution { is_new: true, deadline: soon(), ..execution(&ada, &put) })
        .await;
    assert!(matches!(late, Err(ExecuteError::Store(StoreError::Unavailable(_)))), "{late:?}");

    many(|| Fault::cancelled(&["TransactionConflict", "None"]), "TransactWriteItems");
    let late = dynamo
        .store()
        .execute(Execution { is_new: true, deadline: soon(), ..execution(&ada, &name) })
        .await;
    assert!(matches!(late, Err(ExecuteError::Contention)), "{late:?}");

    many(|| Fault::error("ThrottlingException"), "Query");
    let late =
        dynamo.store().execute(Execution { deadline: soon(), ..execution(&ada, &put) }).await;
    assert!(matches!(late, Err(ExecuteError::Store(StoreError::Unavailable(_)))), "{late:?}");

    let past = dynamo
        .store()
        .execute(Execution { is_new: true, deadline: Instant::now(), ..execution(&ada, &put) })
        .await;
    assert!(matches!(past, Err(ExecuteError::Store(StoreError::Unavailable(_)))), "{past:?}");
    assert_eq!(dynamo.count().await, 0);
}

/// A store that has told of a conflict is not out of reach.
#[tokio::test]
async fn what_no_time_is_left_for_after_a_conflict_is_contention() {
    let dynamo = Dynamo::start().await;
    let (store, other, ada) = (dynamo.store(), dynamo.store(), person("ada"));
    run(&store, &ada, &note("first")).await.unwrap();
    run(&other, &ada, &note("second")).await.unwrap();
    dynamo.inject("PutItem", Fault::Then(Box::pin(async {})));
    (0..40).for_each(|_| dynamo.inject("PutItem", Fault::error("ThrottlingException")));
    let (third, deadline) = (note("third"), Instant::now() + Duration::from_millis(400));
    let late = store.execute(Execution { deadline, ..execution(&ada, &third) }).await;
    assert!(matches!(late, Err(ExecuteError::Contention)), "{late:?}");
    assert_eq!(dynamo.count().await, 2);
}

#[tokio::test]
async fn an_outcome_that_stays_unknown_after_a_conflict_says_that_the_store_is_there() {
    let dynamo = Dynamo::start().await;
    let (store, other, ada) = (dynamo.store(), dynamo.store(), person("ada"));
    run(&store, &ada, &note("first")).await.unwrap();
    run(&other, &ada, &note("second")).await.unwrap();
    dynamo.inject("PutItem", Fault::Then(Box::pin(async {})));
    dynamo.inject("PutItem", Fault::Hang);
    let (third, deadline) = (note("third"), Instant::now() + Duration::from_millis(400));
    let unknown = store.execute(Execution { deadline, ..execution(&ada, &third) }).await;
    assert!(
        matches!(unknown, Err(ExecuteError::OutcomeUnknown { contended: true })),
        "{unknown:?}"
    );
}

/// Where not even a connection was made, nothing is in doubt.
#[tokio::test]
async fn a_store_out_of_reach_has_done_nothing() {
    let (store, ada, command) = (unreachable().await, person("ada"), Name("Ada"));
    for is_new in [true, false] {
        let deadline = Instant::now() + Duration::from_millis(150);
        let outcome =
            store.execute(Execution { is_new, deadline, ..execution(&ada, &command) }).await;
        assert!(
            matches!(outcome, Err(ExecuteError::Store(StoreError::Unavailable(_)))),
            "{outcome:?}"
        );
    }
}

/// A condition that failed counts, whatever else is among the reasons.
#[tokio::test]
async fn a_conflict_among_other_reasons_is_a_conflict() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    dynamo.inject(
        "TransactWriteItems",
        Fault::cancelled(&["TransactionConflict", "ConditionalCheckFailed"]),
    );
    assert_eq!(committed(run(&store, &ada, &Name("Ada")).await), 1);
    // The value's stream is said to have moved, so it is looked at.
    assert_eq!(operations(&dynamo), ["Query", "TransactWriteItems", "Query", "TransactWriteItems"]);
    let usage = store.take_usage();
    assert_eq!((usage.conflicts, usage.retries), (1, 0));
}

#[tokio::test]
async fn an_outcome_that_stays_unknown_is_said_to_be_and_leaves_no_cached_state() {
    let dynamo = Dynamo::start().await;
    let (store, ada, command) = (dynamo.store(), person("ada"), note("a"));
    committed(run(&store, &ada, &note("first")).await);
    dynamo.inject("PutItem", Fault::Hang);
    let deadline = Instant::now() + Duration::from_millis(150);
    let unknown = store.execute(Execution { deadline, ..execution(&ada, &command) }).await;
    assert!(
        matches!(unknown, Err(ExecuteError::OutcomeUnknown { contended: false })),
        "{unknown:?}"
    );
    // A definite no to the repetition says nothing about the first attempt.
    dynamo.inject("PutItem", Fault::FailAfter);
    dynamo.inject("PutItem", Fault::error("AccessDeniedException"));
    let unknown = run(&store, &ada, &command).await;
    assert!(
        matches!(unknown, Err(ExecuteError::OutcomeUnknown { contended: false })),
        "{unknown:?}"
    );
    dynamo.take_calls();
    assert_eq!(committed(run(&store, &ada, &note("b")).await), 4);
    dynamo.assert_calls(&[("Query", 1.0), ("PutItem", 1.0)]);
}

#[tokio::test]
async fn warming_up_is_one_call_whatever_the_answer() {
    let dynamo = Dynamo::start().await;
    headwater_dynamodb::warm_up(&dynamo.client, EVENTS).await;
    dynamo.inject("GetItem", Fault::error("AccessDeniedException"));
    headwater_dynamodb::warm_up(&dynamo.client, EVENTS).await;
    headwater_dynamodb::warm_up(&dynamo.client, "no such table").await;
    assert_eq!(operations(&dynamo), ["GetItem", "GetItem", "GetItem"]);
}
