//! The licensing service: what can be called, and what is behind streams. The decisions of its
//! commands are in the domain (`shared/licensing`); here a licence is granted provisionally where
//! the store is out of reach.

mod acquire;
mod devices;
mod grants;
mod licenses;
mod past;
mod policy_cache;
mod queries;
mod reconcile;
mod remembered;
mod roles;
mod sessions;
mod view;

use headwater_functions::{changes, project};
use headwater_lambda::Service;
use licensing::commands::ReleaseAllLicenses;
use licensing::{Customer, Playback, Policy, SetPolicy};

/// The service, a line for each of its functions.
pub fn service() -> Service {
    Service::new(&licensing::SERVICE, env!("CARGO_PKG_NAME"))
        .problems(&[&grants::INVALID_GRANT])
        .aggregate::<Customer>("/customers", |customers| {
            customers
                .command(acquire::acquire_license())
                .command(licenses::report_downloaded())
                .command(licenses::renew_license())
                .command(licenses::release_license())
                .command(devices::deactivate_device())
                .action::<ReleaseAllLicenses>("release", "Release all that a customer keeps.")
                .call(reconcile::reconcile_grants())
                .call(queries::get_license())
                .call(queries::list_licenses())
                .call(queries::list_devices())
                .call(queries::list_downloads())
                .call(queries::get_allowance())
                .call(queries::customer_events())
        })
        .aggregate::<Playback>("/customers/{id}/playback", |playback| {
            playback.command(sessions::record_sessions()).call(queries::get_sessions())
        })
        .aggregate::<Policy>("/policy", |policy| {
            policy
                .put_only::<SetPolicy>("Set the limits; what is left out gets its default.")
                .operator()
                .call(queries::get_policy())
        })
        .execute()
        .functions([changes(licensing::DOMAIN), project(&licensing::SERVICE)])
}
