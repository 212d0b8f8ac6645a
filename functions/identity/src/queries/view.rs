//! What queries answer with.

use headwater::StreamName;
use identity::{GroupRow, UserRow};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// Raise it when the same row is rendered in another way: it is part of the `ETag`.
pub(super) const REPRESENTATION: u32 = 1;

/// A user, as queries show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserView {
    id: String,
    version: u64,
    user_name: String,
    display_name: String,
    email: String,
    active: bool,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl UserView {
    pub(super) fn new(stream: &StreamName, version: u64, row: UserRow) -> Self {
        let active = row.is_active();
        let UserRow { user_name, display_name, email, created_at, updated_at, .. } = row;
        Self {
            id: stream.id().to_owned(),
            version,
            user_name,
            display_name,
            email,
            active,
            created_at,
            updated_at,
        }
    }
}

/// A group, as queries show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupView {
    id: String,
    version: u64,
    name: String,
    description: Option<String>,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl GroupView {
    pub(super) fn new(stream: &StreamName, version: u64, row: GroupRow) -> Self {
        let GroupRow { name, description, created_at, updated_at, .. } = row;
        Self { id: stream.id().to_owned(), version, name, description, created_at, updated_at }
    }
}

/// A member of a group.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberView {
    pub(super) user_id: String,
    pub(super) user_name: String,
    pub(super) display_name: String,
    #[schema(value_type = String, format = "date-time")]
    pub(super) since: Timestamp,
}

/// A group that a user is a member of.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserGroupView {
    pub(super) group_id: String,
    pub(super) name: String,
    #[schema(value_type = String, format = "date-time")]
    pub(super) since: Timestamp,
}
