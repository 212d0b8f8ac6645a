//! Rows of parts: what their reads cost, and how fresh they are.

use std::collections::BTreeSet;

use headwater::{Part, Position, Projection, ProjectionFn, StreamName, part_fn};
use headwater_dynamodb::{PageRequest, PartRow, Projector, ReadError, Views};
use jiff::Timestamp;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::{Tap, World, all_notes, check, doorbells, list};
use crate::toy::{
    AlbumEvent, PHOTOS, PROJECTIONS, Photo, album, captioned, histories, history, poison, removed,
};

/// Photo 1 is captioned twice, photo 2 once, and the album shown at last.
fn commits() -> Vec<headwater::Commit> {
    let story = [
        vec![captioned("1", "sea"), captioned("2", "sky")],
        vec![captioned("1", "sun")],
        vec![AlbumEvent::Shown {}],
    ];
    history(&album(1), &story)
}

async fn photo(views: &Views, id: &str, at_least: u64) -> Result<Option<PartRow>, ReadError> {
    views.part(&PHOTOS, &PROJECTIONS, &album(1), id, Some(at_least)).await
}

fn captions(part: &PartRow) -> Vec<String> {
    part.row.read::<Photo>().unwrap().captions
}

#[tokio::test]
async fn a_part_costs_one_call_and_one_more_only_where_the_mark_is_behind() {
    let commits = commits();
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits[..1])).await;
    let tap = Tap::default();
    let views = world.views_through(&tap);
    views.generation().await.unwrap();
    tap.take_calls();

    let seen = photo(&views, "1", 0).await.unwrap().unwrap();
    assert_eq!((seen.version, captions(&seen)), (2, vec!["sea".to_owned()]));
    assert_eq!(tap.take_calls(), ["TransactGetItems"]);
    photo(&views, "1", 2).await.unwrap().unwrap();
    assert_eq!(tap.take_calls(), ["TransactGetItems"]);
    let fresh = photo(&views, "1", 3).await.unwrap().unwrap();
    assert_eq!((fresh.version, captions(&fresh)), (4, vec!["sea".to_owned(), "sun".to_owned()]));
    assert_eq!(tap.take_calls(), ["TransactGetItems", "Query"]);

    world.projector().project(doorbells(&commits)).await;
    assert_eq!(
        photo(&views, "1", 4).await.unwrap().unwrap(),
        fresh,
        "one fold for projector and reader"
    );
    let other = photo(&views, "2", 4).await.unwrap().unwrap();
    assert_eq!(
        (other.version, other.row.version),
        (4, 2),
        "the version is the stream's, though nothing more concerned the part"
    );
}

#[tokio::test]
async fn a_part_that_never_was_is_none_however_fresh() {
    let commits = commits();
    let world = World::with(&commits).await;
    let views = world.views();
    assert_eq!(photo(&views, "1", 0).await.unwrap(), None, "nothing is projected yet");
    assert_eq!(photo(&views, "3", 4).await.unwrap(), None);
    assert_eq!(photo(&views, "no name", 0).await.unwrap(), None);
    assert!(matches!(photo(&views, "1", 5).await, Err(ReadError::Ahead { head: 4, .. })));
    world.projector().project(doorbells(&commits)).await;
    let tap = Tap::default();
    let views = world.views_through(&tap);
    views.generation().await.unwrap();
    for at_least in [0, 4] {
        tap.take_calls();
        assert_eq!(photo(&views, "3", at_least).await.unwrap(), None);
        assert_eq!(tap.take_calls(), ["TransactGetItems"], "the mark says that there is none");
    }
    assert!(matches!(photo(&views, "1", 5).await, Err(ReadError::Ahead { head: 4, .. })));
}

#[tokio::test]
async fn a_part_that_the_projector_wrote_ahead_of_the_mark_is_shown_as_what_it_is() {
    let commits = commits();
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits[..1])).await;
    // It dies before it writes the mark: the photo has its second caption, the mark knows of
    // version 2 only.
    let is_mark =
        |_, input: &str| input.contains("PutItem") && input.contains("g1/acme/toy/albums/1\"");
    assert!(
        !world
            .projector_through(&Tap::refusing(is_mark))
            .project(doorbells(&commits))
            .await
            .failed
            .is_empty()
    );
    let views = world.views();
    for at_least in [0, 3, 4] {
        let ahead = photo(&views, "1", at_least).await.unwrap().unwrap();
        assert_eq!(captions(&ahead), ["sea", "sun"], "each once");
        assert!(ahead.version >= at_least.max(3), "{at_least}: {}", ahead.version);
    }
    let tap = Tap::default();
    assert_eq!(world.projector_through(&tap).project(doorbells(&commits)).await.written, 1);
    let writes: Vec<String> = tap
        .take_calls()
        .into_iter()
        .filter(|call| call == "PutItem" || call == "TransactWriteItems")
        .collect();
    assert_eq!(writes, ["PutItem", "TransactWriteItems"], "the mark and the feed, no part again");
}

