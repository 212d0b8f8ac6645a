//! A worker that dies or sleeps between any two steps leaves nothing behind that the others do not
//! put right.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use headwater::Commit;
use proptest::prelude::*;

use crate::support::{Tap, World, all_notes, check, doorbells, list};
use crate::toy::{
    AlbumEvent, NoteEvent, album, captioned, histories, history, labelled, note, removed, titled,
};

/// Two notes that are renamed, labelled, unlabelled and labelled again, and one of them deleted; an
/// album whose photos change together and apart.
fn story() -> Vec<Commit> {
    let unlabelled = NoteEvent::Unlabelled { label: "red".into() };
    let first = history(
        &note(1),
        &[
            vec![titled("ada"), labelled("red")],
            vec![titled("bob")],
            vec![unlabelled],
            vec![labelled("red")],
        ],
    );
    let second = history(
        &note(2),
        &[vec![titled("cid")], vec![titled("dot"), labelled("red")], vec![NoteEvent::Deleted {}]],
    );
    let photos = vec![
        vec![captioned("1", "sea"), captioned("2", "sky")],
        vec![captioned("2", "sea")],
        vec![removed("1"), AlbumEvent::Shown {}],
        vec![captioned("1", "sky"), captioned("2", "sky")],
    ];
    [first, second, history(&album(1), &photos)].concat()
}

/// In short a worker dies, or sleeps, at each fifth call.
const SOME: usize = 5;

/// How many calls a worker makes that lives.
async fn calls_of(world: &World, batches: &[&[Commit]]) -> usize {
    let tap = Tap::default();
    let projector = world.projector_through(&tap);
    for batch in batches {
        assert!(projector.project(doorbells(batch)).await.failed.is_empty());
    }
    tap.take_calls().len()
}

#[tokio::test]
async fn a_crash_between_two_steps_leaves_no_trace() {
    crash(SOME).await;
}

#[tokio::test]
#[ignore = "long: a crash between any two steps"]
async fn a_crash_between_any_two_steps_leaves_no_trace() {
    crash(1).await;
}

/// Crashes before each call whose number is a multiple of this.
async fn crash(every: usize) {
    let story = story();
    // Commit by commit, the steps are the most; the records of both streams in one batch interleave
    // them.
    let one_by_one: Vec<&[Commit]> = story.chunks(1).collect();
    for batches in [one_by_one, vec![&story[..2], &story[2..]]] {
        let clean = World::with(&story).await;
        let calls = calls_of(&clean, &batches).await;
        assert!(calls > 15, "{calls}");
        let expected = clean.live().await;
        for alive in (0..calls).step_by(every) {
            let world = World::with(&story).await;
            let dying = world.projector_through(&Tap::dying_after(alive));
            for batch in &batches {
                dying.project(doorbells(batch)).await;
            }
            let next = world.projector();
            for batch in &batches {
                assert!(next.project(doorbells(batch)).await.failed.is_empty());
            }
            assert_eq!(world.live().await, expected, "after {alive} calls");
            world.assert_fed_once(&story).await;
        }
    }
}

#[tokio::test]
async fn what_a_worker_writes_after_a_sleep_changes_nothing() {
    fall_asleep(SOME).await;
}

#[tokio::test]
#[ignore = "long: a sleep between any two steps"]
async fn what_a_worker_writes_after_a_sleep_at_any_step_changes_nothing() {
    fall_asleep(1).await;
}

/// Falls asleep at each call whose number is a multiple of this.
async fn fall_asleep(every: usize) {
    let story = story();
    let one_by_one: Vec<&[Commit]> = story.chunks(1).collect();
    let clean = World::with(&story).await;
    let calls = calls_of(&clean, &one_by_one).await;
    let expected = clean.live().await;
    for awake in (0..calls).step_by(every) {
        let world = World::with(&story).await;
        let (sleeps, mut asleep) = tokio::sync::mpsc::unbounded_channel();
        let (wake, woken) = std::sync::mpsc::channel::<()>();
        let woken = Mutex::new(woken);
        let slept = Arc::new(AtomicBool::new(false));
        let falls_asleep = Arc::clone(&slept);
        let tap = Tap::refusing(move |calls, _| {
            if calls == awake {
                falls_asleep.store(true, SeqCst);
                sleeps.send(()).unwrap();
                woken.lock().unwrap().recv().unwrap();
            }
            false
        });
        let (sleeper, commits) = (world.projector_through(&tap), story.clone());
        let sleeper = tokio::task::spawn_blocking(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            // It ends what it was at, and does no more: nothing that it spoils is put right by
            // itself.
            for commit in commits.chunks(1).take_while(|_| !slept.load(SeqCst)) {
                assert!(runtime.block_on(sleeper.project(doorbells(commit))).failed.is_empty());
            }
        });
        asleep.recv().await.unwrap();
        calls_of(&world, &one_by_one).await;
        wake.send(()).unwrap();
        sleeper.await.unwrap();
        assert_eq!(world.live().await, expected, "asleep after {awake} calls");
        world.assert_fed_once(&story).await;
    }
}

#[test]
fn workers_that_die_among_others_leave_nothing_that_a_reader_sees() {
    let deaths = prop::collection::vec((0usize..40, any::<prop::sample::Index>()), 1..5);
    check(12, (histories(), deaths), async |(commits, deaths)| {
        let (clean, world) = (World::with(&commits).await, World::with(&commits).await);
        clean.projector().project(doorbells(&commits)).await;
        let doomed = deaths.iter().map(|(alive, from)| async {
            let mortal = world.projector_through(&Tap::dying_after(*alive));
            for commit in &commits[from.index(commits.len())..] {
                mortal.project(doorbells(std::slice::from_ref(commit))).await;
            }
        });
        futures::future::join_all(doomed).await;
        world.projector().project(doorbells(&commits)).await;
        let (live, expected) = (world.live().await, clean.live().await);
        assert!(live.shows_the_same_as(&expected), "{live:?}, not {expected:?}");
        assert_eq!(
            list(&world.views(), all_notes(2)).await,
            list(&clean.views(), all_notes(50)).await
        );
        world.assert_fed_once(&commits).await;
    });
}
