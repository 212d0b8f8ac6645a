//! The one way in which commits get into a row: for the projector, the forced read and lists alike.

use headwater::{Applied, Commit, EventError, ProjectionFn, Row, StreamName};

use crate::{EventStore, StoreError};

/// Why a row could not be brought up to date.
#[derive(Debug)]
pub(crate) enum FoldError {
    /// An event cannot be read, or is missing: trying again will not help.
    Poison(String),
    /// The events could not be read now.
    Store(StoreError),
}

/// Folds into a row what it lacks: commits at hand if `at_hand` has those after a version, else from the events table. A row of
/// another revision is folded from nothing.
pub(crate) async fn fold_missing(
    events: &EventStore,
    projection: &ProjectionFn,
    name: &StreamName,
    row: &Row,
    at_hand: impl Fn(u64) -> Option<Vec<Commit>>,
) -> Result<Applied, FoldError> {
    let commits = missing(events, projection, name, row, at_hand).await?;
    fold(projection, name, row, &commits)
}

/// The commits that a row lacks. Those of a part's row are commits of the stream that it is a part of.
pub(crate) async fn missing(
    events: &EventStore,
    projection: &ProjectionFn,
    name: &StreamName,
    row: &Row,
    at_hand: impl Fn(u64) -> Option<Vec<Commit>>,
) -> Result<Vec<Commit>, FoldError> {
    let stream = if projection.parts.is_some() { name.parent().unwrap_or_else(|| name.clone()) } else { name.clone() };
    let after = if row.revision == projection.revision { row.version } else { 0 };
    let commits = match at_hand(after) {
        Some(commits) => commits,
        None => events.commits_after(&stream, after).await?,
    };
    match gap(after, &commits) {
        Some(missing) => Err(StoreError::Gap { stream, missing }.into()),
        None => Ok(commits),
    }
}

/// Folds commits into a row.
pub(crate) fn fold(projection: &ProjectionFn, name: &StreamName, row: &Row, commits: &[Commit]) -> Result<Applied, FoldError> {
    let mut applied = (projection.apply)(name, row, commits)?;
    // A mark does not know its own.
    applied.row.revision = projection.revision;
    Ok(applied)
}

/// Whether a row holds something that this projection understands.
pub(crate) fn usable(projection: &ProjectionFn, row: &Row) -> bool {
    row.version > 0 && row.revision == projection.revision
}

/// The first event that is missing where these commits should follow version `after` and each other.
pub(crate) fn gap(after: u64, commits: &[Commit]) -> Option<u64> {
    let mut version = after;
    for commit in commits {
        if commit.first != version + 1 {
            return Some(version + 1);
        }
        version = commit.last();
    }
    None
}

impl From<StoreError> for FoldError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Item(_) | StoreError::Event(_) | StoreError::Gap { .. } => Self::Poison(error.to_string()),
            error => Self::Store(error),
        }
    }
}

impl From<EventError> for FoldError {
    fn from(error: EventError) -> Self {
        Self::Poison(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_event_was_folded_into_holds_nothing_whatever_the_revision() {
        let unused = |_: &StreamName, _: &Row, _: &[Commit]| Err(EventError::Unwritable(String::new()));
        let projection = |revision| ProjectionFn { category: "notes", revision, apply: unused, parts: None };
        for revision in [0, 1] {
            let row = |version| Row { version, revision, ..Row::default() };
            assert!(!usable(&projection(revision), &row(0)));
            assert!(usable(&projection(revision), &row(1)));
            assert!(!usable(&projection(revision + 1), &row(1)));
        }
    }
}
