//! `event-store-adapter-rs`: a repository as its examples have it. It finds an account by its
//! snapshot and the events since, and stores an event, now and then with a snapshot.

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use chrono::Utc;
use event_store_adapter_rs::{
    AggregateId, DynamoDbOptions, DynamoDbTables, EventEnvelope, EventStoreError,
    EventStoreForDynamoDB, SnapshotEnvelope,
};

use super::{Failure, SNAPSHOT_EVERY};
use crate::account::{Account, AccountEvent, Post};
use crate::server::create_table;

const JOURNAL: &str = "journal";
const SNAPSHOT: &str = "snapshot";
const HEAD: &str = "head";
const HISTORY_INDEX: &str = "snapshot-history";

/// An account's id, as the library wants it.
#[derive(Clone, Debug)]
struct AccountId(String);

impl AggregateId for AccountId {
    fn type_name(&self) -> String {
        "account".to_owned()
    }

    fn value(&self) -> String {
        self.0.clone()
    }
}

/// The repository.
pub struct EventStoreAdapter {
    store: EventStoreForDynamoDB<AccountId, Account, AccountEvent>,
}

impl EventStoreAdapter {
    pub(super) async fn open(client: Client) -> Result<Self> {
        let tables = DynamoDbTables {
            journal_table_name: JOURNAL.to_owned(),
            snapshot_table_name: SNAPSHOT.to_owned(),
            head_table_name: HEAD.to_owned(),
            snapshot_history_index_name: HISTORY_INDEX.to_owned(),
        };
        Ok(Self {
            store: EventStoreForDynamoDB::open(client, tables, DynamoDbOptions::default()).await?,
        })
    }

    pub(super) async fn execute(&self, account: &str, nth: u64) -> Result<(), Failure> {
        let id = AccountId(account.to_owned());
        // Whoever opens an account has just made its id up.
        let (state, version) = if nth == 1 {
            (Account::default(), 0)
        } else {
            self.find(&id).await.map_err(failure)?
        };
        let event = Post::nth(nth).decide(&state).map_err(Failure::other)?;
        self.store(id, state, version + 1, event).await
    }

    pub(super) async fn fill(&self, account: &str, events: u64) -> Result<(), Failure> {
        let mut state = Account::default();
        for nth in 1..=events {
            let event = Post::nth(nth).event();
            self.store(AccountId(account.to_owned()), state.clone(), nth, event.clone()).await?;
            state.fold(&event);
        }
        Ok(())
    }

    pub(super) async fn state(&self, account: &str) -> Result<Account, Failure> {
        Ok(self.find(&AccountId(account.to_owned())).await.map_err(failure)?.0)
    }

    /// The account, and the number of its last event.
    async fn find(&self, id: &AccountId) -> Result<(Account, u64), EventStoreError> {
        let Some(read) = self.store.get_latest_snapshot_by_id(id).await? else {
            return Ok((Account::default(), 0));
        };
        let (snapshot, _) = read.into_parts();
        let (mut account, mut version) = snapshot
            .map_or((Account::default(), 0), |found| (found.aggregate().clone(), found.seq_nr()));
        for event in self.store.get_events_by_id_since_seq_nr(id, version + 1).await? {
            version = event.seq_nr();
            account.fold(event.payload());
        }
        Ok((account, version))
    }

    /// Stores the event after `before`, with a snapshot if one is due.
    async fn store(
        &self,
        id: AccountId,
        before: Account,
        number: u64,
        event: AccountEvent,
    ) -> Result<(), Failure> {
        let stored = if number.is_multiple_of(SNAPSHOT_EVERY) {
            let mut after = before;
            after.fold(&event);
            self.store
                .persist_event_and_snapshot(
                    EventEnvelope::new(id, number, Utc::now(), event),
                    SnapshotEnvelope::new(after, number),
                )
                .await
        } else {
            self.store.persist_event(EventEnvelope::new(id, number, Utc::now(), event)).await
        };
        stored.map_err(failure)
    }
}

fn failure(error: EventStoreError) -> Failure {
    match error {
        EventStoreError::OptimisticLock { .. } => Failure::Conflict,
        error => Failure::other(error),
    }
}

/// Three tables, and an index of snapshots that stays empty where no old ones are kept.
pub(super) async fn create_tables(client: &Client) -> Result<()> {
    let aid = ("aid", ScalarAttributeType::S);
    create_table(client, JOURNAL, &[aid.clone(), ("seq_nr", ScalarAttributeType::N)]).await?;
    create_table(client, HEAD, &[aid]).await?;
    let definition = |name, kind| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()
    };
    let key = |name, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let index = GlobalSecondaryIndex::builder()
        .index_name(HISTORY_INDEX)
        .key_schema(key("aid", KeyType::Hash)?)
        .key_schema(key("active_history_seq_nr", KeyType::Range)?)
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build());
    let request = client
        .create_table()
        .table_name(SNAPSHOT)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(definition("aid", ScalarAttributeType::S)?)
        .attribute_definitions(definition("skey", ScalarAttributeType::N)?)
        .attribute_definitions(definition("active_history_seq_nr", ScalarAttributeType::N)?)
        .key_schema(key("aid", KeyType::Hash)?)
        .key_schema(key("skey", KeyType::Range)?)
        .global_secondary_indexes(index.build()?);
    request.send().await?;
    Ok(())
}
