//! The identity service: what can be called, and what is behind streams. The decisions of its
//! commands are in the domain (`shared/identity`).

mod external_users;
mod members;
mod queries;

use headwater_functions::{certificate, changes, export, project};
use headwater_lambda::Service;
use identity::group::{CreateGroup, DeleteGroup, PatchGroup};
use identity::user::{
    CreateUser, DeactivateUser, DeleteUser, EraseUser, PatchUser, ReactivateUser, ReplaceUser,
};
use identity::{Group, Membership, User};

/// The service, a line for each of its functions.
pub fn service() -> Service {
    Service::new(&identity::SERVICE, env!("CARGO_PKG_NAME"))
        .aggregate::<User>("/users", |users| {
            users
                .with_unique_values()
                .create::<CreateUser>("Create a user.")
                .patch::<PatchUser>("Change a user's names or email.")
                .replace::<ReplaceUser>("Say anew all of a user: names, email, and whether active.")
                .action::<DeactivateUser>("deactivate", "Deactivate a user.")
                .action::<ReactivateUser>("reactivate", "Reactivate a user.")
                .delete::<DeleteUser>("Delete a user; its user name and email are free again.")
                .action::<EraseUser>("erase", "Forget a person for good.")
                .operator()
                .command(external_users::apply_external_user())
                .call(external_users::transform_external_users())
                .call(queries::get_user())
                .call(queries::find_users())
                .call(queries::user_audit())
                .call(certificate::<User>(
                    &identity::SERVICE,
                    "identity-user-certificate",
                    "/identity/users/{id}/certificate",
                    "That a person was forgotten, and how far.",
                ))
                .call(export::<User>(
                    &identity::SERVICE,
                    "identity-export-user",
                    "/identity/users/{id}/export",
                    "All that is kept of a person.",
                ))
        })
        .aggregate::<Group>("/groups", |groups| {
            groups
                .create::<CreateGroup>("Create a group.")
                .patch::<PatchGroup>("Change a group's name or description.")
                .delete::<DeleteGroup>("Delete a group.")
                .call(queries::get_group())
                .call(queries::list_groups())
        })
        .aggregate::<Membership>("/groups/{id}/members", |members| {
            members
                .command(members::add_member())
                .command(members::remove_member())
                .call(queries::list_members())
                .call(queries::list_user_groups())
        })
        .execute()
        .functions([changes(identity::DOMAIN), project(&identity::SERVICE)])
}
