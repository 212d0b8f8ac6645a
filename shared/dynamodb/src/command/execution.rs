//! What a command's execution is given, and what comes of it.

use std::time::Instant;

use headwater::{Commit, Context, Decide, Folded, Position, Rejection, StreamName};
use serde_json::Value;

use super::condition::{IfMatch, IfNoneMatch};
use crate::{StoreError, TooLarge};

/// A command and all that its execution needs to know.
pub struct Execution<'a, C: Decide> {
    /// The stream that it decides about.
    pub stream: StreamName,
    /// What is to be done.
    pub command: &'a C,
    /// What the decision may know. Its time is raised to the stream's last commit's, where that is
    /// later.
    pub context: Context,
    /// Where the command comes from, for the commit's metadata.
    pub origin: Origin,
    /// What the caller expects of the present versions.
    pub expected: Expected,
    /// Whether the stream has just been given its name, so that it is assumed to be empty and the
    /// read is spared.
    pub is_new: bool,
    /// The caller's Idempotency-Key, if there is one.
    pub idempotency: Option<Idempotency<'a, C::Aggregate>>,
    /// When to give up.
    pub deadline: Instant,
}

/// Where a command comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The same for everything that one request from outside led to.
    pub correlation_id: String,
    /// What directly caused the command: a request's or an event's id.
    pub causation_id: Option<String>,
    /// The W3C trace context of the request.
    pub traceparent: Option<String>,
}

/// What a caller expects of the present versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The condition of `If-Match`: it must hold when the write happens.
    pub if_match: Option<IfMatch>,
    /// The condition of `If-None-Match`: it must hold when the write happens. It is about the
    /// command's stream alone.
    pub if_none_match: Option<IfNoneMatch>,
    /// The version of the command's stream that the caller decided on: what was appended since must
    /// commute with the command ([`Decide::commutes_with`]), or it is a conflict.
    pub decided_on: Option<u64>,
    /// The positions of `Consistency-Token`: the decision must know at least these. A stream other
    /// than the command's costs a read, so leave out what was brought up to date already.
    pub at_least: Vec<Position>,
}

/// A caller's wish that the same request have one effect and one answer, however often it comes.
pub struct Idempotency<'a, A> {
    /// The key, scoped to its caller: a digest.
    pub key: String,
    /// A digest of the request that the key stands for: body and conditions.
    pub request_hash: String,
    /// A digest of the body's bytes: what the records of earlier builds hold instead.
    pub body_hash: String,
    /// Renders the answer to be recorded: the state that the command left behind or found as it
    /// should be, or the [`Refused`](Rejection::Refused) that is its
    /// [`Rejected`](ExecuteError::Rejected). Other answers may change when the request is repeated,
    /// and are not recorded: a condition that failed, for instance, says that the caller should
    /// look again and decide again.
    pub answer: &'a RenderAnswer<'a, A>,
}

/// Renders the answer to a request as it is recorded.
pub type RenderAnswer<'a, A> =
    dyn Fn(Result<&Folded<A>, &ExecuteError>) -> Value + Send + Sync + 'a;

/// What others appended since the version that a caller decided on, some of which does not commute
/// with the command.
#[derive(Clone, Debug, PartialEq)]
pub struct Concurrent {
    /// The version that the caller decided on.
    pub decided_on: u64,
    /// The stream's version, as far as it was read.
    pub version: u64,
    /// The commits since, in order; only the newest 1 MB of them where there are too many to look
    /// at. The first may have begun before the version that the caller decided on.
    pub commits: Vec<Commit>,
}

/// What a command came to, unless it came to nothing ([`ExecuteError`]).
#[derive(Debug, PartialEq)]
pub enum Done<A> {
    /// Its events are appended; this is the state after them.
    Committed(Folded<A>),
    /// It was so already; this is the state, and nothing is written.
    Unchanged(Folded<A>),
    /// The same request had been answered before; this is the recorded answer.
    Replayed(Value),
}

/// Why a command came to nothing. Unless the outcome is unknown, nothing is written.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// A rule refuses, or there is no such thing.
    #[error("rejected at version {version}: {rejection:?}")]
    Rejected {
        /// Which rule, and why.
        rejection: Rejection,
        /// The stream's version.
        version: u64,
    },
    /// `If-Match` or `If-None-Match` does not hold.
    #[error("the precondition failed at version {version}")]
    PreconditionFailed {
        /// The stream's version.
        version: u64,
    },
    /// The caller decided on an older version, and what came since does not commute with the
    /// command, or is too much to look at.
    #[error("what came after version {} does not commute with it", .0.decided_on)]
    Concurrent(Concurrent),
    /// The caller claims to have seen a version that its stream has not reached.
    #[error("{}@{} is ahead of its stream", .0.stream, .0.version)]
    TokenAhead(Position),
    /// More than one atomic write can hold.
    #[error(transparent)]
    TooLarge(TooLarge),
    /// The Idempotency-Key came with another request before.
    #[error("the Idempotency-Key belongs to another request")]
    KeyReused,
    /// Every attempt until the deadline met a conflict.
    #[error("every attempt until the deadline met a conflict")]
    Contention,
    /// Whether it is written could not be found out before the deadline.
    #[error("the outcome is unknown")]
    OutcomeUnknown {
        /// Whether the call met conflicts before, so that the store is reachable and only slow.
        contended: bool,
    },
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ExecuteError {
    /// Whether it is what a state makes of the command. Any other says that nothing was decided, or
    /// that nobody knows.
    pub(crate) fn is_decision(&self) -> bool {
        matches!(
            self,
            Self::Rejected { .. }
                | Self::PreconditionFailed { .. }
                | Self::Concurrent(_)
                | Self::TokenAhead(_)
        )
    }
}
