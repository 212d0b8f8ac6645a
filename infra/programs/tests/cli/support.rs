//! A machine with tables that hold the golden histories, projected.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{fs, iter};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use axum::routing::get;
use axum::{Json, Router};
use headwater::{
    Commit, Domains, RecordedEvent, SequenceEvent, StreamName, UniqueEvent, UniqueKey, encode,
};
use headwater_dynamodb::{Doorbell, Effects, EventStore, Projector, StoreConfig, commit_to_item};
use headwater_services::{History, Number, effects};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::door::Door;

/// The histories that `tests/golden` keeps for ever: one stream of each kind.
const HISTORIES: [&str; 8] = [
    "identity/user",
    "identity/group",
    "identity/membership",
    "invoicing/customer",
    "invoicing/invoice",
    "licensing/customer",
    "licensing/playback",
    "licensing/policy",
];

/// What a command line came to.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: u8,
}

/// Where the tables are, and what `--local` asks.
pub(crate) struct Machine {
    pub(crate) dynamodb: String,
    pub(crate) platform: String,
    pub(crate) door: Door,
    pub(crate) client: Client,
    /// Where the door is.
    endpoint: String,
}

impl Machine {
    /// Empty tables.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dynamodb = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()));
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(&dynamodb);
        let client = Client::from_conf(config.build());
        let events = [("stream", ScalarAttributeType::S), ("seq", ScalarAttributeType::N)];
        let others = [("pk", ScalarAttributeType::S), ("sk", ScalarAttributeType::S)];
        for (table, keys) in [
            ("events", events),
            ("views", others.clone()),
            ("feed", others.clone()),
            ("keys", others.clone()),
            ("effects", others),
        ] {
            create_table(&client, table, keys).await;
        }
        let (door, endpoint) = Door::open(dynamodb.clone()).await;
        let platform = platform(&endpoint, json!({})).await;
        Self { dynamodb, platform, door, client, endpoint }
    }

    /// Tables with the golden histories, projected.
    pub(crate) async fn with_histories() -> Self {
        let machine = Self::start().await;
        let commits: Vec<Commit> = HISTORIES.into_iter().flat_map(history).collect();
        machine.append(&commits).await;
        assert_eq!(machine.project(&commits).await, []);
        machine.forgo(&commits).await;
        machine
    }

    /// Notes that the mails which these commits ask for are not to be sent.
    async fn forgo(&self, commits: &[Commit]) {
        for (handler, effect) in commits.iter().flat_map(|commit| effects(&domains(), commit)) {
            Effects::new(self.store(), "effects", handler).forgo(&effect).await.unwrap();
        }
    }

    /// The same, with the streams of unique values and of numbers that go with them, whose key the
    /// platform tells: nothing is missing.
    pub(crate) async fn with_everything() -> Self {
        let mut machine = Self::with_histories().await;
        machine.platform = platform(&machine.endpoint, json!({ "UNIQUE_KEY": SECRET })).await;
        let key = UniqueKey::new(SECRET.as_bytes()).unwrap();
        let mut histories: Vec<Vec<Commit>> = HISTORIES.map(history).into();
        histories.extend(others(&history("invoicing/invoice")[0]));
        for commits in &histories {
            machine.append(commits).await;
            machine.project(commits).await;
            machine.forgo(commits).await;
            let (stream, last) = (&commits[0].stream, commits.last().unwrap());
            let History { holds, numbers, .. } =
                headwater_services::history(&domains(), stream, commits);
            for value in holds {
                let value = key.stream(stream.tenant(), stream.domain(), &value).unwrap();
                let claimed =
                    UniqueEvent::UniqueValueClaimed { holder: stream.within_tenant().to_owned() };
                machine
                    .append(&[Commit {
                        stream: value,
                        first: 1,
                        events: vec![encode(1, &claimed).unwrap()],
                        ..last.clone()
                    }])
                    .await;
            }
            for Number { sequence, number, taker } in numbers {
                let taken = encode(number, &SequenceEvent::NumberTaken { taker }).unwrap();
                machine
                    .append(&[Commit {
                        stream: sequence,
                        first: number,
                        events: vec![taken],
                        ..last.clone()
                    }])
                    .await;
            }
        }
        machine
    }

    /// The same with the keys of what is personal.
    pub(crate) async fn with_keys() -> Self {
        let machine = Self::with_everything().await;
        let keys = json!({ "UNIQUE_KEY": SECRET, "KEYS_TABLE": "keys", "PERSONAL_KEY": SECRET });
        Self { platform: platform(&machine.endpoint, keys).await, ..machine }
    }

    /// The same tables with another secret, as the platform tells it.
    pub(crate) async fn with_secret(self, secret: &str) -> Self {
        Self { platform: platform(&self.dynamodb, json!({ "UNIQUE_KEY": secret })).await, ..self }
    }

    /// Adopts the key of a secret, as the first start of a function does.
    pub(crate) async fn adopt(&self, secret: &str) {
        let unique_key = UniqueKey::new(secret.as_bytes());
        let config =
            StoreConfig { events_table: "events".to_owned(), idempotency_table: None, unique_key };
        EventStore::new(self.client.clone(), config).adopt_unique_key().await.unwrap();
    }

    /// Projects commits, and tells which streams were parked.
    pub(crate) async fn project(&self, commits: &[Commit]) -> Vec<StreamName> {
        let mut parked = Vec::new();
        for service in domains().iter() {
            let projector =
                Projector::new(self.store(), "views", "feed", service.name, service.projections);
            let own = commits.iter().filter(|commit| commit.stream.domain() == service.name);
            let doorbells = own.map(|commit| Doorbell {
                stream: commit.stream.clone(),
                version: commit.last(),
                commit: Some(commit.clone()),
            });
            let report = projector.project(doorbells.collect()).await;
            assert!(report.failed.is_empty(), "{report:?}");
            parked.extend(report.parked);
        }
        parked
    }

    /// All items of a table, in order of key.
    pub(crate) async fn items(&self, table: &str) -> Vec<BTreeMap<String, AttributeValue>> {
        let found =
            self.client.scan().table_name(table).send().await.unwrap().items.unwrap_or_default();
        let mut items: Vec<BTreeMap<_, _>> = found.into_iter().map(BTreeMap::from_iter).collect();
        items.sort_by_key(|item| {
            ["pk", "sk", "stream", "seq"].map(|name| format!("{:?}", item.get(name)))
        });
        items
    }

    pub(crate) async fn append(&self, commits: &[Commit]) {
        for commit in commits {
            let item = commit_to_item(commit.clone()).unwrap();
            self.client.put_item().table_name("events").set_item(Some(item)).send().await.unwrap();
        }
    }

    /// Says that a stream's row was folded by another revision.
    pub(crate) async fn change_revision(&self, stream: &str) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let update = self
            .client
            .update_item()
            .table_name("views")
            .key("pk", text(&format!("g1/{stream}")))
            .key("sk", text("row"));
        let update = update
            .update_expression("SET r = :r")
            .expression_attribute_values(":r", AttributeValue::N("99".to_owned()));
        update.send().await.unwrap();
    }

    pub(crate) fn store(&self) -> EventStore {
        let config = StoreConfig {
            events_table: "events".to_owned(),
            idempotency_table: None,
            unique_key: None,
        };
        EventStore::new(self.client.clone(), config)
    }

    /// Runs a command line on this machine, as `streams ls --tenant acme`.
    pub(crate) async fn run(&self, line: &str) -> Answer {
        run(&format!("{line} --local={}", self.platform)).await
    }
}

