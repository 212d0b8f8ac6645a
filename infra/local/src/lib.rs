//! The platform on one machine.

pub mod clock;
pub mod config;
pub mod data_dir;
pub mod door;
pub mod emulators;
pub mod event_sources;
pub mod gateway;
pub mod host;
pub mod jwt;
mod runtime_api;
pub mod template;
