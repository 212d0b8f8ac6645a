//! What callers expect of streams' versions. Theirs are compared with what was read, never used as
//! a key.

use std::collections::BTreeMap;

use headwater::{Position, StreamName, Token};

use super::condition::{IfMatch, IfNoneMatch};
use super::heads::Heads;
use crate::{EventStore, Expected, StoreError};

impl Heads {
    /// The first position that its stream has not reached, as far as is known; `version` is that of
    /// `own`. What a stream has reached it has reached for good, so nothing need be checked when
    /// the write happens.
    pub(crate) async fn first_ahead(
        &mut self,
        store: &EventStore,
        own: &StreamName,
        version: u64,
        positions: &[Position],
    ) -> Result<Option<Position>, StoreError> {
        // No stream is before version 0.
        for position in positions.iter().filter(|position| position.version > 0) {
            let head = if position.stream == *own {
                version
            } else {
                self.of(store, &position.stream).await?.version()
            };
            if position.version > head {
                return Ok(Some(position.clone()));
            }
        }
        Ok(None)
    }

    /// The positions of other streams that must hold when the write happens, if the condition holds
    /// now; `version` is that of `own`.
    ///
    /// Where nothing is written nothing checks them. Then each was the newest at some moment of the
    /// request, but perhaps no moment was all of theirs; and the answer says nothing but what the
    /// own stream is.
    pub(crate) async fn matching(
        &mut self,
        store: &EventStore,
        own: &StreamName,
        version: u64,
        condition: Option<&IfMatch>,
    ) -> Result<Option<Vec<Position>>, StoreError> {
        let tokens = match condition {
            // Whether it exists is for [`own_holds`] to say.
            None | Some(IfMatch::Exists) => return Ok(Some(Vec::new())),
            Some(IfMatch::AnyOf(tokens)) => tokens,
        };
        for token in tokens {
            if self.match_all(store, own, version, token).await? {
                return Ok(Some(others(token, own)));
            }
        }
        Ok(None)
    }

    async fn match_all(
        &mut self,
        store: &EventStore,
        own: &StreamName,
        version: u64,
        token: &Token,
    ) -> Result<bool, StoreError> {
        for position in &token.streams {
            let head = if position.stream == *own {
                version
            } else {
                self.of(store, &position.stream).await?.version()
            };
            if position.version != head {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A token's positions of other streams, each once.
fn others(token: &Token, own: &StreamName) -> Vec<Position> {
    let others: BTreeMap<_, _> = token
        .streams
        .iter()
        .filter(|position| position.stream != *own)
        .map(|p| (&p.stream, p.version))
        .collect();
    others
        .into_iter()
        .map(|(stream, version)| Position { stream: stream.clone(), version })
        .collect()
}

/// Whether what is asked of the command's own stream alone holds: `If-None-Match`, and
/// `If-Match: *`. The append keeps it so, since it is refused where the stream has moved.
pub(crate) fn own_holds(
    expected: &Expected,
    own: &StreamName,
    version: u64,
    is_there: bool,
) -> bool {
    let present = Token::of(own, version).to_string();
    let is_new = match &expected.if_none_match {
        None => true,
        Some(IfNoneMatch::Absent) => !is_there,
        // However the answer was rendered.
        Some(IfNoneMatch::NoneOf(tags)) => {
            !tags.iter().any(|tag| tag.split(';').next() == Some(present.as_str()))
        }
    };
    is_new && (expected.if_match != Some(IfMatch::Exists) || is_there)
}
