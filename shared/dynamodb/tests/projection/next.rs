//! The toy domain as a newer build knows it: with events that the other build does not know, and
//! histories that have them.

use std::collections::BTreeSet;

use headwater::{
    Amounts, Commit, Contributions, Event, IndexKey, NewerEvent, Part, Projection, ProjectionFn,
    StreamName, SumKey, part_fn, projection_fn,
};
use headwater_dynamodb::{ParkedStream, Projector};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::support::{Tap, World, doorbells};
use crate::toy::{album, history, note};

/// What the newer build knows of a note: it can be starred, which moves it in a list of all and
/// adds to a sum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub(crate) enum NextNoteEvent {
    Titled { title: String },
    Labelled { label: String },
    Unlabelled { label: String },
    Deleted {},
    Starred {},
}

impl Event for NextNoteEvent {}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct NextNote {
    pub(crate) title: String,
    pub(crate) labels: BTreeSet<String>,
    pub(crate) deleted: bool,
    pub(crate) stars: i128,
}

impl Projection for NextNote {
    type Event = NextNoteEvent;
    const CATEGORY: &'static str = "notes";
    const REVISION: u32 = 2;

    fn evolve(&mut self, event: &NextNoteEvent, _: Timestamp) {
        match event {
            NextNoteEvent::Titled { title } => self.title.clone_from(title),
            NextNoteEvent::Labelled { label } => drop(self.labels.insert(label.clone())),
            NextNoteEvent::Unlabelled { label } => drop(self.labels.remove(label)),
            NextNoteEvent::Deleted {} => self.deleted = true,
            NextNoteEvent::Starred {} => self.stars += 1,
        }
    }

    fn is_deleted(&self) -> bool {
        self.deleted
    }

    fn index_keys(&self, stream: &StreamName) -> BTreeSet<IndexKey> {
        let by_stars = IndexKey::new("by-stars", &format!("{:03}", self.stars), stream.id());
        BTreeSet::from([IndexKey::new("notes", &self.title, stream.id()), by_stars])
    }

    fn contributions(&self, _: &StreamName) -> Contributions {
        let key = SumKey { index: "stars".into(), order: "all".into() };
        Contributions::from([(key, Amounts::from([("stars".into(), self.stars)]))])
    }
}

/// What the newer build knows of an album: its photos can fade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub(crate) enum NextAlbumEvent {
    Captioned { photo: String, caption: String },
    Removed { photo: String },
    Shown {},
    Faded { photo: String },
}

impl Event for NextAlbumEvent {}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct NextPhoto {
    pub(crate) captions: Vec<String>,
    pub(crate) removed: bool,
    pub(crate) faded: u32,
}

impl Projection for NextPhoto {
    type Event = NextAlbumEvent;
    const CATEGORY: &'static str = "albums/photos";
    const REVISION: u32 = 2;

    fn evolve(&mut self, event: &NextAlbumEvent, _: Timestamp) {
        match event {
            NextAlbumEvent::Captioned { caption, .. } => {
                self.captions.push(caption.clone());
                self.removed = false;
            }
            NextAlbumEvent::Removed { .. } => self.removed = true,
            NextAlbumEvent::Shown {} => {}
            NextAlbumEvent::Faded { .. } => self.faded += 1,
        }
    }

    fn is_deleted(&self) -> bool {
        self.removed
    }

    fn index_keys(&self, name: &StreamName) -> BTreeSet<IndexKey> {
        BTreeSet::from([IndexKey::new("photos", &format!("{:03}", self.faded), name.id())])
    }
}

impl Part for NextPhoto {
    fn id(event: &NextAlbumEvent) -> Option<&str> {
        match event {
            NextAlbumEvent::Captioned { photo, .. }
            | NextAlbumEvent::Removed { photo }
            | NextAlbumEvent::Faded { photo } => Some(photo),
            NextAlbumEvent::Shown {} => None,
        }
    }
}

pub(crate) static NEXT_NOTES: ProjectionFn = projection_fn::<NextNote>();
pub(crate) static NEXT_PHOTOS: ProjectionFn = part_fn::<NextPhoto>();
pub(crate) static NEXT: [ProjectionFn; 2] = [projection_fn::<NextNote>(), part_fn::<NextPhoto>()];

/// A projector of the newer build, as another process.
pub(crate) fn next(world: &World) -> Projector {
    next_through(world, &Tap::default())
}

pub(crate) fn next_through(world: &World, tap: &Tap) -> Projector {
    Projector::new(world.store(tap), "views", "feed", "toy", &NEXT)
}

/// A note of which this build knows the first, second and fourth commit.
pub(crate) fn starred() -> Vec<Commit> {
    let title = |title: &str| NextNoteEvent::Titled { title: title.to_owned() };
    let starred =
        vec![NextNoteEvent::Titled { title: "cid".to_owned() }, NextNoteEvent::Starred {}];
    history(&note(1), &[vec![title("ada")], vec![title("bob")], starred, vec![title("dot")]])
}

pub(crate) fn faded() -> Vec<Commit> {
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
pub(crate) fn star() -> NewerEvent {
    NewerEvent { number: 4, event_type: "Starred".to_owned(), version: 1 }
}

pub(crate) async fn waiting(world: &World) -> Vec<ParkedStream> {
    world.views().parked(Some("acme"), None, 99).await.unwrap()
}

/// The next build's rows and sums are the fold of all events, and all of it is fed.
pub(crate) async fn assert_whole(world: &World, commits: &[Commit]) {
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
