//! The life of a user, a group and a membership.

use anyhow::Result;
use serde_json::{Value, json};

use super::{Step, same_history, step, twins_have_one_life};
use crate::support::shared_platform;

const USERS: &str = "/identity/users";
const USER: &str = "/identity/users/{id}";
const GROUPS: &str = "/identity/groups";
const GROUP: &str = "/identity/groups/{id}";
const MEMBER: &str = "/identity/groups/{id}/members/{userId}";
const EXTERNAL: &str = "/identity/external-users";

fn user() -> Value {
    json!({
        "id": "{id}",
        "userName": "{id}",
        "displayName": "A twin",
        "email": "{id}@example.com",
    })
}

fn external(name: &str, revision: u64) -> Value {
    json!({
        "externalId": "{id}",
        "revision": revision,
        "userName": name,
        "displayName": "A twin",
        "email": "ext-{id}@example.com",
        "active": true,
    })
}

/// A life that has each command, and mostly more than once.
pub(crate) fn life() -> Vec<Step> {
    const DEACTIVATE: &str = "/identity/users/{id}/deactivate";
    const ERASE: &str = "/identity/users/{id}/erase";
    const REACTIVATE: &str = "/identity/users/{id}/reactivate";
    let (ok, invalid) = ((200, ""), (422, "invalid-request"));
    let (not_found, concurrent) = ((404, "not-found"), (409, "concurrent-modification"));
    let name = |name: &str| json!({ "displayName": name });
    let whole = |name: &str| {
        json!({
            "userName": "{id}",
            "displayName": name,
            "email": "{id}@new.example.com",
            "active": true,
        })
    };
    let at = |mut body: Value, version: u64| {
        body["version"] = version.into();
        body
    };
    vec![
        step("CreateUser", "POST", USERS, json!({}), invalid),
        step("CreateUser", "POST", USERS, user(), (201, "")),
        step("CreateUser", "POST", USERS, user(), (409, "user-exists")),
        step("PatchUser", "PATCH", USER, name("Ada"), ok),
        step("PatchUser", "PATCH", USER, at(name("Ada L"), 5), ok),
        step("PatchUser", "PATCH", USER, at(name("Lady L"), 5), concurrent),
        step("PatchUser", "PATCH", USER, at(name("Lady L"), 99), (400, "token-ahead")),
        step("PatchUser", "PATCH", USER, name(""), invalid),
        step("PatchUser", "PATCH", USER, json!({ "colour": "red" }), invalid),
        step("PatchUser", "PATCH", USER, name("X"), not_found).at("id", "nobody-{id}"),
        step("ReplaceUser", "PUT", USER, name("Ada"), invalid),
        step("ReplaceUser", "PUT", USER, whole("Ada L"), ok),
        step("ReplaceUser", "PUT", USER, at(whole("Lady L"), 5), concurrent),
        step("ReplaceUser", "PUT", USER, whole("X"), not_found).at("id", "nobody-{id}"),
        step("DeactivateUser", "POST", DEACTIVATE, json!({ "why": "because" }), invalid),
        step("DeactivateUser", "POST", DEACTIVATE, json!({ "version": 2 }), concurrent),
        step("DeactivateUser", "POST", DEACTIVATE, json!({}), ok),
        step("CreateGroup", "POST", GROUPS, json!({ "id": "{id}", "name": "Twins" }), (201, "")),
        step("PatchGroup", "PATCH", GROUP, json!({ "name": "The twins" }), ok),
        step("AddMember", "PUT", MEMBER, json!({}), (409, "user-inactive")).at("userId", "{id}"),
        step("ReactivateUser", "POST", REACTIVATE, json!({}), ok),
        step("AddMember", "PUT", MEMBER, json!({}), ok).at("userId", "{id}"),
        step("AddMember", "PUT", MEMBER, json!({ "a": 1 }), invalid).at("userId", "{id}"),
        step("RemoveMember", "DELETE", MEMBER, json!({ "version": 1 }), ok).at("userId", "{id}"),
        step("RemoveMember", "DELETE", MEMBER, json!({}), not_found).at("userId", "nobody"),
        step("ApplyExternalUser", "POST", EXTERNAL, external("ext-{id}", 1), ok),
        step("ApplyExternalUser", "POST", EXTERNAL, external("{id}", 2), (409, "user-name-taken")),
        step("DeleteGroup", "DELETE", GROUP, json!({}), ok),
        step("DeleteUser", "DELETE", USER, json!({ "version": 99 }), (400, "token-ahead")),
        step("DeleteUser", "DELETE", USER, json!({}), ok),
        step("DeleteUser", "DELETE", USER, json!({}), not_found),
        step("EraseUser", "POST", ERASE, json!({ "version": 99 }), (400, "token-ahead")),
        step("EraseUser", "POST", ERASE, json!({}), ok),
        step("EraseUser", "POST", ERASE, json!({}), ok),
        step("EraseUser", "POST", ERASE, json!({}), not_found).at("id", "nobody-{id}"),
    ]
}

#[tokio::test]
async fn twins_have_one_life_by_either_way() -> Result<()> {
    let platform = shared_platform()?;
    twins_have_one_life(&platform, "identity", life()).await?;
    same_history(&platform, "identity", "identity/users").await?;
    same_history(&platform, "identity", "identity/groups").await
}
