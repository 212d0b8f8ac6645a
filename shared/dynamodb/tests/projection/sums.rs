//! Sums over many streams: exact, whatever is delivered twice, late, by many workers, or half.

use std::collections::BTreeMap;

use headwater::Commit;
use headwater_dynamodb::Sum;
use proptest::prelude::*;

use crate::support::{Tap, World, check, doorbells};
use crate::toy::{AlbumEvent, WEIGHT, album, captioned, histories, history, removed};

/// The lines from one caption to another, as (caption, photos, captions that they have had).
async fn lines(world: &World, from: &str, up_to: &str) -> Vec<(String, i128, i128)> {
    let sums = world.views().sums("acme", "captions", from, up_to).await.unwrap();
    let line = |Sum { order, amounts }: Sum| {
        let amount = |name: &str| amounts.get(name).copied().unwrap_or_default();
        assert_eq!(amount("captions") % WEIGHT, 0);
        (order, amount("photos"), amount("captions") / WEIGHT)
    };
    sums.into_iter().map(line).collect()
}

fn line(caption: &str, photos: i128, captions: i128) -> (String, i128, i128) {
    (caption.to_owned(), photos, captions)
}

#[tokio::test]
async fn a_row_that_changes_takes_its_part_of_the_sums_along() {
    let story = vec![
        vec![captioned("1", "sea"), captioned("2", "sea"), captioned("3", "sky")],
        vec![captioned("2", "sky")],
        vec![removed("1")],
    ];
    let commits = history(&album(1), &story);
    let world = World::with(&commits).await;
    let expected = [
        vec![line("sea", 2, 2), line("sky", 1, 1)],
        vec![line("sea", 1, 1), line("sky", 2, 3)],
        vec![line("sea", 0, 0), line("sky", 2, 3)],
    ];
    for (commit, expected) in commits.iter().zip(expected) {
        for _ in 0..2 {
            world.projector().project(doorbells(std::slice::from_ref(commit))).await;
            assert_eq!(lines(&world, "", "~").await, expected);
        }
    }
}

#[tokio::test]
async fn lines_are_read_from_an_order_to_another() {
    let photos: Vec<AlbumEvent> = ["a", "b", "bb", "c"]
        .iter()
        .enumerate()
        .map(|(id, caption)| captioned(&id.to_string(), caption))
        .collect();
    let commits = history(&album(1), &[photos]);
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits)).await;
    for (from, up_to, expected) in [
        ("", "~", 4),
        ("a", "c", 4),
        ("b", "b", 1),
        ("b", "bz", 2),
        ("ba", "c", 2),
        ("d", "~", 0),
        ("", "", 0),
    ] {
        assert_eq!(lines(&world, from, up_to).await.len(), expected, "{from} to {up_to}");
    }
}

#[tokio::test]
async fn a_row_is_written_with_its_sums_in_one_transaction() {
    let commits = history(&album(1), &[vec![captioned("1", "sea")], vec![AlbumEvent::Shown {}]]);
    let (world, tap) = (World::with(&commits).await, Tap::default());
    let projector = world.projector_through(&tap);
    projector.project(doorbells(&commits[..1])).await;
    let rows = |calls: Vec<String>| {
        calls
            .into_iter()
            .filter(|call| call == "TransactWriteItems" || call == "PutItem")
            .collect::<Vec<_>>()
    };
    // An index row, the photo with its line, the mark, the feed.
    assert_eq!(
        rows(tap.take_calls()),
        ["PutItem", "TransactWriteItems", "PutItem", "TransactWriteItems"]
    );
    projector.project(doorbells(&commits[1..])).await;
    assert_eq!(rows(tap.take_calls()), ["PutItem", "TransactWriteItems"], "the mark, the feed");
}

/// Of the transaction of a row and its sums a reader may see the row first. Its worker has died, so
/// another tells the feed: of what report-readers can see.
#[tokio::test]
async fn the_feed_tells_of_a_row_once_its_sums_can_be_seen() {
    let commits = history(&album(1), &[vec![captioned("1", "sea")], vec![removed("1")]]);
    let world = World::with(&commits).await;
    // It dies between the photo with its line and the album's mark.
    let is_mark = |input: &str| input.contains("PutItem") && input.contains("albums/1\"");
    // As while a transaction is at work on the line.
    let looks = |input: &str| input.contains("TransactGetItems");
    for fed in 1..=2 {
        let doorbells = || doorbells(&commits[fed - 1..fed]);
        let dying = world.projector_through(&Tap::refusing(move |_, input| is_mark(input)));
        assert_eq!(dying.project(doorbells()).await.failed, [0]);
        let early = world.projector_through(&Tap::refusing(move |_, input| looks(input)));
        assert_eq!(early.project(doorbells()).await.failed, [0]);
        assert_eq!(world.fed().await.len(), fed - 1);
        let tap = Tap::default();
        assert!(world.projector_through(&tap).project(doorbells()).await.failed.is_empty());
        assert_eq!(world.fed().await.len(), fed);
        assert!(tap.take_calls().contains(&"TransactGetItems".to_owned()));
    }
}

