//! The platform: Headwater on one machine, driven by the same `template.yaml` that deploys it.
//!
//! ```text
//! client ── gateway ── host ══ function processes ── door ── emulators (DynamoDB, Kinesis, S3)
//!                        └──────── event sources ────────────────┘
//! ```
//!
//! [`template`] says what there is; [`platform`] puts it together; everything else is one part of
//! the picture.

mod aws;
pub mod clock;
pub mod config;
pub mod data_dir;
pub mod dev;
pub mod door;
pub mod emulators;
pub mod event_sources;
pub mod gateway;
pub mod host;
pub mod jwt;
mod loopback;
pub mod platform;
mod program;
mod runtime_api;
pub mod template;

pub use program::run;
