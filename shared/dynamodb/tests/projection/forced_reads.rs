//! Reads as fresh as a token demands, and what they cost.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use headwater::Position;
use headwater_dynamodb::{Overlay, PageRequest, Projector, ReadError, StoreError};

use crate::support::{Tap, World, all_notes, bare, doorbells, list};
use crate::toy::{
    LOUD, Loud, NOTES, Note, NoteEvent, PROJECTIONS, history, labelled, note, poison, titled,
};

#[tokio::test]
async fn a_read_costs_one_call_and_one_more_only_where_the_row_is_behind() {
    let commits =
        history(&note(1), &[vec![titled("ada")], vec![labelled("red")], vec![titled("bob")]]);
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits[..1])).await;
    let tap = Tap::default();
    let views = world.views_through(&tap);
    views.generation().await.unwrap();
    assert_eq!(tap.take_calls(), ["GetItem"], "asked for during init");

    assert_eq!(views.get(&NOTES, &note(1), None).await.unwrap().unwrap().version, 1);
    assert_eq!(tap.take_calls(), ["GetItem"]);
    assert_eq!(views.get(&NOTES, &note(1), Some(1)).await.unwrap().unwrap().version, 1);
    assert_eq!(tap.take_calls(), ["GetItem"]);
    let fresh = views.get(&NOTES, &note(1), Some(2)).await.unwrap().unwrap();
    assert_eq!(tap.take_calls(), ["GetItem", "Query"]);
    assert_eq!(fresh.version, 3, "all that there is");

    world.projector().project(doorbells(&commits)).await;
    assert_eq!(
        views.get(&NOTES, &note(1), Some(3)).await.unwrap().unwrap(),
        fresh,
        "one fold for projector and reader"
    );
}

#[tokio::test]
async fn a_read_that_has_no_time_left_asks_nothing_not_even_for_the_generation() {
    let commits = history(&note(1), &[vec![titled("ada")]]);
    let world = World::with(&commits).await;
    let tap = Tap::default();
    world.views_through(&tap).within(Instant::now()).generation().await.unwrap_err();
    assert_eq!(tap.take_calls(), Vec::<String>::new());
}

/// Whichever of its calls it is that takes too long: that for the row, or that for the events.
#[tokio::test]
async fn no_call_of_a_read_outlasts_its_deadline() {
    let commits = history(&note(1), &[vec![titled("ada")], vec![titled("bob")]]);
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits[..1])).await;
    for (slow, at_least) in [("GetItemInput", 1), ("QueryInput", 2)] {
        let tap = Tap::refusing(move |_, input| {
            if input.contains(slow) {
                std::thread::sleep(Duration::from_millis(600));
            }
            false
        });
        let views = world.views_through(&tap);
        views.generation().await.unwrap();
        let late = views
            .within(Instant::now() + Duration::from_millis(500))
            .get(&NOTES, &note(1), Some(at_least))
            .await;
        assert!(
            matches!(late, Err(ReadError::Store(StoreError::Unavailable(_)))),
            "{slow}: {late:?}"
        );
    }
}

/// The nearest replica may not have got it yet; but it answers at half the price.
#[tokio::test]
async fn who_brings_a_token_reads_strongly_and_nobody_else() {
    let commits = history(&note(1), &[vec![titled("ada")]]);
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits)).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let ask = Arc::clone(&asked);
    let tap = Tap::refusing(move |_, input| {
        ask.lock().unwrap().push(input.contains("consistent_read: Some(true)"));
        false
    });
    let strongly = || std::mem::take(&mut *asked.lock().unwrap());
    let views = world.views_through(&tap);
    views.generation().await.unwrap();
    strongly();
    for (at_least, overlay) in [(None, None), (Some(1), Some(&Overlay::default()))] {
        views.get(&NOTES, &note(1), at_least).await.unwrap();
        assert_eq!(strongly(), [overlay.is_some()], "the row");
        views.page(PageRequest { overlay, ..all_notes(5) }).await.unwrap();
        assert_eq!(strongly(), [overlay.is_some(); 2], "the list, and the rows in it");
    }
}

#[tokio::test]
async fn a_stream_that_no_projector_has_seen_is_read_all_the_same() {
    let commits = history(&note(1), &[vec![titled("ada")], vec![NoteEvent::Deleted {}]]);
    let world = World::with(&commits).await;
    let views = world.views();
    assert_eq!(views.get(&NOTES, &note(1), None).await.unwrap(), None);
    let row = views.get(&NOTES, &note(1), Some(2)).await.unwrap().unwrap();
    assert!(row.deleted);
}

#[tokio::test]
async fn a_row_is_read_as_it_was_after_any_event() {
    let commits = history(
        &note(1),
        &[vec![titled("ada"), labelled("red")], vec![titled("bob")], vec![NoteEvent::Deleted {}]],
    );
    let world = World::with(&commits).await;
    let tap = Tap::default();
    let store = world.store(&tap);
    for (version, expected) in (1..).zip([
        ("ada", false, false),
        ("ada", true, false),
        ("bob", true, false),
        ("bob", true, true),
    ]) {
        let row = store.row_at(&NOTES, &note(1), version).await.unwrap().unwrap();
        let Note { title, labels, .. } = row.read().unwrap();
        assert_eq!(
            (row.version, (title.as_str(), labels.contains("red"), row.deleted)),
            (version, expected)
        );
        assert_eq!(tap.take_calls(), ["Query"]);
    }
    for (id, version) in [(1, 0), (1, 5), (2, 1)] {
        assert_eq!(
            store.row_at(&NOTES, &note(id), version).await.unwrap(),
            None,
            "{id} at {version}"
        );
    }
}

