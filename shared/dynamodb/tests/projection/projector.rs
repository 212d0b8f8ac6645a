//! Batches of records to rows.

use aws_sdk_dynamodb::types::AttributeValue;
use headwater::{Commit, Projection, StreamName, UniqueEvent, encode};
use headwater_dynamodb::{BatchReport, Doorbell, ReadError, RowStatus, Swept};
use proptest::prelude::*;

use crate::support::{Tap, World, all_notes, bare, check, doorbells, list, text};
use crate::toy::{NOTES, Note, NoteEvent, histories, history, labelled, note, poison, titled};

#[tokio::test]
async fn a_commit_becomes_a_row_and_stands_in_its_lists() {
    let commits = history(&note(1), &[vec![titled("ada"), labelled("red")]]);
    let world = World::with(&commits).await;
    let report = world.projector().project(doorbells(&commits)).await;
    assert_eq!(report, BatchReport { written: 1, ..BatchReport::default() });
    let views = world.views();
    let row = views.get(&NOTES, &note(1), None).await.unwrap().unwrap();
    assert_eq!((row.version, row.revision, row.deleted), (2, Note::REVISION, false));
    assert_eq!(row.read::<Note>().unwrap().title, "ada");
    assert_eq!(list(&views, all_notes(10)).await, [(note(1), row.clone())]);
    assert_eq!(views.get(&NOTES, &note(2), None).await.unwrap(), None);
}

#[tokio::test]
async fn a_batch_is_one_write_a_stream_and_a_duplicate_is_none() {
    let commits =
        history(&note(1), &[vec![titled("ada")], vec![titled("bob")], vec![titled("cid")]]);
    let world = World::with(&commits).await;
    let tap = Tap::default();
    let projector = world.projector_through(&tap);
    assert_eq!(projector.project(doorbells(&commits)).await.written, 1);
    // The generation; the row, its list, and the list entries on the way that somebody may have
    // put; then the feed.
    let row = ["GetItem", "PutItem", "PutItem", "DeleteItem", "DeleteItem", "UpdateItem"];
    assert_eq!(
        tap.take_calls(),
        [&["GetItem"], &row[..], &["GetItem", "Query", "TransactWriteItems"]].concat()
    );
    assert_eq!(projector.project(doorbells(&commits)).await, BatchReport::default());
    assert_eq!(tap.take_calls(), ["GetItem", "GetItem"]);
}

#[tokio::test]
async fn the_next_commit_costs_no_read_of_the_events() {
    let commits =
        history(&note(1), &[vec![titled("ada")], vec![labelled("red")], vec![labelled("blue")]]);
    let world = World::with(&commits).await;
    let tap = Tap::default();
    let projector = world.projector_through(&tap);
    projector.project(doorbells(&commits[..1])).await;
    tap.take_calls();
    // The second time one that is known already comes along.
    for batch in [&commits[1..2], &commits[1..]] {
        projector.project(doorbells(batch)).await;
        assert_eq!(
            tap.take_calls(),
            ["GetItem", "PutItem", "PutItem", "GetItem", "TransactWriteItems"]
        );
    }
}

#[tokio::test]
async fn a_gap_is_filled_from_the_events_table() {
    let commits =
        history(&note(1), &[vec![titled("ada")], vec![labelled("red")], vec![labelled("blue")]]);
    let world = World::with(&commits).await;
    let tap = Tap::default();
    let projector = world.projector_through(&tap);
    assert_eq!(projector.project(doorbells(&commits[2..])).await.written, 1);
    assert_eq!(
        tap.take_calls().iter().filter(|call| *call == "Query").count(),
        3,
        "the events, their keys for the feed, its head"
    );
    let row = world.views().get(&NOTES, &note(1), None).await.unwrap().unwrap();
    assert_eq!(row.read::<Note>().unwrap().labels.len(), 2);
    // What was missing arrives late.
    assert_eq!(projector.project(doorbells(&commits[..2])).await.written, 0);
}

#[tokio::test]
async fn a_doorbell_without_its_commit_does_as_well() {
    let commits = history(&note(1), &[vec![titled("ada")], vec![titled("bob")]]);
    let world = World::with(&commits).await;
    world.projector().project(vec![bare(&note(1), 2)]).await;
    let clean = World::with(&commits).await;
    clean.projector().project(doorbells(&commits)).await;
    assert_eq!(world.live().await, clean.live().await);
}

#[tokio::test]
async fn a_late_duplicate_does_not_raise_the_dead() {
    let commits = history(
        &note(1),
        &[vec![titled("ada")], vec![labelled("red")], vec![NoteEvent::Deleted {}]],
    );
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits)).await;
    for late in &commits {
        world.projector().project(doorbells(std::slice::from_ref(late))).await;
    }
    assert!(world.views().get(&NOTES, &note(1), None).await.unwrap().unwrap().deleted);
    assert_eq!(list(&world.views(), all_notes(10)).await, []);
    assert!(world.live().await.index.is_empty());
}

