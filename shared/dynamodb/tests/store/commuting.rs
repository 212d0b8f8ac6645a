//! Commands that were decided on an older version: applied where what came since commutes with
//! them, else shown what came.

use futures::future::join_all;
use headwater::{Commit, Decide, StreamName};
use headwater_dynamodb::{Concurrent, Done, EventStore, ExecuteError, Execution, Expected};

use crate::support::dynamo::{Dynamo, commit, committed, execution, person, run, snapshot};
use crate::support::person::{Keep, Leave, Name, Note, NoteUpTo, Person, PersonEvent};

async fn on<C: Decide<Aggregate = Person>>(
    store: &EventStore,
    stream: &StreamName,
    version: u64,
    command: &C,
) -> Result<Done<Person>, ExecuteError> {
    let expected = Expected { decided_on: Some(version), ..Expected::default() };
    store.execute(Execution { expected, ..execution(stream, command) }).await
}

fn note(text: &str) -> Note {
    Note(text.to_owned())
}

/// The numbers of the events that the caller is shown.
#[track_caller]
fn shown(outcome: Result<Done<Person>, ExecuteError>) -> Vec<u64> {
    match outcome {
        Err(ExecuteError::Concurrent(Concurrent { decided_on, commits, .. })) => {
            let numbers =
                commits.iter().flat_map(|commit| &commit.events).map(|event| event.number);
            numbers.filter(|number| *number > decided_on).collect()
        }
        other => panic!("no conflict: {other:?}"),
    }
}

#[tokio::test]
async fn what_commutes_with_all_that_came_between_goes_on_top() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    for text in ["a", "b", "c"] {
        committed(run(&store, &ada, &note(text)).await);
    }
    dynamo.take_calls();
    assert_eq!(committed(on(&store, &ada, 3, &note("d")).await), 4);
    dynamo.assert_calls(&[("PutItem", 1.0)]);
    assert_eq!(committed(on(&store, &ada, 1, &note("e")).await), 5);
    dynamo.assert_calls(&[("Query", 1.0), ("PutItem", 1.0)]);
    let cold = dynamo.store();
    assert_eq!(committed(on(&cold, &ada, 0, &note("f")).await), 6);
    dynamo.assert_calls(&[("Query", 1.0), ("Query", 1.0), ("PutItem", 1.0)]);
}

#[tokio::test]
async fn what_does_not_commute_is_shown_and_writes_nothing() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    committed(run(&store, &ada, &note("a")).await);
    committed(run(&store, &ada, &Name("Ada")).await);
    committed(run(&store, &ada, &note("b")).await);
    assert_eq!(shown(on(&store, &ada, 1, &note("c")).await), [2, 3]);
    assert_eq!(shown(on(&store, &ada, 0, &note("c")).await), [1, 2, 3]);
    assert_eq!(
        shown(on(&dynamo.store(), &ada, 1, &note("c")).await),
        [2, 3],
        "to a cold process too"
    );
    // Unless a command says otherwise nothing commutes with it, and that comes before its rules.
    assert_eq!(shown(on(&store, &ada, 2, &Leave).await), [3]);
    assert_eq!(shown(on(&store, &ada, 2, &NoteUpTo(0)).await), [3]);
    assert_eq!(dynamo.count().await, 3 + 1, "three commits and the claim of a name");
    assert_eq!(committed(on(&store, &ada, 3, &Leave).await), 4);
}

#[tokio::test]
async fn a_conflict_that_only_the_write_reveals_is_one() {
    let dynamo = Dynamo::start().await;
    let (one, two, ada) = (dynamo.store(), dynamo.store(), person("ada"));
    committed(run(&one, &ada, &note("a")).await);
    committed(run(&two, &ada, &note("b")).await);
    committed(run(&two, &ada, &Keep(vec!["k".to_owned()])).await);
    dynamo.take_calls();
    // The first knows of version 1 only. The commits that won come with the refusals; after the
    // second the tail is read, as ever.
    assert_eq!(shown(on(&one, &ada, 1, &note("c")).await), [2, 3]);
    dynamo.assert_calls(&[("PutItem", 0.0), ("PutItem", 0.0), ("Query", 1.0)]);
    assert_eq!(committed(on(&one, &ada, 3, &note("c")).await), 4);
}

