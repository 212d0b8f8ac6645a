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
pub mod sessions;
mod view;

use headwater_lambda::Function;
use headwater_lambda::problem::ProblemType;

/// The kinds of problem that only calls of this service have.
pub static PROBLEM_TYPES: &[&ProblemType] = &[&grants::INVALID_GRANT];

/// All functions of this package.
pub fn functions() -> Vec<Function> {
    vec![
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
    ]
}
