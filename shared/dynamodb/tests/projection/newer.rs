//! Two builds at once: events that only the newer one knows.

use std::collections::BTreeSet;

use headwater::{Applied, Commit, EventError, NewerEvent, Position, ProjectionFn, Row, StreamName};
use headwater_dynamodb::{
    BatchReport, Generation, ParkedStream, PartRow, Progress, Projector, ReadError, RebuildError,
    Swept, Until, Why,
};
use proptest::prelude::*;

use crate::next::{NEXT, NEXT_NOTES, NEXT_PHOTOS, NextAlbumEvent, NextNoteEvent, NextPhoto};
use crate::support::{Tap, World, all_notes, bare, check, doorbells, list, text};
use crate::toy::{
    NOTES, PHOTOS, PROJECTIONS, album, captioned, history, labelled, note, poison, titled,
};

/// A projector of the newer build, as another process.
fn next(world: &World) -> Projector {
    next_through(world, &Tap::default())
}

fn next_through(world: &World, tap: &Tap) -> Projector {
    Projector::new(world.store(tap), "views", "feed", "toy", &NEXT)
}

/// A note of which this build knows the first, second and fourth commit.
fn starred() -> Vec<Commit> {
    let title = |title: &str| NextNoteEvent::Titled { title: title.to_owned() };
    let starred =
        vec![NextNoteEvent::Titled { title: "cid".to_owned() }, NextNoteEvent::Starred {}];
    history(&note(1), &[vec![title("ada")], vec![title("bob")], starred, vec![title("dot")]])
}

fn faded() -> Vec<Commit> {
    let caption = |photo: &str| NextAlbumEvent::Captioned {
        photo: photo.to_owned(),
        caption: "sea".to_owned(),
    };
    history(
        &album(1),
        &[
            vec![caption("1"), caption("2")],
            vec![caption("1")],
            vec![NextAlbumEvent::Faded { photo: "1".to_owned() }],
        ],
    )
}

/// The event that an older build stops before.
fn star() -> NewerEvent {
    NewerEvent { number: 4, event_type: "Starred".to_owned(), version: 1 }
}

async fn waiting(world: &World) -> Vec<ParkedStream> {
    world.views().parked(Some("acme"), None, 99).await.unwrap()
}

/// How far the feed tells of a stream.
async fn fed(world: &World, stream: &StreamName) -> u64 {
    world.feed().reached(stream).await.unwrap()
}

/// The next build's rows and sums are the fold of all events, and all of it is fed.
async fn assert_whole(world: &World, commits: &[Commit]) {
    let clean = World::with(commits).await;
    next(&clean).project(doorbells(commits)).await;
    let (found, expected) = (world.live().await, clean.live().await);
    assert_eq!(found.rows, expected.rows);
    assert_eq!(found.sums, expected.sums);
    // Where the older build had put a row it may stand still: a hint that leads nowhere.
    assert!(expected.index.is_subset(&found.index), "{:?} of {:?}", expected.index, found.index);
    world.assert_fed_once(commits).await;
    assert_eq!(waiting(world).await, []);
}

