//! Between the events table and the readers of the commits stream: the record for a commit, the
//! batches that functions gave up, and how they are put back. Also the archive's objects in S3.

mod archive;
mod failure;
mod failures;
mod relayed;

pub use archive::ArchiveBucket;
pub use failure::{Failure, Target, UnreadableFailure};
pub use failures::{Failures, FailuresError, Kind, Stored};
pub use relayed::{Tampering, relayed};
