use headwater::{NewerEvent, StreamName};

use super::fold::FoldError;
use crate::StoreError;

/// Why a view cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A token names a version that its stream has not.
    #[error("{stream} has got to version {head} only")]
    Ahead {
        /// Which stream.
        stream: StreamName,
        /// Its last event.
        head: u64,
    },
    /// The stream has an event that cannot be folded, so it cannot be brought up to date.
    #[error("{stream} is parked: {reason}")]
    Parked {
        /// Which stream.
        stream: StreamName,
        /// What went wrong, for an operator.
        reason: String,
    },
    /// The stream has an event of a newer build, before what is demanded. That build will take it
    /// up.
    #[error("{stream}: {event}")]
    Newer {
        /// Which stream.
        stream: StreamName,
        /// Which event.
        event: NewerEvent,
    },
    /// The place to go on after is none of this list.
    #[error("a place of another list")]
    Cursor,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ReadError {
    pub(super) fn of(stream: &StreamName, error: FoldError) -> Self {
        match error {
            FoldError::Newer(event) => Self::Newer { stream: stream.clone(), event },
            FoldError::Poison(reason) => Self::Parked { stream: stream.clone(), reason },
            FoldError::Store(error) => Self::Store(error),
        }
    }
}
