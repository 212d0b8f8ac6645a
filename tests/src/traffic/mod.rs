//! Production-like traffic for the licensing service: customers with a year of acquiring,
//! downloading, playing, renewing and releasing. Every answer is checked against a simple model of
//! the rules, which shares no code with the service.
//!
//! ```text
//! Settings ─ seed ─> Plan ─ visits of a day ─> Behaviour ─ Command ┬─> service ─ reply ──┐
//!                                                  ▲               └─> model ─ verdict ──┴─> check
//!                                                  └───────── what the customer has ───────────┘
//! ```

pub mod audit;
mod behaviour;
mod catalogue;
mod check;
mod clock;
mod command;
pub mod curve;
mod driver;
pub mod model;
mod plan;
mod policy_changes;
mod shopper;
mod tally;

pub use clock::{ServiceClock, Span};
pub use command::{Command, Playback};
pub use driver::run;
pub use plan::Settings;
pub use tally::Tally;
