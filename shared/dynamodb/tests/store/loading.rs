//! Strong reads: they cost the same however long the history is, and are whole however large.

use headwater::{Commit, Folded, Snapshot, StreamName};
use headwater_dynamodb::{At, StoreError};
use serde_json::json;

use crate::support::dynamo::{Dynamo, at, commit, committed, person, run, snapshot};
use crate::support::person::{Note, Person, PersonEvent};

fn noted(number: u64) -> PersonEvent {
    PersonEvent::Noted { text: format!("note {number}") }
}

/// Five notes a commit, and a snapshot in each fifth commit.
fn history(stream: &StreamName, events: u64) -> Vec<Commit> {
    let firsts = (1..=events).step_by(5);
    let with_snapshot = |first: u64| {
        let last = first + 4;
        let state = Person { notes: last, last: format!("note {last}"), ..Person::default() };
        let events: Vec<PersonEvent> = (first..=last).map(noted).collect();
        Commit {
            snapshot: last.is_multiple_of(25).then(|| snapshot(&state)),
            ..commit(stream, first, &events)
        }
    };
    firsts.map(with_snapshot).collect()
}

#[tokio::test]
async fn a_cold_command_costs_the_same_however_long_the_history_is() {
    let dynamo = Dynamo::start().await;
    for events in [10, 1_000, 100_000] {
        let ada = person(&format!("ada-{events}"));
        dynamo.import(history(&ada, events));
        assert_eq!(dynamo.store().load::<Person>(&ada).await.unwrap().state.notes, events);
        dynamo.assert_calls(&[("Query", 1.0)]);
        assert_eq!(
            committed(run(&dynamo.store(), &ada, &Note("one more".to_owned())).await),
            events + 1
        );
        dynamo.assert_calls(&[("Query", 1.0), ("PutItem", 1.0)]);
    }
}

/// The store's own snapshots keep it so: no load goes back further than a page, and warm commands
/// pay nothing for them here.
#[tokio::test]
async fn the_store_places_its_own_snapshots() {
    let dynamo = Dynamo::start().await;
    let (warm, ada) = (dynamo.store(), person("ada"));
    for round in 1..=40 {
        assert_eq!(committed(run(&warm, &ada, &Note(format!("note {round}"))).await), round);
    }
    let calls = dynamo.take_calls();
    assert_eq!(calls.len(), 41);
    assert_eq!(calls.iter().map(|(_, units)| units).sum::<f64>(), 41.0);
    for _ in 0..10 {
        let loaded = dynamo.store().load::<Person>(&ada).await.unwrap();
        assert_eq!(
            (loaded.version, loaded.state.notes),
            (warm.head(&ada).await.unwrap(), loaded.version)
        );
        dynamo.assert_calls(&[("Query", 1.0), ("Query", 1.0)]);
        run(&warm, &ada, &Note("more".to_owned())).await.unwrap();
        dynamo.take_calls();
    }
}

#[tokio::test]
async fn a_warm_read_brings_only_the_tail() {
    let dynamo = Dynamo::start().await;
    let ada = person("ada");
    dynamo.import(history(&ada, 100));
    let store = dynamo.store();
    store.load::<Person>(&ada).await.unwrap();
    run(&dynamo.store(), &ada, &Note("one more".to_owned())).await.unwrap();
    dynamo.take_calls();
    let loaded = store.load::<Person>(&ada).await.unwrap();
    assert_eq!(
        (loaded.version, loaded.state.notes, loaded.state.last.as_str()),
        (101, 101, "one more")
    );
    dynamo.assert_calls(&[("Query", 1.0)]);
}

#[tokio::test]
async fn an_empty_stream_has_the_default_state() {
    let dynamo = Dynamo::start().await;
    let (store, nobody) = (dynamo.store(), person("nobody"));
    assert_eq!(store.load::<Person>(&nobody).await.unwrap(), Folded::default());
    assert_eq!(store.head(&nobody).await.unwrap(), 0);
    assert!(store.commits_after(&nobody, 0).await.unwrap().is_empty());
}

