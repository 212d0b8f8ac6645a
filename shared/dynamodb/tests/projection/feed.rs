//! The change feed: every commit once, each stream's in order, no position missing.

use std::time::{Duration, Instant};

use headwater::{Commit, FeedPosition, Position};
use headwater_dynamodb::{FeedEntry, FeedError};
use proptest::prelude::*;

use crate::support::{Tap, World, bare, check, doorbells};
use crate::toy::{history, note, titled};

fn position(position: u64) -> FeedPosition {
    FeedPosition { tenant: "acme".into(), domain: "toy".into(), position, epoch: 1 }
}

/// So many notes with so many commits each.
fn notes(notes: u64, commits: usize) -> Vec<Commit> {
    (1..=notes)
        .flat_map(|id| history(&note(id), &vec![vec![titled("a"), titled("b")]; commits]))
        .collect()
}

#[tokio::test]
async fn entries_point_at_commits() {
    let commits = notes(1, 2);
    let world = World::with(&commits).await;
    assert_eq!(world.feed().head("acme", "toy").await.unwrap(), position(0));
    assert_eq!(world.feed().read_after(&position(0), 10).await.unwrap(), []);
    world.projector().project(doorbells(&commits)).await;
    assert_eq!(world.feed().head("acme", "toy").await.unwrap(), position(2));
    let entries = world.feed().read_after(&position(0), 10).await.unwrap();
    assert_eq!(entries[0], FeedEntry { position: 1, stream: note(1), first: 1, last: 2 });
    assert_eq!(entries[1], FeedEntry { position: 2, stream: note(1), first: 3, last: 4 });
    assert_eq!(world.feed().commits(&entries).await.unwrap(), commits);
    // Another tenant's feed is another feed.
    assert_eq!(world.feed().head("umbrella", "toy").await.unwrap().position, 0);
    assert_eq!(world.feed().reached(&note(1)).await.unwrap(), 4);
    assert_eq!(world.feed().reached(&note(2)).await.unwrap(), 0);
}

/// Found by simulation. What came after the record that rang is in the events table, but not in the
/// rows.
#[tokio::test]
async fn it_tells_of_nothing_that_the_rows_do_not_have() {
    let commits = notes(1, 3);
    let world = World::with(&commits).await;
    let without_feed =
        world.projector_through(&Tap::refusing(|_, input| input.contains("\"feed\"")));
    assert_eq!(without_feed.project(doorbells(&commits[..1])).await.failed, [0]);
    world.projector().project(doorbells(&commits[1..2])).await;
    assert_eq!(world.views().status(&note(1)).await.unwrap().version, 4);
    assert_eq!(world.feed().reached(&note(1)).await.unwrap(), 4);
    world.projector().project(doorbells(&commits)).await;
    world.assert_fed_once(&commits).await;
}

#[tokio::test]
async fn a_batch_larger_than_a_page_takes_several() {
    let commits = notes(120, 3);
    let world = World::with(&commits).await;
    assert!(world.projector().project(doorbells(&commits)).await.failed.is_empty());
    world.assert_fed_once(&commits).await;
}

#[tokio::test]
async fn it_can_be_read_from_anywhere_in_pieces_of_any_size() {
    let commits = notes(7, 3);
    let world = World::with(&commits).await;
    let projector = world.projector();
    for (batch, size) in [(0, 1), (1, 9), (10, 2), (12, 9)] {
        projector.project(doorbells(&commits[batch..batch + size])).await;
    }
    let all = world.fed().await;
    for after in 0..=21 {
        for limit in [1, 2, 5, 30] {
            let part = world.feed().read_after(&position(after), limit).await.unwrap();
            let expected: Vec<FeedEntry> =
                all.iter().skip(after as usize).take(limit).cloned().collect();
            assert_eq!(part, expected, "{limit} after {after}");
        }
    }
}

#[tokio::test]
async fn a_position_of_another_epoch_or_beyond_the_head_is_refused() {
    let commits = notes(1, 3);
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits)).await;
    assert!(matches!(
        world.feed().read_after(&position(4), 10).await,
        Err(FeedError::Ahead { head: 3 })
    ));
    world.begin_feed_anew(2).await;
    assert_eq!(
        world.feed().head("acme", "toy").await.unwrap(),
        FeedPosition { epoch: 2, ..position(3) }
    );
    assert!(matches!(
        world.feed().read_after(&position(1), 10).await,
        Err(FeedError::Resync { epoch: 2 })
    ));
    let start = world.feed().start("acme", "toy").await.unwrap();
    assert_eq!(world.feed().read_after(&start, 10).await.unwrap().len(), 3);
    assert_eq!(
        world.feed().read_after(&FeedPosition { epoch: 2, ..position(1) }, 10).await.unwrap().len(),
        2
    );
    // The epoch's item is in nobody's way.
    let more = history(&note(2), &[vec![titled("a")]]);
    world.append(&more).await;
    assert!(world.projector().project(doorbells(&more)).await.failed.is_empty());
    assert_eq!(world.feed().head("acme", "toy").await.unwrap().position, 4);
}

