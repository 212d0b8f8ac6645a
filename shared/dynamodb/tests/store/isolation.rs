//! A transaction is all or nothing for other transactions, but reads may see one of its items and
//! not yet another. What a decision relied on and does not write is checked when it writes.

use axum::http::StatusCode;
use futures::future::join_all;
use headwater::{Position, StreamName, Token, Unique, UniqueKey, UniqueValue, sequence_stream};
use headwater_dynamodb::{Done, EventStore, ExecuteError, Execution, Expected, IfMatch};
use serde_json::{Value, json};

use crate::support::dynamo::{Dynamo, committed, execution, person, run};
use crate::support::person::{Leave, NAME_TAKEN, Name, Note, Person, TakeTicket};
use crate::support::proxy::Fault;

fn value(name: &str) -> StreamName {
    UniqueKey::new(&[7; 32])
        .unwrap()
        .stream("acme", "people", &UniqueValue::new("names", name, &NAME_TAKEN))
        .unwrap()
}

async fn holder(store: &EventStore, name: &str) -> Option<String> {
    let commits = store.commits_after(&value(name), 0).await.unwrap();
    Unique::after(commits.last()?).unwrap().holder
}

/// The answer of a query is what it would have been before the item that was written last.
fn before(items: Vec<Value>) -> Fault {
    Fault::Refuse(
        StatusCode::OK,
        json!({ "Count": items.len(), "ScannedCount": items.len(), "Items": items }),
    )
}

/// The claim of a name that is the first commit in its stream.
fn claim(name: &str, holder: &str) -> Value {
    let event = json!({
        "M": { "t": { "S": "UniqueValueClaimed" }, "d": { "M": { "holder": { "S": holder } } } }
    });
    let metadata = json!({
        "i": { "S": "0199d5a1-2b3c-7def-8123-456789abcdef" },
        "c": { "S": "Name" },
        "a": { "S": "ada" },
        "r": { "S": "c" },
    });
    json!({
        "stream": { "S": value(name).to_string() }, "seq": { "N": "1" }, "n": { "N": "1" },
        "at": { "N": "1000000000000" },
        "e": { "L": [event] }, "m": { "M": metadata },
    })
}

fn nothing() -> Fault {
    Fault::Then(Box::pin(async {}))
}

#[tokio::test]
async fn what_leaves_does_not_keep_a_name_whose_claim_is_yet_to_be_seen() {
    let dynamo = Dynamo::start().await;
    let ada = person("1");
    committed(run(&dynamo.store(), &ada, &Name("Ada")).await);
    // The state is read, and then who holds the name: the commit is visible, the claim is not.
    dynamo.inject("Query", nothing());
    dynamo.inject("Query", before(vec![]));
    assert_eq!(committed(run(&dynamo.store(), &ada, &Leave).await), 2);
    assert_eq!(holder(&dynamo.store(), "ada").await, None);
    committed(run(&dynamo.store(), &person("2"), &Name("Ada")).await);
}

#[tokio::test]
async fn a_name_whose_release_is_yet_to_be_seen_is_claimed_again() {
    let dynamo = Dynamo::start().await;
    let (ada, bob) = (person("1"), person("2"));
    committed(run(&dynamo.store(), &ada, &Name("x")).await);
    committed(run(&dynamo.store(), &ada, &Name("y")).await);
    // Back again: the state is read, who holds y, and, once x turns out not to be free, who holds
    // x. That it was released is not visible.
    dynamo.inject("Query", nothing());
    dynamo.inject("Query", nothing());
    dynamo.inject("Query", before(vec![claim("x", "people/persons/1")]));
    assert_eq!(committed(run(&dynamo.store(), &ada, &Name("x")).await), 3);
    let store = dynamo.store();
    assert_eq!(
        (holder(&store, "x").await.as_deref(), holder(&store, "y").await),
        (Some("people/persons/1"), None)
    );
    let taken = run(&store, &bob, &Name("x")).await;
    assert!(matches!(taken, Err(ExecuteError::Rejected { .. })), "{taken:?}");
}

