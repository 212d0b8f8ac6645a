//! Numbers without gaps: each is an event of its sequence's stream, written in the transaction of
//! the events that bear it.

use headwater::{Commit, Metadata, SequenceEvent, StreamName, decode, encode};
use jiff::Timestamp;

use super::heads::Head;
use crate::StoreError;

/// The sequence that a request takes a number from.
pub(crate) struct Numbers {
    stream: StreamName,
    head: Head,
}

impl Numbers {
    /// A sequence whose stream ends like this.
    ///
    /// # Errors
    /// [`StoreError::Newer`] if a newer build says more of it than this one understands: no number
    /// is taken from it then.
    pub(crate) fn new(stream: StreamName, head: Head) -> Result<Self, StoreError> {
        let mut events = head.newest.iter().flat_map(|commit| &commit.events);
        events.try_for_each(|event| decode::<SequenceEvent>(event).map(|_| ()))?;
        Ok(Self { stream, head })
    }

    /// The number that would be taken.
    pub(crate) fn next(&self) -> u64 {
        self.head.version() + 1
    }

    /// When the last number was taken, if one was: none that follows may be dated before it.
    pub(crate) fn last_taken_at(&self) -> Option<Timestamp> {
        self.head.at()
    }

    /// The commit that takes the next number for `taker`.
    pub(crate) fn take(&self, taker: &Commit) -> Result<Commit, StoreError> {
        let event = SequenceEvent::NumberTaken { taker: taker.stream.within_tenant().to_owned() };
        Ok(Commit {
            stream: self.stream.clone(),
            first: self.next(),
            at: self.head.at().map_or(taker.at, |at| at.max(taker.at)),
            metadata: Metadata::clone(&taker.metadata),
            events: vec![encode(self.next(), &event)?],
            snapshot: None,
        })
    }
}