#[tokio::test]
async fn new_parts_are_folded_from_what_is_at_hand() {
    let commits = commits();
    let world = World::with(&commits).await;
    let tap = Tap::default();
    let views = world.views_through(&tap);
    views.generation().await.unwrap();
    tap.take_calls();
    views.overlay(&[Position { stream: album(1), version: 4 }], &PROJECTIONS).await.unwrap();
    assert_eq!(
        tap.take_calls(),
        ["GetItem", "Query", "BatchGetItem"],
        "the mark, the commits, the parts"
    );
    world.projector_through(&tap).project(doorbells(&commits)).await;
    assert_eq!(
        tap.take_calls().iter().filter(|call| *call == "Query").count(),
        1,
        "the end of the feed"
    );
}

/// What a build that knows of other parts says of the stream does not say that these are there.
#[tokio::test]
async fn a_mark_of_another_build_vouches_for_no_part() {
    static WITHOUT_PHOTOS: [ProjectionFn; 1] = [ProjectionFn {
        category: "albums/frames",
        revision: 9,
        parts: Some(|_, _| Ok(BTreeSet::new())),
        ..PHOTOS
    }];
    let commits = commits();
    let world = World::with(&commits).await;
    Projector::new(world.store(&Tap::default()), "views", "feed", "toy", &WITHOUT_PHOTOS)
        .project(doorbells(&commits))
        .await;
    assert_eq!(world.views().status(&album(1)).await.unwrap().version, 4);
    let found = photo(&world.views(), "1", 0).await.unwrap().unwrap();
    assert_eq!((found.version, captions(&found)), (4, vec!["sea".to_owned(), "sun".to_owned()]));
}

fn photos_of_album(limit: usize) -> PageRequest<'static> {
    PageRequest { index: "photos/1", projection: &PHOTOS, ..all_notes(limit) }
}

fn ids(rows: &[(StreamName, headwater::Row)]) -> Vec<&str> {
    rows.iter().map(|(name, _)| name.id()).collect()
}

#[tokio::test]
async fn a_token_of_the_stream_brings_its_parts_up_in_lists() {
    let story = [
        vec![captioned("1", "b"), captioned("2", "d")],
        vec![captioned("3", "c"), captioned("2", "a")],
        vec![removed("1")],
    ];
    let commits = history(&album(1), &story);
    for projected in 0..=3 {
        let world = World::with(&commits).await;
        world.projector().project(doorbells(&commits[..projected])).await;
        let views = world.views();
        for (version, expected) in [(2, None), (4, None), (5, Some(["2", "3"]))] {
            let token = Position { stream: album(1), version };
            let overlay = views.overlay(&[token], &PROJECTIONS).await.unwrap();
            for limit in [1, 10] {
                let listed =
                    list(&views, PageRequest { overlay: Some(&overlay), ..photos_of_album(limit) })
                        .await;
                if let Some(expected) = expected {
                    assert_eq!(ids(&listed), expected, "{projected} commits projected");
                }
                assert!(
                    ids(&listed).contains(&"2"),
                    "{projected} commits projected, token at {version}"
                );
            }
        }
        let beyond = Position { stream: album(1), version: 6 };
        assert!(matches!(
            views.overlay(&[beyond], &PROJECTIONS).await,
            Err(ReadError::Ahead { head: 5, .. })
        ));
    }
}

#[tokio::test]
async fn a_list_ends_where_it_is_told_to() {
    let captions = ["a", "b", "c", "d", "e"];
    let photos: Vec<AlbumEvent> = captions
        .iter()
        .enumerate()
        .map(|(id, caption)| captioned(&id.to_string(), caption))
        .collect();
    let commits = history(&album(1), &[photos]);
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits)).await;
    for limit in 1..6 {
        for (up_to, expected) in [("c", 3), ("cc", 3), ("", 0), ("e", 5), ("z", 5)] {
            let listed = list(
                &world.views(),
                PageRequest { up_to_order: Some(up_to), ..photos_of_album(limit) },
            )
            .await;
            assert_eq!(listed.len(), expected, "up to {up_to}, {limit} at a time");
        }
    }
    // What is not shown does not end the list.
    let late = |row: &headwater::Row| row.data["captions"][0].as_str() >= Some("d");
    let listed = list(
        &world.views(),
        PageRequest { keep: &late, up_to_order: Some("e"), ..photos_of_album(1) },
    )
    .await;
    assert_eq!(ids(&listed), ["3", "4"]);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_parks_the_stream_and_its_parts_say_so_where_they_are_behind()
{
    let mut commits = commits();
    commits.push(poison(&album(1), 5));
    let world = World::with(&commits).await;
    assert_eq!(world.projector().project(doorbells(&commits[..3])).await.parked, []);
    assert_eq!(world.projector().project(doorbells(&commits)).await.parked, [album(1)]);
    assert_eq!(photo(&world.views(), "1", 4).await.unwrap().unwrap().version, 4);
    assert!(matches!(photo(&world.views(), "1", 5).await, Err(ReadError::Parked { .. })));
    let token = Position { stream: album(1), version: 5 };
    assert!(matches!(
        world.views().overlay(&[token], &PROJECTIONS).await,
        Err(ReadError::Parked { .. })
    ));
}

