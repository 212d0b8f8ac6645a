//! `cqrs-es` on `dynamo-es`: a framework from its own constructors, on tables as its
//! `db/create_tables.sh` makes them. Without views, since Headwater's are not folded in its
//! commands either.

use std::collections::HashMap;

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::ScalarAttributeType;
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{EventStoreAggregateContext, PersistedEventStore};
use cqrs_es::{Aggregate, AggregateError, DomainEvent, EventStore};
use dynamo_es::{DynamoCqrs, DynamoEventRepository, dynamodb_cqrs, dynamodb_snapshot_cqrs};

use super::Failure;
use crate::account::{Account, AccountEvent, Overdrawn, Post};
use crate::server::create_table;

/// More events than this, with a snapshot, it does not put into one transaction.
const MOST_EVENTS: u64 = 20;

impl DomainEvent for AccountEvent {
    fn event_type(&self) -> String {
        "Posted".to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

impl Aggregate for Account {
    const TYPE: &'static str = "account";
    type Command = Post;
    type Event = AccountEvent;
    type Error = Overdrawn;
    type Services = ();

    async fn handle(
        &mut self,
        command: Post,
        _: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Overdrawn> {
        let event = command.decide(self)?;
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: AccountEvent) {
        self.fold(&event);
    }
}

/// The framework, and the same store once more for what the framework does not show.
pub struct CqrsEs {
    framework: DynamoCqrs<Account>,
    store: PersistedEventStore<DynamoEventRepository, Account>,
    snapshot_every: Option<u64>,
}

impl CqrsEs {
    pub(super) fn new(client: Client, snapshot_every: Option<u64>) -> Self {
        let repository = DynamoEventRepository::new(client.clone());
        let (framework, store) = match snapshot_every {
            None => (
                dynamodb_cqrs(client, vec![], ()),
                PersistedEventStore::new_event_store(repository),
            ),
            Some(every) => (
                dynamodb_snapshot_cqrs(client, vec![], every as usize, ()),
                PersistedEventStore::new_snapshot_store(repository, every as usize),
            ),
        };
        Self { framework, store, snapshot_every }
    }

    pub(super) async fn execute(&self, account: &str, nth: u64) -> Result<(), Failure> {
        self.framework.execute(account, Post::nth(nth)).await.map_err(failure)
    }

    /// Commits some events at a time, without loading the account in between.
    pub(super) async fn fill(&self, account: &str, events: u64) -> Result<(), Failure> {
        let step = self.snapshot_every.unwrap_or(MOST_EVENTS);
        let (mut state, mut written) = (Account::default(), 0);
        while written < events {
            let next: Vec<_> = (written + 1..=events.min(written + step))
                .map(|nth| Post::nth(nth).event())
                .collect();
            let context = EventStoreAggregateContext {
                aggregate_id: account.to_owned(),
                aggregate: state.clone(),
                current_sequence: written as usize,
                current_snapshot: self
                    .snapshot_every
                    .map(|every| (written / every) as usize)
                    .filter(|snapshot| *snapshot > 0),
            };
            next.iter().for_each(|event| state.fold(event));
            written += next.len() as u64;
            self.store.commit(next, context, HashMap::new()).await.map_err(failure)?;
        }
        Ok(())
    }

    pub(super) async fn state(&self, account: &str) -> Result<Account, Failure> {
        Ok(self.store.load_aggregate(account).await.map_err(failure)?.aggregate)
    }
}

fn failure(error: AggregateError<Overdrawn>) -> Failure {
    match error {
        AggregateError::AggregateConflict => Failure::Conflict,
        error => Failure::other(error),
    }
}

pub(super) async fn create_tables(client: &Client) -> Result<()> {
    let (id, sequence) = (
        ("AggregateTypeAndId", ScalarAttributeType::S),
        ("AggregateIdSequence", ScalarAttributeType::N),
    );
    create_table(client, "Events", &[id.clone(), sequence]).await?;
    create_table(client, "Snapshots", &[id]).await
}
