//! Whose things are whose.

use anyhow::Result;
use serde_json::{Value, json};

use super::support::{download, dump};
use crate::execute::calls_on;
use crate::execute::licensing::life;
use crate::support::shared_platform;

/// The queries on a customer `ada` and a licence `{l}`.
const QUERIES: [&str; 8] = [
    "/licensing/customers/ada/events",
    "/licensing/customers/ada/licenses/{l}",
    "/licensing/customers/ada/licenses/{l}/sessions",
    "/licensing/customers/ada/licenses",
    "/licensing/customers/ada/devices",
    "/licensing/customers/ada/downloads",
    "/licensing/customers/ada/allowance",
    "/events/licensing/customers/ada",
];

#[tokio::test]
async fn another_tenants_things_are_not_there() -> Result<()> {
    let platform = shared_platform()?;
    let owner = platform.client("licensing-owner").await?;
    let license = download(&owner, "ada", "title").await?;
    platform.settled().await?;
    let before = dump(&owner, "ada").await?;
    let stranger = platform.client("licensing-stranger").await?;
    let queries = QUERIES.iter().map(|path| ("GET", path.replace("{l}", &license), Value::Null));
    let id_of = |_: &str, name: &str| match name {
        "licenseId" => license.clone(),
        "deviceId" => "tablet".to_owned(),
        _ => "ada".to_owned(),
    };
    let acquire = json!({ "titleId": "t", "studioId": "s", "deviceId": "d" });
    let acquire = ("POST", "/licensing/customers/ada/licenses".to_owned(), acquire);
    let commands = std::iter::once(acquire).chain(calls_on(life(), id_of));
    for (method, path, body) in commands.chain(queries) {
        let call = stranger.call(method, &path);
        let call = if body.is_null() { call } else { call.json(&body) };
        let (reply, what) = (call.send().await?, format!("{method} {path}"));
        if path.contains(&license) || path.contains("/devices/") {
            reply.problem(404, "not-found").map_err(|error| error.context(what))?;
        } else if reply.body["items"].is_array() {
            assert!(!reply.body.to_string().contains(&license), "{what}: {}", reply.body);
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
