//! The event store over the wire: the real SDK against DynamoDB on this machine. What a call costs
//! is a contract, so the exact lists of calls are asserted.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "../support/mod.rs"]
mod support;

mod amending;
mod appending;
mod archiving;
mod commuting;
mod conditions;
mod faults;
mod forgetting;
mod idempotency;
mod importing;
mod isolation;
mod items;
mod limits;
mod loading;
mod newer;
mod numbers;
mod scanning;
mod unique_key;
mod uniqueness;
