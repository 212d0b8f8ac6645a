//! What calls cost that all services share.

use serde_json::json;

use super::Service;
use super::case::{Case, call, get, send};

pub(super) fn service() -> Service {
    let user = || {
        send(
            "POST",
            "/identity/users",
            json!({
                "id": "ada",
                "userName": "ada",
                "displayName": "Ada",
                "email": "ada@example.com",
            }),
        )
    };
    let ada = || vec![user(), call("POST", "/identity/users/ada/deactivate")];
    let queries = vec![
        Case::new(get("/streams?prefix=identity/users/"), &ada()),
        Case::new(get("/events/identity/users/ada"), &ada()),
        Case::new(get("/states/identity/users/ada"), &ada()),
        Case::new(get("/states/identity/users/ada?version=4"), &ada()).note("as of a version"),
        Case::new(get("/states/identity/users/ada?version=5&diff=4"), &ada())
            .note("with what changed"),
        Case::new(get("/openapi.json"), &ada()),
        Case::new(get("/problems/not-found"), &ada()),
    ];
    Service { name: "shared", commands: Vec::new(), queries, story: Vec::new() }
}
