//! The tables, a client that can be watched and cut off, and what the tables hold in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{
    BeforeSerializationInterceptorContextRef, FinalizerInterceptorContextMut,
};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, ConfigBag, Credentials, Intercept, Region};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use aws_smithy_runtime_api::client::interceptors::context::Output;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use headwater::{Commit, FeedPosition, IndexKey, ProjectionFn, Row, StreamName};
use headwater_dynamodb::{
    Doorbell, EventStore, Feed, FeedEntry, Item, Listed, Pace, PageRequest, Projector, Rebuild,
    StoreConfig, Views, commit_to_item,
};
use jiff::{SignedDuration, Timestamp};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use crate::toy::{NOTES, PROJECTIONS};

/// A DynamoDB of its own with the three tables, until it is dropped.
pub(crate) struct World {
    endpoint: String,
    server: tokio::task::JoinHandle<()>,
    pub(crate) client: Client,
}

/// The pace of a rebuild whose process is alone: there is nobody to wait for.
pub(crate) const AT_ONCE: Pace = Pace { settle: Duration::ZERO, lease: Duration::from_secs(3_600) };

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(dynoxide::server::serve_on(
            listener,
            dynoxide::Database::memory().unwrap(),
        ));
        let client = client(&endpoint, Tap::default());
        for (table, hash, range) in [
            ("events", "stream", "seq"),
            ("views", "pk", "sk"),
            ("feed", "pk", "sk"),
            ("effects", "pk", "sk"),
            ("keys", "pk", "sk"),
        ] {
            create_table(&client, table, hash, range).await;
        }
        Self { endpoint, server, client }
    }

    /// A world whose events table holds these commits.
    pub(crate) async fn with(commits: &[Commit]) -> Self {
        let world = Self::new().await;
        world.append(commits).await;
        world
    }

    /// Puts commits into the events table.
    pub(crate) async fn append(&self, commits: &[Commit]) {
        for commit in commits {
            let item = commit_to_item(commit.clone()).unwrap();
            self.client.put_item().table_name("events").set_item(Some(item)).send().await.unwrap();
        }
    }

    pub(crate) fn store(&self, tap: &Tap) -> EventStore {
        let config = StoreConfig {
            events_table: "events".into(),
            idempotency_table: None,
            unique_key: None,
        };
        EventStore::new(client(&self.endpoint, tap.clone()), config)
    }

    /// A projector as another process would have it.
    pub(crate) fn projector(&self) -> Projector {
        self.projector_through(&Tap::default())
    }

    pub(crate) fn projector_through(&self, tap: &Tap) -> Projector {
        Projector::new(self.store(tap), "views", "feed", "toy", &PROJECTIONS)
    }

    pub(crate) fn views(&self) -> Views {
        self.views_through(&Tap::default())
    }

    pub(crate) fn views_through(&self, tap: &Tap) -> Views {
        Views::new(self.store(tap), "views", "toy")
    }

    pub(crate) fn feed(&self) -> Feed {
        self.feed_through(&Tap::default())
    }

    pub(crate) fn feed_through(&self, tap: &Tap) -> Feed {
        Feed::new(self.store(tap), "feed")
    }

    /// The change feed from its start.
    pub(crate) async fn fed(&self) -> Vec<FeedEntry> {
        let start =
            FeedPosition { tenant: "acme".into(), domain: "toy".into(), position: 0, epoch: 1 };
        self.feed().read_after(&start, 10_000).await.unwrap()
    }

    /// The feed has these commits, each once, each stream's in order, at positions without a hole.
    pub(crate) async fn assert_fed_once(&self, commits: &[Commit]) {
        let fed = self.fed().await;
        assert!(fed.iter().map(|entry| entry.position).eq(1..=commits.len() as u64), "{fed:?}");
        let mut heads: BTreeMap<StreamName, u64> = BTreeMap::new();
        for FeedEntry { stream, first, last, .. } in fed {
            let head = heads.entry(stream).or_default();
            assert_eq!(first, *head + 1);
            *head = last;
        }
        let mut expected: BTreeMap<StreamName, u64> = BTreeMap::new();
        for commit in commits {
            let head = expected.entry(commit.stream.clone()).or_default();
            *head = commit.last().max(*head);
        }
        assert_eq!(heads, expected);
        assert!(
            self.feed()
                .streams("acme", "toy", "", None, 1_000)
                .await
                .unwrap()
                .into_iter()
                .eq(expected)
        );
    }

    /// Says that the feed was begun anew so many times.
    pub(crate) async fn begin_feed_anew(&self, epoch: u32) {
        self.put("feed", ("acme/toy", "epoch"), ("epoch", epoch)).await;
    }

    /// A rebuild by another process, which waits for nobody. It begins when the leases of those
    /// before it have ended.
    pub(crate) fn rebuild(&self) -> Rebuild {
        self.rebuild_through(&Tap::default())
    }

    pub(crate) fn rebuild_through(&self, tap: &Tap) -> Rebuild {
        self.rebuild_with(&PROJECTIONS, tap)
    }

    /// A rebuild with other projections than this build has.
    pub(crate) fn rebuild_with(&self, projections: &'static [ProjectionFn], tap: &Tap) -> Rebuild {
        static LATER: AtomicI64 = AtomicI64::new(0);
        let now = Timestamp::now() + SignedDuration::from_hours(LATER.fetch_add(2, SeqCst));
        Rebuild::new(self.store(tap), "views", "toy", projections, Uuid::now_v7(), now)
            .at_pace(AT_ONCE)
    }

    pub(crate) async fn put(
        &self,
        table: &str,
        (pk, sk): (&str, &str),
        (name, number): (&str, u32),
    ) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let put =
            self.client.put_item().table_name(table).item("pk", text(pk)).item("sk", text(sk));
        put.item(name, AttributeValue::N(number.to_string())).send().await.unwrap();
    }

    /// Puts an index row of a note, as a worker would have at this version; or its tombstone, as
    /// builds left them that are older than this one.
    pub(crate) async fn put_place(
        &self,
        (index, order): (&str, &str),
        stream: &StreamName,
        version: u64,
        is_tombstone: bool,
    ) {
        let IndexKey { index, sort } = IndexKey::new(index, order, stream.id());
        let (text, number) = (
            |text: &str| AttributeValue::S(text.to_owned()),
            |number: u64| AttributeValue::N(number.to_string()),
        );
        let put = self
            .client
            .put_item()
            .table_name("views")
            .item("pk", text(&format!("g1/acme/toy/{index}")))
            .item("sk", text(&sort));
        let put = put
            .item("s", text(stream.as_str()))
            .item("v", number(version))
            .item("r", number(NOTES.revision.into()));
        let tombstone = [("x", AttributeValue::Bool(true)), ("ttl", number(4_000_000_000))];
        let put = tombstone
            .into_iter()
            .filter(|_| is_tombstone)
            .fold(put, |put, (name, value)| put.item(name, value));
        put.send().await.unwrap();
    }

    /// Sets a number of an item, as nothing of ours does.
    pub(crate) async fn damage(
        &self,
        table: &str,
        (pk, sk): (&str, &str),
        (name, number): (&str, u32),
    ) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let update =
            self.client.update_item().table_name(table).key("pk", text(pk)).key("sk", text(sk));
        let update = update
            .update_expression("SET #name = :number")
            .expression_attribute_names("#name", name);
        update
            .expression_attribute_values(":number", AttributeValue::N(number.to_string()))
            .send()
            .await
            .unwrap();
    }

    /// Every item of a table.
    pub(crate) async fn items(&self, table: &str) -> Vec<Item> {
        let pages = self.client.scan().table_name(table).into_paginator().items().send();
        pages.collect::<Result<_, _>>().await.unwrap()
    }

    /// Whether any index knows of a stream.
    pub(crate) async fn is_indexed(&self, stream: &StreamName) -> bool {
        let knows =
            |item: &Item| item.get("s").and_then(|s| s.as_s().ok()) == Some(&stream.to_string());
        self.items("views").await.iter().any(knows)
    }

    /// When all work is done, what readers can see of the views: the primary rows, and the index
    /// rows. When an index row was written depends on how commits were taken together, so its
    /// version does not count.
    pub(crate) async fn live(&self) -> Live {
        self.live_of(1).await
    }

    /// The same of another generation than the first.
    pub(crate) async fn live_of(&self, generation: u32) -> Live {
        let prefix = format!("g{generation}/");
        let mut live = Live::default();
        for mut item in self.items("views").await {
            let Some(pk) = text(&item, "pk").strip_prefix(&prefix).map(str::to_owned) else {
                continue;
            };
            let key = (pk, text(&item, "sk"));
            match item.get("s") {
                None if key.1.ends_with('\0') => {
                    // Whether a sum ever was anything else than 0 depends on how commits were taken
                    // together.
                    let amounts = item
                        .into_iter()
                        .filter(|(_, value)| value.as_n().is_ok_and(|number| number != "0"));
                    live.sums.extend(amounts.map(|(name, value)| {
                        ((key.0.clone(), key.1.clone(), name), value.as_n().unwrap().clone())
                    }));
                }
                None => {
                    assert!(!item.contains_key("k"), "removals are left over in {item:?}");
                    // Which lines were changed with a row depends on that too.
                    item.retain(|name, _| !["pk", "sk", "l"].contains(&name.as_str()));
                    live.rows.insert(key, item.into_iter().collect());
                }
                Some(stream) => {
                    assert!(live.index.insert((key.0, key.1, stream.as_s().unwrap().clone())))
                }
            }
        }
        live
    }
}

