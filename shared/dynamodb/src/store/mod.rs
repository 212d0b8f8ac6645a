//! The event store: commits in one DynamoDB table, read strongly and never changed.
//!
//! Read in this order:
//!
//! 1. `item`: how a commit is stored in the table; `snapshots`: when one carries a snapshot;
//! 2. `query`: strong reads of a stream's commits, a page at a time; `tiers`: from the table and
//!    the archive as if they were one;
//! 3. `fold`, `read`: states, that go back no further than to a snapshot; `cache` saves the read;
//! 4. `append`: one commit, put where none is yet; `import` takes commits from elsewhere;
//! 5. `scan`: all there is;
//! 6. `personal`: what is stored sealed, and by whom it is read;
//! 7. `unique_key`: which key names the unique values of a table.
//!
//! This room knows nothing of commands: how one is decided and written is in [`crate::command`].

mod append;
mod cache;
mod fold;
mod import;
mod item;
mod personal;
mod query;
mod read;
mod scan;
mod snapshots;
mod tiers;
mod unique_key;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use headwater::{StreamName, UniqueKey};
use tokio::sync::OnceCell;

use self::cache::Cache;
pub use self::import::Imported;
pub(crate) use self::item::is_run;
pub use self::item::{CommitItem, commit_from_item, commit_to_item};
pub(crate) use self::query::{CommitRange, END};
pub use self::read::At;
pub use self::scan::{ScanKey, ScanPage, Selection, Unreadable};
pub(crate) use self::snapshots::{candidate, ride, ride_along};
use crate::connection::Connection;
use crate::{Archive, Item, StoreError, SubjectKeys, Usage};

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
///
/// ```no_run
/// # mod till {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater::{Folded, StreamName};
/// use headwater_dynamodb::{EventStore, StoreConfig, connect};
///
/// # async fn test(config: aws_config::SdkConfig) -> Result<(), Box<dyn std::error::Error>> {
/// let tables = StoreConfig {
///     events_table: "events".to_owned(),
///     idempotency_table: None,
///     unique_key: None,
/// };
/// let store = EventStore::new(connect(&config), tables);
/// let till: Folded<Till> = store.load(&"acme/shop/tills/front".parse()?).await?;
/// println!("open: {}, as of event {}", till.state.is_open, till.version);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct EventStore {
    connection: Connection,
    shared: Arc<Shared>,
    /// The keys of what is personal; without them it is shown sealed.
    keys: Option<SubjectKeys>,
}

struct Shared {
    config: StoreConfig,
    archive: Option<Archive>,
    cache: Cache,
    /// Filled once the table is known to have this store's unique key.
    adoption: OnceCell<()>,
}

impl EventStore {
    /// A store with an empty cache. It asks nothing of DynamoDB yet.
    pub fn new(client: Client, config: StoreConfig) -> Self {
        Self::of(client, config, None)
    }

    /// A store that also reads what was moved from its table to an archive.
    pub fn with_archive(client: Client, config: StoreConfig, archive: Archive) -> Self {
        Self::of(client, config, Some(archive))
    }

    fn of(client: Client, config: StoreConfig, archive: Option<Archive>) -> Self {
        let (cache, adoption) = (Cache::default(), OnceCell::new());
        let shared = Shared { config, archive, cache, adoption };
        Self { connection: Connection::new(client), shared: Arc::new(shared), keys: None }
    }

    /// The same store for one request: its calls give up at `deadline`. Without one each call has
    /// five seconds.
    #[must_use]
    pub fn within(&self, deadline: std::time::Instant) -> Self {
        Self { connection: self.connection.within(deadline), ..self.clone() }
    }

    /// The same store whose calls have so long each, instead of five seconds, where they are given
    /// no deadline.
    #[must_use]
    pub fn patient(&self, patience: Duration) -> Self {
        Self { connection: self.connection.patient(patience), ..self.clone() }
    }

    /// What was used since this was last asked, by all clones together.
    pub fn take_usage(&self) -> Usage {
        self.connection.meter().take()
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn config(&self) -> &StoreConfig {
        &self.shared.config
    }

    pub(crate) fn archive(&self) -> Option<&Archive> {
        self.shared.archive.as_ref()
    }

    /// The key of a commit's item.
    pub(crate) fn key(&self, stream: &StreamName, first: u64) -> Item {
        let stream = AttributeValue::S(stream.to_string());
        let seq = AttributeValue::N(first.to_string());
        Item::from([("stream".to_owned(), stream), ("seq".to_owned(), seq)])
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.shared.cache
    }
}
