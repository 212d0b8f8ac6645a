//! What the two kinds of stream have in common: shards that are read through iterators.

use jiff::Timestamp;

use super::lane::Record;
use crate::aws::CallError;
use crate::template::StartingPosition;

/// The most records of one read.
pub(super) const PAGE: usize = 1_000;

/// A stream that can be read shard by shard.
pub(super) trait Source: Send + Sync + 'static {
    /// The shards that can still be read.
    fn shards(&self) -> impl Future<Output = Result<Vec<ShardInfo>, CallError>> + Send;

    /// An iterator at a position of a shard.
    fn iterator(
        &self,
        shard: &str,
        position: &Position,
    ) -> impl Future<Output = Result<String, CallError>> + Send;

    /// The records at an iterator.
    fn read(
        &self,
        shard: &str,
        iterator: &str,
    ) -> impl Future<Output = Result<Page, CallError>> + Send;
}

/// A shard of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShardInfo {
    pub(super) id: String,
    /// The shard that it came from; its records are older.
    pub(super) parent: Option<String>,
}

/// Where to begin in a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Position {
    Start(StartingPosition),
    After(String),
}

impl Position {
    /// The iterator's type and, where it has one, its sequence number.
    pub(super) fn iterator_type(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Start(StartingPosition::TrimHorizon) => ("TRIM_HORIZON", None),
            Self::Start(StartingPosition::Latest) => ("LATEST", None),
            Self::After(number) => ("AFTER_SEQUENCE_NUMBER", Some(number)),
        }
    }
}

/// The answer of one read.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) records: Vec<Record>,
    /// Where to go on; `None` at the end of a closed shard.
    pub(super) next: Option<String>,
    /// Whether nothing newer was there.
    pub(super) at_tip: bool,
}

/// The present, in milliseconds since the epoch.
pub(super) fn now() -> i64 {
    Timestamp::now().as_millisecond()
}