#[tokio::test]
async fn what_is_not_there_yet_can_be_waited_for() {
    let commits = notes(1, 1);
    let world = World::with(&commits).await;
    let feed = world.feed();
    let soon = || Instant::now() + Duration::from_millis(30);
    let (first, version) = (position(1), Position { stream: note(1), version: 2 });
    assert!(matches!(feed.wait_for(&first, soon()).await, Err(FeedError::Ahead { head: 0 })));
    assert!(matches!(
        feed.wait_for_stream(&version, soon()).await,
        Err(FeedError::Ahead { head: 0 })
    ));
    let projector = world.projector();
    let deadline = Instant::now() + Duration::from_secs(20);
    let (report, fed, streams) = tokio::join!(
        projector.project(doorbells(&commits)),
        feed.wait_for(&first, deadline),
        feed.wait_for_stream(&version, deadline)
    );
    assert!(report.failed.is_empty());
    fed.unwrap();
    streams.unwrap();
    assert!(Instant::now() < deadline);
}

#[tokio::test]
async fn streams_are_listed_in_order_of_name() {
    let commits = notes(40, 1);
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits)).await;
    let feed = world.feed();
    let mut expected: Vec<_> = (1..=40).map(|id| (note(id), 2)).collect();
    expected.sort_unstable();
    assert_eq!(feed.streams("acme", "toy", "", None, 100).await.unwrap(), expected);
    assert_eq!(feed.streams("acme", "toy", "notes/", None, 3).await.unwrap(), expected[..3]);
    assert_eq!(
        feed.streams("acme", "toy", "notes/", Some("notes/11"), 100).await.unwrap(),
        expected[3..]
    );
    let tens: Vec<_> =
        expected.iter().filter(|(stream, _)| stream.id().starts_with('3')).cloned().collect();
    assert_eq!(feed.streams("acme", "toy", "notes/3", None, 100).await.unwrap(), tens);
    assert_eq!(
        feed.streams("acme", "toy", "notes/3", Some("notes/3"), 100).await.unwrap(),
        tens[1..],
        "what is named so stood there"
    );
    assert_eq!(feed.streams("acme", "toy", "notes/3", Some("notes/1"), 100).await.unwrap(), tens);
    assert_eq!(feed.streams("acme", "toy", "notes/3", Some("notes/4"), 100).await.unwrap(), []);
}

#[tokio::test]
async fn the_head_costs_one_read_and_so_does_an_answer_without_news() {
    let commits = notes(2, 2);
    let world = World::with(&commits).await;
    for page in [&commits[..2], &commits[2..]] {
        world.projector().project(doorbells(page)).await;
    }
    let tap = Tap::default();
    let feed = world.feed_through(&tap);
    let head = feed.head("acme", "toy").await.unwrap();
    assert_eq!(tap.take_calls(), ["Query"]);
    assert_eq!(feed.read_after(&head, 10).await.unwrap(), []);
    assert_eq!(tap.take_calls(), ["Query"]);
    // And so does all of the newest page, but not what was before.
    assert_eq!(feed.read_after(&position(2), 10).await.unwrap().len(), 2);
    assert_eq!(tap.take_calls(), ["Query"]);
    assert_eq!(feed.read_after(&position(1), 10).await.unwrap().len(), 3);
    assert_eq!(tap.take_calls(), ["Query", "Query", "Query"]);
}

/// Batches for each of four workers, such that every commit is in at least one of them.
fn work() -> impl Strategy<Value = Vec<Vec<Vec<Commit>>>> {
    let commits = notes(5, 5);
    let twice: Vec<Commit> = commits.iter().chain(&commits).cloned().collect();
    (Just(twice).prop_shuffle(), 1usize..6).prop_map(|(commits, size)| {
        let batches: Vec<Vec<Commit>> = commits.chunks(size).map(<[Commit]>::to_vec).collect();
        batches.chunks(batches.len().div_ceil(4)).map(<[_]>::to_vec).collect()
    })
}

#[test]
fn workers_at_once_feed_each_commit_once() {
    check(6, work(), async |work| {
        let commits = notes(5, 5);
        let world = World::with(&commits).await;
        let workers = work.iter().map(async |batches| {
            let projector = world.projector();
            for batch in batches {
                assert!(projector.project(doorbells(batch)).await.failed.is_empty());
            }
        });
        futures::future::join_all(workers).await;
        world.assert_fed_once(&commits).await;
    });
}

#[tokio::test]
async fn a_stream_is_fed_as_far_as_it_was_rung() {
    let commits = notes(1, 3);
    let world = World::with(&commits[..1]).await;
    let projector = world.projector();
    projector.project(doorbells(&commits[..1])).await;
    world.append(&commits[1..]).await;
    projector.project(vec![bare(&note(1), 4)]).await;
    projector.project(vec![bare(&note(1), 6)]).await;
    world.assert_fed_once(&commits).await;
}
