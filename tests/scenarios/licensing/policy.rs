//! The limits change without a deploy.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::support::{acquire, dump, eventually, licenses, try_acquire, wanted};
use crate::support::{own_platform, shared_platform};

#[tokio::test]
#[ignore = "long: a minute"]
async fn a_policy_counts_within_a_minute_without_its_token() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("minute").await?;
    acquire(&client, "bob", "a", "d1").await?;
    acquire(&client, "bob", "a", "d2").await?;
    client
        .call("PUT", "/licensing/policy")
        .json(&json!({ "maxDevices": 2 }))
        .send()
        .await?
        .expect(200)?;
    eventually(Duration::from_secs(61), "no third device", || async {
        Ok(try_acquire(&client, "bob", "b", "d3").await?.status == 409)
    })
    .await
}

#[tokio::test]
async fn a_policy_counts_at_once_with_its_token_and_where_none_is_known() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("limits").await?;
    acquire(&client, "ada", "a", "d1").await?;
    acquire(&client, "ada", "b", "d2").await?;
    let set = client
        .call("PUT", "/licensing/policy")
        .json(&json!({ "maxDevices": 2 }))
        .send()
        .await?
        .expect(200)?;
    let with_token = client
        .call("POST", &licenses("ada"))
        .header("consistency-token", set.token())
        .json(&wanted("c", "d3"));
    let refused = with_token.send().await?.problem(409, "device-limit")?;
    assert_eq!((&refused.body["limit"], &refused.body["count"]), (&json!(2), &json!(2)));

    // A function that was just started knows no policy before.
    platform.kill_function("licensing-acquire-license").await?;
    acquire(&client, "bob", "a", "d1").await?;
    acquire(&client, "bob", "a", "d2").await?;
    try_acquire(&client, "bob", "b", "d3").await?.problem(409, "device-limit")?;

    // A licence tells by which policy it was decided; what it was granted stays.
    let raised = client
        .call("PUT", "/licensing/policy")
        .json(&json!({ "licenseDays": 7 }))
        .send()
        .await?
        .expect(200)?;
    let short = client
        .call("POST", &licenses("ada"))
        .header("consistency-token", raised.token())
        .json(&wanted("c", "d3"));
    let short = short.send().await?.expect(201)?;
    let events = dump(&client, "ada").await?;
    let versions: Vec<_> =
        events.iter().map(|event| event["data"]["policyVersion"].clone()).collect();
    assert_eq!(versions, [json!(0), json!(0), json!(raised.version())]);
    assert_eq!(events[2]["data"]["expiresAt"], short.body["expiresAt"]);
    Ok(())
}

#[tokio::test]
async fn a_policy_is_set_whole_and_read_back() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("whole").await?;
    let defaults = client.get("/licensing/policy").await?.body;
    let expected = json!({
        "version": 0, "licenseDays": 30, "maxDevices": 4, "titleDownloadsPerYear": 3,
        "studioDownloads": { "default": 25 },
        "deactivationsPerYear": 4,
    });
    assert_eq!(defaults, expected);
    let put = |body| client.call("PUT", "/licensing/policy").json(&body).send();
    let first =
        put(json!({ "licenseDays": 7, "studioDownloads": { "small": 2 } })).await?.expect(200)?;
    assert_eq!(first.version(), 2, "an event for each limit that changed");
    let read = client
        .call("GET", "/licensing/policy")
        .header("consistency-token", first.token())
        .send()
        .await?
        .expect(200)?;
    assert_eq!(
        (&read.body["licenseDays"], &read.body["studioDownloads"]),
        (&json!(7), &json!({ "default": 25, "small": 2 }))
    );
    let again =
        put(json!({ "licenseDays": 7, "studioDownloads": { "small": 2 } })).await?.expect(200)?;
    assert_eq!(again.version(), 2, "the same again changes nothing");
    let second = put(json!({})).await?.expect(200)?;
    let read = client
        .call("GET", "/licensing/policy")
        .header("consistency-token", second.token())
        .send()
        .await?
        .expect(200)?;
    assert_eq!(
        (&read.body["studioDownloads"], &read.body["licenseDays"]),
        (&json!({ "default": 25 }), &json!(30)),
        "what is left out"
    );

    for (body, pointer) in [
        (json!({ "licenseDays": 0 }), "/licenseDays"),
        (json!({ "maxDevices": -1 }), "/maxDevices"),
        (json!({ "studioDownloads": { "a b": 1 } }), "/studioDownloads"),
        (json!({ "nonsense": 1 }), "/nonsense"),
    ] {
        let refused = put(body.clone()).await?.problem(422, "invalid-request")?;
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{body}");
    }
    Ok(())
}