#[tokio::test]
async fn streams_without_a_projection_are_ignored() {
    let world = World::new().await;
    let tap = Tap::default();
    let mut claim =
        history(&"acme/toy/note-titles/0a1b".parse().unwrap(), &[vec![titled("x")]]).remove(0);
    claim.events[0] =
        encode(1, &UniqueEvent::UniqueValueClaimed { holder: "toy/notes/1".into() }).unwrap();
    let elsewhere: StreamName = "acme/other/notes/1".parse().unwrap();
    let report = world
        .projector_through(&tap)
        .project([doorbells(&[claim]), vec![bare(&elsewhere, 1)]].concat())
        .await;
    assert_eq!(report, BatchReport::default());
    assert!(tap.take_calls().is_empty());
}

#[tokio::test]
async fn what_the_store_refuses_is_reported_and_the_rest_goes_on() {
    let commits: Vec<Commit> = (1..=3)
        .flat_map(|id| history(&note(id), &[vec![titled("a")], vec![titled("b")]]))
        .collect();
    let world = World::with(&commits).await;
    let tap = Tap::refusing(|_, input| {
        input.contains("GetItem") && input.contains("g1/acme/toy/notes/2")
    });
    let report = world.projector_through(&tap).project(doorbells(&commits)).await;
    assert_eq!(report, BatchReport { failed: vec![2, 3], written: 2, ..BatchReport::default() });
    assert_eq!(world.fed().await.len(), 4, "nothing is fed before its rows are there");
    assert_eq!(world.projector().project(doorbells(&commits)).await.written, 1);
}

#[tokio::test]
async fn a_feed_out_of_reach_fails_the_records_and_nothing_is_lost() {
    let commits = history(&note(1), &[vec![titled("a")]]);
    let world = World::with(&commits).await;
    let tap = Tap::refusing(|_, input| input.contains("Transact"));
    let report = world.projector_through(&tap).project(doorbells(&commits)).await;
    assert_eq!((report.failed, report.written), (vec![0], 1));
    assert_eq!(
        tap.take_calls(),
        ["GetItem", "GetItem", "PutItem", "PutItem", "GetItem", "Query"],
        "and one try"
    );
    assert_eq!(world.projector().project(doorbells(&commits)).await, BatchReport::default());
    assert_eq!(world.fed().await.len(), 1);
}

#[tokio::test]
async fn a_write_that_is_refused_is_not_taken_for_one_that_was_outrun() {
    let commits = history(&note(1), &[vec![titled("a")]]);
    let world = World::with(&commits).await;
    let tap = Tap::refusing(|_, input| input.contains("PutItem"));
    assert_eq!(world.projector_through(&tap).project(doorbells(&commits)).await.failed, [0]);
    assert_eq!(tap.take_calls(), ["GetItem", "GetItem"], "the generation and the row, once");
}

#[tokio::test]
async fn what_a_row_has_left_is_deleted_and_leaves_no_tombstone() {
    let renamed: Vec<Vec<NoteEvent>> =
        (0..20).map(|number| vec![titled(&format!("title {number}"))]).collect();
    let commits = history(&note(1), &renamed);
    let world = World::with(&commits).await;
    let projector = world.projector();
    for commit in &commits {
        projector.project(doorbells(std::slice::from_ref(commit))).await;
    }
    let places = world
        .items("views")
        .await
        .into_iter()
        .filter(|item| text(item, "pk") == "g1/acme/toy/notes")
        .collect::<Vec<_>>();
    assert!(matches!(&places[..], [only] if text(only, "sk") == "title 19\u{0}1"), "{places:?}");
}

