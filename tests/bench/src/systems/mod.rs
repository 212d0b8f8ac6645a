//! The systems under test, each run as its own documentation says, all with the same domain on the
//! same server.

mod bare_put;
mod cqrs_es;
mod event_store_adapter;
mod headwater;

use std::path::Path;

use anyhow::Result;
use aws_sdk_dynamodb::Client;

use self::bare_put::BarePut;
use self::cqrs_es::CqrsEs;
use self::event_store_adapter::EventStoreAdapter;
pub(crate) use self::headwater::{EVENTS, IDEMPOTENCY};
use self::headwater::{Headwater, Mode};
use crate::account::Account;
use crate::server::{Server, configuration};

/// How many events lie between two snapshots of the peers. `cqrs-es` has 100 in its examples; what
/// a command costs is least at some 10.
pub const SNAPSHOT_EVERY: u64 = 10;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A conditional put of the bytes that Headwater would put, and nothing else: the floor.
    BarePut,
    /// Headwater in a process that has seen the stream.
    Warm,
    /// Headwater in a process that has not.
    Cold,
    /// Headwater, warm, with an Idempotency-Key.
    Keyed,
    /// `cqrs-es` on `dynamo-es`, as it comes.
    CqrsEs,
    /// … with snapshots.
    CqrsEsSnapshots,
    /// `event-store-adapter-rs`, with snapshots.
    EventStoreAdapter,
}

impl Kind {
    /// All of them, the floor first.
    pub const ALL: [Self; 7] = [
        Self::BarePut,
        Self::Warm,
        Self::Cold,
        Self::Keyed,
        Self::CqrsEs,
        Self::CqrsEsSnapshots,
        Self::EventStoreAdapter,
    ];

    /// As the report calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::BarePut => "bare put",
            Self::Warm => "Headwater, warm",
            Self::Cold => "Headwater, cold",
            Self::Keyed => "Headwater, Idempotency-Key",
            Self::CqrsEs => "cqrs-es",
            Self::CqrsEsSnapshots => "cqrs-es, snapshots",
            Self::EventStoreAdapter => "event-store-adapter",
        }
    }

    /// Whether it is an event store, and not only a put.
    pub fn has_state(self) -> bool {
        self != Self::BarePut
    }
}

/// Why a command came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Somebody else was faster, says the system.
    #[error("conflict")]
    Conflict,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    fn other(error: impl std::fmt::Display) -> Self {
        Self::Other(error.to_string())
    }
}

/// Connections to one server.
#[derive(Clone)]
pub struct Clients {
    /// As Headwater makes it; the bare put shares it.
    ours: Client,
    /// As the SDK makes it by default, and the peers' documentation with it.
    peers: Client,
}

impl Clients {
    /// Connects to a server.
    pub async fn connect(endpoint: &str) -> Self {
        let configuration = configuration(endpoint).await;
        Self {
            ours: headwater_dynamodb::connect(&configuration),
            peers: Client::new(&configuration),
        }
    }

    /// Makes the tables of all systems.
    ///
    /// # Errors
    /// If they are there.
    pub async fn create_tables(&self) -> Result<()> {
        headwater::create_tables(&self.ours).await?;
        bare_put::create_tables(&self.ours).await?;
        cqrs_es::create_tables(&self.peers).await?;
        event_store_adapter::create_tables(&self.peers).await
    }
}

/// An empty server with the tables of all systems, and connections to it. `program` is as for
/// [`Server::start`].
///
/// The emulator remembers every transaction for ten minutes, and goes through all of them at each
/// further one. So whatever is timed has a server of its own, or those that write by transactions
/// would pay for all that was measured before.
///
/// # Errors
/// If it does not get ready.
pub async fn fresh_server(program: &Path) -> Result<(Server, Clients)> {
    let server = Server::start(program)?;
    let clients = Clients::connect(server.endpoint()).await;
    clients.create_tables().await?;
    Ok((server, clients))
}

/// One process of a system: what it remembers, no other of the same kind knows.
pub enum System {
    /// See [`Kind::BarePut`].
    BarePut(BarePut),
    /// See [`Kind::Warm`], [`Kind::Cold`], [`Kind::Keyed`].
    Headwater(Headwater),
    /// See [`Kind::CqrsEs`], [`Kind::CqrsEsSnapshots`].
    CqrsEs(CqrsEs),
    /// See [`Kind::EventStoreAdapter`].
    EventStoreAdapter(EventStoreAdapter),
}

impl System {
    /// A process that has just started.
    ///
    /// # Errors
    /// If the system does not find its tables as it wants them.
    pub async fn open(kind: Kind, clients: &Clients) -> Result<Self> {
        let Clients { ours, peers } = clients.clone();
        Ok(match kind {
            Kind::BarePut => Self::BarePut(BarePut::new(ours)?),
            Kind::Warm => Self::Headwater(Headwater::new(ours, Mode::Warm)),
            Kind::Cold => Self::Headwater(Headwater::new(ours, Mode::Cold)),
            Kind::Keyed => Self::Headwater(Headwater::new(ours, Mode::Keyed)),
            Kind::CqrsEs => Self::CqrsEs(CqrsEs::new(peers, None)),
            Kind::CqrsEsSnapshots => Self::CqrsEs(CqrsEs::new(peers, Some(SNAPSHOT_EVERY))),
            Kind::EventStoreAdapter => {
                Self::EventStoreAdapter(EventStoreAdapter::open(peers).await?)
            }
        })
    }

    /// Carries out the `nth` command of an account's life, in whatever state the account is.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn execute(&self, account: &str, nth: u64) -> Result<(), Failure> {
        match self {
            Self::BarePut(system) => system.execute(account, nth).await,
            Self::Headwater(system) => system.execute(account, nth).await,
            Self::CqrsEs(system) => system.execute(account, nth).await,
            Self::EventStoreAdapter(system) => system.execute(account, nth).await,
        }
    }

    /// Gives an account the first `events` events of its life, by the system's own writes, as fast
    /// as it can.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn fill(&self, account: &str, events: u64) -> Result<(), Failure> {
        match self {
            // A put depends on nothing that was put before.
            Self::BarePut(_) => Ok(()),
            Self::Headwater(system) => system.fill(account, events).await,
            Self::CqrsEs(system) => system.fill(account, events).await,
            Self::EventStoreAdapter(system) => system.fill(account, events).await,
        }
    }

    /// Has a system that remembers states remember this one.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn recall(&self, account: &str) -> Result<(), Failure> {
        match self {
            Self::Headwater(system) => system.recall(account).await,
            Self::BarePut(_) | Self::CqrsEs(_) | Self::EventStoreAdapter(_) => Ok(()),
        }
    }

    /// The account as the system finds it in its tables; nothing where it has no such notion.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn state(&self, account: &str) -> Result<Option<Account>, Failure> {
        match self {
            Self::BarePut(_) => Ok(None),
            Self::Headwater(system) => system.state(account).await.map(Some),
            Self::CqrsEs(system) => system.state(account).await.map(Some),
            Self::EventStoreAdapter(system) => system.state(account).await.map(Some),
        }
    }
}
