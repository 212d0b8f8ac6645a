//! The pure core of Headwater: event sourcing without a database.
//!
//! Nothing in here knows AWS, HTTP, clocks or randomness. A domain crate builds on it in the order
//! that a reader wants:
//!
//! 1. [`StreamName`] says which history an aggregate has;
//! 2. [`Event`] says what can have happened, and how old shapes are lifted ([`Upcaster`]);
//! 3. [`Aggregate`] folds events into the state that its rules need;
//! 4. [`Command`] decides which events follow, or why not ([`Rejection`]);
//! 5. [`Projection`] folds the same events into rows for queries.
//!
//! [`Personal`] marks what tells of a person. [`Token`]s name positions in streams; they are what
//! an `ETag` carries.

mod aggregate;
mod command;
mod commit;
mod decide;
mod domain;
mod draft;
mod event;
pub mod field;
mod personal;
mod projection;
mod sequence;
mod stream;
mod text;
mod token;
mod unique;

pub use aggregate::{Aggregate, Folded, Snapshot};
pub use command::{Command, Context, Rejection, Rule, Verdict};
pub use commit::{AMEND, Commit, Metadata, RecordedEvent};
pub use decide::{Decide, Number, Source};
pub use domain::{
    AggregateFn, Checked, Domain, Domains, External, Handler, Parked, RecordOf, aggregate_fn,
};
pub use draft::{EventDraft, Misfit};
pub use event::{Event, EventError, NewerEvent, Upcaster, decode, encode, first_newer, knows};
pub use personal::{Form, Personal, erased, has_personal, replace_personal, unmarked};
pub use projection::{
    Amounts, Applied, Contributions, IndexKey, Part, PartsOf, Projection, ProjectionFn, Row,
    SumKey, apply_commits, contribution_changes, keeps_log, own_row, part_fn, projection_fn,
};
pub use sequence::{SequenceEvent, sequence_stream};
pub use stream::{InvalidStreamName, LONGEST_SEGMENT, StreamName, is_segment};
pub use text::{
    canonical, folded, is_hidden, is_visible, normalize, search_words, shown, shown_lines,
};
pub use token::{FeedPosition, InvalidToken, LARGEST_VERSION, Position, Rendering, Token};
pub use unique::{Unique, UniqueEvent, UniqueKey, UniqueKeyEvent, UniqueValue};
