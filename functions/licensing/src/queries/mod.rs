//! Queries of licences, devices, downloads, playback and the policy.

mod allowance;
mod devices;
mod events;
mod licenses;
mod policy;
mod sessions;

pub use allowance::get_allowance;
pub use devices::list_devices;
pub use events::customer_events;
pub use licenses::{get_license, list_downloads, list_licenses};
pub use policy::get_policy;
pub use sessions::get_sessions;
