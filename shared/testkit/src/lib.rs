//! Tools for testing what is built on the core, all without a database: every test is a few
//! microseconds.
//!
//! - [`given`] some events, `when` a command is decided, `then` these events follow, or that rule
//!   says no;
//! - a [`History`] grows by commands drawn at random ([`AnyCommand`]), for properties that hold in
//!   every state;
//! - [`commits`] makes commits from events, and [`assert_converges`] and [`assert_parts_converge`]
//!   show that a projection ends in the same rows however its commits are delivered
//!   ([`deliveries`]);
//! - [`event_types`] lists all that may be stored, so that a test of each forgets none;
//! - a [`Golden`] folder shows that what was ever stored loads for ever;
//! - [`bytes`] and [`commit_bytes`] are what DynamoDB would bill;
//! - a [`Clock`] that stands still until it is moved, and times that are so many
//!   [`days_from_now`];
//! - [`difference`] shows two texts line by line.

mod clock;
mod difference;
mod event_types;
mod given;
mod golden;
mod history;
mod projection;
mod size;

pub use clock::{Clock, days_from_now};
pub use difference::difference;
pub use event_types::event_types;
pub use given::{Given, When, given};
pub use golden::Golden;
pub use history::{AnyCommand, History, commits};
pub use projection::{Delivery, assert_converges, assert_parts_converge, deliveries};
pub use size::{bytes, commit_bytes};
