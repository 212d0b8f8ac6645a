//! Queries of users, groups and memberships.

mod groups;
mod members;
mod users;
mod view;

pub(crate) use groups::{get_group, list_groups};
pub(crate) use members::{list_members, list_user_groups};
pub(crate) use users::{find_users, get_user, user_audit};