#[tokio::test]
async fn commits_are_shown_without_their_snapshots_however_they_were_found() {
    let dynamo = Dynamo::start().await;
    let (warm, cold, ada) = (dynamo.store(), dynamo.store(), person("ada"));
    committed(run(&warm, &ada, &note("a")).await);
    let plain = commit(&ada, 2, &[PersonEvent::Kept { text: "k".to_owned() }]);
    dynamo.import(vec![Commit { snapshot: Some(snapshot(&Person::default())), ..plain.clone() }]);
    for store in [warm, cold] {
        let conflict = on(&store, &ada, 1, &note("b")).await;
        assert!(
            matches!(
                &conflict,
                Err(ExecuteError::Concurrent(found)) if found.commits == [plain.clone()],
            ),
            "{conflict:?}"
        );
    }
}

#[tokio::test]
async fn a_version_in_the_middle_of_a_commit_is_one_too() {
    let dynamo = Dynamo::start().await;
    let ada = person("ada");
    let noted = |text: &str| PersonEvent::Noted { text: text.to_owned() };
    let kept = PersonEvent::Kept { text: "k".to_owned() };
    dynamo.import(vec![commit(&ada, 1, &[noted("a"), kept, noted("b"), noted("c")])]);
    let store = dynamo.store();
    assert_eq!(shown(on(&store, &ada, 1, &note("d")).await), [2, 3, 4]);
    assert_eq!(committed(on(&store, &ada, 2, &note("d")).await), 5);
    assert_eq!(committed(on(&store, &ada, 3, &note("e")).await), 6);
}

#[tokio::test]
async fn a_version_that_was_never_reached_is_told() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    committed(run(&store, &ada, &note("a")).await);
    let ahead = on(&store, &ada, 2, &note("b")).await;
    assert!(
        matches!(
            &ahead,
            Err(ExecuteError::TokenAhead(position))
                if position.stream == ada && position.version == 2,
        ),
        "{ahead:?}"
    );
    committed(run(&dynamo.store(), &ada, &note("b")).await);
    assert_eq!(
        committed(on(&store, &ada, 2, &note("c")).await),
        3,
        "a version that only others have written counts"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_commute_all_are_in() {
    let dynamo = Dynamo::start().await;
    let ada = person("ada");
    committed(run(&dynamo.store(), &ada, &note("first")).await);
    let notes = (0..16).map(|i| {
        let (store, ada) = (dynamo.store(), ada.clone());
        tokio::spawn(async move { committed(on(&store, &ada, 1, &note(&i.to_string())).await) })
    });
    let mut versions: Vec<u64> = join_all(notes).await.into_iter().map(Result::unwrap).collect();
    versions.sort_unstable();
    assert!(versions.into_iter().eq(2..=17));
}

/// Each event has 100 KB: some 40 of them are looked at, and the newest of more are shown.
#[tokio::test]
async fn what_came_between_is_looked_at_as_far_as_it_has_a_bound() {
    let dynamo = Dynamo::start().await;
    let (ada, eve) = (person("ada"), person("eve"));
    let noted = || PersonEvent::Noted { text: "x".repeat(100_000) };
    for stream in [&ada, &eve] {
        dynamo.import(
            (1..=if *stream == ada { 30 } else { 60 })
                .map(|number| commit(stream, number, &[noted()]))
                .collect(),
        );
    }
    let store = dynamo.store();
    assert_eq!(committed(on(&store, &ada, 0, &note("top")).await), 31, "thirty commute");
    store.load::<Person>(&eve).await.unwrap();
    dynamo.take_calls();
    let numbers = shown(on(&store, &eve, 0, &note("top")).await);
    assert!(
        numbers.len() <= 11 && numbers.iter().copied().eq(60 - numbers.len() as u64 + 1..=60),
        "{numbers:?}"
    );
    let reads = dynamo.take_calls().into_iter().map(|(operation, _)| operation).collect::<Vec<_>>();
    // The state is of long ago, so it is read again; then come five pages.
    assert_eq!(reads, ["Query"; 6]);
}