#[tokio::test]
async fn a_row_stays_before_a_newer_event_and_its_stream_is_listed() {
    let (commits, others) = (starred(), history(&note(2), &[vec![titled("eve")]]));
    let world = World::with(&[&commits[..], &others].concat()).await;
    let projector = world.projector();
    // All that it knows is taken from the batch.
    let report = projector.project(doorbells(&[&commits[..3], &others].concat())).await;
    assert_eq!(report, BatchReport { newer: vec![note(1)], written: 1, ..BatchReport::default() });
    let views = world.views();
    let row = views.get(&NOTES, &note(1), None).await.unwrap().unwrap();
    assert_eq!((row.version, fed(&world, &note(1)).await, fed(&world, &note(2)).await), (2, 2, 1));
    let listed = waiting(&world).await;
    let [one] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((&one.stream, one.version, &one.until), (&note(1), 4, &Until::Known(star())));
    assert!(!views.status(&note(1)).await.unwrap().is_parked);

    // What comes later is noted as well, since when does not change, and a duplicate writes
    // nothing.
    assert_eq!(
        projector.project(doorbells(&commits[3..])).await,
        BatchReport { newer: vec![note(1)], ..BatchReport::default() }
    );
    let tap = Tap::default();
    world.projector_through(&tap).project(doorbells(&commits)).await;
    assert_eq!(
        tap.take_calls(),
        ["GetItem", "GetItem", "GetItem", "GetItem"],
        "generation, row, entry, and the feed"
    );
    let later = waiting(&world).await;
    assert!(matches!(&later[..], [later] if (later.version, later.at) == (5, one.at)), "{later:?}");
    assert_eq!(world.live().await.rows.keys().filter(|(pk, _)| pk.starts_with("acme/")).count(), 2);
}

#[tokio::test]
async fn what_the_view_had_is_read_and_what_a_token_demands_is_not_there() {
    let commits = starred();
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits)).await;
    let views = world.views();
    let version = async |at_least| {
        views.get(&NOTES, &note(1), at_least).await.map(|row| row.unwrap().version)
    };
    for at_least in [None, Some(0), Some(2)] {
        assert_eq!(version(at_least).await.unwrap(), 2);
    }
    for at_least in [3, 4, 5] {
        assert!(matches!(
            version(Some(at_least)).await,
            Err(ReadError::Newer { stream, event }) if stream == note(1) && event == star(),
        ));
        let token = Position { stream: note(1), version: at_least };
        assert!(matches!(
            views.overlay(&[token], &PROJECTIONS).await,
            Err(ReadError::Newer { .. })
        ));
    }
    assert!(
        matches!(version(Some(9)).await, Err(ReadError::Newer { .. })),
        "who knows how far a newer build gets"
    );
    assert_eq!(list(&views, all_notes(9)).await.len(), 1);
    let store = world.store(&Tap::default());
    assert_eq!(
        store.row_at(&NOTES, &note(1), 3).await.unwrap().unwrap().version,
        3,
        "in the middle of a commit"
    );
    assert!(matches!(store.row_at(&NOTES, &note(1), 4).await, Err(ReadError::Newer { .. })));
}

/// A row that the newer build has folded is of no use to the older one, which shows what came
/// before, and does not overwrite it.
#[tokio::test]
async fn a_row_of_the_newer_build_is_read_by_the_older_one_as_it_was_before_the_event() {
    let commits = [starred(), faded()].concat();
    let world = World::with(&commits).await;
    next(&world).project(doorbells(&commits)).await;
    let (before, views) = (world.live().await, world.views());
    assert_eq!(views.get(&NOTES, &note(1), None).await.unwrap().unwrap().version, 2);
    assert_eq!(list(&views, all_notes(9)).await[0].1.version, 2);
    // A feed's token stands for the row as it is, and demands no version.
    assert!(matches!(views.get(&NOTES, &note(1), Some(0)).await, Err(ReadError::Newer { .. })));
    let overlay = views.overlay(&[], &PROJECTIONS).await.unwrap();
    let page = views
        .page(headwater_dynamodb::PageRequest { overlay: Some(&overlay), ..all_notes(9) })
        .await;
    assert!(matches!(page, Err(ReadError::Newer { .. })), "{page:?}");
    let photo =
        async |id: &str, at_least| views.part(&PHOTOS, &PROJECTIONS, &album(1), id, at_least).await;
    assert!(matches!(
        photo("1", None).await.unwrap(),
        Some(PartRow { version: 3, row: Row { version: 3, .. } })
    ));
    assert!(matches!(photo("1", Some(0)).await, Err(ReadError::Newer { .. })));
    assert!(matches!(photo("2", Some(4)).await, Err(ReadError::Newer { .. })));

    let report = world.projector().project(vec![bare(&note(1), 5), bare(&album(1), 4)]).await;
    assert_eq!(report, BatchReport::default(), "the rows have got there");
    assert_eq!(world.live().await, before);
}

