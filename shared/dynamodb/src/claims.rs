//! Unique values: each is a stream, whose last event says who holds it. What a command adds to its aggregate's values is claimed and
//! what it takes away is released, in the same transaction as its events.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use headwater::{Aggregate, Commit, Metadata, Rejection, StreamName, Unique, UniqueEvent, UniqueKey, UniqueValue, encode};
use jiff::Timestamp;

use crate::query::END;
use crate::{EventStore, StoreError};

/// What is known of a value's stream.
#[derive(Default)]
struct Head {
    unique: Unique,
    at: Option<Timestamp>,
}

/// What a command does to one value.
struct Change {
    value: UniqueValue,
    is_claimed: bool,
    /// Whether it may be so already.
    may_be_so: bool,
}

/// The unique values that a request has to do with, and what it knows of their streams.
#[derive(Default)]
pub(crate) struct Claims {
    heads: BTreeMap<StreamName, Head>,
}

impl Claims {
    /// The commits that claim and release what changes between two states. A value that was not seen yet is assumed to be free, which
    /// spares a read; one that is released must be read.
    ///
    /// The outer error is the store's; the inner one says that another holds a value.
    pub(crate) async fn commits<A: Aggregate>(
        &mut self,
        store: &EventStore,
        holder: &Commit,
        before: &A,
        after: &A,
    ) -> Result<Result<Vec<Commit>, Rejection>, StoreError> {
        let changes = changes(before, after);
        if changes.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let key = store.config().unique_key.as_ref().ok_or(StoreError::NoUniqueKey)?;
        let changes = name(changes, key, &holder.stream)?;
        self.load(store, changes.iter().filter(|(_, change)| change.may_be_so).map(|(stream, _)| stream)).await?;
        let mut commits = Vec::new();
        for (stream, change) in &changes {
            let head = self.heads.entry(stream.clone()).or_default();
            let is_ours = head.unique.holder.as_deref() == Some(holder.stream.within_tenant());
            if change.is_claimed && head.unique.holder.is_some() && !is_ours {
                return Ok(Err(taken(&change.value)));
            }
            if change.is_claimed != is_ours {
                commits.push(commit(stream, head, change, holder)?);
            }
        }
        Ok(Ok(commits))
    }

    /// Reads again those of this request's values that have moved or, where its own stream has, all that were read.
    ///
    /// Where a value is already as the command wants it nothing is written to its stream, so nothing checks that it is. It must then have been
    /// read after the state: as long as the state is the present one the value cannot change.
    pub(crate) async fn refresh(&mut self, store: &EventStore, own: &StreamName, moved: &[StreamName]) -> Result<(), StoreError> {
        let has_own = moved.contains(own);
        let is_old = |stream: &StreamName, head: &Head| moved.contains(stream) || has_own && head.unique.version > 0;
        let old: Vec<StreamName> = self.heads.extract_if(.., |stream, head| is_old(stream, head)).map(|(stream, _)| stream).collect();
        self.load(store, old.iter()).await
    }

    async fn load(&mut self, store: &EventStore, streams: impl Iterator<Item = &StreamName>) -> Result<(), StoreError> {
        let unseen: Vec<&StreamName> = streams.filter(|stream| !self.heads.contains_key(stream)).collect();
        let heads = try_join_all(unseen.iter().map(|stream| head(store, stream))).await?;
        self.heads.extend(unseen.into_iter().cloned().zip(heads));
        Ok(())
    }
}

async fn head(store: &EventStore, stream: &StreamName) -> Result<Head, StoreError> {
    let newest = store.newest(stream, 1..=END).await?;
    let unique = newest.as_ref().map(Unique::after).transpose()?.unwrap_or_default();
    Ok(Head { unique, at: newest.map(|commit| commit.at) })
}

/// The forms of values that only one of two states has.
fn changes<A: Aggregate>(before: &A, after: &A) -> Vec<Change> {
    let (before, after) = (before.unique_values(), after.unique_values());
    // A former build claimed one form alone. Where the value is now another, the other forms are not known to be held.
    let held = before.iter().flat_map(|value| match &value.former {
        Some(former) if !after.contains(value) => vec![UniqueValue { normalized: former.clone(), former: None, ..value.clone() }],
        _ => value.forms(),
    });
    let held: Vec<UniqueValue> = held.collect();
    let forms = |values: &[UniqueValue]| values.iter().flat_map(UniqueValue::forms).collect::<Vec<_>>();
    let (before, after) = (forms(&before), forms(&after));
    let has = |values: &[UniqueValue], value: &UniqueValue| {
        values.iter().any(|other| (other.category, &other.normalized) == (value.category, &value.normalized))
    };
    let released = before.iter().filter(|value| !has(&after, value));
    let released = released.map(|value| Change { value: value.clone(), is_claimed: false, may_be_so: true });
    let claimed = after.iter().filter(|value| !has(&held, value));
    let claimed = claimed.map(|value| Change { value: value.clone(), is_claimed: true, may_be_so: has(&before, value) });
    released.chain(claimed).collect()
}

/// In the aggregate's order, which decides what is said of several that are taken; no stream is named twice.
fn name(changes: Vec<Change>, key: &UniqueKey, holder: &StreamName) -> Result<Vec<(StreamName, Change)>, StoreError> {
    let mut named: Vec<(StreamName, Change)> = Vec::with_capacity(changes.len());
    for change in changes {
        let stream = key.stream(holder.tenant(), holder.domain(), &change.value)?;
        if named.iter().all(|(other, _)| *other != stream) {
            named.push((stream, change));
        }
    }
    Ok(named)
}

fn commit(stream: &StreamName, head: &Head, change: &Change, holder: &Commit) -> Result<Commit, StoreError> {
    let event = if change.is_claimed {
        UniqueEvent::UniqueValueClaimed { holder: holder.stream.within_tenant().to_owned() }
    } else {
        UniqueEvent::UniqueValueReleased {}
    };
    let first = head.unique.version + 1;
    Ok(Commit {
        stream: stream.clone(),
        first,
        at: head.at.map_or(holder.at, |at| at.max(holder.at)),
        metadata: Metadata::clone(&holder.metadata),
        events: vec![encode(first, &event)?],
        snapshot: None,
    })
}

fn taken(value: &UniqueValue) -> Rejection {
    Rejection::refused(value.taken, format!("`{}` belongs to another", value.normalized))
}
