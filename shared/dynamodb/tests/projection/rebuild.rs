//! A new generation of the rows, built from the events: it has what the old one has, and nothing
//! that happens on the way spoils it.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use headwater::Commit;
use headwater_dynamodb::{
    Check, Generation, Pace, PageRequest, Progress, Progressed, Rebuild, RebuildError, Segment,
    Selection,
};
use jiff::{SignedDuration, Timestamp};

use crate::support::{AT_ONCE, Tap, World, all_notes, check, doorbells, list};
use crate::toy::{
    AlbumEvent, NEXT_PROJECTIONS, NoteEvent, PROJECTIONS, album, captioned, histories, history,
    labelled, note, removed, titled,
};

/// A world with these commits, projected one by one.
async fn projected(commits: &[Commit]) -> World {
    let world = World::with(commits).await;
    let projector = world.projector();
    for commit in commits {
        assert!(projector.project(doorbells(std::slice::from_ref(commit))).await.failed.is_empty());
    }
    world
}

/// Notes that come, change their places and go, an album, and a stream that has no rows.
fn story() -> Vec<Commit> {
    let claim = history(&"acme/toy/note-titles/0a1b".parse().unwrap(), &[vec![titled("x")]]);
    let elsewhere = history(&"acme/other/notes/1".parse().unwrap(), &[vec![titled("x")]]);
    let first = history(&note(1), &[vec![titled("ada"), labelled("red")], vec![titled("bob")]]);
    let second = history(&note(2), &[vec![titled("cid")], vec![NoteEvent::Deleted {}]]);
    let photos = [
        vec![captioned("1", "sea"), captioned("2", "sky")],
        vec![captioned("2", "sea")],
        vec![removed("1"), AlbumEvent::Shown {}],
    ];
    [claim, elsewhere, first, second, history(&album(1), &photos)].concat()
}

/// How many streams of [`story`] have rows.
const STREAMS: u64 = 3;

#[test]
fn new_rows_are_those_of_a_projector() {
    check(12, (histories(), 1u32..5), async |(commits, segments)| {
        let world = projected(&commits).await;
        let feed = world.items("feed").await;
        let rebuild = world.rebuild();
        assert_eq!(rebuild.build(segments, &Progress::default()).await.unwrap(), Generation(2));
        assert_eq!(world.live_of(2).await, world.live().await);
        let streams = commits.iter().filter(|commit| commit.first == 1).count() as u64;
        assert_eq!(rebuild.check().await.unwrap(), Check { streams, ..Check::default() });
        assert_eq!(world.items("feed").await, feed, "a rebuild tells nobody");
    });
}

#[tokio::test]
async fn a_stream_is_built_without_a_read_of_its_rows() {
    let world = projected(&history(&note(1), &[vec![titled("ada")], vec![titled("bob")]])).await;
    let tap = Tap::default();
    world.rebuild_through(&tap).build(1, &Progress::default()).await.unwrap();
    // The pointer; the segment's mark, its one page, the list entries on the way, the row, what it
    // left; the mark; the pointer.
    let page = ["GetItem", "Scan", "PutItem", "PutItem", "DeleteItem", "UpdateItem", "PutItem"];
    assert_eq!(
        tap.take_calls(),
        [&["GetItem", "PutItem"], &page[..], &["GetItem", "PutItem"]].concat()
    );
}

#[tokio::test]
async fn it_tells_how_far_it_has_got() {
    let story = story();
    let world = projected(&story).await;
    let (rebuild, progress) = (world.rebuild(), Progress::default());
    assert_eq!(progress.now(), Progressed::default());
    rebuild.build(4, &progress).await.unwrap();
    let done = progress.now();
    assert_eq!(
        (done.segments, done.segments_done, done.scanned, done.streams),
        (4, 4, story.len() as u64, STREAMS)
    );
    assert!(done.units > 0, "a scan is billed");
    // What is built is not built again.
    let again = Progress::default();
    assert_eq!(rebuild.build(4, &again).await.unwrap(), Generation(2));
    assert_eq!(again.now(), Progressed::default());
}

