//! Events that only a newer build knows: what an older one shows before them, what it lists, and
//! that the newer one takes it up.

use headwater::{Applied, Commit, EventError, NewerEvent, Position, ProjectionFn, Row, StreamName};
use headwater_dynamodb::{BatchReport, PageRequest, PartRow, Projector, ReadError, Swept, Until};

use crate::next::{
    NEXT, NEXT_NOTES, NEXT_PHOTOS, NextNoteEvent, NextPhoto, assert_whole, faded, next,
    next_through, star, starred, waiting,
};
use crate::support::{Tap, World, all_notes, bare, doorbells, list};
use crate::toy::{
    NOTES, PHOTOS, PROJECTIONS, album, captioned, history, labelled, note, poison, titled,
};

/// How far the feed tells of a stream.
async fn fed(world: &World, stream: &StreamName) -> u64 {
    world.feed().reached(stream).await.unwrap()
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

/// A row that the newer build has folded is of no use to the older one. The older build shows what
/// came before, and does not overwrite it.
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
    let page = views.page(PageRequest { overlay: Some(&overlay), ..all_notes(9) }).await;
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
            Swept { waiting: 1, oldest: Some(since), ..Swept::default() }
        );
        world.append(&commits[3..]).await;
        if by_record {
            assert_eq!(next(&world).project(doorbells(&commits[3..])).await.written, 1);
            assert_eq!(fed(&world, &note(1)).await, 5);
        }
        assert_eq!(next(&world).sweep().await.unwrap(), Swept { taken_up: 1, ..Swept::default() });
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
    forgets: None,
    logged: false,
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
    let both_wait = Swept { parked: 2, ..Swept::default() };
    assert_eq!(world.projector().sweep().await.unwrap(), both_wait);
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

/// What it knows costs a lone build what it did.
#[tokio::test]
async fn a_build_that_knows_all_events_makes_no_call_more() {
    let commits = history(&album(1), &[vec![captioned("1", "sea")]]);
    let world = World::with(&commits).await;
    let tap = Tap::default();
    world.projector_through(&tap).project(doorbells(&commits)).await;
    assert!(!tap.take_calls().contains(&"DeleteItem".to_owned()));
}
