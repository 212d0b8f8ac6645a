//! Headwater: the command path of its functions, from the store's `execute` on.

use std::time::{Duration, Instant};

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::ScalarAttributeType;
use headwater::{Aggregate, Command, Context, Event, Folded, Rejection, Rule, StreamName, Verdict};
use headwater_dynamodb::{
    EventStore, ExecuteError, Execution, Expected, Idempotency, Origin, StoreConfig,
};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::Failure;
use crate::account::{Account, AccountEvent, Post};
use crate::server::create_table;

/// To the emulator, names that differ in their capitals are the same, and `dynamo-es` has a table
/// `Events`.
pub(crate) const EVENTS: &str = "headwater-events";
pub(crate) const IDEMPOTENCY: &str = "headwater-idempotency";

/// How long a command of a function may take that has five seconds in all.
const PATIENCE: Duration = Duration::from_secs(5);

static OVERDRAWN: Rule =
    Rule { name: "overdrawn", title: "Nobody spends what he does not have.", help: "" };

impl Event for AccountEvent {}

impl Aggregate for Account {
    type Event = AccountEvent;
    const DOMAIN: &'static str = "bench";
    const CATEGORY: &'static str = "accounts";
    const REVISION: u32 = 1;

    fn evolve(&mut self, event: &AccountEvent, _: Timestamp) {
        self.fold(event);
    }
}

impl Command for Post {
    type Aggregate = Account;
    const NAME: &'static str = "Post";

    fn decide(&self, state: &Account, _: &Context) -> Verdict<Account> {
        match Post::decide(self, state) {
            Ok(event) => Ok(vec![event]),
            Err(overdrawn) => Err(Rejection::refused(&OVERDRAWN, overdrawn.to_string())),
        }
    }
}

/// What a process remembers, and what is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The state is remembered.
    Warm,
    /// Every command finds an empty cache.
    Cold,
    /// Warm; and every command has a key of its own.
    Keyed,
}

/// An event store, as a function has it.
pub struct Headwater {
    client: Client,
    store: EventStore,
    mode: Mode,
}

impl Headwater {
    pub(super) fn new(client: Client, mode: Mode) -> Self {
        Self { store: store(client.clone()), client, mode }
    }

    pub(super) async fn execute(&self, account: &str, nth: u64) -> Result<(), Failure> {
        match self.mode {
            Mode::Cold => run(&store(self.client.clone()), account, nth, None).await,
            Mode::Warm => run(&self.store, account, nth, None).await,
            Mode::Keyed => {
                let key = Uuid::now_v7().to_string();
                let answer = |_: Result<&Folded<Account>, &ExecuteError>| json!({ "status": 200 });
                let idempotency = Idempotency {
                    request_hash: key.clone(),
                    body_hash: key.clone(),
                    key,
                    answer: &answer,
                };
                run(&self.store, account, nth, Some(idempotency)).await
            }
        }
    }

    pub(super) async fn fill(&self, account: &str, events: u64) -> Result<(), Failure> {
        for nth in 1..=events {
            run(&self.store, account, nth, None).await?;
        }
        Ok(())
    }

    pub(super) async fn recall(&self, account: &str) -> Result<(), Failure> {
        self.store.load::<Account>(&stream(account)?).await.map(|_| ()).map_err(Failure::other)
    }

    pub(super) async fn state(&self, account: &str) -> Result<Account, Failure> {
        let folded =
            store(self.client.clone()).load(&stream(account)?).await.map_err(Failure::other)?;
        Ok(folded.state)
    }
}

fn store(client: Client) -> EventStore {
    let config = StoreConfig {
        events_table: EVENTS.to_owned(),
        idempotency_table: Some(IDEMPOTENCY.to_owned()),
        unique_key: None,
    };
    EventStore::new(client, config)
}

/// The stream of an account.
pub(super) fn stream(account: &str) -> Result<StreamName, Failure> {
    StreamName::new("acme", Account::DOMAIN, Account::CATEGORY, account).map_err(Failure::other)
}

/// What a commit says of who, when and why: as of a request that came with a trace.
pub(super) fn origin() -> Origin {
    Origin {
        correlation_id: Uuid::now_v7().to_string(),
        causation_id: None,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    }
}

/// Who acts.
pub(super) const ACTOR: &str = "ada";

async fn run(
    store: &EventStore,
    account: &str,
    nth: u64,
    idempotency: Option<Idempotency<'_, Account>>,
) -> Result<(), Failure> {
    let context = Context {
        now: Timestamp::now(),
        id: account.to_owned(),
        fresh_id: Uuid::now_v7(),
        actor: ACTOR.to_owned(),
    };
    let execution = Execution {
        stream: stream(account)?,
        command: &Post::nth(nth),
        context,
        origin: origin(),
        expected: Expected::default(),
        // Whoever opens an account has just made its id up.
        is_new: nth == 1,
        idempotency,
        deadline: Instant::now() + PATIENCE,
    };
    match store.execute(execution).await {
        Ok(_) => Ok(()),
        Err(ExecuteError::Contention) => Err(Failure::Conflict),
        Err(error) => Err(Failure::other(error)),
    }
}

pub(super) async fn create_tables(client: &Client) -> Result<()> {
    create_table(
        client,
        EVENTS,
        &[("stream", ScalarAttributeType::S), ("seq", ScalarAttributeType::N)],
    )
    .await?;
    create_table(client, IDEMPOTENCY, &[("pk", ScalarAttributeType::S)]).await
}