#[tokio::test]
async fn a_scan_that_dies_between_any_two_steps_is_taken_up_where_it_was() {
    let story = story();
    let clean = projected(&story).await;
    let tap = Tap::default();
    clean.rebuild_through(&tap).build(3, &Progress::default()).await.unwrap();
    let calls = tap.take_calls().len();
    assert!(calls > 25, "{calls}");
    let mut scans = Vec::new();
    for alive in 0..calls {
        let world = projected(&story).await;
        world
            .rebuild_through(&Tap::dying_after(alive))
            .build(3, &Progress::default())
            .await
            .unwrap_err();
        let (tap, progress) = (Tap::default(), Progress::default());
        let next = world.rebuild_through(&tap);
        assert_eq!(next.build(3, &progress).await.unwrap(), Generation(2), "after {alive} calls");
        scans.push(tap.take_calls().iter().filter(|call| *call == "Scan").count());
        assert_eq!(
            (progress.now().scanned, progress.now().streams),
            (story.len() as u64, STREAMS),
            "each once, after {alive} calls"
        );
        assert_eq!(world.live_of(2).await, clean.live().await, "after {alive} calls");
        assert_eq!(next.check().await.unwrap(), Check { streams: STREAMS, ..Check::default() });
    }
    assert_eq!((scans[0], scans[calls - 1]), (3, 0), "what was noted is not read again: {scans:?}");
    assert!(scans.is_sorted_by(|a, b| a >= b), "{scans:?}");
}

/// 25 commits of 100 KB: a page of 1 MB holds ten.
fn large(id: u32) -> Vec<Commit> {
    history(&note(id), &(0..25).map(|_| vec![titled(&"x".repeat(100_000))]).collect::<Vec<_>>())
}

#[tokio::test]
async fn a_segment_of_many_pages_is_taken_up_at_the_page_that_it_had_got_to() {
    let commits = large(1);
    let (clean, whole) = (World::with(&commits).await, Progress::default());
    clean.rebuild().build(1, &whole).await.unwrap();
    let world = World::with(&commits).await;
    let scans = AtomicUsize::new(0);
    // It dies before the last of its three pages.
    let tap = Tap::refusing(move |_, input| {
        input.contains("ScanInput") && scans.fetch_add(1, SeqCst) >= 2
    });
    world.rebuild_through(&tap).build(1, &Progress::default()).await.unwrap_err();
    let (tap, progress) = (Tap::default(), Progress::default());
    world.rebuild_through(&tap).build(1, &progress).await.unwrap();
    assert_eq!(tap.take_calls().iter().filter(|call| *call == "Scan").count(), 1);
    assert_eq!(progress.now(), whole.now(), "what was done before is counted");
    assert_eq!(world.live_of(2).await, clean.live_of(2).await);
}

#[tokio::test]
async fn pages_that_divide_a_stream_make_the_same_rows() {
    let commits: Vec<Commit> = (1..=2).flat_map(large).collect();
    let world = World::with(&commits).await;
    for bells in doorbells(&commits).chunks(25) {
        world.projector().project(bells.to_vec()).await;
    }
    let tap = Tap::default();
    let progress = Progress::default();
    world.rebuild_through(&tap).build(1, &progress).await.unwrap();
    let calls = tap.take_calls();
    assert!(calls.iter().filter(|call| *call == "Scan").count() > 4, "{calls:?}");
    assert!(!calls.contains(&"Query".to_owned()), "what came before lies in the row: {calls:?}");
    assert_eq!(progress.now().streams, 2);
    assert_eq!(world.live_of(2).await, world.live().await);
}

#[tokio::test]
async fn while_one_scans_another_is_refused_until_the_lease_ends() {
    let world = projected(&story()).await;
    let rebuild = |owner: &str, now| {
        Rebuild::new(world.store(&Tap::default()), "views", "toy", &PROJECTIONS, owner, now)
            .at_pace(AT_ONCE)
    };
    let now = Timestamp::now();
    // It dies when it has begun.
    let holder = Rebuild::new(
        world.store(&Tap::dying_after(2)),
        "views",
        "toy",
        &PROJECTIONS,
        "holder",
        now,
    )
    .at_pace(AT_ONCE);
    holder.build(2, &Progress::default()).await.unwrap_err();
    let building = world.rebuild().pointer().await.unwrap().building.unwrap();
    assert_eq!((building.generation, building.segments), (Generation(2), 2));

    let other = rebuild("other", now);
    let refused = other.build(2, &Progress::default()).await;
    assert!(
        matches!(
            refused,
            Err(RebuildError::Held { until }) if until == building.lease.unwrap().until,
        ),
        "{refused:?}"
    );
    assert!(matches!(other.discard().await, Err(RebuildError::Held { .. })));
    assert!(matches!(other.check().await, Err(RebuildError::NotBuilt { .. })));

    let next = rebuild("other", now + SignedDuration::from_hours(2));
    assert_eq!(next.build(7, &Progress::default()).await.unwrap(), Generation(2));
    assert_eq!(
        world.rebuild().pointer().await.unwrap().building.unwrap().segments,
        2,
        "the marks are of so many segments"
    );
    assert_eq!(world.live_of(2).await, world.live().await);
}

