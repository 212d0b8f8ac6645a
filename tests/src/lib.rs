//! Whole services, driven over HTTP against the running platform: the same processes, roles,
//! streams and faults as on a laptop.

pub mod bounds;
pub mod faults;
pub mod import;
pub mod operator;
pub mod program;
pub mod rebuild;
pub mod traffic;

pub use headwater_testing::{
    Client, Platform, RUNS_AS_PLATFORM, Reply, RequestBuilder, costs, hostile, measured, price,
};

// The code of these pages is compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/how-to/add-a-command.md")]
mod add_a_command {}
#[cfg(doctest)]
#[doc = include_str!("../../docs/how-to/change-an-event.md")]
mod change_an_event {}
#[cfg(doctest)]
#[doc = include_str!("../../docs/how-to/keep-histories-cheap.md")]
mod keep_histories_cheap {}
#[cfg(doctest)]
#[doc = include_str!("../../docs/reference/personal-data.md")]
mod personal_data {}
