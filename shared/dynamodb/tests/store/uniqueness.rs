//! Values that one thing alone may hold.

use futures::future::join_all;
use headwater::{
    Commit, Rejection, StreamName, Unique, UniqueEvent, UniqueKey, UniqueValue, encode, folded,
};
use headwater_dynamodb::{Done, EventStore, ExecuteError, Execution};

use crate::support::dynamo::{Dynamo, commit, committed, execution, person, run};
use crate::support::person::{Leave, NAME_TAKEN, Name, Note, Person, PersonEvent};
use crate::support::proxy::Fault;

fn value(name: &str) -> StreamName {
    UniqueKey::new(&[7; 32])
        .unwrap()
        .stream("acme", "people", &UniqueValue::new("names", name, &NAME_TAKEN))
        .unwrap()
}

async fn create(
    store: &EventStore,
    id: &str,
    name: &'static str,
) -> Result<Done<Person>, ExecuteError> {
    store.execute(Execution { is_new: true, ..execution(&person(id), &Name(name)) }).await
}

async fn holder(store: &EventStore, name: &str) -> Option<String> {
    let commits = store.commits_after(&value(name), 0).await.unwrap();
    Unique::after(commits.last()?).unwrap().holder
}

#[track_caller]
fn assert_taken(outcome: &Result<Done<Person>, ExecuteError>) {
    assert!(
        matches!(
            outcome,
            Err(
                ExecuteError::Rejected { rejection: Rejection::Refused { rule, .. }, .. }
            ) if **rule == NAME_TAKEN,
        ),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_first_claim_needs_no_read() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    committed(create(&store, "1", "Ada").await);
    // Two items of less than 1 KB, two units each.
    dynamo.assert_calls(&[("TransactWriteItems", 4.0)]);
    assert_eq!(holder(&store, "ada").await.as_deref(), Some("people/persons/1"));
    // Another command of the same thing leaves the value alone.
    dynamo.take_calls();
    run(&store, &person("1"), &Note("a".to_owned())).await.unwrap();
    dynamo.assert_calls(&[("PutItem", 1.0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_want_a_name_one_gets_it() {
    let dynamo = Dynamo::start().await;
    let tries = (0..32).map(|index| {
        let store = dynamo.store();
        tokio::spawn(async move { create(&store, &index.to_string(), "Ada").await })
    });
    let outcomes: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    outcomes.iter().filter(|outcome| outcome.is_err()).for_each(assert_taken);
    assert_eq!(dynamo.count().await, 2);
}

#[tokio::test]
async fn a_name_that_is_given_up_is_free_again() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    committed(create(&store, "1", "Ada").await);
    assert_taken(&create(&store, "2", "ADA").await);
    committed(run(&store, &person("1"), &Leave).await);
    assert_eq!(holder(&store, "ada").await, None);
    committed(create(&store, "2", "ada").await);
    assert_eq!(holder(&store, "ada").await.as_deref(), Some("people/persons/2"));
    assert_taken(&run(&dynamo.store(), &person("1"), &Name("Ada")).await);
    assert_eq!(store.head(&value("ada")).await.unwrap(), 3);
}

#[tokio::test]
async fn another_name_releases_the_old_one_in_the_same_transaction() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    committed(create(&store, "1", "Ada").await);
    dynamo.take_calls();
    committed(run(&store, &person("1"), &Name("Grace")).await);
    // Who holds the old one is read, the new one is assumed to be free.
    dynamo.assert_calls(&[("Query", 1.0), ("TransactWriteItems", 6.0)]);
    assert_eq!(
        (holder(&store, "ada").await, holder(&store, "grace").await.is_some()),
        (None, true)
    );
    let commits = store.commits_after(&person("1"), 1).await.unwrap();
    let claims = store.commits_after(&value("grace"), 0).await.unwrap();
    assert_eq!(commits[0].metadata, claims[0].metadata);
}

#[tokio::test]
async fn that_another_holds_a_name_costs_no_second_look_at_anything_else() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    committed(create(&store, "1", "Grace").await);
    committed(create(&dynamo.store(), "2", "Ada").await);
    dynamo.take_calls();
    assert_taken(&run(&store, &person("1"), &Name("Ada")).await);
    let calls: Vec<String> =
        dynamo.take_calls().into_iter().map(|(operation, _)| operation).collect();
    // Who holds the old one; the try; who holds the new one; and the state, since nothing is
    // written.
    assert_eq!(calls, ["Query", "TransactWriteItems", "Query", "Query"]);
}

#[tokio::test]
async fn a_change_of_case_is_a_change_and_stays_the_holders() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    committed(create(&store, "1", "ada").await);
    dynamo.take_calls();
    assert_eq!(committed(run(&store, &person("1"), &Name("Ada")).await), 2);
    dynamo.assert_calls(&[("PutItem", 1.0)]);
    assert_eq!(store.head(&value("ada")).await.unwrap(), 1);
}

/// What a stale state wants to claim is its own already.
#[tokio::test]
async fn two_lambdas_may_rename_the_same_thing() {
    let dynamo = Dynamo::start().await;
    let (one, two, ada) = (dynamo.store(), dynamo.store(), person("1"));
    committed(create(&one, "1", "a").await);
    committed(run(&two, &ada, &Name("b")).await);
    committed(run(&two, &ada, &Name("c")).await);
    let again = run(&one, &ada, &Name("c")).await.unwrap();
    assert!(matches!(&again, Done::Unchanged(folded) if folded.version == 3), "{again:?}");
    committed(run(&one, &ada, &Name("d")).await);
    committed(run(&two, &ada, &Name("a")).await);
    let mut held = Vec::new();
    for name in ["a", "b", "c", "d"] {
        held.push(holder(&one, name).await.is_some());
    }
    assert_eq!(held, [true, false, false, false]);
}

/// Found by simulation: that the name was its own already was believed, and it went without. For a
/// view of it that is older see `isolation`.
#[tokio::test]
async fn a_name_that_was_given_up_meanwhile_is_claimed_again() {
    let dynamo = Dynamo::start().await;
    let (one, two, ada) = (dynamo.store(), dynamo.store(), person("1"));
    committed(create(&two, "1", "Ada").await);
    let leaving = ada.clone();
    let leave = async move { _ = committed(run(&two, &leaving, &Leave).await) };
    dynamo.inject("TransactWriteItems", Fault::Then(Box::pin(leave)));
    assert_eq!(committed(create(&one, "1", "Ada").await), 3);
    assert_eq!(holder(&one, "ada").await.as_deref(), Some("people/persons/1"));
}

/// Found by simulation. That the name is free was read before its holder, who had given it up, took
/// it again; then nobody released it.
#[tokio::test]
async fn a_name_that_was_taken_again_meanwhile_is_released() {
    let dynamo = Dynamo::start().await;
    let (one, two, ada) = (dynamo.store(), dynamo.store(), person("1"));
    committed(create(&one, "1", "Ada").await);
    committed(run(&two, &ada, &Name("Bob")).await);
    let back = {
        let ada = ada.clone();
        async move { _ = committed(run(&two, &ada, &Name("Ada")).await) }
    };
    // One looks who holds the name that it believes to give up, and then who holds the other.
    dynamo.inject("Query", Fault::Then(Box::pin(async {})));
    dynamo.inject("Query", Fault::Then(Box::pin(back)));
    assert_eq!(committed(run(&one, &ada, &Leave).await), 4);
    assert_eq!((holder(&one, "ada").await, holder(&one, "bob").await), (None, None));
}

#[tokio::test]
async fn a_conflict_in_a_transaction_costs_one_call_and_no_read() {
    let dynamo = Dynamo::start().await;
    let (one, two, ada) = (dynamo.store(), dynamo.store(), person("1"));
    run(&one, &ada, &Note("a".to_owned())).await.unwrap();
    run(&two, &ada, &Note("b".to_owned())).await.unwrap();
    dynamo.take_calls();
    assert_eq!(committed(run(&one, &ada, &Name("Ada")).await), 3);
    dynamo.assert_calls(&[("TransactWriteItems", 0.0), ("TransactWriteItems", 4.0)]);
}

#[tokio::test]
async fn a_name_of_many_holders_in_a_row_is_found_at_its_newest_commit() {
    let dynamo = Dynamo::start().await;
    for round in 0..4 {
        let (store, id) = (dynamo.store(), round.to_string());
        committed(create(&store, &id, "Ada").await);
        assert_taken(&create(&dynamo.store(), "x", "Ada").await);
        committed(run(&store, &person(&id), &Leave).await);
    }
}

/// The stream by which a former build named a value: what nobody sees counted.
fn former_value(name: &str) -> StreamName {
    let value = UniqueValue {
        normalized: folded(name),
        former: None,
        ..UniqueValue::new("names", name, &NAME_TAKEN)
    };
    UniqueKey::new(&[7; 32]).unwrap().stream("acme", "people", &value).unwrap()
}

async fn former_holder(store: &EventStore, name: &str) -> Option<String> {
    let commits = store.commits_after(&former_value(name), 0).await.unwrap();
    Unique::after(commits.last()?).unwrap().holder
}

/// What a former build wrote of a person with a name.
async fn named_by_a_former_build(store: &EventStore, id: &str, name: &str) {
    let named = commit(&person(id), 1, &[PersonEvent::Named { name: name.to_owned() }]);
    let event = UniqueEvent::UniqueValueClaimed { holder: person(id).within_tenant().to_owned() };
    let claim = Commit {
        stream: former_value(name),
        events: vec![encode(1, &event).unwrap()],
        ..named.clone()
    };
    store.import(named).await.unwrap();
    store.import(claim).await.unwrap();
}

#[tokio::test]
async fn names_that_differ_in_what_nobody_sees_are_one() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    committed(create(&store, "1", "a\u{200b}da").await);
    assert_taken(&create(&store, "2", "ada").await);
    assert_taken(&create(&store, "2", "ad\u{ad}a").await);
    committed(run(&store, &person("1"), &Name("Bob")).await);
    committed(create(&store, "2", "ada").await);
    assert_taken(&create(&store, "3", "a\u{200b}da").await);
    assert_eq!(former_holder(&store, "a\u{200b}da").await, None);
}

