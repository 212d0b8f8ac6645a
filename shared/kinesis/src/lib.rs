//! Kinesis at the rim: what a record on the commits stream looks like, and how records are put so
//! that none is lost.

mod publisher;
mod record;

pub use publisher::{Publisher, Record, Unpublished, connect};
pub use record::CommitRecord;

/// The largest record, key and data together, in bytes.
pub const LARGEST_RECORD: usize = 1024 * 1024;