#[tokio::test]
async fn a_lease_is_renewed_before_it_ends() {
    let world = projected(&history(&note(1), &[vec![titled("ada")]])).await;
    let tap = Tap::default();
    let second = Duration::from_secs(1);
    world
        .rebuild_through(&tap)
        .at_pace(Pace { settle: second, lease: second })
        .build(1, &Progress::default())
        .await
        .unwrap();
    // The pointer is read and written; and again, while it waits for those who do not know of it
    // yet.
    assert_eq!(tap.take_calls()[..4], ["GetItem", "PutItem", "GetItem", "PutItem"]);
}

#[tokio::test]
async fn whoever_was_taken_over_says_so() {
    let world = projected(&story()).await;
    let (asleep, wake) =
        (std::sync::Mutex::new(0), std::sync::Arc::new(tokio::sync::Notify::new()));
    let woken = std::sync::Arc::clone(&wake);
    // It gives its lease back with its third call on the pointer. Before that another comes.
    let tap = Tap::refusing(move |_, input| {
        let mut reads = asleep.lock().unwrap();
        *reads += usize::from(input.contains("GetItemInput") && input.contains("\"active\""));
        if *reads == 2 {
            *reads += 1;
            wake.notify_one();
            std::thread::sleep(Duration::from_millis(300));
        }
        false
    });
    let rebuild = world.rebuild_through(&tap);
    let slow = tokio::task::spawn_blocking(move || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(rebuild.build(2, &Progress::default()))
    });
    woken.notified().await;
    assert_eq!(world.rebuild().build(2, &Progress::default()).await.unwrap(), Generation(2));
    let outcome = slow.await.unwrap();
    assert!(matches!(outcome, Err(RebuildError::TakenOver)), "{outcome:?}");
    assert_eq!(world.live_of(2).await, world.live().await);
}

#[tokio::test]
async fn another_revision_of_a_projection_is_built_beside_the_old_one() {
    let commits = [
        history(&note(1), &[vec![titled("za")], vec![labelled("red")]]),
        history(&note(2), &[vec![titled("ay")]]),
    ]
    .concat();
    let world = projected(&commits).await;
    let old = list(&world.views(), all_notes(5)).await;
    let rebuild = world.rebuild_with(&NEXT_PROJECTIONS, &Tap::default());
    rebuild.build(2, &Progress::default()).await.unwrap();
    assert_eq!(list(&world.views(), all_notes(5)).await, old, "what is read is as it was");
    rebuild.switch(false).await.unwrap();
    let next = PageRequest { projection: &NEXT_PROJECTIONS[0], ..all_notes(5) };
    let listed: Vec<_> = list(&world.views(), next)
        .await
        .into_iter()
        .map(|(stream, row)| (stream, row.version, row.revision))
        .collect();
    assert_eq!(listed, [(note(1), 2, 2), (note(2), 1, 2)], "in their new order");
}

#[tokio::test]
async fn a_scan_finds_only_what_is_of_the_domain() {
    let world = projected(&story()).await;
    let rebuild = world.rebuild();
    rebuild.build(2, &Progress::default()).await.unwrap();
    let built = world.live_of(2).await;
    assert!(
        built
            .rows
            .keys()
            .all(|(pk, _)| pk.starts_with("acme/toy/notes/") || pk.starts_with("acme/toy/albums/")),
        "{built:?}"
    );
    let all = Segment::all(1).next().unwrap();
    let found = world.store(&Tap::default()).scan(&Selection::default(), all, None).await.unwrap();
    assert_eq!(found.commits.len(), story().len(), "there was more to be found");
}
