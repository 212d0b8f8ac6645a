//! Personal values are sealed before anything is written, and opened whenever commits are read.

use headwater::{Commit, StreamName, unmarked};
use jiff::Timestamp;
use serde_json::Value;

use crate::keys::{Place, Subject, is_sealed, is_to_be_sealed};
use crate::{EventStore, MasterKey, StoreError, SubjectKeys};

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

    /// Whether the store has keys, so that it can forget.
    pub fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// Forgets a stream's subject for ever: destroys the key of all that is personal in it. The
    /// stream stays. Done again, it changes nothing. Other processes may read it for five minutes
    /// more. Rows, and what others have copied, are not touched.
    ///
    /// # Errors
    /// [`StoreError`], among them that the store has no keys; then nobody was forgotten.
    pub async fn forget(&self, subject: &StreamName, now: Timestamp) -> Result<(), StoreError> {
        let keys = self.keys.as_ref().ok_or_else(no_keys)?;
        keys.destroy(self.connection(), subject, now).await?;
        self.cache().evict(subject);
        Ok(())
    }

    /// Forgets a stream's subject, as an event that was just appended says. If that fails, the
    /// projector does it when it meets the event.
    pub(crate) async fn forget_soon(&self, subject: &StreamName, now: Timestamp) {
        if self.has_keys()
            && let Err(error) = self.forget(subject, now).await
        {
            tracing::error!(%subject, %error, "its key is yet to be destroyed");
        }
    }

    /// Whether a stream's subject was forgotten, read strongly.
    ///
    /// # Errors
    /// [`StoreError`], among them that the store has no keys.
    pub async fn is_forgotten(&self, subject: &StreamName) -> Result<bool, StoreError> {
        let keys = self.keys.as_ref().ok_or_else(no_keys)?;
        keys.is_destroyed(self.connection(), subject).await
    }

    /// Whether commits of one stream are sealed by a key that the keys table does not have. Nobody
    /// could read them: neither what is personal in them, nor that it is erased.
    ///
    /// # Errors
    /// [`StoreError`], among them that the store has no keys.
    pub async fn lacks_key(&self, commits: &[Commit]) -> Result<bool, StoreError> {
        let Some(sealed) = commits.iter().find(|commit| is_sealed(commit)) else {
            return Ok(false);
        };
        let keys = self.keys.as_ref().ok_or_else(no_keys)?;
        let subject = keys.of(self.connection(), &sealed.stream).await?;
        Ok(matches!(subject, Subject::Unknown))
    }

    /// The fingerprint of the master key.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if the store has no keys.
    pub fn fingerprint(&self) -> Result<String, StoreError> {
        Ok(self.master()?.fingerprint().to_owned())
    }

    /// The HMAC-SHA256 of a text under the master key, in hexadecimal.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if the store has no keys.
    pub fn sign(&self, text: &str) -> Result<String, StoreError> {
        Ok(self.master()?.sign(text))
    }

    /// Whether the master key has signed a text so.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if the store has no keys.
    pub fn has_signed(&self, text: &str, signature: &str) -> Result<bool, StoreError> {
        Ok(self.master()?.has_signed(text, signature))
    }

    fn master(&self) -> Result<&MasterKey, StoreError> {
        Ok(self.keys.as_ref().ok_or_else(no_keys)?.master())
    }

    /// Opens what is sealed in commits that came by another way than from this store, as in records
    /// of a stream. What the store itself reads is open.
    ///
    /// # Errors
    /// [`StoreError`] if a key cannot be read, or a value is not what was stored.
    pub async fn open(&self, commits: &mut [Commit]) -> Result<(), StoreError> {
        let Some(keys) = &self.keys else { return Ok(()) };
        for commit in commits.iter_mut().filter(|commit| is_sealed(commit)) {
            keys.of(self.connection(), &commit.stream).await?.open(commit)?;
        }
        Ok(())
    }

    /// Seals what is marked as personal in a commit that is about to be written.
    ///
    /// # Errors
    /// [`StoreError`], among them that the subject is forgotten.
    pub async fn seal(&self, commit: &mut Commit) -> Result<(), StoreError> {
        let is_new = commit.first == 1;
        let Commit { stream, at, events, .. } = commit;
        for event in events {
            let place = Place::Event(event.number);
            self.seal_value(stream, place, &mut event.data, *at, is_new).await?;
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
        self.seal_value(stream, Place::Snapshot(last), state, now, false).await
    }

    async fn seal_value(
        &self,
        stream: &StreamName,
        place: Place,
        data: &mut Value,
        now: Timestamp,
        is_new: bool,
    ) -> Result<(), StoreError> {
        let Some(keys) = self.keys.as_ref().filter(|_| is_to_be_sealed(data)) else {
            *data = unmarked(std::mem::take(data));
            return Ok(());
        };
        let key = keys.to_write(self.connection(), stream, now, is_new).await?;
        let key = key.ok_or_else(|| StoreError::Erased { subject: stream.clone() })?;
        key.seal(stream, place, data)
    }
}

fn no_keys() -> StoreError {
    StoreError::Refused("the store has no keys of what is personal".to_owned())
}