#[tokio::test]
async fn a_poison_event_parks_its_stream_alone() {
    let good = history(&note(1), &[vec![titled("ada")]]);
    let mut bad = history(&note(2), &[vec![titled("bob")], vec![titled("x")], vec![titled("cid")]]);
    let whole = bad[1].clone();
    bad[1] = poison(&note(2), 2);
    let world = World::with(&[good.clone(), bad.clone()].concat()).await;
    let projector = world.projector();
    assert_eq!(projector.project(doorbells(&bad[..1])).await.written, 1);

    let report = projector.project(doorbells(&[&bad[1..2], &good].concat())).await;
    assert_eq!(report, BatchReport { parked: vec![note(2)], written: 1, ..BatchReport::default() });
    // What comes later does not fold, and is not parked again.
    assert_eq!(projector.project(doorbells(&bad[2..])).await, BatchReport::default());
    let fed = async || {
        let fed = world.fed().await;
        fed.iter().filter(|entry| entry.stream == note(2)).map(|entry| entry.first).collect()
    };
    let told: Vec<u64> = fed().await;
    assert_eq!(told, [1], "a place in the feed stands for rows that a strong read finds");
    assert_eq!(world.feed().reached(&note(1)).await.unwrap(), 1, "the others go on");

    let listed = world
        .items("views")
        .await
        .into_iter()
        .find(|item| text(item, "pk") == "g1/parked/toy")
        .unwrap();
    assert_eq!(text(&listed, "sk"), "acme/toy/notes/2");
    assert!(text(&listed, "error").contains("Nonsense"));
    assert_eq!(listed["version"], AttributeValue::N("2".into()));

    let views = world.views();
    let parked = views.parked(Some("acme"), None, 9).await.unwrap();
    assert!(
        matches!(
            &parked[..],
            [one] if one.stream == note(2) && one.version == 2 && one.error.contains("Nonsense"),
        ),
        "{parked:?}"
    );
    assert_eq!(views.parked_stream(&note(2)).await.unwrap().as_ref(), parked.first());
    assert_eq!(views.parked_stream(&note(1)).await.unwrap(), None);
    let status = |version, is_parked| RowStatus { version, revision: NOTES.revision, is_parked };
    assert_eq!(views.status(&note(1)).await.unwrap(), status(1, false));
    assert_eq!(views.status(&note(2)).await.unwrap(), status(1, true));
    assert_eq!(
        views.status(&note(3)).await.unwrap(),
        RowStatus { version: 0, revision: 0, is_parked: false }
    );
    assert_eq!(
        views.parked(Some("acme"), Some(&note(2)), 9).await.unwrap(),
        [],
        "no more come after it"
    );
    assert_eq!(
        views.parked(Some("acm"), None, 9).await.unwrap(),
        [],
        "another tenant's are none of theirs"
    );
    assert_eq!(
        views.get(&NOTES, &note(2), None).await.unwrap().unwrap().version,
        1,
        "as far as it got"
    );
    assert_eq!(views.get(&NOTES, &note(2), Some(1)).await.unwrap().unwrap().version, 1);
    assert!(matches!(views.get(&NOTES, &note(2), Some(3)).await, Err(ReadError::Parked { .. })));
    assert_eq!(list(&views, all_notes(10)).await.len(), 2);

    assert_eq!(projector.sweep().await.unwrap(), Swept { parked: 1, ..Swept::default() });

    // To resume without a repair parks it again.
    assert_eq!(projector.resume(&note(2)).await.unwrap().parked, [note(2)]);
    world.append(&[whole]).await;
    assert_eq!(
        projector.resume(&note(2)).await.unwrap(),
        BatchReport { written: 1, ..BatchReport::default() }
    );
    assert_eq!(
        views.get(&NOTES, &note(2), Some(3)).await.unwrap().unwrap().read::<Note>().unwrap().title,
        "cid"
    );
    assert!(world.items("views").await.iter().all(|item| text(item, "pk") != "g1/parked/toy"));
    assert_eq!(projector.sweep().await.unwrap(), Swept::default());
    let told: Vec<u64> = fed().await;
    assert_eq!(told, [1, 2, 3], "then it is told of, each commit once and in order");
}

/// The build before told the feed of a parked stream too.
#[tokio::test]
async fn a_feed_that_is_ahead_of_a_parked_row_tells_nothing_twice() {
    let commits = history(&note(1), &vec![vec![titled("ada")]; 4]);
    let world = World::with(&commits[..3]).await;
    assert_eq!(world.projector().project(doorbells(&commits[..3])).await.written, 1);
    for item in world.items("views").await {
        let delete = world.client.delete_item().table_name("views");
        let key = |name: &str| AttributeValue::S(text(&item, name).to_owned());
        delete.key("pk", key("pk")).key("sk", key("sk")).send().await.unwrap();
    }
    world.append(&[poison(&note(1), 2), commits[3].clone()]).await;
    let projector = world.projector();
    assert_eq!(projector.project(vec![bare(&note(1), 3)]).await.parked, [note(1)]);
    assert_eq!(projector.project(doorbells(&commits[3..])).await, BatchReport::default());
    world.assert_fed_once(&commits[..3]).await;
    world.append(&commits[1..2]).await;
    assert_eq!(projector.resume(&note(1)).await.unwrap().written, 1);
    world.assert_fed_once(&commits).await;
}

