//! What callers expect of streams' versions. Theirs are compared with what was read, never used as a key.

use std::collections::BTreeMap;

use headwater::{IfMatch, Position, StreamName, Token};

use crate::{EventStore, StoreError};

/// The versions of the streams other than the command's own, read strongly in this request.
#[derive(Default)]
pub(crate) struct Heads(BTreeMap<StreamName, u64>);

impl Heads {
    /// The first position that its stream has not reached, as far as is known; `version` is that of `own`.
    pub(crate) async fn first_ahead(
        &mut self,
        store: &EventStore,
        own: &StreamName,
        version: u64,
        positions: &[Position],
    ) -> Result<Option<Position>, StoreError> {
        for position in positions {
            let head = if position.stream == *own { version } else { self.of(store, &position.stream).await? };
            if position.version > head {
                return Ok(Some(position.clone()));
            }
        }
        Ok(None)
    }

    /// The positions of other streams that must hold when the write happens, if the condition holds now; `version` is that of `own`.
    pub(crate) async fn matching(
        &mut self,
        store: &EventStore,
        own: &StreamName,
        version: u64,
        condition: Option<&IfMatch>,
    ) -> Result<Option<Vec<Position>>, StoreError> {
        let tokens = match condition {
            None => return Ok(Some(Vec::new())),
            Some(IfMatch::Exists) => return Ok((version > 0).then(Vec::new)),
            Some(IfMatch::AnyOf(tokens)) => tokens,
        };
        for token in tokens {
            if self.match_all(store, own, version, token).await? {
                return Ok(Some(others(token, own)));
            }
        }
        Ok(None)
    }

    /// Forgets streams that have moved.
    pub(crate) fn forget(&mut self, moved: &[StreamName]) {
        self.0.retain(|stream, _| !moved.contains(stream));
    }

    async fn match_all(&mut self, store: &EventStore, own: &StreamName, version: u64, token: &Token) -> Result<bool, StoreError> {
        for position in &token.streams {
            let head = if position.stream == *own { version } else { self.of(store, &position.stream).await? };
            if position.version != head {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn of(&mut self, store: &EventStore, stream: &StreamName) -> Result<u64, StoreError> {
        if let Some(head) = self.0.get(stream) {
            return Ok(*head);
        }
        let head = store.head(stream).await?;
        self.0.insert(stream.clone(), head);
        Ok(head)
    }
}

/// A token's positions of other streams, each once.
fn others(token: &Token, own: &StreamName) -> Vec<Position> {
    let others: BTreeMap<_, _> = token.streams.iter().filter(|position| position.stream != *own).map(|p| (&p.stream, p.version)).collect();
    others.into_iter().map(|(stream, version)| Position { stream: stream.clone(), version }).collect()
}
