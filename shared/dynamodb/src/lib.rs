//! Headwater on DynamoDB: the event store, the views folded from it, and the change feed.
//!
//! In the event store one commit is one item, appended with a check-and-set on the sequence number.
//!
//! Each room is a module whose first lines say what it is about and in which order to read it. A
//! room uses only those above it:
//!
//! 1. `size`, `error`, `weighed`: how large an item is, what can go wrong, a cache by weight;
//! 2. `connection`: one request to DynamoDB, until it has a definite answer;
//! 3. `table`: the few calls on a table keyed by `pk` and `sk`;
//! 4. `keys`: what tells of a person is stored sealed, and is forgotten with its key;
//! 5. `archive`: commits too old for the table, in objects;
//! 6. `store`: [`EventStore`], all commits, read strongly;
//! 7. `archiver`: [`Archiver`] moves old commits from the table to the archive;
//! 8. `command`: [`EventStore::execute`], from a state to a decision to one write;
//! 9. `feed`: every commit of a domain once, in a log;
//! 10. `views`: rows and their lists, as fresh as a token demands;
//! 11. `projector`: brings rows up to date from a batch of records, whatever fails on the way;
//! 12. `rebuild`: rebuilds rows beside the old ones, from a scan of all events;
//! 13. `audit`: whether the rows are what the events say;
//! 14. `effects`: effects outside, as mails, each at most once without a person.

mod archive;
mod archiver;
mod audit;
mod command;
mod connection;
mod effects;
mod error;
mod feed;
mod keys;
mod projector;
mod rebuild;
#[cfg(test)]
mod rooms;
mod size;
mod store;
mod table;
mod views;
mod weighed;

pub use archive::{Archive, Objects, Run};
pub use archiver::{Archiver, Mode, Moved, Progress as ArchiverProgress, Stored};
pub use audit::{Audit, Audited, Finding, Inventory, SumLine};
pub use command::{
    Amendment, Concurrent, Done, ExecuteError, Execution, Expected, Idempotency, IfMatch,
    IfNoneMatch, KEY_LIFETIME, Origin, RenderAnswer,
};
pub use connection::{Usage, connect, warm_up};
pub use effects::{
    AfterFailure, Carried, EffectId, Effects, Granted, Lease, MOST_TRIES, NotDone, Settlement,
    Standing, Waiting, WhyWaiting,
};
pub use error::{ItemError, StoreError};
pub use feed::{Feed, FeedEntry, FeedError};
pub use keys::{MasterKey, SubjectKeys};
pub use projector::{BatchReport, Doorbell, Projector, Swept};
pub use rebuild::{
    Check, Lacking, Pace, Progress, Progressed, Rebuild, RebuildError, Switched, Why,
};
pub use size::{Item, TooLarge};
pub use store::{
    At, CommitItem, EventStore, Imported, ScanKey, ScanPage, Selection, StoreConfig, Unreadable,
    commit_from_item, commit_to_item,
};
pub use table::Segment;
pub use views::{
    Building, Generation, Listed, LogPlace, Logged, OneGeneration, Overlay, PageRequest,
    ParkedStream, PartRow, Pointer, ReadError, RowPage, RowStatus, ScanLease, Sum, Until, Views,
};
pub use weighed::WeighedCache;
