//! The CLI as people and programs see it: transcripts over a DynamoDB that holds the golden
//! histories, and what is beside them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod amend;
mod connection;
mod door;
mod dump;
mod failures;
mod forget;
mod hostile;
mod new;
mod parked;
mod rebuild;
mod relay;
mod restore;
mod support;
mod tail;
mod trace;
mod transcripts;
mod verify;
mod views;
mod waiting;
