//! Personal values are sealed before anything is written, and opened whenever commits are read.

use headwater::{Commit, StreamName};
use jiff::Timestamp;
use serde_json::Value;

use crate::keys::{Place, has_open, is_sealed, plain};
use crate::{EventStore, StoreError, SubjectKeys};

impl EventStore {
    /// The same store with the keys of what is personal: it seals that, and opens it. Without keys
    /// what is personal is written as it is, and what is sealed is shown so.
    ///
    /// ```no_run
    /// use headwater_dynamodb::{EventStore, MasterKey, SubjectKeys};
    ///
    /// fn with_keys(store: EventStore, secret: &[u8]) -> Option<EventStore> {
    ///     Some(store.with_keys(SubjectKeys::new("keys", MasterKey::new(secret)?)))
    /// }
    /// ```
    #[must_use]
    pub fn with_keys(self, keys: SubjectKeys) -> Self {
        Self { keys: Some(keys), ..self }
    }

    /// The same store without keys: for those who copy what is stored as it is.
    #[must_use]
    pub fn sealed(&self) -> Self {
        Self { keys: None, ..self.clone() }
    }

    /// Forgets a stream's subject for ever: destroys the key of all that is personal in it. The
    /// stream stays. Done again, it changes nothing. Other processes may read it for five minutes
    /// more. Rows, and what others have copied, are not touched.
    ///
    /// # Errors
    /// [`StoreError`], among them that the store has no keys; then nobody was forgotten.
    pub async fn forget(&self, subject: &StreamName, now: Timestamp) -> Result<(), StoreError> {
        let keys = self.keys.as_ref().ok_or_else(|| {
            StoreError::Refused("a store without keys can forget nobody".to_owned())
        })?;
        keys.destroy(self.connection(), subject, now).await?;
        self.cache().evict(subject);
        Ok(())
    }

    /// Opens what is sealed in commits.
    pub(crate) async fn open(&self, commits: &mut [Commit]) -> Result<(), StoreError> {
        let Some(keys) = &self.keys else { return Ok(()) };
        for commit in commits.iter_mut().filter(|commit| is_sealed(commit)) {
            keys.of(self.connection(), &commit.stream).await?.open(commit)?;
        }
        Ok(())
    }

    /// Seals what is personal in a commit that is about to be written.
    pub(crate) async fn seal(&self, commit: &mut Commit) -> Result<(), StoreError> {
        let Commit { stream, at, events, .. } = commit;
        for event in events {
            self.seal_value(stream, Place::Event(event.number), &mut event.data, *at).await?;
        }
        Ok(())
    }

    /// Seals what is personal in a snapshot after this event of the stream.
    pub(crate) async fn seal_state(
        &self,
        stream: &StreamName,
        last: u64,
        state: &mut Value,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.seal_value(stream, Place::Snapshot(last), state, now).await
    }

    async fn seal_value(
        &self,
        stream: &StreamName,
        place: Place,
        data: &mut Value,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if !has_open(data) {
            return Ok(());
        }
        let Some(keys) = &self.keys else {
            plain(data);
            return Ok(());
        };
        let key = keys.to_write(self.connection(), stream, now).await?;
        let key = key.ok_or_else(|| StoreError::Erased { subject: stream.clone() })?;
        key.seal(stream, place, data)
    }
}