#[tokio::test]
async fn what_begins_with_a_newer_event_is_there_for_the_newer_build_alone() {
    let commits = history(&note(1), &[vec![NextNoteEvent::Starred {}]]);
    let world = World::with(&commits).await;
    assert_eq!(world.projector().project(doorbells(&commits)).await.newer, [note(1)]);
    let views = world.views();
    assert_eq!(views.get(&NOTES, &note(1), None).await.unwrap(), None);
    assert!(matches!(views.get(&NOTES, &note(1), Some(1)).await, Err(ReadError::Newer { .. })));
    assert_eq!(list(&views, all_notes(9)).await, []);
    next(&world).sweep().await.unwrap();
    assert!(
        matches!(views.get(&NOTES, &note(1), None).await, Err(ReadError::Newer { .. })),
        "it is there, but cannot be shown"
    );
    assert_eq!(list(&views, all_notes(9)).await, []);
    assert_whole(&world, &commits).await;
}

#[tokio::test]
async fn a_photo_that_a_newer_event_concerns_stays_and_its_mark_before_it() {
    let commits = faded();
    let world = World::with(&commits).await;
    assert_eq!(world.projector().project(doorbells(&commits)).await.newer, [album(1)]);
    let views = world.views();
    let photo =
        async |id: &str, at_least| views.part(&PHOTOS, &PROJECTIONS, &album(1), id, at_least).await;
    for (id, at_least) in [("1", None), ("1", Some(3)), ("2", Some(3))] {
        assert_eq!(photo(id, at_least).await.unwrap().unwrap().version, 3);
    }
    assert!(matches!(photo("2", Some(4)).await, Err(ReadError::Newer { .. })));
    let token = Position { stream: album(1), version: 4 };
    assert!(matches!(views.overlay(&[token], &PROJECTIONS).await, Err(ReadError::Newer { .. })));
    assert_eq!(fed(&world, &album(1)).await, 3);
    next(&world).sweep().await.unwrap();
    assert_whole(&world, &commits).await;
    let photo = views.part(&NEXT_PHOTOS, &NEXT, &album(1), "1", None).await.unwrap().unwrap();
    assert_eq!(photo.row.read::<NextPhoto>().unwrap().faded, 1);
}

#[tokio::test]
async fn the_newer_build_takes_up_what_waits_with_its_next_record_or_by_a_sweep() {
    let commits = starred();
    for by_record in [true, false] {
        let world = World::with(&commits[..3]).await;
        assert_eq!(world.projector().project(doorbells(&commits[..3])).await.newer, [note(1)]);
        // The older build sweeps in vain.
        let since = waiting(&world).await[0].at;
        assert_eq!(
            world.projector().sweep().await.unwrap(),
            Swept { taken_up: 0, waiting: 1, oldest: Some(since) }
        );
        world.append(&commits[3..]).await;
        if by_record {
            assert_eq!(next(&world).project(doorbells(&commits[3..])).await.written, 1);
            assert_eq!(fed(&world, &note(1)).await, 5);
        }
        assert_eq!(
            next(&world).sweep().await.unwrap(),
            Swept { taken_up: 1, waiting: 0, oldest: None }
        );
        assert_whole(&world, &commits).await;
        assert_eq!(
            world.views().get(&NEXT_NOTES, &note(1), Some(5)).await.unwrap().unwrap().version,
            5
        );
        let tap = Tap::default();
        next_through(&world, &tap).sweep().await.unwrap();
        assert_eq!(tap.take_calls(), ["GetItem", "Query"], "where there is nothing to do");
    }
}

