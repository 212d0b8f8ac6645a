//! DynamoDB on this machine, in memory, with the tables of the store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use aws_sdk_dynamodb::{Client, Config};
use dynoxide::{Database, ImportOptions};
use headwater::{
    Aggregate, Commit, Context, Decide, Metadata, RecordedEvent, Snapshot, StreamName, UniqueKey,
    encode,
};
use headwater_dynamodb::{
    Archive, Done, EventStore, ExecuteError, Execution, Expected, Item, Objects, Origin,
    StoreConfig, commit_to_item,
};
use jiff::Timestamp;
use tokio::net::TcpListener;
use uuid::Uuid;

use super::person::{Person, PersonEvent};
use super::proxy::{BilledCall, Fault, Proxy};

pub(crate) const EVENTS: &str = "events";
const IDEMPOTENCY: &str = "idempotency";
pub(crate) const ARCHIVE: &str = "archive";
pub(crate) const KEYS: &str = "keys";

/// The tables, a client to them and the proxy between.
pub(crate) struct Dynamo {
    database: Database,
    pub(crate) client: Client,
    proxy: Proxy,
}

impl Dynamo {
    /// Empty tables.
    pub(crate) async fn start() -> Self {
        let database = Database::memory().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(dynoxide::server::serve_on(listener, database.clone()));
        let (proxy, address) = Proxy::start(target).await;
        let client = client(address);
        create_table(
            &client,
            EVENTS,
            &[("stream", ScalarAttributeType::S), ("seq", ScalarAttributeType::N)],
        )
        .await;
        create_table(&client, IDEMPOTENCY, &[("pk", ScalarAttributeType::S)]).await;
        for table in [ARCHIVE, KEYS] {
            let keys = [("pk", ScalarAttributeType::S), ("sk", ScalarAttributeType::S)];
            create_table(&client, table, &keys).await;
        }
        proxy.take_calls();
        Self { database, client, proxy }
    }

    /// A store with an empty cache: a Lambda that has just started.
    pub(crate) fn store(&self) -> EventStore {
        store(self.client.clone())
    }

    /// The same, which reads what was archived in these objects, too.
    pub(crate) fn store_with_archive(&self, objects: Arc<dyn Objects>) -> EventStore {
        let config = config(&[7; 32]);
        EventStore::with_archive(self.client.clone(), config, Archive::new(ARCHIVE, objects))
    }

    /// The same with another secret as its unique key.
    pub(crate) fn store_with_key(&self, secret: &[u8]) -> EventStore {
        store_with_key(self.client.clone(), secret)
    }

    /// From now on the check of the unique key, with which a process starts, is a call like others.
    pub(crate) fn show_starts(&self) {
        self.proxy.show_starts();
    }

    /// The next request of this operation gets this fault.
    pub(crate) fn inject(&self, operation: &str, fault: Fault) {
        self.proxy.inject(operation, fault);
    }

    /// From now on this table is out of reach; or none is.
    pub(crate) fn take_away(&self, table: Option<&str>) {
        self.proxy.take_away(table);
    }

    /// The calls since this was last asked, with their units.
    pub(crate) fn take_calls(&self) -> Vec<BilledCall> {
        self.proxy.take_calls()
    }

    /// Checks the calls since the last time, with their units.
    #[track_caller]
    pub(crate) fn assert_calls(&self, expected: &[(&str, f64)]) {
        let calls = self.take_calls();
        let calls: Vec<(&str, f64)> =
            calls.iter().map(|(operation, units)| (operation.as_str(), *units)).collect();
        assert_eq!(calls, expected);
    }

    /// Puts commits into the table at once, without a call.
    pub(crate) fn import(&self, commits: Vec<Commit>) {
        let items =
            commits.into_iter().map(|commit| imported(commit_to_item(commit).unwrap())).collect();
        self.database.import_items(EVENTS, items, ImportOptions::default()).unwrap();
    }

    /// The item at a key.
    pub(crate) async fn item(&self, stream: &StreamName, seq: u64) -> Option<Item> {
        let request = self.client.get_item().table_name(EVENTS).consistent_read(true);
        let request = request
            .key("stream", AttributeValue::S(stream.to_string()))
            .key("seq", AttributeValue::N(seq.to_string()));
        request.send().await.unwrap().item
    }

    /// Puts the record of an answer under an Idempotency-Key.
    pub(crate) async fn put_record(&self, record: serde_json::Value) {
        let item = serde_dynamo::to_item(record).unwrap();
        self.client.put_item().table_name(IDEMPOTENCY).set_item(Some(item)).send().await.unwrap();
    }

