//! A toy domain: notes that have a title and labels, and can be deleted; and albums, whose parts
//! are photos.

use std::collections::BTreeSet;

use headwater::{
    Amounts, Commit, Contributions, Event, IndexKey, Metadata, Part, Projection, ProjectionFn,
    RecordedEvent, StreamName, SumKey, encode, part_fn, projection_fn,
};
use jiff::Timestamp;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub(crate) enum NoteEvent {
    Titled { title: String },
    Labelled { label: String },
    Unlabelled { label: String },
    Deleted {},
}

impl Event for NoteEvent {}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) title: String,
    pub(crate) labels: BTreeSet<String>,
    pub(crate) deleted: bool,
}

impl Projection for Note {
    type Event = NoteEvent;
    const CATEGORY: &'static str = "notes";
    const REVISION: u32 = 1;

    fn evolve(&mut self, event: &NoteEvent, _at: Timestamp) {
        match event {
            NoteEvent::Titled { title } => self.title.clone_from(title),
            NoteEvent::Labelled { label } => {
                self.labels.insert(label.clone());
            }
            NoteEvent::Unlabelled { label } => {
                self.labels.remove(label);
            }
            NoteEvent::Deleted {} => self.deleted = true,
        }
    }

    fn is_deleted(&self) -> bool {
        self.deleted
    }

    fn index_keys(&self, stream: &StreamName) -> BTreeSet<IndexKey> {
        let by_label = self
            .labels
            .iter()
            .map(|label| IndexKey::new(format!("label/{label}"), &self.title, stream.id()));
        by_label.chain([IndexKey::new("notes", &self.title, stream.id())]).collect()
    }
}

pub(crate) static NOTES: ProjectionFn = projection_fn::<Note>();

/// Notes as another build folds them: listed backwards, without their labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct BackwardsNote(Note);

impl Projection for BackwardsNote {
    type Event = NoteEvent;
    const CATEGORY: &'static str = Note::CATEGORY;
    const REVISION: u32 = Note::REVISION + 1;

    fn evolve(&mut self, event: &NoteEvent, at: Timestamp) {
        self.0.evolve(event, at);
    }

    fn is_deleted(&self) -> bool {
        self.0.deleted
    }

    fn index_keys(&self, stream: &StreamName) -> BTreeSet<IndexKey> {
        let backwards: String = self.0.title.chars().rev().collect();
        BTreeSet::from([IndexKey::new("notes", &backwards, stream.id())])
    }
}

pub(crate) static NEXT_PROJECTIONS: [ProjectionFn; 2] = [projection_fn::<BackwardsNote>(), PHOTOS];

pub(crate) static PHOTOS: ProjectionFn = part_fn::<Photo>();

pub(crate) static PROJECTIONS: [ProjectionFn; 2] = [NOTES, PHOTOS];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub(crate) enum AlbumEvent {
    Captioned { photo: String, caption: String },
    Removed { photo: String },
    Shown {},
}

impl Event for AlbumEvent {}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Photo {
    pub(crate) captions: Vec<String>,
    pub(crate) removed: bool,
}

impl Projection for Photo {
    type Event = AlbumEvent;
    const CATEGORY: &'static str = "albums/photos";
    const REVISION: u32 = 1;

    fn evolve(&mut self, event: &AlbumEvent, _at: Timestamp) {
        match event {
            AlbumEvent::Captioned { caption, .. } => {
                self.captions.push(caption.clone());
                self.removed = false;
            }
            AlbumEvent::Removed { .. } => self.removed = true,
            AlbumEvent::Shown {} => {}
        }
    }

    fn is_deleted(&self) -> bool {
        self.removed
    }

    fn index_keys(&self, name: &StreamName) -> BTreeSet<IndexKey> {
        let caption = self.captions.last().map_or("", String::as_str);
        BTreeSet::from([IndexKey::new(
            format!("photos/{}", name.parent_id().unwrap()),
            caption,
            name.id(),
        )])
    }

    /// How many photos have a caption, and how many captions they have had, each of which weighs
    /// [`WEIGHT`]. A caption `a+b` is one of both.
    fn contributions(&self, _: &StreamName) -> Contributions {
        let key = |order: &str| SumKey { index: "captions".into(), order: order.into() };
        let amounts = Amounts::from([
            ("photos".into(), 1),
            ("captions".into(), self.captions.len() as i128 * WEIGHT),
        ]);
        let captions = self.captions.last().map_or("", String::as_str).split('+');
        captions.map(|caption| (key(caption), amounts.clone())).collect()
    }
}

/// So large that sums of it are right only if they are exact.
pub(crate) const WEIGHT: i128 = 10_i128.pow(30) + 1;

impl Part for Photo {
    fn id(event: &AlbumEvent) -> Option<&str> {
        match event {
            AlbumEvent::Captioned { photo, .. } | AlbumEvent::Removed { photo } => Some(photo),
            AlbumEvent::Shown {} => None,
        }
    }
}

