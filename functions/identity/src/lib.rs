//! The identity service's functions: each call of `/identity` and the function that answers it.
//! What is interesting about a command stands in the domain (`shared/identity`); here a request is
//! turned into it.

pub mod external_users;
pub mod groups;
pub mod members;
pub mod queries;
pub mod users;

use ::queries::changes;
use headwater_lambda::Service;
use projectors::project;

/// The service, with the function of each of its calls.
pub fn service() -> Service {
    Service::new(identity::DOMAIN, env!("CARGO_PKG_NAME")).functions([
        users::create_user(),
        users::patch_user(),
        users::deactivate_user(),
        users::reactivate_user(),
        users::delete_user(),
        groups::create_group(),
        groups::patch_group(),
        groups::delete_group(),
        members::add_member(),
        members::remove_member(),
        external_users::apply_external_user(),
        external_users::transform_external_users(),
        queries::get_user(),
        queries::find_users(),
        queries::user_audit(),
        queries::get_group(),
        queries::list_groups(),
        queries::list_members(),
        queries::list_user_groups(),
        changes(identity::DOMAIN),
        project(identity::DOMAIN, &identity::PROJECTIONS),
    ])
}