/// So many words one after another, as the caption of one photo.
fn words(from: u32, count: u32) -> String {
    (from..from + count).map(|word| format!("{word:04}")).collect::<Vec<_>>().join("+")
}

#[tokio::test]
async fn more_lines_than_an_answer_holds_are_read_on_and_no_further_than_asked_for() {
    let commits: Vec<Commit> = (0..11)
        .flat_map(|id| history(&album(id), &[vec![captioned("1", &words(id * 99, 99))]]))
        .collect();
    let (world, tap) = (World::with(&commits).await, Tap::default());
    world.projector().project(doorbells(&commits)).await;
    let views = world.views_through(&tap);
    views.generation().await.unwrap();
    for (up_to, lines, queries) in [("~", 1_089, 2), ("0010", 11, 1)] {
        tap.take_calls();
        assert_eq!(views.sums("acme", "captions", "", up_to).await.unwrap().len(), lines);
        assert_eq!(tap.take_calls().len(), queries, "up to {up_to}");
    }
}

/// With the row they would be over the 100 items of a transaction; as a row that is too large, it
/// must not be tried for ever.
#[tokio::test]
async fn a_row_that_changes_too_many_sums_is_parked() {
    let most = history(&album(1), &[vec![captioned("1", &words(0, 99))]]);
    let more = history(&album(2), &[vec![captioned("1", &words(0, 100))]]);
    let others = history(
        &album(3),
        &[vec![captioned("1", &words(0, 50))], vec![captioned("1", &words(50, 50))]],
    );
    let world = World::with(&[most.clone(), more.clone(), others.clone()].concat()).await;
    assert_eq!(world.projector().project(doorbells(&most)).await.parked, []);
    assert_eq!(lines(&world, "", "~").await.len(), 99);
    assert_eq!(world.projector().project(doorbells(&more)).await.parked, [album(2)]);
    assert_eq!(world.projector().project(doorbells(&others[..1])).await.parked, []);
    assert_eq!(world.projector().project(doorbells(&others[1..])).await.parked, [album(3)]);
}

#[test]
fn sums_are_those_of_the_rows_however_they_came_about() {
    let deliveries = prop::collection::vec(any::<prop::sample::Index>(), 0..12);
    check(12, (histories(), deliveries), async |(commits, deliveries)| {
        let world = World::with(&commits).await;
        for delivery in deliveries {
            world
                .projector()
                .project(doorbells(&commits[delivery.index(commits.len())..][..1]))
                .await;
        }
        let workers =
            (0..3).map(|_| async { world.projector().project(doorbells(&commits)).await });
        futures::future::join_all(workers).await;
        let sums: Vec<_> = lines(&world, "", "~")
            .await
            .into_iter()
            .filter(|line| *line != self::line(&line.0, 0, 0))
            .collect();
        assert_eq!(sums, recounted(&commits));
    });
}

/// What the sums should be, counted from the events.
fn recounted(commits: &[Commit]) -> Vec<(String, i128, i128)> {
    let mut photos: BTreeMap<String, (Option<String>, i128)> = BTreeMap::new();
    for event in
        commits.iter().filter(|commit| commit.stream == album(1)).flat_map(|commit| &commit.events)
    {
        match headwater::decode(event).unwrap() {
            AlbumEvent::Captioned { photo, caption } => {
                let (last, captions) = photos.entry(photo).or_default();
                (*last, *captions) = (Some(caption), *captions + 1);
            }
            AlbumEvent::Removed { photo } => photos.entry(photo).or_default().0 = None,
            AlbumEvent::Shown {} => {}
        }
    }
    let mut lines: BTreeMap<String, (i128, i128)> = BTreeMap::new();
    for (last, captions) in photos.into_values() {
        if let Some(caption) = last {
            let line = lines.entry(caption).or_default();
            *line = (line.0 + 1, line.1 + captions);
        }
    }
    lines.into_iter().map(|(caption, (photos, captions))| (caption, photos, captions)).collect()
}
