//! Unique values: each is a stream, whose last event says who holds it. What a command adds to its
//! aggregate's values is claimed and what it takes away is released, in the same transaction as its
//! events.
//!
//! A value may look as if it were so already: claimed by this holder, or released. That may be a
//! view of it that is older or newer than the state. Nothing is written to its stream then, so the
//! transaction checks that it has not moved. Else two could end up with one name, or what was
//! deleted could keep its name for ever.
//!
//! That another holds a value is said without a check: it held it at some moment of the request.

use headwater::{
    Commit, Metadata, Position, Rejection, StreamName, Unique, UniqueEvent, UniqueKey, UniqueValue,
    encode,
};

use super::heads::{Head, Heads};
use crate::{EventStore, StoreError};

/// What a command does to one value.
struct Change {
    value: UniqueValue,
    is_claimed: bool,
    /// Whether it may be so already.
    may_be_so: bool,
}

/// What a command does about unique values.
#[derive(Default)]
pub(crate) struct Claims {
    /// The commits that claim and release.
    pub(crate) commits: Vec<Commit>,
    /// Values that are as they should be already, as long as their streams are still at these
    /// positions.
    pub(crate) unmoved: Vec<Position>,
}

/// What is known of a value that is to be claimed and was not looked at yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unseen {
    /// It is assumed to be free, which skips a read: the write tells if it is not.
    IsFree,
    /// It is read, since there may be no write.
    IsRead,
}

impl Claims {
    /// What changes between the values of two states. One that is released must be read.
    ///
    /// The outer error is the store's; the inner one says that another holds a value.
    pub(crate) async fn between(
        store: &EventStore,
        heads: &mut Heads,
        holder: &Commit,
        before: &[UniqueValue],
        after: &[UniqueValue],
        unseen: Unseen,
    ) -> Result<Result<Self, Rejection>, StoreError> {
        let mut claims = Self::default();
        let changes = changes(before, after);
        if changes.is_empty() {
            return Ok(Ok(claims));
        }
        let key = store.unique_key().await?;
        let changes = name(changes, key, &holder.stream)?;
        let wanted: Vec<&StreamName> = changes
            .iter()
            .filter(|(stream, change)| {
                change.may_be_so || unseen == Unseen::IsRead || heads.has_moved(stream)
            })
            .map(|(stream, _)| stream)
            .collect();
        heads.load(store, wanted).await?;
        for (stream, change) in &changes {
            let head = heads.known_or_empty(stream);
            let unique = head.newest.as_ref().map(Unique::after).transpose()?.unwrap_or_default();
            let is_ours = unique.holder.as_deref() == Some(holder.stream.within_tenant());
            if change.is_claimed && unique.holder.is_some() && !is_ours {
                return Ok(Err(taken(&change.value)));
            }
            if change.is_claimed == is_ours {
                claims.unmoved.push(Position { stream: stream.clone(), version: unique.version });
            } else {
                claims.commits.push(commit(stream, &head, change, holder)?);
            }
        }
        Ok(Ok(claims))
    }
}

/// The forms of values that only one of two states has.
fn changes(before: &[UniqueValue], after: &[UniqueValue]) -> Vec<Change> {
    // A former build claimed one form alone. Where the value is now another, the other forms are
    // not known to be held.
    let held = before.iter().flat_map(|value| match &value.former {
        Some(former) if !after.contains(value) => {
            vec![UniqueValue { normalized: former.clone(), former: None, ..value.clone() }]
        }
        _ => value.forms(),
    });
    let held: Vec<UniqueValue> = held.collect();
    let forms =
        |values: &[UniqueValue]| values.iter().flat_map(UniqueValue::forms).collect::<Vec<_>>();
    let (before, after) = (forms(before), forms(after));
    let has = |values: &[UniqueValue], value: &UniqueValue| {
        values
            .iter()
            .any(|other| (other.category, &other.normalized) == (value.category, &value.normalized))
    };
    let released = before.iter().filter(|value| !has(&after, value));
    let released =
        released.map(|value| Change { value: value.clone(), is_claimed: false, may_be_so: true });
    let claimed = after.iter().filter(|value| !has(&held, value));
    let claimed = claimed.map(|value| Change {
        value: value.clone(),
        is_claimed: true,
        may_be_so: has(&before, value),
    });
    released.chain(claimed).collect()
}

/// In the aggregate's order, which decides what is said of several that are taken; no stream is
/// named twice.
fn name(
    changes: Vec<Change>,
    key: &UniqueKey,
    holder: &StreamName,
) -> Result<Vec<(StreamName, Change)>, StoreError> {
    let mut named: Vec<(StreamName, Change)> = Vec::with_capacity(changes.len());
    for change in changes {
        let stream = key.stream(holder.tenant(), holder.domain(), &change.value)?;
        if named.iter().all(|(other, _)| *other != stream) {
            named.push((stream, change));
        }
    }
    Ok(named)
}

fn commit(
    stream: &StreamName,
    head: &Head,
    change: &Change,
    holder: &Commit,
) -> Result<Commit, StoreError> {
    let event = if change.is_claimed {
        UniqueEvent::UniqueValueClaimed { holder: holder.stream.within_tenant().to_owned() }
    } else {
        UniqueEvent::UniqueValueReleased {}
    };
    let first = head.version() + 1;
    Ok(Commit {
        stream: stream.clone(),
        first,
        at: head.at().map_or(holder.at, |at| at.max(holder.at)),
        metadata: Metadata::clone(&holder.metadata),
        events: vec![encode(first, &event)?],
        snapshot: None,
    })
}

/// Without the value: the answer may be recorded, and the value may tell of a person.
fn taken(value: &UniqueValue) -> Rejection {
    Rejection::refused(value.taken, format!("another has this value of `{}`", value.category))
}