/// Runs a property on so many cases, each in a runtime of its own.
pub(crate) fn check<T: std::fmt::Debug>(
    cases: u32,
    inputs: impl Strategy<Value = T>,
    property: impl AsyncFn(T),
) {
    let config = Config { cases, max_shrink_iters: 50, ..Config::default() };
    let outcome = TestRunner::new(config).run(&inputs, |input| {
        tokio::runtime::Runtime::new().unwrap().block_on(property(input));
        Ok(())
    });
    outcome.unwrap();
}

impl Live {
    /// Whether a reader sees the same here as in the other. Here may be index rows besides that
    /// workers have left who died while they were overtaken: hints that lead nowhere.
    pub(crate) fn shows_the_same_as(&self, other: &Self) -> bool {
        self.rows == other.rows && self.sums == other.sums && self.index.is_superset(&other.index)
    }
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Live {
    pub(crate) rows: BTreeMap<(String, String), BTreeMap<String, AttributeValue>>,
    pub(crate) index: BTreeSet<(String, String, String)>,
    pub(crate) sums: BTreeMap<(String, String, String), String>,
}

pub(crate) fn text(item: &Item, name: &str) -> String {
    item[name].as_s().unwrap().clone()
}

/// The records that commits lead to, each as its commit's.
pub(crate) fn doorbells(commits: &[Commit]) -> Vec<Doorbell> {
    let bell = |commit: &Commit| Doorbell {
        stream: commit.stream.clone(),
        version: commit.last(),
        commit: Some(commit.clone()),
    };
    commits.iter().map(bell).collect()
}

/// A record without its commit.
pub(crate) fn bare(stream: &StreamName, version: u64) -> Doorbell {
    Doorbell { stream: stream.clone(), version, commit: None }
}

/// A list of notes, read as a client would: page by page.
pub(crate) async fn list(views: &Views, request: PageRequest<'_>) -> Vec<(StreamName, Row)> {
    let mut listed = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = views.page(PageRequest { after: after.as_deref(), ..request }).await.unwrap();
        assert!(page.rows.len() <= request.limit);
        assert!(
            page.next.is_none() || page.next.as_deref() > after.as_deref(),
            "a list comes to its end"
        );
        listed.extend(shown(page.rows));
        after = page.next;
        if after.is_none() {
            return listed;
        }
    }
}

