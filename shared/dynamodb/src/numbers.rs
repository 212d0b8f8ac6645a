//! Numbers without gaps: each is an event of its sequence's stream, written in the transaction of the events that bear it.

use headwater::{Commit, Metadata, SequenceEvent, StreamName, encode};
use jiff::Timestamp;

use crate::query::END;
use crate::{EventStore, StoreError};

/// The sequence that a request takes a number from, as it was read in this request.
pub(crate) struct Numbers {
    stream: StreamName,
    head: u64,
    at: Option<Timestamp>,
}

impl Numbers {
    pub(crate) async fn read(store: &EventStore, stream: StreamName) -> Result<Self, StoreError> {
        let newest = store.newest(&stream, 1..=END).await?;
        Ok(Self { stream, head: newest.as_ref().map_or(0, Commit::last), at: newest.map(|commit| commit.at) })
    }

    /// The number that would be taken.
    pub(crate) fn next(&self) -> u64 {
        self.head + 1
    }

    /// When the last number was taken, if one was: none that follows may be dated before it.
    pub(crate) fn last_taken_at(&self) -> Option<Timestamp> {
        self.at
    }

    /// Reads it again if it is among the streams that have moved.
    pub(crate) async fn refresh(&mut self, store: &EventStore, moved: &[StreamName]) -> Result<(), StoreError> {
        if moved.contains(&self.stream) {
            *self = Self::read(store, self.stream.clone()).await?;
        }
        Ok(())
    }

    /// The commit that takes the next number for `taker`.
    pub(crate) fn take(&self, taker: &Commit) -> Result<Commit, StoreError> {
        let event = SequenceEvent::NumberTaken { taker: taker.stream.within_tenant().to_owned() };
        Ok(Commit {
            stream: self.stream.clone(),
            first: self.next(),
            at: self.at.map_or(taker.at, |at| at.max(taker.at)),
            metadata: Metadata::clone(&taker.metadata),
            events: vec![encode(self.next(), &event)?],
            snapshot: None,
        })
    }
}
