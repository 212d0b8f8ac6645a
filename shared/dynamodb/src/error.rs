//! Why the store could not answer, or what is stored cannot be read.

use headwater::{EventError, InvalidStreamName, NewerEvent, StreamName};

/// Why the store could not answer. Never a client's doing.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Out of reach or throttled until the deadline. Nothing was written.
    #[error("the store is out of reach: {0}")]
    Unavailable(String),
    /// DynamoDB refused the request: a missing right, a missing table, a defect.
    #[error("the store refused: {0}")]
    Refused(String),
    /// A stored item is not a commit, or a commit cannot be stored.
    #[error(transparent)]
    Item(#[from] ItemError),
    /// A stored event is of a newer build than this one. Nothing was decided on a state without it,
    /// and nothing was written.
    #[error(transparent)]
    Newer(NewerEvent),
    /// A stored event cannot be read, or an event cannot be written.
    #[error(transparent)]
    Event(EventError),
    /// A state cannot be turned into a snapshot, or an answer into a record: it serializes to
    /// nothing that JSON knows.
    #[error("cannot be serialized: {0}")]
    Unserializable(#[from] serde_json::Error),
    /// A commit is missing from a history, which is never rewritten: it was tampered with.
    #[error("{stream} lacks the event {missing}")]
    Gap {
        /// Whose history.
        stream: StreamName,
        /// The number of the first event that should be there.
        missing: u64,
    },
    /// A run of the archive is not what was written there.
    #[error("the archive's run of {stream} from event {first} on, in {object}, is damaged: {why}")]
    Archive {
        /// Whose commits it should hold.
        stream: StreamName,
        /// The number of the first event that it should hold.
        first: u64,
        /// The object that should hold it.
        object: String,
        /// What is wrong.
        why: String,
    },
    /// The aggregate has unique values, but the store was given no key for them.
    #[error("unique values need a key")]
    NoUniqueKey,
    /// The table's unique values are named by another key than the store's. Nothing was written.
    #[error(
        "UNIQUE_KEY is not the key that names the unique values of this table: its fingerprint is \
         {own}, the table's key has {adopted}"
    )]
    OtherUniqueKey {
        /// The fingerprint of the store's key.
        own: String,
        /// That of the key which the table was begun with.
        adopted: String,
    },
    /// A subject's key was sealed by another master key than this one.
    #[error("the key of {subject} was sealed by the master key {other}, and this one is {own}")]
    OtherMasterKey {
        /// Whose key.
        subject: StreamName,
        /// The fingerprint of the store's master key.
        own: String,
        /// That of the key which sealed it.
        other: String,
    },
    /// Something personal was to be written to a stream whose key was destroyed. Nothing was
    /// written.
    #[error("{subject} was forgotten: nothing personal is written to it any more")]
    Erased {
        /// Whose key was destroyed.
        subject: StreamName,
    },
    /// A command has an Idempotency-Key, but the store was given no table for it.
    #[error("an Idempotency-Key needs a table")]
    NoIdempotencyTable,
    /// The category of a unique value cannot be part of a stream's name.
    #[error(transparent)]
    Name(#[from] InvalidStreamName),
}

impl From<EventError> for StoreError {
    fn from(error: EventError) -> Self {
        match error {
            EventError::Newer(event) => Self::Newer(event),
            error => Self::Event(error),
        }
    }
}

/// An item of the events table is not a commit as this build knows it, or a commit cannot be
/// stored: a defect or a damaged item.
#[derive(Debug, thiserror::Error)]
pub enum ItemError {
    /// An attribute is missing or of the wrong kind.
    #[error("not a commit: {0}")]
    Shape(#[from] serde_dynamo::Error),
    /// A run of the archive is not what was written there.
    #[error("{0}")]
    Archived(String),
    /// Its time is beyond what a timestamp holds.
    #[error("commit {stream}@{seq} has the time {at}")]
    Time {
        /// Its partition key.
        stream: StreamName,
        /// Its sort key.
        seq: u64,
        /// In milliseconds since the epoch.
        at: i64,
    },
    /// It counts from 0, holds no event, or not as many as it says.
    #[error("commit {stream}@{seq} does not hold {count} events")]
    Count {
        /// Its partition key.
        stream: StreamName,
        /// Its sort key.
        seq: u64,
        /// As many as it says.
        count: u64,
    },
}
