//! Numbers without gaps, taken in the transaction of the events that bear them.

use futures::future::join_all;
use headwater::{SequenceEvent, StreamName, decode, sequence_stream};
use headwater_dynamodb::{Done, EventStore, ExecuteError};

use crate::support::dynamo::{Dynamo, at, committed, execution, person, run};
use crate::support::person::{Note, NoteTime, Person, TakeTicket};
use crate::support::proxy::Fault;

/// The number that a person was given.
async fn ticket(store: &EventStore, stream: &StreamName) -> u64 {
    match run(store, stream, &TakeTicket(100)).await.unwrap() {
        Done::Committed(folded) => folded.state.last.parse().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Who took which number, from 1.
async fn takers(dynamo: &Dynamo) -> Vec<String> {
    let tickets = sequence_stream("acme", "people", "tickets").unwrap();
    let commits = dynamo.store().commits_after(&tickets, 0).await.unwrap();
    let events = commits.iter().flat_map(|commit| &commit.events);
    let taker = |(place, event)| {
        let event: &headwater::RecordedEvent = event;
        assert_eq!(event.number, place);
        let SequenceEvent::NumberTaken { taker } = decode(event).unwrap();
        taker
    };
    (1..).zip(events).map(taker).collect()
}

#[tokio::test]
async fn numbers_follow_one_another_whoever_takes_them() {
    let dynamo = Dynamo::start().await;
    let (one, two, ada, bob) = (dynamo.store(), dynamo.store(), person("ada"), person("bob"));
    assert_eq!(ticket(&one, &ada).await, 1);
    // The state, the sequence's head, and two items of a transaction.
    dynamo.assert_calls(&[("Query", 1.0), ("Query", 1.0), ("TransactWriteItems", 4.0)]);
    assert_eq!(ticket(&two, &bob).await, 2);
    dynamo.take_calls();
    assert_eq!(ticket(&one, &ada).await, 3);
    dynamo.assert_calls(&[("Query", 1.0), ("TransactWriteItems", 4.0)]);
    assert_eq!(
        takers(&dynamo).await,
        ["people/persons/ada", "people/persons/bob", "people/persons/ada"]
    );
}

#[tokio::test]
async fn what_writes_nothing_takes_no_number() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    assert_eq!(ticket(&store, &ada).await, 1);
    assert!(matches!(run(&store, &ada, &TakeTicket(1)).await, Err(ExecuteError::Rejected { .. })));
    assert_eq!(committed(run(&store, &ada, &Note("other".to_owned())).await), 2);
    assert_eq!(ticket(&store, &ada).await, 2);
    assert_eq!(takers(&dynamo).await.len(), 2);
}

#[tokio::test]
async fn a_conflict_on_the_own_stream_leaves_no_gap() {
    let dynamo = Dynamo::start().await;
    let (one, two, ada) = (dynamo.store(), dynamo.store(), person("ada"));
    assert_eq!(ticket(&one, &ada).await, 1);
    assert_eq!(committed(run(&two, &ada, &Note("meanwhile".to_owned())).await), 2);
    assert_eq!(ticket(&one, &ada).await, 2);
    assert_eq!(takers(&dynamo).await.len(), 2);
}

#[tokio::test]
async fn a_lost_reply_takes_its_number_once() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    dynamo.inject("TransactWriteItems", Fault::lose_reply());
    assert_eq!(ticket(&store, &ada).await, 1);
    assert_eq!(ticket(&store, &ada).await, 2);
    assert_eq!(takers(&dynamo).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_get_consecutive_numbers() {
    let dynamo = Dynamo::start().await;
    let tickets = (0..20).map(|i| {
        let (store, stream) = (dynamo.store(), person(&format!("p{i}")));
        tokio::spawn(
            async move { (ticket(&store, &stream).await, stream.within_tenant().to_owned()) },
        )
    });
    let mut taken: Vec<(u64, String)> =
        join_all(tickets).await.into_iter().map(Result::unwrap).collect();
    let calls = dynamo.take_calls();
    let made = |name: &str| calls.iter().filter(|(operation, _)| operation == name).count();
    assert_eq!(
        made("Query"),
        20 + made("TransactWriteItems"),
        "the own stream once, the sequence with every attempt"
    );
    taken.sort();
    assert!(taken.iter().map(|(number, _)| *number).eq(1..=20), "{taken:?}");
    assert_eq!(
        takers(&dynamo).await,
        taken.into_iter().map(|(_, taker)| taker).collect::<Vec<_>>()
    );
    let first: Person = dynamo.store().load(&person("p0")).await.unwrap().state;
    assert_eq!(first.notes, 1);
}

/// Requests are stamped by clocks that disagree. What bears a later number is dated no earlier, and
/// is decided as of that date.
#[tokio::test]
async fn dates_never_fall_as_numbers_rise() {
    let dynamo = Dynamo::start().await;
    let mut dates = Vec::new();
    for (id, second) in [("ada", 1_000_000_000), ("bob", 999_913_600), ("eve", 1_000_000_001)] {
        let mut stamped = execution(&person(id), &TakeTicket(100));
        stamped.context.now = at(second);
        // Another function each time, which has not seen the others' times.
        let store = dynamo.store();
        committed(store.execute(stamped).await);
        dates.push(store.commits_after(&person(id), 0).await.unwrap()[0].at);
    }
    assert_eq!(dates, [1_000_000_000, 1_000_000_000, 1_000_000_001].map(at));
    // What takes no number goes by its own stream alone.
    let mut earlier = execution(&person("tom"), &NoteTime);
    earlier.context.now = at(1);
    assert!(matches!(
        dynamo.store().execute(earlier).await,
        Ok(Done::Committed(folded)) if folded.state.last == "1",
    ));
}
