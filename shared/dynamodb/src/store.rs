use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use headwater::UniqueKey;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::cache::Cache;
use crate::meter::Meter;
use crate::{StoreError, Usage};

/// How long a call may take that was given no deadline, unless it is told otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the store keeps what.
#[derive(Clone)]
pub struct StoreConfig {
    /// The table of the commits.
    pub events_table: String,
    /// The table of the answers to requests with an Idempotency-Key; only commands need it.
    pub idempotency_table: Option<String>,
    /// What names the streams of unique values; only commands of aggregates that have such need it.
    pub unique_key: Option<UniqueKey>,
}

impl StoreConfig {
    pub(crate) fn idempotency_table(&self) -> Result<&str, StoreError> {
        self.idempotency_table.as_deref().ok_or(StoreError::NoIdempotencyTable)
    }
}

/// The event store: commits in a DynamoDB table. Cheap to clone; clones share the cache and the
/// counters.
#[derive(Clone)]
pub struct EventStore {
    shared: Arc<Shared>,
    deadline: Option<Instant>,
    patience: Duration,
}

struct Shared {
    client: Client,
    config: StoreConfig,
    cache: Cache,
    meter: Meter,
    /// Filled once the table is known to have this store's unique key.
    adoption: OnceCell<()>,
}

impl EventStore {
    /// A store with an empty cache. It asks nothing of DynamoDB yet.
    pub fn new(client: Client, config: StoreConfig) -> Self {
        let shared = Shared {
            client,
            config,
            cache: Cache::default(),
            meter: Meter::default(),
            adoption: OnceCell::new(),
        };
        Self { shared: Arc::new(shared), deadline: None, patience: PATIENCE }
    }

    /// The same store for one request: its calls give up at `deadline`. Without one each call has
    /// five seconds.
    #[must_use]
    pub fn within(&self, deadline: std::time::Instant) -> Self {
        Self { deadline: Some(deadline.into()), ..self.clone() }
    }

    /// The same store whose calls have so long each, instead of five seconds, where they are given
    /// no deadline.
    #[must_use]
    pub fn patient(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    /// What was used since this was last asked, by all clones together.
    pub fn take_usage(&self) -> Usage {
        self.shared.meter.take()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.shared.client
    }

    pub(crate) fn config(&self) -> &StoreConfig {
        &self.shared.config
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.shared.cache
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.shared.meter
    }

    pub(crate) fn adoption(&self) -> &OnceCell<()> {
        &self.shared.adoption
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline.unwrap_or_else(|| Instant::now() + self.patience)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Config};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_have_until_the_deadline_or_else_as_long_as_the_store_is_patient() {
        let client = Client::from_conf(
            Config::builder().behavior_version(BehaviorVersion::latest()).build(),
        );
        let config = StoreConfig {
            events_table: "events".to_owned(),
            idempotency_table: None,
            unique_key: None,
        };
        let store = EventStore::new(client, config);
        let now = Instant::now();
        assert_eq!(store.deadline(), now + PATIENCE);
        let patient = store.patient(Duration::from_secs(60));
        assert_eq!(patient.deadline(), now + Duration::from_secs(60));
        let deadline = now + Duration::from_secs(2);
        assert_eq!(patient.within(deadline.into_std()).deadline(), deadline);
    }
}