    /// How many items the events table has, besides the one that tells the unique key.
    pub(crate) async fn count(&self) -> i32 {
        let request = self.client.scan().table_name(EVENTS).filter_expression("#stream <> :key");
        let request = request.expression_attribute_names("#stream", "stream");
        request
            .expression_attribute_values(":key", AttributeValue::S(UniqueKey::STREAM.to_owned()))
            .send()
            .await
            .unwrap()
            .count
    }
}

fn store(client: Client) -> EventStore {
    store_with_key(client, &[7; 32])
}

fn store_with_key(client: Client, secret: &[u8]) -> EventStore {
    EventStore::new(client, config(secret))
}

fn config(secret: &[u8]) -> StoreConfig {
    StoreConfig {
        events_table: EVENTS.to_owned(),
        idempotency_table: Some(IDEMPOTENCY.to_owned()),
        unique_key: UniqueKey::new(secret),
    }
}

/// A store whose DynamoDB is out of reach: nothing listens there.
pub(crate) async fn unreachable() -> EventStore {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    store(client(format!("http://{free}")))
}

/// A client as [`headwater_dynamodb::connect`] makes it, with more patience: a busy machine must
/// not look like a lost reply.
fn client(address: String) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(3));
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(address)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts.build());
    Client::from_conf(config.build())
}

async fn create_table(client: &Client, name: &str, keys: &[(&str, ScalarAttributeType)]) {
    let mut request =
        client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for ((name, kind), key_type) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
        let definition =
            AttributeDefinition::builder().attribute_name(*name).attribute_type(kind.clone());
        let element = KeySchemaElement::builder().attribute_name(*name).key_type(key_type);
        request = request
            .attribute_definitions(definition.build().unwrap())
            .key_schema(element.build().unwrap());
    }
    request.send().await.unwrap();
}

fn imported(item: Item) -> dynoxide::types::Item {
    item.into_iter().map(|(name, value)| (name, imported_value(value))).collect()
}

fn imported_value(value: AttributeValue) -> dynoxide::AttributeValue {
    match value {
        AttributeValue::S(text) => dynoxide::AttributeValue::S(text),
        AttributeValue::N(number) => dynoxide::AttributeValue::N(number),
        AttributeValue::L(values) => {
            dynoxide::AttributeValue::L(values.into_iter().map(imported_value).collect())
        }
        AttributeValue::M(map) => dynoxide::AttributeValue::M(imported(map)),
        AttributeValue::Null(_) => dynoxide::AttributeValue::NULL(true),
        other => panic!("a commit has no {other:?}"),
    }
}

/// The stream of a person.
pub(crate) fn person(id: &str) -> StreamName {
    StreamName::new("acme", "people", "persons", id).unwrap()
}

/// A time, in seconds since the epoch.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A commit of a person's.
pub(crate) fn commit(stream: &StreamName, first: u64, events: &[PersonEvent]) -> Commit {
    let events: Vec<RecordedEvent> =
        (first..).zip(events).map(|(number, event)| encode(number, event).unwrap()).collect();
    let metadata = Metadata {
        commit_id: Uuid::now_v7(),
        command: "Import".to_owned(),
        actor: "ada".to_owned(),
        correlation_id: "c".to_owned(),
        causation_id: None,
        traceparent: None,
        reason: None,
    };
    Commit {
        stream: stream.clone(),
        first,
        at: at(i64::try_from(first).unwrap()),
        metadata,
        events,
        snapshot: None,
    }
}

/// A snapshot as the present build writes it.
pub(crate) fn snapshot(state: &Person) -> Snapshot {
    Snapshot { revision: Person::REVISION, state: serde_json::to_value(state).unwrap() }
}

/// A command's execution with nothing special about it.
pub(crate) fn execution<'a, C: Decide>(stream: &StreamName, command: &'a C) -> Execution<'a, C> {
    Execution {
        stream: stream.clone(),
        command,
        context: Context {
            now: at(1_000_000_000),
            id: stream.id().to_owned(),
            fresh_id: Uuid::now_v7(),
            actor: "ada".to_owned(),
        },
        origin: Origin { correlation_id: "c".to_owned(), causation_id: None, traceparent: None },
        expected: Expected::default(),
        is_new: false,
        idempotency: None,
        deadline: Instant::now() + Duration::from_secs(20),
    }
}

/// Executes a command with nothing special about it.
pub(crate) async fn run<C: Decide>(
    store: &EventStore,
    stream: &StreamName,
    command: &C,
) -> Result<Done<C::Aggregate>, ExecuteError> {
    store.execute(execution(stream, command)).await
}

/// Executes a command that must succeed with events, and gives the stream's version after it.
#[track_caller]
pub(crate) fn committed<A: Aggregate>(outcome: Result<Done<A>, ExecuteError>) -> u64 {
    match outcome {
        Ok(Done::Committed(folded)) => folded.version,
        Ok(_) => panic!("nothing was committed"),
        Err(error) => panic!("{error}"),
    }
}
