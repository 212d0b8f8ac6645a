//! Whose things are whose.

use anyhow::Result;
use headwater_tests::{Client, Reply};
use serde_json::json;

use super::support::{download, dump};
use crate::support::shared_platform;

/// Every route on a customer `ada` and a licence `{l}`: method, path, body.
const ROUTES: [(&str, &str, &str); 17] = [
    (
        "POST",
        "/licensing/customers/ada/licenses",
        r#"{"titleId": "t", "studioId": "s", "deviceId": "d"}"#,
    ),
    ("POST", "/licensing/customers/ada/licenses/{l}/downloaded", ""),
    (
        "POST",
        "/licensing/customers/ada/licenses/{l}/sessions",
        r#"[{"eventId": "e", "kind": "START", "at": "2026-01-01T00:00:00Z"}]"#,
    ),
    ("POST", "/licensing/customers/ada/licenses/{l}/renew", ""),
    ("POST", "/licensing/customers/ada/licenses/{l}/release", ""),
    ("POST", "/licensing/customers/ada/devices/tablet/deactivate", ""),
    ("PUT", "/licensing/policy", "{}"),
    ("GET", "/licensing/policy", ""),
    ("GET", "/licensing/customers/ada/events", ""),
    ("GET", "/licensing/customers/ada/licenses/{l}", ""),
    ("GET", "/licensing/customers/ada/licenses/{l}/sessions", ""),
    ("GET", "/licensing/customers/ada/licenses", ""),
    ("GET", "/licensing/customers/ada/devices", ""),
    ("GET", "/licensing/customers/ada/downloads", ""),
    ("GET", "/licensing/customers/ada/allowance", ""),
    ("GET", "/licensing/changes", ""),
    ("GET", "/events/licensing/customers/ada", ""),
];

async fn route(
    client: &Client,
    method: &str,
    path: &str,
    body: &str,
    license: &str,
) -> Result<Reply> {
    let call = client.call(method, &path.replace("{l}", license));
    let call = if body.is_empty() {
        call
    } else {
        call.header("content-type", "application/json").body(body.to_owned())
    };
    call.send().await
}

#[tokio::test]
async fn another_tenants_things_are_not_there() -> Result<()> {
    let platform = shared_platform()?;
    let owner = platform.client("licensing-owner").await?;
    let license = download(&owner, "ada", "title").await?;
    platform.settled().await?;
    let before = dump(&owner, "ada").await?;
    let stranger = platform.client("licensing-stranger").await?;
    for (method, path, body) in ROUTES {
        let reply = route(&stranger, method, path, body, &license).await?;
        if path.contains("{l}") || path.contains("/devices/") {
            reply
                .problem(404, "not-found")
                .map_err(|error| error.context(format!("{method} {path}")))?;
        } else if method == "GET" && reply.body["items"].is_array() && !path.ends_with("/changes") {
            assert!(!reply.body.to_string().contains(&license), "{method} {path}: {}", reply.body);
        }
    }
    assert_eq!(
        stranger.get("/licensing/customers/ada/licenses").await?.body["items"]
            .as_array()
            .map(Vec::len),
        Some(1),
        "its own"
    );
    assert_eq!(dump(&owner, "ada").await?, before, "nothing was written");
    let token = owner
        .call("POST", &format!("/licensing/customers/ada/licenses/{license}/downloaded"))
        .send()
        .await?
        .token()
        .to_owned();
    let foreign = stranger
        .call("GET", "/licensing/customers/ada/licenses")
        .header("consistency-token", &token);
    foreign.send().await?.problem(400, "invalid-token")?;
    let empty = platform.client("licensing-empty").await?;
    for list in ["licenses", "devices", "downloads"] {
        assert_eq!(
            empty.get(&format!("/licensing/customers/ada/{list}")).await?.body["items"],
            json!([])
        );
    }
    Ok(())
}