/// It holds the name in the form that former builds compared, and gives up just that.
#[tokio::test]
async fn a_name_that_a_former_build_claimed_is_freed_by_a_rename_and_by_leaving() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    named_by_a_former_build(&store, "1", "a\u{200b}da").await;
    named_by_a_former_build(&store, "2", "b\u{200b}ob").await;
    assert_taken(&create(&store, "3", "a\u{200b}da").await);
    committed(run(&store, &person("1"), &Name("Grace")).await);
    committed(run(&store, &person("2"), &Leave).await);
    assert_eq!(
        (former_holder(&store, "a\u{200b}da").await, former_holder(&store, "b\u{200b}ob").await),
        (None, None)
    );
    committed(create(&store, "3", "a\u{200b}da").await);
    committed(create(&store, "4", "bob").await);
}

/// Of two that former builds let have one name, each may go on; neither frees what the other holds.
#[tokio::test]
async fn a_name_that_a_former_build_gave_twice_stays_its_holders() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    named_by_a_former_build(&store, "1", "a\u{200b}da").await;
    named_by_a_former_build(&store, "2", "ada").await;
    assert_taken(&run(&store, &person("1"), &Name("ada")).await);
    committed(run(&store, &person("1"), &Leave).await);
    assert_eq!(holder(&store, "ada").await.as_deref(), Some("people/persons/2"));
    assert_taken(&create(&store, "3", "a\u{200b}da").await);
}

/// Else another could take it as well.
#[tokio::test]
async fn a_name_that_a_former_build_claimed_is_claimed_anew_once_it_is_written_otherwise() {
    for name in ["ada", "a\u{200b}d\u{200b}a"] {
        let dynamo = Dynamo::start().await;
        let store = dynamo.store();
        named_by_a_former_build(&store, "1", "a\u{200b}da").await;
        committed(run(&store, &person("1"), &Name(name)).await);
        assert_eq!(holder(&store, "ada").await.as_deref(), Some("people/persons/1"), "{name:?}");
        assert_eq!(former_holder(&store, "a\u{200b}da").await, None);
        assert_taken(&create(&store, "2", "ada").await);
        committed(run(&store, &person("1"), &Name("Bob")).await);
        committed(create(&store, "2", "ada").await);
    }
}