/// Of a broken event behind the newer one only the newer build learns, and then a person has to see
/// to it.
#[tokio::test]
async fn a_broken_event_behind_a_newer_one_parks_the_stream_when_it_is_taken_up() {
    let mut commits = starred();
    commits.push(poison(&note(1), 6));
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits)).await;
    assert_eq!(next(&world).sweep().await.unwrap().taken_up, 0);
    let listed = waiting(&world).await;
    assert!(
        matches!(
            &listed[..],
            [one] if one.until == Until::Resumed && one.error.contains("Nonsense"),
        ),
        "{listed:?}"
    );
    // Neither build makes it less than parked.
    for projector in [world.projector(), next(&world)] {
        assert_eq!(projector.project(doorbells(&commits)).await, BatchReport::default());
        projector.sweep().await.unwrap();
    }
    assert_eq!(waiting(&world).await, listed);
}

/// As the builds did that took an unknown event for a broken one.
fn takes_for_broken(
    name: &StreamName,
    row: &Row,
    commits: &[Commit],
) -> Result<Applied, EventError> {
    (NOTES.apply)(name, row, commits).map_err(|error| match error {
        EventError::Newer(NewerEvent { event_type, version, .. }) => {
            let reason =
                format!("unknown variant `{event_type}`, expected one of `Titled`, `Labelled`");
            EventError::Unreadable { event_type, version, reason }
        }
        error => error,
    })
}

static OLD: [ProjectionFn; 1] = [ProjectionFn {
    category: "notes",
    revision: 1,
    apply: takes_for_broken,
    parts: None,
    knows: |_, _| true,
}];

#[tokio::test]
async fn what_an_older_build_has_parked_for_a_newer_event_is_taken_up_too() {
    let commits = starred();
    let broken = [history(&note(2), &[vec![titled("eve")]]), vec![poison(&note(2), 2)]].concat();
    let world = World::with(&[&commits[..], &broken].concat()).await;
    let old = Projector::new(world.store(&Tap::default()), "views", "feed", "toy", &OLD);
    let mut parked = old.project(doorbells(&[&commits[..], &broken].concat())).await.parked;
    parked.sort();
    assert_eq!(parked, [note(1), note(2)]);
    // A build that does not know the event either leaves it to the one that does.
    assert_eq!(world.projector().sweep().await.unwrap(), Swept::default());
    assert_eq!(next(&world).sweep().await.unwrap().taken_up, 1);
    assert_eq!(world.views().get(&NEXT_NOTES, &note(1), None).await.unwrap().unwrap().version, 5);
    let listed = waiting(&world).await;
    assert!(
        matches!(&listed[..], [one] if one.stream == note(2)),
        "what is broken waits for a person: {listed:?}"
    );
}

#[tokio::test]
async fn to_resume_what_waits_for_a_newer_build_changes_nothing() {
    let commits = starred();
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits)).await;
    let listed = waiting(&world).await;
    assert_eq!(world.projector().resume(&note(1)).await.unwrap().newer, [note(1)]);
    assert_eq!(waiting(&world).await, listed);
    assert_eq!(next(&world).resume(&note(1)).await.unwrap().written, 1);
    assert_whole(&world, &commits).await;
}

/// Whoever resumes a stream may die between any two calls: it is parked still, or swept up.
#[tokio::test]
async fn a_resumption_that_was_interrupted_is_completed_by_a_sweep() {
    let good =
        history(&note(1), &[vec![titled("ada")], vec![titled("bob")], vec![labelled("red")]]);
    for calls in 0..20 {
        let world = World::with(&[good[0].clone(), poison(&note(1), 2), good[2].clone()]).await;
        assert_eq!(world.projector().project(doorbells(&good[..1])).await.written, 1);
        assert_eq!(world.projector().project(vec![bare(&note(1), 3)]).await.parked, [note(1)]);
        world.append(&good[1..2]).await;
        let resumed = world.projector_through(&Tap::dying_after(calls)).resume(&note(1)).await;
        let is_done = resumed.is_ok_and(|report| report.failed.is_empty());
        let before = waiting(&world).await;
        world.projector().sweep().await.unwrap();
        let is_parked = matches!(&before[..], [one] if one.until == Until::Resumed);
        let version = world.views().get(&NOTES, &note(1), None).await.unwrap().unwrap().version;
        assert_eq!(
            (version == 3, waiting(&world).await.is_empty()),
            (!is_parked, !is_parked),
            "after {calls} calls: {before:?}"
        );
        if is_done {
            return;
        }
    }
    panic!("it takes fewer calls");
}

