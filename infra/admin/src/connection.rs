use std::collections::BTreeMap;
use std::env;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use clap::Args;
use headwater::{Domain, Domains, UniqueKey};
use headwater_dynamodb::{
    Archive, Audit, Effects, EventStore, Feed, MasterKey, Projector, Rebuild, StoreConfig,
    SubjectKeys, Views, connect,
};
use headwater_kinesis::Publisher;
use headwater_pipeline::{ArchiveBucket, Failures};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::OnceCell;

/// Where `cargo local` listens by default.
const LOCAL: &str = "http://127.0.0.1:3000";

/// How often a call is tried at least before it is given up.
const ATTEMPTS: u32 = 3;

/// The help's heading for options of every command.
pub(crate) const EVERYWHERE: &str = "Options everywhere";

/// Where the tables are.
#[derive(Args)]
pub(crate) struct Target {
    /// Find the tables through the platform on this machine instead of the environment [default
    /// URL: http://127.0.0.1:3000].
    #[arg(
        long, global = true, value_name = "URL", num_args = 0..=1, require_equals = true,
        default_missing_value = LOCAL, help_heading = EVERYWHERE
    )]
    local: Option<String>,
}

/// The services, and the way to their tables, found when it is first needed.
pub(crate) struct Connection {
    /// What is known of the services.
    pub(crate) domains: Domains,
    target: Target,
    patience: Duration,
    found: OnceCell<Found>,
}

/// Which endpoint to call, and the names of the tables.
struct Found {
    config: SdkConfig,
    /// Tables by the variables that name them for functions; without it the process's own variables
    /// do.
    environment: Option<BTreeMap<String, String>>,
}

/// What the platform on one machine says of itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LocalEndpoint {
    endpoint: String,
    access_key_id: String,
    secret_access_key: String,
    region: String,
    environment: BTreeMap<String, String>,
}

impl Connection {
    /// A connection whose calls of DynamoDB have so long each, repetitions included.
    pub(crate) fn new(domains: Domains, target: Target, patience: Duration) -> Self {
        Self { domains, target, patience, found: OnceCell::new() }
    }

    /// The event store, to read from.
    pub(crate) async fn store(&self) -> Result<EventStore> {
        self.store_with(None).await
    }

    /// The event store, to copy what is stored as it is: it opens nothing that is personal.
    pub(crate) async fn sealed_store(&self) -> Result<EventStore> {
        Ok(self.store().await?.sealed())
    }

    /// The event store, which must have the keys of what is personal.
    pub(crate) async fn store_with_keys(&self) -> Result<EventStore> {
        let store = self.store_to_append().await?;
        let why = "KEYS_TABLE and PERSONAL_KEY are not set: give what the functions have";
        store.has_keys().then_some(store).context(why)
    }

    /// The event store, to append to: it knows the streams of unique values, if the functions'
    /// secret is known.
    pub(crate) async fn store_to_append(&self) -> Result<EventStore> {
        self.store_with(self.unique_key().await?).await
    }

    async fn store_with(&self, unique_key: Option<UniqueKey>) -> Result<EventStore> {
        let events_table = self.name("EVENTS_TABLE").await?;
        let client = connect(&self.found().await?.config);
        let config = StoreConfig { events_table, idempotency_table: None, unique_key };
        let table = self.variable("ARCHIVE_TABLE").await?;
        let store = match table.zip(self.variable("ARCHIVE_BUCKET").await?) {
            Some((table, bucket)) => {
                let bucket = ArchiveBucket::new(&self.found().await?.config, bucket);
                EventStore::with_archive(client, config, Archive::new(table, Arc::new(bucket)))
            }
            None => EventStore::new(client, config),
        };
        let table = self.variable("KEYS_TABLE").await?;
        let store = match table.zip(self.variable("PERSONAL_KEY").await?) {
            Some((table, secret)) => {
                let master = MasterKey::new(secret.as_bytes())
                    .context("PERSONAL_KEY must have at least 32 bytes")?;
                store.with_keys(SubjectKeys::new(table, master))
            }
            None => store,
        };
        Ok(store.patient(self.patience))
    }

    /// The change feeds.
    pub(crate) async fn feed(&self) -> Result<Feed> {
        Ok(Feed::new(self.store().await?, &self.name("FEED_TABLE").await?))
    }

    /// The views of a service.
    pub(crate) async fn views(&self, service: &Domain) -> Result<Views> {
        Ok(Views::new(self.store().await?, &self.name("VIEWS_TABLE").await?, service.name))
    }

