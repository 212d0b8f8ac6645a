//! From the events table to the projectors: the relay puts every commit on Kinesis, and the redrive
//! puts back what a function behind a stream gave up on.

mod redrive;
mod relay;

pub use redrive::redrive;
pub use relay::{relay, relay_batch};
