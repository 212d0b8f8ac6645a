//! Two builds that work at the same time, die, and build rows anew: they end in the rows of the
//! newer one.

use std::collections::BTreeSet;

use headwater::{Commit, Row, StreamName};
use headwater_dynamodb::{Doorbell, Generation, Progress, Projector, RebuildError, Why};
use proptest::prelude::*;

use crate::next::{
    NEXT, NEXT_NOTES, NextAlbumEvent, NextNoteEvent, assert_whole, faded, next, next_through, star,
    starred, waiting,
};
use crate::support::{Tap, World, check, doorbells, text};
use crate::toy::{album, history, note, titled};

/// The older build dies between any two calls, then the newer one does; their records come again,
/// or nothing but a sweep.
#[tokio::test]
async fn no_commit_is_lost_where_either_build_dies() {
    either_dies(4).await;
}

#[tokio::test]
#[ignore = "long: each build dies between any two calls"]
async fn no_commit_is_lost_wherever_either_build_dies() {
    either_dies(1).await;
}

/// Either dies before each call whose number is a multiple of this.
async fn either_dies(every: usize) {
    let commits = [starred(), faded()].concat();
    for (calls, by_record) in
        (0..40).step_by(every).flat_map(|calls| [(calls, true), (calls, false)])
    {
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
        let work = async |projector: &Projector, bells: Vec<Doorbell>| {
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