#[tokio::test]
async fn a_value_that_is_as_it_should_be_costs_a_check_and_no_other_a_thing() {
    let dynamo = Dynamo::start().await;
    let (one, two, ada) = (dynamo.store(), dynamo.store(), person("1"));
    committed(run(&one, &ada, &Name("x")).await);
    committed(run(&two, &ada, &Name("y")).await);
    dynamo.take_calls();
    // A change of name writes three items of two units each. Nothing is checked besides.
    committed(run(&two, &ada, &Name("z")).await);
    dynamo.assert_calls(&[("Query", 1.0), ("TransactWriteItems", 6.0)]);
}

async fn ticket_if(
    store: &EventStore,
    stream: &StreamName,
    position: Position,
) -> Result<Done<Person>, ExecuteError> {
    let condition = IfMatch::AnyOf(vec![Token { streams: vec![position], ..Token::default() }]);
    let expected = Expected { if_match: Some(condition), ..Expected::default() };
    store.execute(Execution { expected, ..execution(stream, &TakeTicket(100)) }).await
}

#[track_caller]
fn assert_failed(outcome: &Result<Done<Person>, ExecuteError>) {
    assert!(matches!(outcome, Err(ExecuteError::PreconditionFailed { .. })), "{outcome:?}");
}

/// The command takes a number from the very sequence that its condition names.
#[tokio::test]
async fn a_condition_on_a_stream_that_the_command_appends_to_holds_where_it_appends() {
    let dynamo = Dynamo::start().await;
    let tickets = sequence_stream("acme", "people", "tickets").unwrap();
    committed(run(&dynamo.store(), &person("first"), &TakeTicket(100)).await);
    let first = Position { stream: tickets, version: 1 };
    // The state is read, then the sequence; then another takes a number.
    let other = dynamo.store();
    let faster =
        async move { _ = committed(run(&other, &person("other"), &TakeTicket(100)).await) };
    dynamo.inject("Query", nothing());
    dynamo.inject("Query", Fault::Then(Box::pin(faster)));
    assert_failed(&ticket_if(&dynamo.store(), &person("ada"), first.clone()).await);
    assert_failed(&ticket_if(&dynamo.store(), &person("ada"), first.clone()).await);
    let second = Position { version: 2, ..first };
    dynamo.take_calls();
    committed(ticket_if(&dynamo.store(), &person("ada"), second).await);
    // One look at the sequence serves the condition and the number; the commit in it is the check.
    dynamo.assert_calls(&[("Query", 1.0), ("Query", 1.0), ("TransactWriteItems", 4.0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_with_the_same_position_of_the_sequence_one_gets_a_number() {
    let dynamo = Dynamo::start().await;
    let tickets = sequence_stream("acme", "people", "tickets").unwrap();
    committed(run(&dynamo.store(), &person("first"), &TakeTicket(100)).await);
    let tries = (0..50).map(|index| {
        let (store, position) = (dynamo.store(), Position { stream: tickets.clone(), version: 1 });
        tokio::spawn(async move { ticket_if(&store, &person(&index.to_string()), position).await })
    });
    let outcomes: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    outcomes.iter().filter(|outcome| outcome.is_err()).for_each(assert_failed);
    assert_eq!(dynamo.store().head(&tickets).await.unwrap(), 2);
}

/// DynamoDB takes a hundred actions in one transaction, and no two on one item.
#[tokio::test]
async fn a_hundred_actions_go_and_one_more_is_refused_before_anything_is_sent() {
    let dynamo = Dynamo::start().await;
    let store = dynamo.store();
    let others: Vec<StreamName> = (0..99).map(|id| person(&id.to_string())).collect();
    for other in &others {
        committed(run(&store, other, &Note(String::new())).await);
    }
    let positions = |count: usize| {
        others
            .iter()
            .take(count)
            .chain(&others[..9])
            .map(|stream| Position { stream: stream.clone(), version: 1 })
    };
    let name = async |count: usize| {
        let condition =
            IfMatch::AnyOf(vec![Token { streams: positions(count).collect(), ..Token::default() }]);
        let expected = Expected { if_match: Some(condition), ..Expected::default() };
        store.execute(Execution { expected, ..execution(&person("ada"), &Name("Ada")) }).await
    };
    let refused = name(99).await;
    assert!(matches!(refused, Err(ExecuteError::TooLarge(_))), "{refused:?}");
    // The commit, the claim, and 98 checks, although some are named twice.
    assert_eq!(committed(name(98).await), 1);
}