pub(crate) fn album(id: impl std::fmt::Display) -> StreamName {
    StreamName::new("acme", "toy", "albums", &id.to_string()).unwrap()
}

pub(crate) fn captioned(photo: &str, caption: &str) -> AlbumEvent {
    AlbumEvent::Captioned { photo: photo.to_owned(), caption: caption.to_owned() }
}

pub(crate) fn removed(photo: &str) -> AlbumEvent {
    AlbumEvent::Removed { photo: photo.to_owned() }
}

pub(crate) fn note(id: impl std::fmt::Display) -> StreamName {
    StreamName::new("acme", "toy", "notes", &id.to_string()).unwrap()
}

pub(crate) fn titled(title: &str) -> NoteEvent {
    NoteEvent::Titled { title: title.to_owned() }
}

pub(crate) fn labelled(label: &str) -> NoteEvent {
    NoteEvent::Labelled { label: label.to_owned() }
}

/// A history of commits, numbered and dated.
pub(crate) fn history<E: Event>(stream: &StreamName, commits: &[Vec<E>]) -> Vec<Commit> {
    let mut version = 0;
    let mut history = Vec::new();
    for events in commits {
        let first = version + 1;
        let events: Vec<RecordedEvent> =
            (first..).zip(events).map(|(number, event)| encode(number, event).unwrap()).collect();
        version += events.len() as u64;
        history.push(Commit {
            stream: stream.clone(),
            first,
            at: Timestamp::from_millisecond(1_790_000_000_000 + version as i64).unwrap(),
            metadata: Metadata {
                commit_id: Uuid::from_u128(u128::from(version)),
                command: "Test".into(),
                actor: "ada".into(),
                correlation_id: "c".into(),
                causation_id: None,
                traceparent: None,
                reason: None,
            },
            events,
            snapshot: None,
        });
    }
    history
}

/// A note as a later build would fold it.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Loud(pub(crate) Note);

impl Projection for Loud {
    type Event = NoteEvent;
    const CATEGORY: &'static str = Note::CATEGORY;
    const REVISION: u32 = 2;

    fn evolve(&mut self, event: &NoteEvent, at: Timestamp) {
        self.0.evolve(event, at);
        self.0.title = self.0.title.to_uppercase();
    }

    fn is_deleted(&self) -> bool {
        self.0.deleted
    }

    fn index_keys(&self, stream: &StreamName) -> BTreeSet<IndexKey> {
        self.0.index_keys(stream)
    }
}

pub(crate) static LOUD: [ProjectionFn; 1] = [projection_fn::<Loud>()];

/// A commit that no build can read: its data is not that of its type.
pub(crate) fn poison(stream: &StreamName, first: u64) -> Commit {
    let mut commit = history(stream, &[vec![titled("x")]]).remove(0);
    commit.first = first;
    let event_type = if stream.category() == Photo::CATEGORY.trim_end_matches("/photos") {
        "Shown"
    } else {
        "Deleted"
    };
    commit.events[0] = RecordedEvent {
        number: first,
        event_type: event_type.into(),
        version: 1,
        data: json!("Nonsense"),
    };
    commit
}

/// What can happen to a note: few titles and labels, so that keys come, go and come back.
fn event() -> impl Strategy<Value = NoteEvent> {
    prop_oneof![
        4 => prop::sample::select(vec!["ada", "bob", "cid", "dot"]).prop_map(titled),
        3 => prop::sample::select(vec!["red", "blue"]).prop_map(labelled),
        2 => prop::sample::select(vec!["red", "blue"]).prop_map(
            |label| NoteEvent::Unlabelled { label: label.to_owned() }
        ),
        1 => Just(NoteEvent::Deleted {}),
    ]
}

/// What can happen to the photos of an album.
fn album_event() -> impl Strategy<Value = AlbumEvent> {
    let photo = || prop::sample::select(vec!["1", "2", "3"]);
    prop_oneof![
        5 => (
            photo(),
            prop::sample::select(vec!["sea", "sky"]),
        ).prop_map(|(photo, caption)| captioned(photo, caption)),
        2 => photo().prop_map(removed),
        1 => Just(AlbumEvent::Shown {}),
    ]
}

/// The commits of some notes and an album, each one's in order and all of them mixed.
pub(crate) fn histories() -> impl Strategy<Value = Vec<Commit>> {
    let notes = prop::collection::vec(
        prop::collection::vec(prop::collection::vec(event(), 1..4), 1..6),
        1..4,
    );
    let photos = prop::collection::vec(prop::collection::vec(album_event(), 1..4), 1..6);
    (notes, photos).prop_map(|(notes, photos)| {
        let mut commits: Vec<Commit> =
            notes.iter().enumerate().flat_map(|(id, events)| history(&note(id), events)).collect();
        commits.extend(history(&album(1), &photos));
        commits.sort_by_key(|commit| commit.first);
        commits
    })
}