/// The photo as a later build would fold it.
#[derive(Default, Serialize, Deserialize)]
struct Loud(Photo);

impl Projection for Loud {
    type Event = AlbumEvent;
    const CATEGORY: &'static str = Photo::CATEGORY;
    const REVISION: u32 = 2;

    fn evolve(&mut self, event: &AlbumEvent, at: Timestamp) {
        self.0.evolve(event, at);
        self.0.captions.iter_mut().for_each(|caption| caption.make_ascii_uppercase());
    }

    fn is_deleted(&self) -> bool {
        self.0.is_deleted()
    }

    fn index_keys(&self, name: &StreamName) -> BTreeSet<headwater::IndexKey> {
        self.0.index_keys(name)
    }

    fn contributions(&self, name: &StreamName) -> headwater::Contributions {
        self.0.contributions(name)
    }
}

impl Part for Loud {
    fn id(event: &AlbumEvent) -> Option<&str> {
        Photo::id(event)
    }
}

static LOUD: [ProjectionFn; 1] = [part_fn::<Loud>()];

/// Found by simulation. Both find the rows as the old build left them, and the row of a part that
/// nothing happened to stays at its version.
#[tokio::test]
async fn two_workers_of_a_new_build_change_the_sums_once() {
    let commits = commits();
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits[..2])).await;
    let worker = || Projector::new(world.store(&Tap::default()), "views", "feed", "toy", &LOUD);
    let (one, other) = (worker(), worker());
    let (one, other) =
        tokio::join!(one.project(doorbells(&commits)), other.project(doorbells(&commits)));
    assert!(one.failed.is_empty() && other.failed.is_empty());
    let sums = world.views().sums("acme", "captions", "", "~").await.unwrap();
    let photos: Vec<(&str, i128)> =
        sums.iter().map(|sum| (sum.order.as_str(), sum.amounts["photos"])).collect();
    assert_eq!(photos, [("SKY", 1), ("SUN", 1), ("sky", 0), ("sun", 0)]);
}

#[tokio::test]
async fn an_older_build_does_not_put_back_what_it_has_nothing_to_add_to() {
    let commits = commits();
    let world = World::with(&commits).await;
    Projector::new(world.store(&Tap::default()), "views", "feed", "toy", &LOUD)
        .project(doorbells(&commits[..2]))
        .await;
    assert_eq!(world.projector().project(doorbells(&commits)).await.written, 1);
    for id in ["1", "2"] {
        let part = album(1).child("photos", id).unwrap();
        assert_eq!(world.views().status(&part).await.unwrap().revision, Loud::REVISION, "{id}");
    }
}

#[tokio::test]
async fn rows_of_another_revision_are_folded_anew() {
    let commits = commits();
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits[..1])).await;
    let views = world.views();
    let read = async || {
        let part = views.part(&LOUD[0], &LOUD, &album(1), "1", None).await.unwrap().unwrap();
        part.row.data["captions"].clone()
    };
    assert_eq!(read().await, json!(["SEA", "SUN"]), "read from the events");
    let projector = Projector::new(world.store(&Tap::default()), "views", "feed", "toy", &LOUD);
    assert_eq!(projector.project(doorbells(&commits)).await.written, 1);
    assert_eq!(read().await, json!(["SEA", "SUN"]));
    let other = views.part(&LOUD[0], &LOUD, &album(1), "2", None).await.unwrap().unwrap();
    assert_eq!(other.row.data["captions"], json!(["SKY"]), "the new build went over all parts");
}

#[test]
fn a_forced_read_shows_what_the_projector_would() {
    check(12, (histories(), any::<prop::sample::Index>()), async |(commits, stop)| {
        let (behind, done) = (World::with(&commits).await, World::with(&commits).await);
        behind.projector().project(doorbells(&commits[..stop.index(commits.len() + 1)])).await;
        done.projector().project(doorbells(&commits)).await;
        let head = commits
            .iter()
            .filter(|commit| commit.stream == album(1))
            .map(headwater::Commit::last)
            .max()
            .unwrap();
        let overlay = behind
            .views()
            .overlay(&[Position { stream: album(1), version: head }], &PROJECTIONS)
            .await
            .unwrap();
        let forced =
            list(&behind.views(), PageRequest { overlay: Some(&overlay), ..photos_of_album(2) })
                .await;
        assert_eq!(forced, list(&done.views(), photos_of_album(2)).await);
        for id in ["1", "2", "3"] {
            assert_eq!(
                photo(&behind.views(), id, head).await.unwrap(),
                photo(&done.views(), id, head).await.unwrap()
            );
        }
    });
}
