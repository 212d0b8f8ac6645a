//! What clients count.

use std::time::Duration;

/// Counts and findings of clients in one phase.
#[derive(Default)]
pub(super) struct Tally {
    /// Commands that were carried out.
    pub(super) acknowledged: usize,
    /// Commands that a rule or a condition refused.
    pub(super) refused: usize,
    /// Commands that were given up without an answer.
    pub(super) unanswered: usize,
    /// Requests that were sent once more.
    pub(super) repeated: usize,
    /// Answers of 500 and more.
    pub(super) server_errors: usize,
    /// Queries that were answered.
    pub(super) read: usize,
    /// Of these, with 304.
    pub(super) not_modified: usize,
    /// Queries that were not.
    pub(super) unread: usize,
    /// Answers that were older than the token.
    pub(super) stale: Vec<String>,
    /// Answers that cannot be.
    pub(super) untrue: Vec<String>,
    /// How long each request of a command took.
    pub(super) commands: Vec<Duration>,
    /// How long each query took.
    pub(super) queries: Vec<Duration>,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        let Self {
            acknowledged,
            refused,
            unanswered,
            repeated,
            server_errors,
            read,
            not_modified,
            unread,
            stale,
            untrue,
            commands,
            queries,
        } = other;
        self.acknowledged += acknowledged;
        self.refused += refused;
        self.unanswered += unanswered;
        self.repeated += repeated;
        self.server_errors += server_errors;
        self.read += read;
        self.not_modified += not_modified;
        self.unread += unread;
        self.stale.extend(stale);
        self.untrue.extend(untrue);
        self.commands.extend(commands);
        self.queries.extend(queries);
    }
}
