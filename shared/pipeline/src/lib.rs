//! Between the events table and whoever is behind the commits stream: what is put there for a
//! record of the table's DynamoDB stream, and what was given up on the way, and how it goes back.

mod failure;
mod failures;
mod relayed;

pub use failure::{Failure, Target, UnreadableFailure};
pub use failures::{Failures, FailuresError, Kind, Stored};
pub use relayed::{Tampering, relayed};
