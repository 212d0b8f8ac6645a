//! Queries of licences, devices, downloads, playback and the policy.

mod allowance;
mod devices;
mod events;
mod licenses;
mod policy;
mod sessions;

pub(crate) use allowance::get_allowance;
pub(crate) use devices::list_devices;
pub(crate) use events::customer_events;
pub(crate) use licenses::{get_license, list_downloads, list_licenses};
pub(crate) use policy::get_policy;
pub(crate) use sessions::get_sessions;