    /// What folds a service's events into its views.
    pub(crate) async fn projector(&self, service: &Domain) -> Result<Projector> {
        let (views, feed) = (self.name("VIEWS_TABLE").await?, self.name("FEED_TABLE").await?);
        Ok(Projector::new(self.store().await?, &views, &feed, service.name, service.projections))
    }

    /// What compares a service's views with its events.
    pub(crate) async fn audit(&self, service: &Domain) -> Result<Audit> {
        Ok(Audit::new(
            self.store().await?,
            &self.name("VIEWS_TABLE").await?,
            service.name,
            service.projections,
        ))
    }

    /// What names the streams of unique values, if the functions' secret is known.
    pub(crate) async fn unique_key(&self) -> Result<Option<UniqueKey>> {
        let secret = self.variable("UNIQUE_KEY").await?;
        secret
            .map(|secret| {
                UniqueKey::new(secret.as_bytes()).context("UNIQUE_KEY must have at least 32 bytes")
            })
            .transpose()
    }

    /// What builds a service's views anew.
    pub(crate) async fn rebuild(&self, service: &Domain) -> Result<Rebuild> {
        let (store, views) = (self.store().await?, self.name("VIEWS_TABLE").await?);
        let owner = format!("{}/{:x}", std::process::id(), Timestamp::now().as_nanosecond());
        Ok(Rebuild::new(store, &views, service.name, service.projections, owner, Timestamp::now()))
    }

    /// The effects outside of the handler of this name.
    pub(crate) async fn effects(&self, handler: &str) -> Result<Effects> {
        Ok(Effects::new(self.store().await?, &self.name("EFFECTS_TABLE").await?, handler))
    }

    /// What puts records on the commits stream.
    pub(crate) async fn commits_stream(&self) -> Result<Publisher> {
        self.stream("COMMITS_STREAM").await
    }

    /// What puts records on the stream whose name a variable of the functions holds.
    pub(crate) async fn stream(&self, variable: &str) -> Result<Publisher> {
        let stream = self.name(variable).await?;
        Ok(Publisher::new(headwater_kinesis::connect(&self.found().await?.config), stream))
    }

    /// What functions behind streams gave up.
    pub(crate) async fn failures(&self) -> Result<Failures> {
        Ok(Failures::new(&self.found().await?.config, self.name("FAILURES_BUCKET").await?))
    }

    /// Whether a variable of the functions is known.
    pub(crate) async fn knows(&self, variable: &str) -> Result<bool> {
        Ok(self.variable(variable).await?.is_some())
    }

    /// The name of the table, stream or bucket that a variable of the functions holds.
    async fn name(&self, variable: &str) -> Result<String> {
        self.variable(variable).await?.with_context(|| {
            format!(
                "{variable} is not set: give the name that the functions have in it, or --local \
                 for the platform on this machine"
            )
        })
    }

    /// What functions have in a variable.
    async fn variable(&self, variable: &str) -> Result<Option<String>> {
        Ok(match &self.found().await?.environment {
            Some(environment) => environment.get(variable).cloned(),
            None => env::var(variable).ok().filter(|value| !value.is_empty()),
        })
    }

    async fn found(&self) -> Result<&Found> {
        self.found
            .get_or_try_init(async || match &self.target.local {
                Some(url) => ask(url, self.defaults()).await,
                None => Ok(Found { config: self.defaults().load().await, environment: None }),
            })
            .await
    }

    /// Long patience is for slow answers, too: a page of a scan is a megabyte, and the network may
    /// be slow.
    fn defaults(&self) -> ConfigLoader {
        let timeouts =
            TimeoutConfig::builder().operation_attempt_timeout(self.patience / ATTEMPTS).build();
        aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts)
    }
}

/// Asks the platform on one machine.
async fn ask(url: &str, defaults: ConfigLoader) -> Result<Found> {
    let no_answer = || {
        format!(
            "no platform answers at {url}: start it with `cargo local`, or say where it is with \
             --local=URL"
        )
    };
    // It goes straight to loopback, whatever proxy the environment names.
    let http = reqwest::Client::builder().no_proxy().build()?;
    let answer = http
        .get(format!("{}/dev/endpoint", url.trim_end_matches('/')))
        .send()
        .await
        .with_context(no_answer)?;
    let LocalEndpoint { endpoint, access_key_id, secret_access_key, region, environment } =
        answer.error_for_status().with_context(no_answer)?.json().await.with_context(no_answer)?;
    let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "headwater");
    let config = defaults
        .endpoint_url(endpoint)
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    Ok(Found { config: config.load().await, environment: Some(environment) })
}