/// The older build dies between any two calls, then the newer one does; their records come again,
/// or nothing but a sweep.
#[tokio::test]
async fn no_commit_is_lost_wherever_either_build_dies() {
    let commits = [starred(), faded()].concat();
    for (calls, by_record) in (0..40).flat_map(|calls| [(calls, true), (calls, false)]) {
        let world = World::with(&commits).await;
        let dying = world.projector_through(&Tap::dying_after(calls));
        let report = dying.project(doorbells(&commits)).await;
        let failed: Vec<_> =
            report.failed.iter().map(|place| doorbells(&commits).remove(*place)).collect();
        if by_record {
            // Given up on by the older build, they come to the newer one.
            next_through(&world, &Tap::dying_after(calls)).project(failed.clone()).await;
            next(&world).project(failed).await;
        } else {
            world.projector().project(failed).await;
            next_through(&world, &Tap::dying_after(calls)).sweep().await.ok();
        }
        next(&world).sweep().await.unwrap();
        assert_whole(&world, &commits).await;
    }
}

#[tokio::test]
async fn rows_that_the_older_build_builds_anew_are_not_switched_to() {
    let commits = [starred(), faded(), history(&note(2), &[vec![titled("eve")]])].concat();
    let world = World::with(&commits).await;
    next(&world).project(doorbells(&commits)).await;
    world.rebuild().build(2, &Progress::default()).await.unwrap();
    let mut lacking = world.rebuild().check().await.unwrap();
    lacking.examples.retain(|lacking| lacking.stream == note(1));
    assert!(
        matches!(
            &lacking.examples[..],
            [one] if (one.version, one.wanted) == (2, 5) && one.why == Why::Newer(star()),
        ),
        "{lacking:?}"
    );
    assert!(matches!(world.rebuild().switch(false).await, Err(RebuildError::Incomplete(_))));
    // The newer build takes both generations up.
    assert_eq!(next(&world).sweep().await.unwrap().taken_up, 2);
    assert!(world.items("views").await.iter().all(|item| !text(item, "pk").contains("parked")));
    world.rebuild_with(&NEXT, &Tap::default()).check().await.unwrap();
    assert_eq!(
        world.views().get(&NEXT_NOTES, &note(1), Some(5)).await.unwrap().unwrap().version,
        5
    );
}

#[tokio::test]
async fn rows_that_the_newer_build_builds_anew_have_all() {
    let commits = [starred(), faded()].concat();
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits)).await;
    let rebuild = world.rebuild_with(&NEXT, &Tap::default());
    rebuild.build(2, &Progress::default()).await.unwrap();
    assert_eq!(rebuild.switch(false).await.unwrap().read, Generation(2));
    let views = world.views();
    assert_eq!(views.get(&NEXT_NOTES, &note(1), None).await.unwrap().unwrap().version, 5);
    assert_eq!(waiting(&world).await, []);
    // The rows before the switch, and the feed, are brought up too.
    next(&world).sweep().await.unwrap();
    assert_eq!(world.live().await.rows, world.live_of(2).await.rows);
    world.assert_fed_once(&commits).await;
}

