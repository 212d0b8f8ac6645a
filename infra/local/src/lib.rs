//! The platform: Headwater on one machine, driven by the same `template.yaml` that deploys it.
//!
//! ```text
//! client ── gateway ── host ══ function processes ── door ── emulators (DynamoDB, Kinesis, S3)
//!                        └──────── event sources ────────────────┘
//! ```
//!
//! [`template`] says what there is; `platform` puts it together; everything else is one part of
//! the picture. [`run`] is all that a program needs. The parts are public for the tests and tools
//! of this repository.

mod aws;
#[doc(hidden)]
pub mod clock;
#[doc(hidden)]
pub mod config;
#[doc(hidden)]
pub mod data_dir;
#[doc(hidden)]
pub mod dev;
#[doc(hidden)]
pub mod door;
#[doc(hidden)]
pub mod emulators;
#[doc(hidden)]
pub mod event_sources;
#[doc(hidden)]
pub mod gateway;
#[doc(hidden)]
pub mod host;
#[doc(hidden)]
pub mod jwt;
mod loopback;
#[doc(hidden)]
pub mod platform;
mod program;
mod runtime_api;
pub mod template;

pub use program::run;
