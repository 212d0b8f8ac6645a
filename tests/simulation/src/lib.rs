//! A simulation of all that stands between a client's request and a query's answer: the real store,
//! relay, projector, forced reads and tokens. Below them are a DynamoDB, its stream and a Kinesis
//! that do everything to them that the real ones may do. One seed decides it all, in one thread and
//! in virtual time, so whatever happens once can be made to happen again.
//!
//! 1. `plan`: what a seed makes of a run; `chance`: the choices that follow from it;
//! 2. `cloud`: what the processes' requests meet; `weather` in it is what goes wrong;
//! 3. `domain`, `service`: a small domain that has one of everything, served by the glue of the
//!    real functions;
//! 4. `processes`: where functions run, and die; `pipeline`: what feeds those behind streams;
//!    `mail`: mails that are sent, and those who look after them;
//! 5. `session`: the clients; `operator`: those who deploy and rebuild;
//! 6. `history`: what was written, and what must be true of it at every write; `judge`: whether an
//!    answer can be true; `settle`: whether all is well in the end.

#![expect(clippy::unwrap_used, reason = "it is a test: a panic in it is a finding")]

mod archive;
mod chance;
mod cloud;
mod domain;
mod history;
mod judge;
mod mail;
mod operator;
mod pipeline;
mod plan;
mod processes;
mod service;
mod session;
mod settle;
mod world;

pub use plan::{Plan, Trouble};
pub use world::{Failure, Report, run, shrink};
