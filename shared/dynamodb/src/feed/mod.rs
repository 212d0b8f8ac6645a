//! The change feed: of each tenant and domain, every commit exactly once, each stream's in order,
//! none ever skipped.
//!
//! It is an append-only log of *pages*. A page lists some commits and covers as many positions; it
//! is keyed by the first of them and put on the condition that no page is there. So positions have
//! no gaps, and no position is given twice. In the same transaction the *fed version* of each
//! stream in the page moves from what it was to what it is then. So a commit is in the log once,
//! after its stream's earlier ones. It does not matter how often, in which order, or by how many
//! workers it is reported.
//!
//! The log points at commits and never reads their events, so no event that is broken can hold it
//! up. It is written after the rows: a reader that has seen a position finds the rows that go with
//! it, if he reads strongly. So commits of events that a newer build has to fold are listed when it
//! has.
//!
//! | item | `pk` | `sk` | attributes |
//! |---|---|---|---|
//! | page | `acme/identity` | its first position, 20 digits | `n` how many commits; `l` each one's stream `s`, first event `f`, count of events `n` |
//! | epoch | `acme/identity` | `epoch` | `epoch` from 2 on, when the feed was started again and old positions are invalid |
//! | fed version | `acme/identity/streams/0` to `…/15` | `users/42` | `v` |

mod append;
mod commits;
mod keys;
mod log;
mod page;
mod streams;
mod wait;

use headwater::StreamName;

pub(crate) use self::append::{Appender, CommitKey, Reached};
use crate::table::Table;
use crate::{EventStore, StoreError};

/// Reads the change feeds, always strongly.
///
/// ```no_run
/// use headwater_dynamodb::{EventStore, Feed};
///
/// # async fn test(store: EventStore) -> Result<(), Box<dyn std::error::Error>> {
/// let feed = Feed::new(store, "feed");
/// let mut after = feed.start("acme", "shop").await?;
/// for entry in feed.read_after(&after, 100).await? {
///     println!("{} has got to event {}", entry.stream, entry.last);
///     after.position = entry.position;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Feed {
    table: Table,
    events: EventStore,
}

/// A commit in the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedEntry {
    /// Its place in the feed, from 1.
    pub position: u64,
    /// The stream that it belongs to.
    pub stream: StreamName,
    /// The number of its first event.
    pub first: u64,
    /// The number of its last event.
    pub last: u64,
}

/// Why the feed cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The position is one of another epoch: the reader must begin from the start.
    #[error("the feed was begun anew: it is in epoch {epoch} now")]
    Resync {
        /// The present epoch.
        epoch: u32,
    },
    /// The feed has not got there (yet).
    #[error("the feed has got to {head} only")]
    Ahead {
        /// How far it has got: a feed's position, or a stream's version.
        head: u64,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Feed {
    /// The feeds in the table of this name; `events` holds the commits that they point at.
    pub fn new(events: EventStore, feed_table: &str) -> Self {
        Self { table: Table::new(events.connection(), feed_table), events }
    }

    /// The same feeds for one request: its calls give up at `deadline`.
    #[must_use]
    pub fn within(&self, deadline: std::time::Instant) -> Self {
        let events = self.events.within(deadline);
        Self { table: self.table.with(events.connection()), events }
    }
}
