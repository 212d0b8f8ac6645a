//! Headwater on DynamoDB: the event store, the views folded from it, and the change feed.
//!
//! In the event store one commit is one item, appended with a check-and-set on the sequence number.
//!
//! [`EventStore`] is all that commands and queries see. Its parts, in the order in which a command
//! meets them:
//!
//! 1. `client`: the connection, without the SDK's retries; `retry` has the one policy there is,
//!    `cancelled` what a transaction's reasons say;
//! 2. `item`, `size`: how a commit lies in the table, and what DynamoDB will take;
//! 3. `query`, `fold`, `read`: strong reads that go back no further than to a snapshot; `cache`
//!    spares them; `scan` reads all there is;
//! 4. `heads`, `expect`, `unique_key`, `claims`, `numbers`, `snapshots`, `idempotency`: what must
//!    hold and what is written with a command's events;
//! 5. `part`, `append`: one put or one transaction, settled;
//! 6. `execute`: the loop around it all, from an `execution` to its outcome, by way of `prepare` or
//!    `answer`; `import` takes commits that come from elsewhere.
//!
//! From there on a [`Projector`] takes over, and query functions see [`Views`] and [`Feed`]:
//!
//! 1. `projector`: what becomes of a batch of records, and why nothing that can happen to it does
//!    harm;
//! 2. `views`: rows and their lists, as fresh as a token demands; in `fold` is the one way in which
//!    commits get into a row;
//! 3. `feed`: every commit of a domain once, in a log;
//! 4. `rebuild`: the rows anew beside the old ones, from a `scan` of all events;
//! 5. `audit`: whether the rows are what the events say;
//! 6. `table`: the few calls that these make.

mod answer;
mod append;
mod audit;
mod cache;
mod cancelled;
mod claims;
mod client;
mod effects;
mod error;
mod execute;
mod execution;
mod expect;
mod feed;
mod fold;
mod heads;
mod idempotency;
mod import;
mod item;
mod meter;
mod numbers;
mod part;
mod prepare;
mod projector;
mod query;
mod read;
mod rebuild;
mod retry;
mod scan;
mod since;
mod size;
mod snapshots;
mod store;
mod table;
mod unique_key;
mod views;
mod weighed;

pub use audit::{Audit, Audited, Finding, Inventory, SumLine};
pub use client::{connect, warm_up};
pub use effects::{
    AfterFailure, Carried, EffectId, Effects, Granted, Lease, MOST_TRIES, NotDone, Settlement,
    Standing, Waiting, WhyWaiting,
};
pub use error::StoreError;
pub use execution::{
    Answered, Concurrent, ExecuteError, Execution, Expected, Idempotency, Origin, Outcome,
};
pub use feed::{Feed, FeedEntry, FeedError};
pub use idempotency::KEY_LIFETIME;
pub use import::Imported;
pub use item::{CommitItem, Item, ItemError, commit_from_item, commit_to_item};
pub use meter::Usage;
pub use projector::{BatchReport, Doorbell, Projector, Swept};
pub use read::At;
pub use rebuild::{
    Check, Lacking, Pace, Progress, Progressed, Rebuild, RebuildError, Switched, Why,
};
pub use scan::{ScanKey, ScanPage, Segment, Selection, Unreadable};
pub use size::TooLarge;
pub use store::{EventStore, StoreConfig};
pub use views::{
    Building, Generation, Listed, LogPlace, Logged, OneGeneration, Overlay, Page, PageRequest,
    ParkedStream, PartRow, Pointer, ReadError, RowStatus, ScanLease, Sum, Until, Views,
};
pub use weighed::WeighedCache;
