//! How a commit is stored in the events table: one item, short attribute names (they are billed),
//! data as native attributes, so that it can be read in the console.
//!
//! | attribute | | |
//! |---|---|---|
//! | `stream` | S | partition key: the stream's name |
//! | `seq` | N | sort key: the number of the commit's first event |
//! | `e` | L | the events: `t` type, `v` schema version (absent: 1), `d` data |
//! | `n` | N | how many events |
//! | `at` | N | when it was decided, in milliseconds since the epoch |
//! | `m` | M | `i` commit id, `c` command, `a` actor, `r` correlation id, `k` causation id, `p` traceparent, `w` why it was amended |
//! | `s` | M | now and then a snapshot: `r` revision, `d` state |

use aws_sdk_dynamodb::types::AttributeValue;
use headwater::{Commit, Metadata, RecordedEvent, Snapshot, StreamName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Item, ItemError};

/// The attributes of a commit without its snapshot.
pub(crate) const COMMIT: [&str; 6] = ["stream", "seq", "e", "n", "at", "m"];

/// The attribute of the snapshot.
pub(crate) const SNAPSHOT: &str = "s";

/// A commit as it is stored. Its serde form *is* the storage format, for the SDK's attributes and
/// for those of a DynamoDB stream's records alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommitItem {
    stream: StreamName,
    seq: u64,
    e: Vec<EventItem>,
    n: u64,
    at: i64,
    m: MetadataItem,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    s: Option<SnapshotItem>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct EventItem {
    t: String,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    v: u32,
    d: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct MetadataItem {
    i: Uuid,
    c: String,
    a: String,
    r: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    k: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    w: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SnapshotItem {
    r: u32,
    d: Value,
}

fn one() -> u32 {
    1
}

// serde's `skip_serializing_if` passes a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_one(version: &u32) -> bool {
    *version == 1
}

impl From<Commit> for CommitItem {
    fn from(commit: Commit) -> Self {
        Self {
            stream: commit.stream,
            seq: commit.first,
            n: commit.events.len() as u64,
            e: commit.events.into_iter().map(EventItem::from).collect(),
            at: commit.at.as_millisecond(),
            m: commit.metadata.into(),
            s: commit.snapshot.map(SnapshotItem::from),
        }
    }
}

impl TryFrom<CommitItem> for Commit {
    type Error = ItemError;

    fn try_from(item: CommitItem) -> Result<Self, ItemError> {
        let CommitItem { stream, seq, e, n, at, m, s } = item;
        if e.len() as u64 != n || !is_run(seq, n) {
            return Err(ItemError::Count { stream, seq, count: n });
        }
        let Ok(time) = Timestamp::from_millisecond(at) else {
            return Err(ItemError::Time { stream, seq, at });
        };
        let events = (seq..).zip(e).map(|(number, EventItem { t, v, d })| RecordedEvent {
            number,
            event_type: t,
            version: v,
            data: d,
        });
        Ok(Self {
            stream,
            first: seq,
            at: time,
            metadata: m.into(),
            events: events.collect(),
            snapshot: s.map(|SnapshotItem { r, d }| Snapshot { revision: r, state: d }),
        })
    }
}

/// Whether there is something to count, from a number that there is, and another number to go on
/// with behind it.
pub(crate) fn is_run(first: u64, count: u64) -> bool {
    first > 0 && count > 0 && first.checked_add(count).is_some()
}

impl From<RecordedEvent> for EventItem {
    fn from(event: RecordedEvent) -> Self {
        Self { t: event.event_type, v: event.version, d: event.data }
    }
}

impl From<Snapshot> for SnapshotItem {
    fn from(snapshot: Snapshot) -> Self {
        Self { r: snapshot.revision, d: snapshot.state }
    }
}

impl From<Metadata> for MetadataItem {
    fn from(metadata: Metadata) -> Self {
        let Metadata {
            commit_id,
            command,
            actor,
            correlation_id,
            causation_id,
            traceparent,
            reason,
        } = metadata;
        Self {
            i: commit_id,
            c: command,
            a: actor,
            r: correlation_id,
            k: causation_id,
            p: traceparent,
            w: reason,
        }
    }
}

impl From<MetadataItem> for Metadata {
    fn from(MetadataItem { i, c, a, r, k, p, w }: MetadataItem) -> Self {
        Self {
            commit_id: i,
            command: c,
            actor: a,
            correlation_id: r,
            causation_id: k,
            traceparent: p,
            reason: w,
        }
    }
}

/// Reads an item of the events table.
///
/// ```
/// use headwater_dynamodb::{Item, ItemError, commit_from_item};
///
/// assert!(matches!(commit_from_item(Item::new()), Err(ItemError::Shape(_))));
/// ```
///
/// # Errors
/// [`ItemError`] if it is not a commit.
pub fn commit_from_item(item: Item) -> Result<Commit, ItemError> {
    serde_dynamo::from_item::<_, CommitItem>(item)?.try_into()
}

/// Writes a commit as an item of the events table.
///
/// ```
/// use headwater::Commit;
/// use headwater_dynamodb::{ItemError, commit_from_item, commit_to_item};
///
/// fn is_kept(commit: &Commit) -> Result<bool, ItemError> {
///     Ok(commit_from_item(commit_to_item(commit.clone())?)? == *commit)
/// }
/// ```
///
/// # Errors
/// [`ItemError::Shape`] if its data does not fit DynamoDB's.
pub fn commit_to_item(commit: Commit) -> Result<Item, ItemError> {
    Ok(serde_dynamo::to_item(CommitItem::from(commit))?)
}

/// Writes a snapshot as the attribute [`SNAPSHOT`].
pub(crate) fn snapshot_attribute(snapshot: Snapshot) -> Result<AttributeValue, ItemError> {
    Ok(serde_dynamo::to_attribute_value(SnapshotItem::from(snapshot))?)
}
