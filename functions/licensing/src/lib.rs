//! The licensing service's functions: each call of `/licensing` and the function that answers it.
//! What is interesting about a command stands in the domain (`shared/licensing`); here a request is
//! turned into it, and a licence is granted provisionally where the store is out of reach.

pub mod acquire;
pub mod devices;
mod grants;
pub mod licenses;
mod past;
pub mod policy;
mod policy_cache;
pub mod queries;
pub mod reconcile;
mod remembered;
mod roles;
pub mod sessions;
mod view;

use ::queries::changes;
use headwater_lambda::Service;
use projectors::project;

/// The service, with the function of each of its calls.
pub fn service() -> Service {
    Service::new(licensing::DOMAIN, env!("CARGO_PKG_NAME"))
        .problems(&[&grants::INVALID_GRANT])
        .functions([
            acquire::acquire_license(),
            licenses::report_downloaded(),
            licenses::renew_license(),
            licenses::release_license(),
            sessions::record_sessions(),
            devices::deactivate_device(),
            policy::set_policy(),
            reconcile::reconcile_grants(),
            queries::get_license(),
            queries::list_licenses(),
            queries::get_sessions(),
            queries::list_devices(),
            queries::list_downloads(),
            queries::get_allowance(),
            queries::customer_events(),
            queries::get_policy(),
            changes(licensing::DOMAIN),
            project(licensing::DOMAIN, &licensing::PROJECTIONS),
        ])
}
