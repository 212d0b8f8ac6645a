//! The one way in which commits get into a row: for the projector, the forced read and lists alike.

use headwater::{
    Applied, Commit, EventError, Form, NewerEvent, ProjectionFn, Row, StreamName, first_newer,
    has_personal,
};

use crate::{EventStore, StoreError};

/// Why a row could not be brought up to date.
#[derive(Debug)]
pub(crate) enum FoldError {
    /// An event cannot be read, or is missing: trying again will not help.
    Poison(String),
    /// An event is of a newer build: this one leaves it to that one.
    Newer(NewerEvent),
    /// The events could not be read now.
    Store(StoreError),
}

/// What commits come to, as far as this build knows their events.
pub(crate) struct Known {
    /// The row after the last commit before the one with an event of a newer build.
    pub(crate) applied: Applied,
    /// That event, if there is one.
    pub(crate) newer: Option<NewerEvent>,
}

impl Known {
    /// The row, which is older than demanded only where there are no later events.
    ///
    /// # Errors
    /// [`FoldError::Newer`] if what it lacks is of a newer build.
    pub(crate) fn row_at_least(self, version: u64) -> Result<Row, FoldError> {
        match self.newer {
            Some(newer) if self.applied.row.version < version => Err(FoldError::Newer(newer)),
            _ => Ok(self.applied.row),
        }
    }
}

/// Folds into a row what it lacks, read from the events table. A row of another revision is folded
/// from nothing.
pub(crate) async fn fold_missing(
    events: &EventStore,
    projection: &ProjectionFn,
    name: &StreamName,
    row: &Row,
) -> Result<Known, FoldError> {
    let (commits, newer) =
        known(projection, missing(events, projection, name, row, |_| None).await?);
    Ok(Known { applied: fold(projection, name, row, &commits)?, newer })
}

/// Those of a stream's commits that come before the first event of a newer build, and that event.
pub(crate) fn known(
    projection: &ProjectionFn,
    mut commits: Vec<Commit>,
) -> (Vec<Commit>, Option<NewerEvent>) {
    let newer = first_newer(commits.iter().flat_map(|commit| &commit.events), projection.knows);
    if let Some(newer) = &newer {
        commits.retain(|commit| commit.last() < newer.number);
    }
    (commits, newer)
}

/// The commits that a row lacks. Those of a part's row are commits of the stream that it is a part
/// of.
pub(crate) async fn missing(
    events: &EventStore,
    projection: &ProjectionFn,
    name: &StreamName,
    row: &Row,
    at_hand: impl Fn(u64) -> Option<Vec<Commit>>,
) -> Result<Vec<Commit>, FoldError> {
    let stream = if projection.parts.is_some() {
        name.parent().unwrap_or_else(|| name.clone())
    } else {
        name.clone()
    };
    let after = if row.revision == projection.revision { row.version } else { 0 };
    let mut commits = match at_hand(after) {
        Some(mut commits) => {
            // What comes along is as it is stored.
            events.open(&mut commits).await?;
            commits
        }
        None => events.commits_after(&stream, after).await?,
    };
    if is_read_too_early(projection, &commits) {
        commits = events.commits_after(&stream, after).await?;
    }
    match gap(after, &commits) {
        Some(missing) => Err(StoreError::Gap { stream, missing }.into()),
        None => Ok(commits),
    }
}

/// Whether something is erased, and the event that says why is not there: it was appended, and the
/// key destroyed, between the reading of the commits and of the key.
fn is_read_too_early(projection: &ProjectionFn, commits: &[Commit]) -> bool {
    let Some(forgets) = projection.forgets else { return false };
    let is_erased = |data| has_personal(data, &|form| form == Form::Erased);
    commits.iter().flat_map(|commit| &commit.events).any(|event| is_erased(&event.data))
        && !commits.iter().any(|commit| commit.has(forgets))
}

/// Folds commits into a row.
pub(crate) fn fold(
    projection: &ProjectionFn,
    name: &StreamName,
    row: &Row,
    commits: &[Commit],
) -> Result<Applied, FoldError> {
    let mut applied = (projection.apply)(name, row, commits)?;
    // A mark does not know its own.
    applied.row.revision = projection.revision;
    Ok(applied)
}

/// Whether a row holds something that this projection understands.
pub(crate) fn usable(projection: &ProjectionFn, row: &Row) -> bool {
    row.version > 0 && row.revision == projection.revision
}

/// The first event that is missing where these commits should follow version `after` and each
/// other.
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
            StoreError::Newer(event) => Self::Newer(event),
            StoreError::Item(_) | StoreError::Event(_) | StoreError::Gap { .. } => {
                Self::Poison(error.to_string())
            }
            error => Self::Store(error),
        }
    }
}

impl From<EventError> for FoldError {
    fn from(error: EventError) -> Self {
        match error {
            EventError::Newer(event) => Self::Newer(event),
            error => Self::Poison(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn commit(first: u64, types: &[&str]) -> Commit {
        let events = (first..).zip(types).map(
            |(number, name)| json!({ "number": number, "type": name, "version": 1, "data": {} }),
        );
        let metadata = json!({
            "commitId": uuid::Uuid::nil(),
            "command": "C",
            "actor": "a",
            "correlationId": "c",
        });
        let (at, events) = ("2026-01-01T00:00:00Z", events.collect::<Vec<_>>());
        serde_json::from_value(json!({
            "stream": "a/b/c/d",
            "first": first,
            "at": at,
            "metadata": metadata,
            "events": events,
        }))
        .unwrap()
    }

    #[test]
    fn what_is_known_ends_before_the_commit_with_the_first_newer_event() {
        let unused =
            |_: &StreamName, _: &Row, _: &[Commit]| Err(EventError::Unwritable(String::new()));
        let knows = |name: &str, version| version == 1 && name != "New";
        let projection = ProjectionFn {
            category: "notes",
            revision: 1,
            apply: unused,
            parts: None,
            knows,
            logged: false,
            forgets: None,
        };
        for (commits, whole, newer) in [
            (vec![commit(1, &["Old"]), commit(2, &["Old", "Old"])], 2, None),
            (
                vec![commit(1, &["Old"]), commit(2, &["Old", "New"]), commit(4, &["Old"])],
                1,
                Some(3),
            ),
            (vec![commit(5, &["New", "New"]), commit(7, &["Old"])], 0, Some(5)),
            (vec![], 0, None),
        ] {
            let (kept, found) = known(&projection, commits.clone());
            assert_eq!((&kept[..], found.map(|event| event.number)), (&commits[..whole], newer));
        }
    }

    #[test]
    fn what_no_event_was_folded_into_holds_nothing_whatever_the_revision() {
        let unused =
            |_: &StreamName, _: &Row, _: &[Commit]| Err(EventError::Unwritable(String::new()));
        let projection = |revision| ProjectionFn {
            category: "notes",
            revision,
            apply: unused,
            parts: None,
            knows: |_, _| true,
            logged: false,
            forgets: None,
        };
        for revision in [0, 1] {
            let row = |version| Row { version, revision, ..Row::default() };
            assert!(!usable(&projection(revision), &row(0)));
            assert!(usable(&projection(revision), &row(1)));
            assert!(!usable(&projection(revision + 1), &row(1)));
        }
    }
}