#[tokio::test]
async fn what_a_parked_row_had_left_is_seen_to_before() {
    let mut commits = history(&note(1), &[vec![titled("ada")], vec![titled("bob")]]);
    commits.push(poison(&note(1), 3));
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits[..1])).await;
    // It dies when the row is written, which has left a place in the list.
    let dying = world.projector_through(&Tap::refusing(|_, input| input.contains("UpdateItem")));
    assert_eq!(dying.project(doorbells(&commits[1..2])).await.failed, [0]);
    assert_eq!(world.projector().project(doorbells(&commits)).await.parked, [note(1)]);
    assert_eq!(world.live().await.index.len(), 1, "where it is, and nothing is noted as left over");
}

#[tokio::test]
async fn a_stream_whose_first_event_is_poison_says_so() {
    let world = World::with(&[poison(&note(1), 1)]).await;
    assert_eq!(world.projector().project(vec![bare(&note(1), 1)]).await.parked, [note(1)]);
    assert!(matches!(
        world.views().get(&NOTES, &note(1), None).await,
        Err(ReadError::Parked { .. })
    ));
    assert_eq!(list(&world.views(), all_notes(10)).await, []);
}

#[tokio::test]
async fn a_row_that_grows_too_large_parks_its_stream() {
    let label = |c: &str| vec![labelled(&c.repeat(250_000))];
    let commits = history(&note(1), &[vec![titled("ada")], label("a"), label("b")]);
    let world = World::with(&commits).await;
    assert_eq!(world.projector().project(doorbells(&commits[..1])).await.written, 1);
    assert_eq!(world.projector().project(vec![bare(&note(1), 3)]).await.parked, [note(1)]);
    assert_eq!(world.views().get(&NOTES, &note(1), None).await.unwrap().unwrap().version, 1);
}

#[tokio::test]
async fn a_doorbell_of_events_that_are_not_there_changes_nothing() {
    let commits = history(&note(1), &[vec![titled("ada")], vec![titled("bob")]]);
    let world = World::with(&commits[..1]).await;
    for _ in 0..2 {
        let before = world.live().await;
        assert_eq!(
            world.projector().project(vec![bare(&note(2), 1)]).await,
            BatchReport::default()
        );
        assert_eq!(world.live().await, before);
        world.projector().project(doorbells(&commits[..1])).await;
    }
    assert_eq!(world.projector().project(vec![bare(&note(1), 2)]).await, BatchReport::default());
    world.assert_fed_once(&commits[..1]).await;
}

#[tokio::test]
async fn a_missing_commit_parks_the_stream() {
    let commits = history(&note(1), &[vec![titled("a")], vec![titled("b")], vec![titled("c")]]);
    let world = World::with(&[&commits[..1], &commits[2..]].concat()).await;
    assert_eq!(world.projector().project(doorbells(&commits[2..])).await.parked, [note(1)]);
}

/// Batches of records as Kinesis may deliver them: each commit at least once, otherwise in any
/// order and any company.
fn deliveries() -> impl Strategy<Value = (Vec<Commit>, Vec<Vec<Doorbell>>)> {
    histories().prop_flat_map(|commits| {
        let bells = doorbells(&commits);
        let stripped = bells.iter().map(|bell| Doorbell { commit: None, ..bell.clone() });
        let all: Vec<Doorbell> =
            bells.iter().cloned().chain(stripped).chain(bells.iter().cloned()).collect();
        (Just(commits), Just(all).prop_shuffle(), prop::collection::vec(1usize..6, 40)).prop_map(
            |(commits, mut all, sizes)| {
                let mut batches = Vec::new();
                for size in sizes {
                    batches.push(all.drain(..size.min(all.len())).collect());
                }
                batches.push(all);
                (commits, batches)
            },
        )
    })
}

#[test]
fn any_order_and_any_duplicates_end_in_the_same_rows() {
    check(12, deliveries(), async |(commits, batches)| {
        let (clean, world) = (World::with(&commits).await, World::with(&commits).await);
        for commit in &commits {
            clean.projector().project(doorbells(std::slice::from_ref(commit))).await;
        }
        let projector = world.projector();
        for batch in batches {
            assert!(projector.project(batch).await.failed.is_empty());
        }
        assert_eq!(world.live().await, clean.live().await);
        world.assert_fed_once(&commits).await;
    });
}

#[test]
fn workers_at_once_end_in_the_same_rows() {
    check(8, deliveries(), async |(commits, batches)| {
        let (clean, world) = (World::with(&commits).await, World::with(&commits).await);
        clean.projector().project(doorbells(&commits)).await;
        let work = batches.chunks(batches.len().div_ceil(3)).map(async |batches| {
            let projector = world.projector();
            for batch in batches {
                assert!(projector.project(batch.clone()).await.failed.is_empty());
            }
        });
        futures::future::join_all(work).await;
        assert_eq!(world.live().await, clean.live().await);
        world.assert_fed_once(&commits).await;
    });
}
