//! What tells of a person is stored under the key of its stream, and is forgotten with the key.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use headwater::{
    Aggregate, Command, Commit, Context, Domain, Domains, Event, Personal, StreamName, Verdict,
    aggregate_fn,
};
use headwater_dynamodb::{
    Archiver, At, EventStore, ExecuteError, Execution, MasterKey, Mode, Segment, StoreError,
    SubjectKeys,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::dynamo::{ARCHIVE, Dynamo, EVENTS, KEYS, at, committed, execution, run};
use crate::support::memory::Memory;

/// It is sought in whatever is stored.
const CANARY: &str = "Canary Cuthbert";

const SECRET: &[u8] = b"a secret of at least 32 characters";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum GuestEvent {
    Named { name: Personal<String>, table: u32 },
    Left {},
    Forgotten {},
}

impl Event for GuestEvent {
    const FORGETS: Option<&'static str> = Some("Forgotten");
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Guest {
    name: Option<Personal<String>>,
    visits: u32,
}

impl Aggregate for Guest {
    type Event = GuestEvent;
    const DOMAIN: &'static str = "inn";
    const CATEGORY: &'static str = "guests";
    const REVISION: u32 = 1;
    const PAGE: u32 = 4;
    const RETENTION: Option<SignedDuration> = Some(SignedDuration::from_hours(30 * 24));

    fn evolve(&mut self, event: &GuestEvent, _: Timestamp) {
        match event {
            GuestEvent::Named { name, .. } => self.name = Some(name.clone()),
            GuestEvent::Left {} => self.visits += 1,
            GuestEvent::Forgotten {} => self.name = None,
        }
    }
}

static INN: Domain = Domain::new("inn", &[aggregate_fn::<Guest>()], &[]);

/// Comes in under a name.
struct Enter(&'static str);

impl Command for Enter {
    type Aggregate = Guest;
    const NAME: &'static str = "Enter";

    fn decide(&self, _: &Guest, _: &Context) -> Verdict<Guest> {
        Ok(vec![GuestEvent::Named { name: self.0.to_owned().into(), table: 7 }])
    }
}

/// Goes.
struct Leave;

impl Command for Leave {
    type Aggregate = Guest;
    const NAME: &'static str = "Leave";

    fn decide(&self, _: &Guest, _: &Context) -> Verdict<Guest> {
        Ok(vec![GuestEvent::Left {}])
    }
}

/// Is forgotten.
struct Forget;

impl Command for Forget {
    type Aggregate = Guest;
    const NAME: &'static str = "Forget";

    fn decide(&self, _: &Guest, _: &Context) -> Verdict<Guest> {
        Ok(vec![GuestEvent::Forgotten {}])
    }
}

fn guest(id: &str) -> StreamName {
    StreamName::new("acme", "inn", "guests", id).unwrap()
}

fn keys() -> SubjectKeys {
    SubjectKeys::new(KEYS, MasterKey::new(SECRET).unwrap())
}

/// A store whose process has just started.
fn store(dynamo: &Dynamo) -> EventStore {
    dynamo.store().with_keys(keys())
}

/// A guest who has come and gone some times.
async fn visited(dynamo: &Dynamo, stream: &StreamName) {
    let store = store(dynamo);
    for _ in 0..10 {
        committed(run(&store, stream, &Enter(CANARY)).await);
        committed(run(&store, stream, &Leave).await);
    }
}

/// All that is in a table, as text.
async fn bytes_of(dynamo: &Dynamo, table: &str) -> String {
    let all = dynamo.client.scan().table_name(table).send().await.unwrap();
    format!("{:?}", all.items.unwrap())
}

fn is_named(commits: &[Commit], name: serde_json::Value) -> bool {
    let named = commits.iter().flat_map(|commit| &commit.events);
    let mut named = named.filter(|event| event.event_type == "Named").peekable();
    named.peek().is_some() && named.all(|event| event.data["name"] == name)
}

#[tokio::test]
async fn whoever_has_the_key_reads_it_and_it_is_stored_nowhere() {
    let dynamo = Dynamo::start().await;
    let ada = guest("ada");
    visited(&dynamo, &ada).await;
    let stored = bytes_of(&dynamo, EVENTS).await;
    assert!(stored.contains("$sealed") && !stored.contains("$personal"), "{stored}");
    assert!(!stored.contains(CANARY));
    let folded = store(&dynamo).load::<Guest>(&ada).await.unwrap();
    assert_eq!((folded.version, folded.state.visits), (20, 10));
    assert_eq!(folded.state.name, Some(CANARY.to_owned().into()));
    assert!(is_named(&store(&dynamo).commits_after(&ada, 0).await.unwrap(), json!(CANARY)));
    let past = store(&dynamo).state_at(&INN.aggregates[0], &ada, At::Version(3)).await.unwrap();
    assert!(past.state.to_string().contains(CANARY));
    // Whoever lacks the keys sees that there is something, and a domain is not told that it is not.
    let sealed = dynamo.store().commits_after(&ada, 0).await.unwrap();
    assert!(!format!("{sealed:?}").contains(CANARY));
    dynamo.store().load::<Guest>(&ada).await.unwrap_err();
}

#[tokio::test]
async fn once_the_key_is_destroyed_nobody_reads_it() {
    let dynamo = Dynamo::start().await;
    let (ada, ben) = (guest("ada"), guest("ben"));
    visited(&dynamo, &ada).await;
    visited(&dynamo, &ben).await;
    let warm = store(&dynamo);
    warm.load::<Guest>(&ada).await.unwrap();
    for _ in 0..2 {
        warm.forget(&ada, at(1)).await.unwrap();
    }
    for store in [&warm, &store(&dynamo)] {
        assert!(is_named(&store.commits_after(&ada, 0).await.unwrap(), json!({ "$erased": true })));
        assert!(is_named(&store.commits_after(&ben, 0).await.unwrap(), json!(CANARY)));
    }
    let folded = store(&dynamo).load::<Guest>(&ada).await.unwrap();
    assert_eq!((folded.version, folded.state.visits), (20, 10));
    assert_eq!(folded.state.name, Some(Personal::Erased));
    // The stream goes on, but takes nothing personal any more.
    let store = store(&dynamo);
    assert_eq!(committed(run(&store, &ada, &Leave).await), 21);
    let refused = run(&store, &ada, &Enter("again")).await.map(|_| ());
    let is_erased = |error: &ExecuteError| match error {
        ExecuteError::Store(StoreError::Erased { subject }) => *subject == ada,
        _ => false,
    };
    assert!(refused.as_ref().is_err_and(is_erased), "{refused:?}");
    assert_eq!(store.head(&ada).await.unwrap(), 21);
    // Nor does a key come back.
    let item = dynamo.client.get_item().table_name(KEYS);
    let item = item.key("pk", AttributeValue::S(ada.to_string()));
    let item = item.key("sk", AttributeValue::S("key".to_owned())).send().await.unwrap();
    assert!(!item.item.unwrap().contains_key("k"));
}

#[tokio::test]
async fn the_archive_holds_it_sealed() {
    let dynamo = Dynamo::start().await;
    let ada = guest("ada");
    visited(&dynamo, &ada).await;
    let objects = Arc::new(Memory::default());
    let archiving = || dynamo.store_with_archive(objects.clone()).with_keys(keys());
    let later = at(2_000_000_000);
    let archiver = Archiver::new(archiving(), Domains::new([&INN]), later).unwrap();
    let whole = Segment::all(1).next().unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let done = archiver.segment(Mode::Move, whole, None, deadline).await.unwrap();
    assert_eq!(done.moved.commits, 12);
    assert!(!bytes_of(&dynamo, ARCHIVE).await.contains(CANARY));
    for object in objects.objects.lock().unwrap().values() {
        let lines = zstd::stream::decode_all(object.as_slice()).unwrap();
        let lines = String::from_utf8(lines).unwrap();
        assert!(lines.contains("$sealed") && !lines.contains(CANARY), "{lines}");
    }
    assert!(is_named(&archiving().commits_after(&ada, 0).await.unwrap(), json!(CANARY)));
    archiving().forget(&ada, later).await.unwrap();
    let commits = archiving().commits_after(&ada, 0).await.unwrap();
    assert!(commits.len() == 20 && is_named(&commits, json!({ "$erased": true })));
}

#[tokio::test]
async fn a_warm_command_costs_no_call_more_and_a_cold_one_a_read() {
    let dynamo = Dynamo::start().await;
    let ada = guest("ada");
    let calls = |dynamo: &Dynamo| -> Vec<String> {
        dynamo.take_calls().into_iter().map(|(operation, _)| operation).collect()
    };
    let first = store(&dynamo);
    dynamo.take_calls();
    committed(run(&first, &ada, &Enter(CANARY)).await);
    assert_eq!(calls(&dynamo), ["Query", "PutItem", "PutItem"]);
    committed(run(&first, &ada, &Enter(CANARY)).await);
    assert_eq!(calls(&dynamo), ["PutItem"]);
    let cold = store(&dynamo);
    committed(run(&cold, &ada, &Enter(CANARY)).await);
    assert_eq!(calls(&dynamo), ["Query", "GetItem", "PutItem"]);
}

#[tokio::test]
async fn a_store_without_keys_keeps_it_plain_and_one_with_keys_reads_that() {
    let dynamo = Dynamo::start().await;
    let ada = guest("ada");
    committed(run(&dynamo.store(), &ada, &Enter(CANARY)).await);
    let stored = bytes_of(&dynamo, EVENTS).await;
    assert!(stored.contains(CANARY) && !stored.contains("$personal"), "{stored}");
    let keyed = store(&dynamo);
    assert!(is_named(&keyed.commits_after(&ada, 0).await.unwrap(), json!(CANARY)));
    committed(run(&keyed, &ada, &Enter("now sealed")).await);
    assert!(!bytes_of(&dynamo, EVENTS).await.contains("now sealed"));
}

#[tokio::test]
async fn another_master_key_and_a_value_that_was_moved_are_errors() {
    let dynamo = Dynamo::start().await;
    let (ada, ben) = (guest("ada"), guest("ben"));
    committed(run(&store(&dynamo), &ada, &Enter(CANARY)).await);
    committed(run(&store(&dynamo), &ben, &Enter("Ben")).await);
    let other = MasterKey::new(b"another secret of 32 characters or more").unwrap();
    let other = dynamo.store().with_keys(SubjectKeys::new(KEYS, other));
    let error = other.commits_after(&ada, 0).await.unwrap_err();
    assert!(matches!(error, StoreError::OtherMasterKey { .. }), "{error}");
    // Ada's sealed name in Ben's stream, as Ben's first event.
    let item = dynamo.item(&ada, 1).await.unwrap();
    let mut moved = item.clone();
    moved.insert("stream".to_owned(), AttributeValue::S(ben.to_string()));
    let put = dynamo.client.put_item().table_name(EVENTS).set_item(Some(moved));
    put.send().await.unwrap();
    let error = store(&dynamo).commits_after(&ben, 0).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
    // As her own second event.
    let mut moved = item;
    moved.insert("seq".to_owned(), AttributeValue::N("2".to_owned()));
    let put = dynamo.client.put_item().table_name(EVENTS).set_item(Some(moved));
    put.send().await.unwrap();
    store(&dynamo).commits_after(&ada, 0).await.unwrap_err();
}

#[tokio::test]
async fn two_who_write_at_once_agree_on_a_key() {
    let dynamo = Dynamo::start().await;
    for id in ["a", "b", "c", "d"] {
        let stream = guest(id);
        let stores: Vec<EventStore> = (0..4).map(|_| store(&dynamo)).collect();
        let commands = stores.iter().map(|store| run(store, &stream, &Enter(CANARY)));
        for done in futures::future::join_all(commands).await {
            committed(done);
        }
        let commits = store(&dynamo).commits_after(&stream, 0).await.unwrap();
        assert!(commits.len() == 4 && is_named(&commits, json!(CANARY)));
    }
}

#[tokio::test]
async fn a_command_that_forgets_destroys_the_key_and_one_that_knew_nothing_of_it_is_decided_again()
{
    let dynamo = Dynamo::start().await;
    let ada = guest("ada");
    let (store, other) = (store(&dynamo), store(&dynamo));
    committed(run(&store, &ada, &Enter(CANARY)).await);
    assert!(!store.is_forgotten(&ada).await.unwrap());
    other.load::<Guest>(&ada).await.unwrap();
    committed(run(&store, &ada, &Forget).await);
    assert!(store.is_forgotten(&ada).await.unwrap());
    let erased = json!({ "$erased": true });
    assert!(is_named(&store.commits_after(&ada, 0).await.unwrap(), erased));
    // It has the state of before in its memory, and even the key.
    assert_eq!(committed(run(&other, &ada, &Leave).await), 3);
    let fresh = dynamo.store().with_keys(keys());
    let new = Execution { is_new: true, ..execution(&ada, &Enter("again")) };
    let refused = fresh.execute(new).await.map(|_| ());
    assert!(matches!(refused, Err(ExecuteError::Store(StoreError::Erased { .. }))), "{refused:?}");
}

/// What was sealed once, by a key that was sealed once. `BLESS=1` writes it if it is not there.
#[tokio::test]
async fn what_was_sealed_once_is_opened_for_ever() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/sealed.json");
    let dynamo = Dynamo::start().await;
    let gold = guest("gold");
    if std::env::var_os("BLESS").is_some() && !file.exists() {
        let store = store(&dynamo);
        for name in ["Ada", "Ada Lovelace", "Countess", "Ada Lovelace"] {
            committed(run(&store, &gold, &Enter(name)).await);
        }
        let mut tables = BTreeMap::new();
        for table in [KEYS, EVENTS] {
            let all = dynamo.client.scan().table_name(table).send().await.unwrap();
            let items = all.items.unwrap().into_iter().map(serde_dynamo::Item::from);
            tables.insert(table, items.collect::<Vec<_>>());
        }
        std::fs::write(&file, serde_json::to_string_pretty(&tables).unwrap() + "\n").unwrap();
        return;
    }
    let tables: BTreeMap<String, Vec<serde_dynamo::Item>> =
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(tables.values().map(Vec::len).collect::<Vec<_>>(), [4, 1]);
    for (table, items) in tables {
        for item in items {
            let put = dynamo.client.put_item().table_name(&table);
            put.set_item(Some(item.into())).send().await.unwrap();
        }
    }
    let commits = store(&dynamo).commits_after(&gold, 0).await.unwrap();
    let names: Vec<_> =
        commits.iter().map(|commit| commit.events[0].data["name"].clone()).collect();
    assert_eq!(names, ["Ada", "Ada Lovelace", "Countess", "Ada Lovelace"]);
    // The snapshot of the third commit is sealed, too.
    let folded = store(&dynamo).load::<Guest>(&gold).await.unwrap();
    assert_eq!((folded.state.name, folded.since_snapshot), (Some("Ada Lovelace".into()), 1));
}

#[tokio::test]
async fn commits_whose_key_is_missing_are_told_from_those_whose_key_is_destroyed() {
    let dynamo = Dynamo::start().await;
    let (ada, ben) = (guest("ada"), guest("ben"));
    let store = store(&dynamo);
    committed(run(&store, &ada, &Enter(CANARY)).await);
    committed(run(&store, &ben, &Leave).await);
    let of = async |stream| store.sealed().commits_after(stream, 0).await.unwrap();
    let (sealed, plain) = (of(&ada).await, of(&ben).await);
    assert!(!store.lacks_key(&sealed).await.unwrap());
    let elsewhere = Dynamo::start().await.store().with_keys(keys());
    assert!(elsewhere.lacks_key(&sealed).await.unwrap());
    assert!(!elsewhere.lacks_key(&plain).await.unwrap());
    elsewhere.forget(&ada, at(1)).await.unwrap();
    assert!(!elsewhere.lacks_key(&sealed).await.unwrap());
    assert!(dynamo.store().lacks_key(&sealed).await.is_err(), "a store without keys knows nothing");
}
