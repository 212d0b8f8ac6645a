//! Which key names the unique values of a table. It is written down there once, and any other key
//! is refused: under another one every value would look free.
//!
//! What is written is a fingerprint of the key, as a commit of a stream of its own
//! ([`UniqueKey::STREAM`]). So it goes where the events go: into backups, into dumps, and back.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use headwater::{Commit, Metadata, UniqueKey, UniqueKeyEvent, decode, encode};
use jiff::Timestamp;
use uuid::Uuid;

use crate::connection::{Failed, fault};
use crate::{EventStore, Item, StoreError, commit_from_item, commit_to_item};

/// What the commit says of who wrote it and why.
const ACTOR: &str = "headwater";
const COMMAND: &str = "AdoptUniqueKey";

impl EventStore {
    /// Sees to it that the table's unique values are named by this store's key, which the first
    /// store ever adopts. Without a key it does nothing.
    ///
    /// It costs an eventually consistent read, and a write where there is no key yet. That holds
    /// for the life of the process: commands that need the key do this themselves, so it is only
    /// for doing it early.
    ///
    /// # Errors
    /// [`StoreError::OtherUniqueKey`] if the table has another key; any other [`StoreError`] if
    /// that cannot be told.
    pub async fn adopt_unique_key(&self) -> Result<(), StoreError> {
        match self.unique_key().await {
            Ok(_) | Err(StoreError::NoUniqueKey) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The fingerprint of the key that names the table's unique values; nothing if none was adopted
    /// yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn adopted_fingerprint(&self) -> Result<Option<String>, StoreError> {
        // An item that stands never changes, so an eventually consistent read can only miss it;
        // then the put finds it.
        let request = self
            .connection()
            .client()
            .get_item()
            .table_name(&self.config().events_table)
            .key("stream", AttributeValue::S(UniqueKey::STREAM.to_owned()))
            .key("seq", AttributeValue::N("1".to_owned()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = self.connection().settle(fault, || request.clone().send()).await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.connection().meter().read(&output.consumed_capacity);
        output.item.map(fingerprint).transpose()
    }

    /// The key, once it is known to be the table's.
    pub(crate) async fn unique_key(&self) -> Result<&UniqueKey, StoreError> {
        let key = self.config().unique_key.as_ref().ok_or(StoreError::NoUniqueKey)?;
        self.shared.adoption.get_or_try_init(|| self.adopt(key)).await?;
        Ok(key)
    }

    async fn adopt(&self, key: &UniqueKey) -> Result<(), StoreError> {
        let own = key.fingerprint();
        let adopted = match self.adopted_fingerprint().await? {
            Some(adopted) => adopted,
            // Of many that find none, with one key or with several, the condition lets one be the
            // first.
            None => match self
                .put_if_free(&commit_to_item(commit(&own)?)?)
                .await
                .map_err(Failed::into_store_error)?
            {
                Some(winner) => fingerprint(winner)?,
                None => own.clone(),
            },
        };
        if adopted == own {
            return Ok(());
        }
        let refused = StoreError::OtherUniqueKey { own, adopted };
        tracing::error!(error = %refused, "commands that claim a unique value are refused");
        Err(refused)
    }
}

fn commit(fingerprint: &str) -> Result<Commit, StoreError> {
    let commit_id = Uuid::now_v7();
    let metadata = Metadata {
        commit_id,
        command: COMMAND.to_owned(),
        actor: ACTOR.to_owned(),
        correlation_id: commit_id.to_string(),
        causation_id: None,
        traceparent: None,
        reason: None,
    };
    let event =
        encode(1, &UniqueKeyEvent::UniqueKeyAdopted { fingerprint: fingerprint.to_owned() })?;
    let stream = UniqueKey::STREAM.parse()?;
    Ok(Commit {
        stream,
        first: 1,
        at: Timestamp::now(),
        metadata,
        events: vec![event],
        snapshot: None,
    })
}

/// What the commit of the stream says; of one without an event, nothing, which is no key's
/// fingerprint.
fn fingerprint(item: Item) -> Result<String, StoreError> {
    let commit = commit_from_item(item)?;
    let event = commit.events.last().map(decode).transpose()?;
    Ok(event
        .map_or_else(String::new, |UniqueKeyEvent::UniqueKeyAdopted { fingerprint }| fingerprint))
}