/// Invoices with the numbers before the golden one's.
fn others(golden: &Commit) -> Vec<Vec<Commit>> {
    let numbered = |number: u64| {
        let draft = Commit {
            stream: format!("acme/invoicing/invoices/n{number}").parse().unwrap(),
            ..golden.clone()
        };
        let first = draft.last() + 1;
        let event = RecordedEvent {
            number: first,
            event_type: "InvoiceNumberSet".to_owned(),
            version: 1,
            data: json!({ "number": number }),
        };
        vec![draft.clone(), Commit { first, events: vec![event], ..draft }]
    };
    (1..GOLDEN_NUMBER).map(numbered).collect()
}

/// A commit that goes with another: one event of a stream that no projector knows, as of a unique
/// value.
pub(crate) fn with(commit: &Commit, stream: &str, first: u64, event: serde_json::Value) -> Commit {
    let event = RecordedEvent {
        number: first,
        event_type: "UniqueValueClaimed".to_owned(),
        version: 1,
        data: event,
    };
    Commit { stream: stream.parse().unwrap(), first, events: vec![event], ..commit.clone() }
}

/// What the CLI knows of the services.
pub(crate) fn domains() -> Domains {
    headwater_lambda::domains(&platform_functions::services())
}

/// Runs a command line.
pub(crate) async fn run(line: &str) -> Answer {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let arguments = iter::once("headwater").chain(line.split_whitespace());
    let code = headwater_admin::run(domains(), arguments.map(Into::into), &mut out, &mut err).await;
    Answer { out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap(), code }
}

/// A golden history, but for the commit at its end that erases it.
pub(crate) fn history(name: &str) -> Vec<Commit> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join(format!("../../tests/golden/{name}.history.json"));
    let mut commits: Vec<Commit> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    commits.retain(|commit| commit.events.iter().all(|e| !e.event_type.ends_with("Erased")));
    commits
}

/// The number of the golden invoice.
pub(crate) const GOLDEN_NUMBER: u64 = 12;

/// The functions' secret.
pub(crate) const SECRET: &str = "a secret of thirty-two bytes....";

/// What the platform says of itself under `/dev/endpoint`.
async fn platform(endpoint: &str, more: Value) -> String {
    let mut answer = json!({
        "endpoint": endpoint, "accessKeyId": "headwater", "secretAccessKey": "local",
        "region": "us-east-1",
        "environment": {
            "EVENTS_TABLE": "events", "VIEWS_TABLE": "views", "FEED_TABLE": "feed",
            "EFFECTS_TABLE": "effects", "COMMITS_STREAM": "commits",
            "FAILURES_BUCKET": "failures", "EXTERNAL_USERS_STREAM": "external-users",
        },
    });
    answer["environment"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/dev/endpoint", get(|| async { Json(answer) }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn create_table(client: &Client, name: &str, keys: [(&str, ScalarAttributeType); 2]) {
    let mut request =
        client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for ((name, kind), key_type) in keys.into_iter().zip([KeyType::Hash, KeyType::Range]) {
        let definition = AttributeDefinition::builder().attribute_name(name).attribute_type(kind);
        let element = KeySchemaElement::builder().attribute_name(name).key_type(key_type);
        request = request
            .attribute_definitions(definition.build().unwrap())
            .key_schema(element.build().unwrap());
    }
    request.send().await.unwrap();
}
