//! What a request knows of streams other than its command's own: the newest commit of each.
//!
//! There is one such view for all parts of a decision: what `If-Match` names, who holds a unique
//! value, which number is next. Each head was read strongly in this request, but not all at one
//! moment; and DynamoDB shows a transaction item by item. So the view may be one that never was.
//! Therefore an append writes on each head that its decision relied on, or checks that it has not
//! moved.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use headwater::{Commit, StreamName};
use jiff::Timestamp;

use crate::store::END;
use crate::{EventStore, StoreError};

/// The streams that a request has looked at. One that has moved since is there without its head.
#[derive(Default)]
pub(crate) struct Heads(BTreeMap<StreamName, Option<Head>>);

/// The end of a stream.
#[derive(Clone, Default)]
pub(crate) struct Head {
    /// The newest commit, without its snapshot; `None` before any.
    pub(crate) newest: Option<Commit>,
}

impl Head {
    /// The number of the stream's last event, 0 before any.
    pub(crate) fn version(&self) -> u64 {
        self.newest.as_ref().map_or(0, Commit::last)
    }

    /// When its last commit was decided.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        self.newest.as_ref().map(|commit| commit.at)
    }
}

impl Heads {
    /// A stream's head, read unless it is known.
    pub(crate) async fn of(
        &mut self,
        store: &EventStore,
        stream: &StreamName,
    ) -> Result<Head, StoreError> {
        self.load(store, [stream]).await?;
        Ok(self.known_or_empty(stream))
    }

    /// Reads the heads of those of these streams that are not known, all at once.
    pub(crate) async fn load<'a>(
        &mut self,
        store: &EventStore,
        streams: impl IntoIterator<Item = &'a StreamName>,
    ) -> Result<(), StoreError> {
        let unknown =
            streams.into_iter().filter(|stream| !matches!(self.0.get(*stream), Some(Some(_))));
        let reads = unknown.map(async |stream| {
            let newest = store.newest(stream, 1..=END).await?;
            Ok::<_, StoreError>((stream.clone(), Some(Head { newest })))
        });
        self.0.extend(try_join_all(reads).await?);
        Ok(())
    }

    /// A stream's head as far as it is known; that of an empty stream otherwise.
    pub(crate) fn known_or_empty(&self, stream: &StreamName) -> Head {
        self.0.get(stream).cloned().flatten().unwrap_or_default()
    }

    /// Whether a stream was looked at, or assumed to be empty, and has moved since.
    pub(crate) fn has_moved(&self, stream: &StreamName) -> bool {
        matches!(self.0.get(stream), Some(None))
    }

    /// Forgets the heads of streams that have moved, so that they are read before anything more is
    /// decided on them.
    pub(crate) fn forget(&mut self, moved: &[StreamName]) {
        self.0.extend(moved.iter().map(|stream| (stream.clone(), None)));
    }
}