/// What can happen to a note and an album, and is known to one build or to both.
fn histories() -> impl Strategy<Value = Vec<Commit>> {
    let title = prop::sample::select(vec!["ada", "bob", "cid"])
        .prop_map(|title| NextNoteEvent::Titled { title: title.to_owned() });
    let event = prop_oneof![
        6 => title,
        1 => Just(NextNoteEvent::Starred {}),
        1 => Just(NextNoteEvent::Deleted {}),
    ];
    let photo = || prop::sample::select(vec!["1", "2"]).prop_map(str::to_owned);
    let caption =
        photo().prop_map(|photo| NextAlbumEvent::Captioned { photo, caption: "sea".to_owned() });
    let album_event =
        prop_oneof![6 => caption, 1 => photo().prop_map(|photo| NextAlbumEvent::Faded { photo })];
    let notes = prop::collection::vec(
        prop::collection::vec(prop::collection::vec(event, 1..3), 1..6),
        1..3,
    );
    let photos = prop::collection::vec(prop::collection::vec(album_event, 1..3), 1..6);
    (notes, photos).prop_map(|(notes, photos)| {
        let notes = notes.iter().enumerate().flat_map(|(id, events)| history(&note(id), events));
        notes.chain(history(&album(1), &photos)).collect()
    })
}

/// Each commit is brought to one of the builds at least, in any order, some twice, several at a
/// time and both builds at once.
#[test]
fn two_builds_at_once_end_in_the_rows_of_the_newer_one() {
    let deliveries = histories().prop_flat_map(|commits| {
        let count = commits.len();
        let twice = prop::collection::vec(any::<bool>(), count);
        (Just(commits), Just((0..count).collect::<Vec<_>>()).prop_shuffle(), twice)
    });
    check(10, deliveries, async |(commits, order, to_next)| {
        let world = World::with(&commits).await;
        let bells = |is_next: bool| -> Vec<_> {
            let places = order.iter().filter(|place| to_next[**place] == is_next);
            places.map(|place| doorbells(&commits).remove(*place)).collect()
        };
        let (old, new) = (world.projector(), next(&world));
        let (old_bells, new_bells) = (bells(false), bells(true));
        let work = async |projector: &Projector, bells: Vec<headwater_dynamodb::Doorbell>| {
            for bells in bells.chunks(2) {
                assert!(projector.project(bells.to_vec()).await.failed.is_empty());
                projector.sweep().await.unwrap();
            }
        };
        tokio::join!(work(&old, old_bells), work(&new, new_bells));
        next(&world).sweep().await.unwrap();
        for commit in &commits {
            let row = world.live().await.rows;
            assert!(
                row.keys().any(|(pk, _)| *pk == commit.stream.to_string()),
                "{}",
                commit.stream
            );
        }
        world.assert_fed_once(&commits).await;
        assert_eq!(waiting(&world).await, []);
        // What the older build has folded last is brought to the newer one's revision by the next
        // rebuild; it is as far.
        for stream in commits.iter().map(|commit| commit.stream.clone()).collect::<BTreeSet<_>>() {
            let head = commits
                .iter()
                .filter(|commit| commit.stream == stream)
                .map(Commit::last)
                .max()
                .unwrap();
            let status = world.views().status(&stream).await.unwrap();
            assert_eq!(status.version, head);
            if stream.category() == "notes" {
                let row =
                    world.views().get(&NEXT_NOTES, &stream, Some(head)).await.unwrap().unwrap();
                let clean = (NEXT_NOTES.apply)(&stream, &Row::default(), &of(&commits, &stream))
                    .unwrap()
                    .row;
                assert_eq!(row, clean);
            }
        }
    });
}

fn of(commits: &[Commit], stream: &StreamName) -> Vec<Commit> {
    commits.iter().filter(|commit| commit.stream == *stream).cloned().collect()
}

/// What it knows costs a lone build what it did.
#[tokio::test]
async fn a_build_that_knows_all_events_makes_no_call_more() {
    let commits = history(&album(1), &[vec![captioned("1", "sea")]]);
    let world = World::with(&commits).await;
    let tap = Tap::default();
    world.projector_through(&tap).project(doorbells(&commits)).await;
    assert!(!tap.take_calls().contains(&"DeleteItem".to_owned()));
}