/// What a page shows, without the places.
pub(crate) fn shown(rows: Vec<Listed>) -> Vec<(StreamName, Row)> {
    rows.into_iter().map(|Listed { stream, row, .. }| (stream, row)).collect()
}

/// All notes, `limit` at a time.
pub(crate) fn all_notes(limit: usize) -> PageRequest<'static> {
    PageRequest {
        tenant: "acme",
        index: "notes",
        projection: &NOTES,
        exact_order: None,
        up_to_order: None,
        after: None,
        limit,
        overlay: None,
        keep: &|_| true,
    }
}

/// Watches the calls of a client, refuses those that a test wants refused, and has its hand in the
/// answers.
#[derive(Clone, Default)]
pub(crate) struct Tap(Arc<Watch>);

/// Whether to refuse a call, given how many there were before and its input as `Debug` writes it.
type Refuse = dyn Fn(usize, &str) -> bool + Send + Sync;

/// May change the answer to an operation, or lose it: then the operation is done, and nobody knows.
type Answer = dyn Fn(&str, &mut Output) -> Result<(), BoxError> + Send + Sync;

#[derive(Default)]
struct Watch {
    calls: Mutex<Vec<String>>,
    refuse: Option<Box<Refuse>>,
    answer: Option<Box<Answer>>,
}

