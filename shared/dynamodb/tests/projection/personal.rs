//! Rows of what is personal: records carry it sealed, and whoever has the keys folds it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use headwater::{
    Aggregate, Command, Commit, Context, Event, IndexKey, Personal, Projection, ProjectionFn,
    StreamName, Verdict, encode, projection_fn,
};
use headwater_dynamodb::{
    BatchReport, Done, Doorbell, EventStore, Execution, Expected, MasterKey, Origin, Progress,
    Projector, Rebuild, SubjectKeys, Views,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::support::{AT_ONCE, Tap, World};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum GuestEvent {
    Named { name: Personal<String> },
    Forgotten {},
}

impl Event for GuestEvent {
    const FORGETS: Option<&'static str> = Some("Forgotten");
}

/// A guest, of whom no rule needs to know anything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Guest {}

impl Aggregate for Guest {
    type Event = GuestEvent;
    const DOMAIN: &'static str = "inn";
    const CATEGORY: &'static str = "guests";
    const REVISION: u32 = 1;

    fn evolve(&mut self, _: &GuestEvent, _: Timestamp) {}
}

/// A guest as the list has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct GuestRow {
    name: Option<String>,
}

impl Projection for GuestRow {
    type Event = GuestEvent;
    const CATEGORY: &'static str = "guests";
    const REVISION: u32 = 1;

    fn evolve(&mut self, event: &GuestEvent, _: Timestamp) {
        self.name = match event {
            GuestEvent::Named { name } => name.known().cloned(),
            GuestEvent::Forgotten {} => None,
        };
    }

    fn is_deleted(&self) -> bool {
        false
    }

    fn index_keys(&self, stream: &StreamName) -> BTreeSet<IndexKey> {
        let key = |name: &String| IndexKey::new("guests", name, stream.id());
        self.name.iter().map(key).collect()
    }
}

static GUESTS: ProjectionFn = projection_fn::<GuestRow>();
static PROJECTIONS: [ProjectionFn; 1] = [projection_fn::<GuestRow>()];

fn with_keys(world: &World) -> EventStore {
    let master = MasterKey::new(b"a secret of at least 32 characters").unwrap();
    world.store(&Tap::default()).with_keys(SubjectKeys::new("keys", master))
}

/// Has this name from now on.
struct Enter(&'static str);

impl Command for Enter {
    type Aggregate = Guest;
    const NAME: &'static str = "Enter";

    fn decide(&self, _: &Guest, _: &Context) -> Verdict<Guest> {
        Ok(vec![GuestEvent::Named { name: self.0.to_owned().into() }])
    }
}

async fn enter(store: &EventStore, stream: &StreamName, name: &'static str) {
    let execution = Execution {
        stream: stream.clone(),
        command: &Enter(name),
        context: Context {
            now: Timestamp::UNIX_EPOCH,
            id: stream.id().to_owned(),
            fresh_id: Uuid::nil(),
            actor: "ada".to_owned(),
        },
        origin: Origin::default(),
        expected: Expected::default(),
        is_new: false,
        idempotency: None,
        deadline: Instant::now() + Duration::from_secs(20),
    };
    assert!(matches!(store.execute(execution).await, Ok(Done::Committed(_))));
}

#[tokio::test]
async fn a_row_is_folded_from_sealed_records_and_is_empty_once_the_key_is_destroyed() {
    let world = World::new().await;
    let (store, ada) = (with_keys(&world), StreamName::new("acme", "inn", "guests", "1").unwrap());
    enter(&store, &ada, "Ada").await;
    enter(&store, &ada, "Ada Lovelace").await;
    // As the relay puts them on the stream.
    let sealed = store.sealed().commits_after(&ada, 0).await.unwrap();
    assert!(!format!("{sealed:?}").contains("Lovelace"), "{sealed:?}");
    let ring = |commit: &Commit| Doorbell {
        stream: ada.clone(),
        version: commit.last(),
        commit: Some(commit.clone()),
    };
    let projector = Projector::new(store.clone(), "views", "feed", "inn", &PROJECTIONS);
    let views = Views::new(store.clone(), "views", "inn");
    let report = projector.project(sealed.iter().map(ring).collect()).await;
    assert_eq!(report, BatchReport { written: 1, ..BatchReport::default() });
    let row = views.get(&GUESTS, &ada, None).await.unwrap().unwrap();
    assert_eq!(row.data, json!({ "name": "Ada Lovelace" }));

    // Whoever folds after that finds nothing: here all rows are built anew.
    store.forget(&ada, Timestamp::UNIX_EPOCH).await.unwrap();
    let rebuild = Rebuild::new(
        with_keys(&world),
        "views",
        "inn",
        &PROJECTIONS,
        Uuid::now_v7(),
        Timestamp::now(),
    );
    let rebuild = rebuild.at_pace(AT_ONCE);
    rebuild.build(1, &Progress::default()).await.unwrap();
    rebuild.switch(false).await.unwrap();
    let row = Views::new(store, "views", "inn").get(&GUESTS, &ada, None).await.unwrap().unwrap();
    assert_eq!((row.version, row.data), (2, json!({ "name": null })));
}

/// Whoever appended the event that forgets died before it destroyed the key.
#[tokio::test]
async fn the_projector_destroys_the_key_that_a_command_has_left() {
    let world = World::new().await;
    let (store, ada) = (with_keys(&world), StreamName::new("acme", "inn", "guests", "1").unwrap());
    enter(&store, &ada, "Ada").await;
    let mut forgotten = store.commits_after(&ada, 0).await.unwrap().remove(0);
    forgotten.first = 2;
    forgotten.events = vec![encode(2, &GuestEvent::Forgotten {}).unwrap()];
    store.import(forgotten.clone()).await.unwrap();
    assert!(!store.is_forgotten(&ada).await.unwrap());
    let projector = Projector::new(store.clone(), "views", "feed", "inn", &PROJECTIONS);
    let ring = |commit| Doorbell { stream: ada.clone(), version: 2, commit };
    // With the commit in the record, and without.
    for commit in [None, Some(forgotten)] {
        let report = projector.project(vec![ring(commit)]).await;
        assert!(report.failed.is_empty() && report.parked.is_empty(), "{report:?}");
        assert!(store.is_forgotten(&ada).await.unwrap());
    }
    let row = Views::new(store, "views", "inn").get(&GUESTS, &ada, None).await.unwrap().unwrap();
    assert_eq!((row.version, row.data), (2, json!({ "name": null })));
}