#[tokio::test]
async fn nothing_is_looked_for_before_the_first_commit() {
    let dynamo = Dynamo::start().await;
    let ada = person("ada");
    // As many as a page has, and no snapshot.
    dynamo.import((1..=8).map(|number| commit(&ada, number, &[noted(number)])).collect());
    assert_eq!(dynamo.store().load::<Person>(&ada).await.unwrap().state.notes, 8);
    dynamo.assert_calls(&[("Query", 1.0)]);
}

#[tokio::test]
async fn a_history_of_many_megabytes_loads_whole() {
    let dynamo = Dynamo::start().await;
    let ada = person("ada");
    let large =
        |number: u64| PersonEvent::Noted { text: format!("{number}{}", "x".repeat(100_000)) };
    dynamo.import((1..=35).map(|number| commit(&ada, number, &[large(number)])).collect());
    let loaded = dynamo.store().load::<Person>(&ada).await.unwrap();
    assert_eq!((loaded.version, loaded.state.notes), (35, 35));
    assert!(dynamo.take_calls().len() > 3);
    let commits = dynamo.store().commits_after(&ada, 3).await.unwrap();
    assert_eq!(
        commits.iter().map(|commit| commit.first).collect::<Vec<_>>(),
        (4..=35).collect::<Vec<_>>()
    );
    // The next commit carries a snapshot, so the next load is one page again.
    run(&dynamo.store(), &ada, &Note("short".to_owned())).await.unwrap();
    dynamo.take_calls();
    assert_eq!(dynamo.store().load::<Person>(&ada).await.unwrap().state.notes, 36);
    assert_eq!(dynamo.take_calls().len(), 1);
}

#[tokio::test]
async fn a_state_can_be_had_as_it_was() {
    let dynamo = Dynamo::start().await;
    let ada = person("ada");
    // Commits of three notes at the seconds 1, 4, 7, …, the fourth of them with a snapshot.
    let commits = (0..10).map(|index| {
        let first = index * 3 + 1;
        let state = Person { notes: 12, last: "note 12".to_owned(), ..Person::default() };
        let snapshot = (first == 10).then(|| snapshot(&state));
        Commit {
            snapshot,
            ..commit(&ada, first, &[noted(first), noted(first + 1), noted(first + 2)])
        }
    });
    dynamo.import(commits.collect());
    let store = dynamo.store();
    for version in 0..=30 {
        let state = store.load_at::<Person>(&ada, At::Version(version)).await.unwrap();
        assert_eq!((state.version, state.state.notes), (version, version));
        let last = if version == 0 { String::new() } else { format!("note {version}") };
        assert_eq!(state.state.last, last);
    }
    for (second, version) in
        [(0, 0), (1, 3), (3, 3), (4, 6), (12, 12), (27, 27), (28, 30), (1_000, 30)]
    {
        let state = store.load_at::<Person>(&ada, At::Time(at(second))).await.unwrap();
        assert_eq!((state.version, state.state.notes), (version, version), "second {second}");
    }
    assert_eq!(store.load_at::<Person>(&ada, At::Version(31)).await.unwrap().version, 30);
}

#[tokio::test]
async fn a_time_is_found_among_commits_of_one_event_too() {
    let dynamo = Dynamo::start().await;
    let ada = person("ada");
    dynamo.import((1..=4).map(|number| commit(&ada, number, &[noted(number)])).collect());
    for (second, version) in [(0, 0), (1, 1), (3, 3), (9, 4)] {
        let state = dynamo.store().load_at::<Person>(&ada, At::Time(at(second))).await.unwrap();
        assert_eq!((state.version, state.state.notes), (version, version), "second {second}");
    }
}

