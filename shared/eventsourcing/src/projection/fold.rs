//! How commits are folded into a row.

use std::collections::BTreeSet;

use super::{Applied, Contributions, IndexKey, Part, Projection, Row};
use crate::{Commit, Event, EventError, StreamName, decode};

/// Folds commits into a row. Those that it has already are skipped; a row of another revision is
/// folded from nothing, so all commits must then be given.
///
/// Every state on the way counts for the index keys, not only the first and the last: another
/// worker may have stopped at any of them.
///
/// ```
/// # mod till {
/// #     use headwater_core as headwater;
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater_core::{Commit, Metadata, Row, StreamName, apply_commits, encode};
/// use jiff::Timestamp;
/// use uuid::Uuid;
///
/// let stream = StreamName::new("acme", "shop", "tills", "front")?;
/// let commit = Commit {
///     stream: stream.clone(),
///     first: 1,
///     at: Timestamp::UNIX_EPOCH,
///     metadata: Metadata {
///         commit_id: Uuid::nil(),
///         command: "AddCoin".to_owned(),
///         actor: "ada".to_owned(),
///         correlation_id: "1".to_owned(),
///         causation_id: None,
///         traceparent: None,
///         reason: None,
///     },
///     events: vec![encode(1, &TillEvent::CoinAdded { cents: 50 })?],
///     snapshot: None,
/// };
/// let once = apply_commits::<TillRow>(&stream, &Row::default(), &[commit.clone()])?.row;
/// let twice = apply_commits::<TillRow>(&stream, &once, &[commit])?.row;
/// assert_eq!(twice.read::<TillRow>()?.cents, 50);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`EventError`] if an event cannot be read, or the row is not what its revision says.
pub fn apply_commits<P: Projection>(
    name: &StreamName,
    row: &Row,
    commits: &[Commit],
) -> Result<Applied, EventError> {
    let commits = commits
        .iter()
        .map(|commit| Ok((commit, decode_all(commit)?)))
        .collect::<Result<Vec<_>, EventError>>()?;
    fold_into_row::<P>(name, row, &commits)
}

/// As [`apply_commits`], with those events only that concern the part of this name. The row's
/// version is that of the last commit that has one, however many follow.
pub(super) fn apply_to_part<P: Part>(
    name: &StreamName,
    row: &Row,
    commits: &[Commit],
) -> Result<Applied, EventError> {
    let mut own = Vec::new();
    for commit in commits {
        let mut events = decode_all::<P::Event>(commit)?;
        events.retain(|(_, event)| P::id(event) == Some(name.id()));
        if !events.is_empty() {
            own.push((commit, events));
        }
    }
    fold_into_row::<P>(name, row, &own)
}

/// The names of the parts that these commits concern. An id that cannot be in a name is passed
/// over: nobody could ask for its row.
pub(super) fn parts_of<P: Part>(
    stream: &StreamName,
    commits: &[Commit],
) -> Result<BTreeSet<StreamName>, EventError> {
    let kind = P::CATEGORY.rsplit('/').next().unwrap_or_default();
    let mut names = BTreeSet::new();
    for commit in commits {
        for (_, event) in decode_all::<P::Event>(commit)? {
            names.extend(P::id(&event).and_then(|id| stream.child(kind, id).ok()));
        }
    }
    Ok(names)
}

/// The events of a commit, each with its number.
fn decode_all<E: Event>(commit: &Commit) -> Result<Vec<(u64, E)>, EventError> {
    commit.events.iter().map(|event| Ok((event.number, decode(event)?))).collect()
}

/// A commit and those of its events that are to be folded, each with its number.
type Decoded<'a, E> = (&'a Commit, Vec<(u64, E)>);

fn fold_into_row<P: Projection>(
    name: &StreamName,
    row: &Row,
    commits: &[Decoded<'_, P::Event>],
) -> Result<Applied, EventError> {
    let usable = row.version > 0 && row.revision == P::REVISION;
    let mut projection =
        if usable { row.read::<P>().map_err(|error| damaged::<P>(&error))? } else { P::default() };
    let mut version = if usable { row.version } else { 0 };
    let mut keys = if version > 0 { live_keys(&projection, name) } else { BTreeSet::new() };
    let mut ever = keys.clone();
    let mut always = keys.clone();
    for (commit, events) in commits {
        for (_, event) in events.iter().filter(|(number, _)| *number > version) {
            projection.evolve(event, commit.at);
        }
        version = version.max(commit.last());
        keys = live_keys(&projection, name);
        ever.extend(keys.iter().cloned());
        always.retain(|key| keys.contains(key));
    }
    let data = serde_json::to_value(&projection).map_err(|error| damaged::<P>(&error))?;
    let is_live = version > 0 && !projection.is_deleted();
    Ok(Applied {
        contributions: if is_live { projection.contributions(name) } else { Contributions::new() },
        row: Row { version, revision: P::REVISION, deleted: projection.is_deleted(), data },
        put: keys.difference(&always).cloned().collect(),
        removed: ever.difference(&keys).cloned().collect(),
        keys,
    })
}

fn live_keys<P: Projection>(projection: &P, stream: &StreamName) -> BTreeSet<IndexKey> {
    let mut keys = projection.lasting_keys(stream);
    if !projection.is_deleted() {
        keys.extend(projection.index_keys(stream));
    }
    keys
}

fn damaged<P: Projection>(error: &serde_json::Error) -> EventError {
    EventError::Unreadable {
        event_type: format!("row of {}", P::CATEGORY),
        version: P::REVISION,
        reason: error.to_string(),
    }
}