impl Tap {
    /// Lets so many calls through: then the process is dead.
    pub(crate) fn dying_after(calls: usize) -> Self {
        Self::refusing(move |count, _| count >= calls)
    }

    /// Refuses the calls of which this is true.
    pub(crate) fn refusing(refuse: impl Fn(usize, &str) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(Watch { refuse: Some(Box::new(refuse)), ..Watch::default() }))
    }

    /// Lets all calls through, and this sees to the answers.
    pub(crate) fn answering(
        answer: impl Fn(&str, &mut Output) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Watch { answer: Some(Box::new(answer)), ..Watch::default() }))
    }

    /// The operations called since this was last asked.
    pub(crate) fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.0.calls.lock().unwrap())
    }
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tap")
    }
}

impl Intercept for Tap {
    fn name(&self) -> &'static str {
        "tap"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut calls = self.0.calls.lock().unwrap();
        let input = format!("{:?}", context.input());
        if self.0.refuse.as_ref().is_some_and(|refuse| refuse(calls.len(), &input)) {
            return Err("refused by the test".into());
        }
        calls.push(config.load::<Metadata>().unwrap().name().to_owned());
        Ok(())
    }

    fn modify_before_attempt_completion(
        &self,
        context: &mut FinalizerInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        match (&self.0.answer, context.output_or_error_mut()) {
            (Some(answer), Some(Ok(output))) => {
                answer(config.load::<Metadata>().unwrap().name(), output)
            }
            _ => Ok(()),
        }
    }
}

fn client(endpoint: &str, tap: Tap) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::disabled())
        .interceptor(tap)
        .build();
    Client::from_conf(config)
}

async fn create_table(client: &Client, table: &str, hash: &str, range: &str) {
    let kind = if range == "seq" { ScalarAttributeType::N } else { ScalarAttributeType::S };
    let attribute = |name: &str, kind| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
    };
    let key = |name: &str, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
    };
    client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute(hash, ScalarAttributeType::S))
        .attribute_definitions(attribute(range, kind))
        .key_schema(key(hash, KeyType::Hash))
        .key_schema(key(range, KeyType::Range))
        .send()
        .await
        .unwrap();
}
