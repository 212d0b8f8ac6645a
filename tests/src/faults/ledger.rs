//! What clients were told, and what must therefore be in the streams.

use super::command::Effect;
use crate::Reply;

/// A command, or a record that was put on a stream, with what came of it as far as its sender
/// knows.
pub(super) struct Entry {
    /// The correlation id of all its requests.
    pub(super) id: String,
    /// Within the tenant.
    pub(super) stream: String,
    pub(super) expected: Expected,
}

/// What must be in an entry's stream.
pub(super) enum Expected {
    /// One commit of the request, which ends with this version.
    Once(u64),
    /// One commit, which ends with this version if it is known; or none.
    AtMostOnce(Option<u64>),
    /// No commit of the request.
    Never,
    /// The licence of this id, acquired or granted once.
    License(String),
    /// This revision of an external user once, or a higher one in its place.
    Revision(u64),
}

impl Expected {
    /// After this answer to a command that was carried out.
    pub(super) fn of(effect: Effect, reply: &Reply) -> Self {
        match effect {
            Effect::Commit => Self::Once(reply.version()),
            Effect::Perhaps => Self::AtMostOnce(Some(reply.version())),
            Effect::License => Self::License(reply.id().to_owned()),
        }
    }
}
