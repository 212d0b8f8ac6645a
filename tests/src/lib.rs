//! Whole services, driven over HTTP against the running platform: the same processes, roles, streams and faults as on a laptop.

mod client;
mod platform;

pub use client::{Call, Client, Reply};
pub use platform::Platform;
