//! From commits to views over the wire: a real SDK client against a DynamoDB on loopback.

// A test says what it expects; a failure to get there is a failed test.
#![allow(clippy::unwrap_used, missing_docs)]

mod builds_at_once;
mod crashes;
mod effects;
mod effects_lost_replies;
mod feed;
mod forced_reads;
mod lists;
mod logs;
mod newer;
mod next;
mod parts;
mod personal;
mod projector;
mod rebuild;
mod rebuild_beside_traffic;
mod sums;
mod support;
mod switch;
mod toy;
