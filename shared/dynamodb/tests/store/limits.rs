//! What one atomic write can hold. What cannot be held is refused before anything is sent; a
//! snapshot is dropped instead.

use headwater::{Commit, StreamName};
use headwater::{Position, Token};
use headwater_dynamodb::{
    EventStore, ExecuteError, Execution, Expected, IfMatch, TooLarge, commit_from_item,
};

use crate::support::dynamo::{Dynamo, commit, committed, execution, person, run};
use crate::support::person::{Keep, Note, Person, PersonEvent};

const KB: usize = 1024;

fn keep(bytes: usize) -> Keep {
    Keep(vec!["x".repeat(bytes)])
}

async fn carries_snapshot(dynamo: &Dynamo, stream: &StreamName, seq: u64) -> bool {
    commit_from_item(dynamo.item(stream, seq).await.unwrap()).unwrap().snapshot.is_some()
}

/// Which of so many commits of one event each carry a snapshot.
async fn carriers(dynamo: &Dynamo, stream: &StreamName, commits: u64) -> Vec<u64> {
    let mut carriers = Vec::new();
    for seq in 1..=commits {
        if carries_snapshot(dynamo, stream, seq).await {
            carriers.push(seq);
        }
    }
    carriers
}

#[tokio::test]
async fn a_commit_of_400_kb_is_taken_and_one_of_more_is_refused() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    let refused = run(&store, &ada, &keep(400 * KB)).await;
    let Err(ExecuteError::TooLarge(TooLarge::Item { bytes })) = refused else {
        panic!("not refused: {refused:?}")
    };
    let most = 400 * KB - (bytes - 400 * KB);
    let refused = run(&store, &ada, &keep(most + 1)).await;
    assert!(
        matches!(
            refused,
            Err(ExecuteError::TooLarge(TooLarge::Item { bytes })) if bytes == 400 * KB + 1,
        ),
        "{refused:?}"
    );
    dynamo.assert_calls(&[("Query", 1.0), ("Query", 1.0)]);
    // DynamoDB counts the same.
    assert_eq!(committed(run(&store, &ada, &keep(most)).await), 1);
    dynamo.assert_calls(&[("Query", 1.0), ("PutItem", 400.0)]);
}

#[tokio::test]
async fn many_events_are_one_item() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    assert_eq!(committed(run(&store, &ada, &Keep(vec!["x".to_owned(); 150])).await), 150);
    assert_eq!(dynamo.count().await, 1);
    assert_eq!(dynamo.store().load::<Person>(&ada).await.unwrap().state.kept.len(), 150);
}

async fn note_if_none_of(store: &EventStore, others: usize) -> Result<(), ExecuteError> {
    let ada = person("ada");
    let streams = (0..others)
        .map(|index| Position { stream: person(&format!("other-{index}")), version: 1 })
        .collect();
    let condition = IfMatch::AnyOf(vec![Token { streams, ..Token::default() }]);
    let expected = Expected { if_match: Some(condition), ..Expected::default() };
    let command = Note("a".to_owned());
    store
        .execute(Execution { expected, is_new: true, ..execution(&ada, &command) })
        .await
        .map(|_| ())
}

#[tokio::test]
async fn a_hundred_items_are_one_write_and_more_are_refused() {
    let dynamo = Dynamo::start().await;
    let notes = (0..100).map(|index| {
        commit(
            &person(&format!("other-{index}")),
            1,
            &[PersonEvent::Noted { text: "a".to_owned() }],
        )
    });
    dynamo.import(notes.collect());
    let refused = note_if_none_of(&dynamo.store(), 100).await;
    assert!(
        matches!(refused, Err(ExecuteError::TooLarge(TooLarge::Items { count: 101 }))),
        "{refused:?}"
    );
    assert_eq!(dynamo.store().head(&person("ada")).await.unwrap(), 0);
    note_if_none_of(&dynamo.store(), 99).await.unwrap();
}

#[tokio::test]
async fn a_snapshot_that_does_not_fit_is_dropped_and_not_the_command() {
    let dynamo = Dynamo::start().await;
    let ada = person("ada");
    // Seven commits of 50 KB: the eighth should carry the state of 350 KB.
    let texts = |number| PersonEvent::Kept { text: format!("{number}{}", "x".repeat(50 * KB)) };
    dynamo.import(
        (1..=7)
            .map(|number| Commit { snapshot: None, ..commit(&ada, number, &[texts(number)]) })
            .collect(),
    );
    assert_eq!(committed(run(&dynamo.store(), &ada, &keep(100 * KB)).await), 8);
    assert!(!carries_snapshot(&dynamo, &ada, 8).await);
    assert_eq!(dynamo.store().load::<Person>(&ada).await.unwrap().state.kept.len(), 8);
    // The state alone is over the limit from now on.
    assert_eq!(committed(run(&dynamo.store(), &ada, &keep(1)).await), 9);
    assert!(!carries_snapshot(&dynamo, &ada, 9).await);
}

#[tokio::test]
async fn a_snapshot_rides_at_the_latest_with_the_last_commit_of_a_page() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    // States so large that a snapshot never rides for nothing.
    committed(run(&store, &ada, &keep(2 * KB)).await);
    for version in 2..=24 {
        assert_eq!(committed(run(&store, &ada, &Note("n".to_owned())).await), version);
    }
    assert_eq!(carriers(&dynamo, &ada, 24).await, [8, 16, 24]);
}

#[tokio::test]
async fn a_snapshot_that_costs_nothing_rides_from_the_middle_of_a_page_on() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    for version in 1..=12 {
        assert_eq!(committed(run(&store, &ada, &Note("n".to_owned())).await), version);
    }
    assert_eq!(carriers(&dynamo, &ada, 12).await, [5, 10]);
}