#[tokio::test]
async fn a_row_is_not_read_past_what_cannot_be_folded() {
    let commits =
        history(&note(1), &[vec![titled("ada")], vec![titled("bob")], vec![titled("cid")]]);
    for (second, why) in [(Some(poison(&note(1), 2)), "Nonsense"), (None, "lacks the event 2")] {
        let there = [Some(commits[0].clone()), second, Some(commits[2].clone())];
        let world = World::with(&there.into_iter().flatten().collect::<Vec<_>>()).await;
        let store = world.store(&Tap::default());
        assert_eq!(store.row_at(&NOTES, &note(1), 1).await.unwrap().unwrap().version, 1);
        let stopped = store.row_at(&NOTES, &note(1), 3).await;
        assert!(
            matches!(&stopped, Err(ReadError::Parked { reason, .. }) if reason.contains(why)),
            "{stopped:?}"
        );
    }
}

#[tokio::test]
async fn a_token_beyond_its_stream_is_told() {
    let commits = history(&note(1), &[vec![titled("ada")]]);
    let world = World::with(&commits).await;
    for projected in [false, true] {
        if projected {
            world.projector().project(doorbells(&commits)).await;
        }
        assert!(matches!(
            world.views().get(&NOTES, &note(1), Some(2)).await,
            Err(ReadError::Ahead { head: 1, .. })
        ));
        let ahead = Position { stream: note(1), version: 2 };
        assert!(matches!(
            world.views().overlay(&[ahead], &PROJECTIONS).await,
            Err(ReadError::Ahead { .. })
        ));
    }
    assert!(matches!(
        world.views().get(&NOTES, &note(2), Some(1)).await,
        Err(ReadError::Ahead { head: 0, .. })
    ));
}

#[tokio::test]
async fn a_reader_that_cannot_fold_says_that_the_stream_is_parked() {
    let mut commits = history(&note(1), &[vec![titled("ada")]]);
    commits.push(poison(&note(1), 2));
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits[..1])).await;
    assert!(matches!(
        world.views().get(&NOTES, &note(1), Some(2)).await,
        Err(ReadError::Parked { .. })
    ));
}

#[tokio::test]
async fn a_row_of_another_revision_is_never_used() {
    let commits = history(&note(1), &[vec![titled("ada")], vec![labelled("red")]]);
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits[..1])).await;
    let views = world.views();
    for at_least in [None, Some(1), Some(2)] {
        let row = views.get(&LOUD[0], &note(1), at_least).await.unwrap().unwrap();
        assert_eq!(
            (row.version, row.revision, row.read::<Loud>().unwrap().0.title.as_str()),
            (2, 2, "ADA")
        );
    }
    assert_eq!(list(&views, PageRequest { projection: &LOUD[0], ..all_notes(5) }).await.len(), 1);

    // The projector folds such a row anew, from the first event on.
    let later = Projector::new(world.store(&Tap::default()), "views", "feed", "toy", &LOUD);
    assert_eq!(later.project(doorbells(&commits[1..])).await.written, 1);
    let tap = Tap::default();
    let row = world.views_through(&tap).get(&LOUD[0], &note(1), None).await.unwrap().unwrap();
    assert_eq!(row.read::<Loud>().unwrap().0.title, "ADA");
    assert_eq!(tap.take_calls(), ["GetItem", "GetItem"], "the generation and the row");
}

#[tokio::test]
async fn many_rows_are_read_at_once() {
    let commits: Vec<_> = (1..=130)
        .flat_map(|id| history(&note(id), &[vec![titled("a")], vec![titled("b")]]))
        .collect();
    let world = World::with(&commits).await;
    let bells = (1..=130).map(|id| bare(&note(id), 2));
    world.projector().project(bells.collect()).await;
    let behind = history(&note(500), &[vec![titled("c")]]);
    world.append(&behind).await;

    let tap = Tap::default();
    let views = world.views_through(&tap);
    views.generation().await.unwrap();
    let overlay =
        views.overlay(&[Position { stream: note(500), version: 1 }], &PROJECTIONS).await.unwrap();
    tap.take_calls();
    let asked = (1..=140).chain([500, 7, 7]).map(note);
    let rows = views.get_many(&NOTES, asked, Some(&overlay)).await.unwrap();
    assert_eq!(tap.take_calls(), ["BatchGetItem", "BatchGetItem"]);
    assert_eq!(rows.len(), 131);
    assert_eq!(rows[&note(500)].version, 1);
    assert!(views.get_many(&NOTES, [], None).await.unwrap().is_empty());
}

#[tokio::test]
async fn rows_that_an_answer_leaves_out_are_asked_for_again() {
    // DynamoDB answers with 16 MB at most.
    let large = |id| history(&note(id), &[vec![titled(&"x".repeat(350_000))]]);
    let commits: Vec<_> = (1..=50).flat_map(large).collect();
    let world = World::with(&commits).await;
    assert_eq!(world.projector().project(doorbells(&commits)).await.written, 50);
    let tap = Tap::default();
    let rows = world.views_through(&tap).get_many(&NOTES, (1..=50).map(note), None).await.unwrap();
    assert_eq!(rows.len(), 50);
    assert_eq!(tap.take_calls(), ["GetItem", "BatchGetItem", "BatchGetItem"]);
}
