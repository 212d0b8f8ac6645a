//! A DynamoDB in memory with the tables, and whoever works on them as a process of its own.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use dynoxide::Database;
use headwater_dynamodb::{EventStore, Projector, Rebuild, StoreConfig, Views};
use identity::{DOMAIN, PROJECTIONS};
use jiff::Timestamp;
use rusqlite::Connection;
use tokio::net::TcpListener;

const EVENTS: &str = "events";
const VIEWS: &str = "views";
const FEED: &str = "feed";

pub(super) struct Tables {
    endpoint: String,
    client: Client,
}

impl Tables {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let database = Database::memory()?;
        tokio::spawn(dynoxide::server::serve_on(listener, database.clone()));
        let client = client(&endpoint);
        create_table(
            &client,
            EVENTS,
            [("stream", ScalarAttributeType::S), ("seq", ScalarAttributeType::N)],
        )
        .await?;
        for table in [VIEWS, FEED] {
            create_table(
                &client,
                table,
                [("pk", ScalarAttributeType::S), ("sk", ScalarAttributeType::S)],
            )
            .await?;
        }
        index_segments(&database)?;
        Ok(Self { endpoint, client })
    }

    /// What the CLI finds the tables by.
    pub(super) fn environment(&self) -> [(&str, &str); 7] {
        [
            ("AWS_ENDPOINT_URL", &self.endpoint),
            ("AWS_ACCESS_KEY_ID", "headwater"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_REGION", "us-east-1"),
            ("EVENTS_TABLE", EVENTS),
            ("VIEWS_TABLE", VIEWS),
            ("FEED_TABLE", FEED),
        ]
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn events_table(&self) -> &'static str {
        EVENTS
    }

    /// An event store with a client and a cache of its own.
    pub(super) fn store(&self) -> EventStore {
        let config = StoreConfig {
            events_table: EVENTS.to_owned(),
            idempotency_table: None,
            unique_key: None,
        };
        EventStore::new(client(&self.endpoint), config)
    }

    pub(super) fn views(&self) -> Views {
        Views::new(self.store(), VIEWS, DOMAIN)
    }

    pub(super) fn projector(&self) -> Projector {
        Projector::new(self.store(), VIEWS, FEED, DOMAIN, &PROJECTIONS)
    }

    /// Whoever only looks how a rebuild goes.
    pub(super) fn rebuild(&self, store: EventStore) -> Rebuild {
        Rebuild::new(store, VIEWS, DOMAIN, &PROJECTIONS, "watcher", Timestamp::now())
    }
}

/// A page of a segment reads the whole table otherwise, while everybody else waits: what DynamoDB
/// does not do. A database in memory can't be reached from outside, but it can be written to a
/// file, and restored from it.
fn index_segments(database: &Database) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tables.sqlite");
    let path = path.to_str().context("the temporary directory's path is not UTF-8")?;
    database.vacuum_into(path)?;
    let file = Connection::open(path)?;
    for table in [EVENTS, VIEWS] {
        file.execute_batch(&format!(
            "CREATE INDEX \"headwater_segments_{table}\" ON \"{table}\" (substr(hash_prefix, 1, \
             3))"
        ))?;
    }
    drop(file);
    database.restore_from(path)?;
    Ok(())
}

fn client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("headwater", "local", None, None, "test"))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::disabled());
    Client::from_conf(config.build())
}

async fn create_table(
    client: &Client,
    name: &str,
    keys: [(&str, ScalarAttributeType); 2],
) -> Result<()> {
    let mut request =
        client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for ((name, kind), key_type) in keys.into_iter().zip([KeyType::Hash, KeyType::Range]) {
        let definition =
            AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()?;
        let element =
            KeySchemaElement::builder().attribute_name(name).key_type(key_type).build()?;
        request = request.attribute_definitions(definition).key_schema(element);
    }
    request.send().await.with_context(|| format!("the table {name}"))?;
    Ok(())
}