#[tokio::test]
async fn commits_come_in_pages_without_snapshots() {
    let dynamo = Dynamo::start().await;
    let ada = person("ada");
    dynamo.import(
        (0..6)
            .map(|index| Commit {
                snapshot: Some(snapshot(&Person::default())),
                ..commit(&ada, index * 2 + 1, &[noted(0), noted(0)])
            })
            .collect(),
    );
    let store = dynamo.store();
    for (after, limit, firsts) in [
        (0, 2, vec![1, 3]),
        (2, 2, vec![3, 5]),
        (3, 2, vec![3, 5]),
        (3, 1, vec![3]),
        (9, 9, vec![9, 11]),
        (11, 9, vec![11]),
        (12, 9, vec![]),
        (99, 9, vec![]),
    ] {
        let page = store.commits_page(&ada, after, limit).await.unwrap();
        assert_eq!(
            page.iter().map(|commit| commit.first).collect::<Vec<_>>(),
            firsts,
            "after {after}"
        );
        assert!(page.iter().all(|commit| commit.snapshot.is_none()));
    }
    let all = store.commits_after(&ada, 4).await.unwrap();
    assert_eq!(all.iter().map(|commit| commit.first).collect::<Vec<_>>(), [5, 7, 9, 11]);
    assert!(all.iter().all(|commit| commit.snapshot.is_none()));
}

#[tokio::test]
async fn a_snapshot_of_another_revision_is_ignored_and_soon_replaced() {
    let dynamo = Dynamo::start().await;
    for revision in [1, 4] {
        let ada = person(&format!("ada-{revision}"));
        let foreign = Snapshot {
            revision,
            state: json!({ "name": null, "notes": 77, "last": "misread", "kept": [] }),
        };
        let commits = (1..=3).map(|number| Commit {
            snapshot: (number == 2).then(|| foreign.clone()),
            ..commit(&ada, number, &[noted(number)])
        });
        dynamo.import(commits.collect());
        assert_eq!(dynamo.store().load::<Person>(&ada).await.unwrap().state.notes, 3);
        run(&dynamo.store(), &ada, &Note("one more".to_owned())).await.unwrap();
        let item = dynamo.item(&ada, 4).await.unwrap();
        let snapshot = headwater_dynamodb::commit_from_item(item).unwrap().snapshot.unwrap();
        assert_eq!((snapshot.revision, snapshot.state["notes"].as_u64()), (3, Some(4)));
    }
}

#[tokio::test]
async fn a_snapshot_of_an_older_revision_is_lifted_where_the_aggregate_can() {
    let dynamo = Dynamo::start().await;
    let ada = person("ada");
    let older = Snapshot { revision: 2, state: json!({ "count": 50 }) };
    // Only the end of the history is there: whoever went back further would find a gap.
    dynamo.import(vec![
        Commit { snapshot: Some(older), ..commit(&ada, 50, &[noted(50)]) },
        commit(&ada, 51, &[noted(51)]),
    ]);
    let loaded = dynamo.store().load::<Person>(&ada).await.unwrap();
    assert_eq!((loaded.version, loaded.state.notes, loaded.since_snapshot), (51, 51, 1));
}

#[tokio::test]
async fn events_of_older_builds_are_lifted() {
    let dynamo = Dynamo::start().await;
    let ada = person("ada");
    let mut old = commit(&ada, 1, &[noted(1)]);
    old.events[0].version = 1;
    old.events[0].data = json!({ "note": "as it was written once" });
    dynamo.import(vec![old]);
    assert_eq!(
        dynamo.store().load::<Person>(&ada).await.unwrap().state.last,
        "as it was written once"
    );
}

#[tokio::test]
async fn a_damaged_history_is_an_error() {
    let dynamo = Dynamo::start().await;
    let ada = person("ada");
    dynamo.import(vec![commit(&ada, 1, &[noted(1)]), commit(&ada, 3, &[noted(3)])]);
    let gap = dynamo.store().load::<Person>(&ada).await;
    assert!(matches!(gap, Err(StoreError::Gap { missing: 2, .. })), "{gap:?}");
    let bob = person("bob");
    let mut damaged = commit(&bob, 1, &[noted(1)]);
    damaged.events[0].data = json!("nonsense");
    dynamo.import(vec![damaged]);
    assert!(matches!(dynamo.store().load::<Person>(&bob).await, Err(StoreError::Event(_))));
}
