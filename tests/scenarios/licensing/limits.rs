//! The limits, one slot before they are reached, and under a crowd.

use anyhow::Result;
use headwater_tests::{Client, Reply};
use serde_json::{Value, json};

use super::support::{acquire, dump, follow_up, licenses, try_acquire, wanted};
use crate::support::{at_once, count, shared_platform};

/// Repeats an acquire that was not decided: too many came at once.
async fn acquire_patiently(client: Client, body: Value) -> Result<Reply> {
    loop {
        let reply = client.post(&licenses("crowd"), &body).await?;
        if reply.status != 503 && reply.status != 429 {
            return Ok(reply);
        }
    }
}

#[tokio::test]
async fn of_50_acquires_at_once_for_one_slot_one_is_granted() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("one-slot").await?;
    for device in ["a", "b", "c"] {
        acquire(&client, "crowd", device, device).await?;
    }
    let replies = at_once(50, |i| {
        acquire_patiently(client.clone(), wanted(&format!("title-{i}"), &format!("device-{i}")))
    })
    .await?;
    assert_eq!(
        (count(&replies, 201), count(&replies, 409)),
        (1, 49),
        "{:?}",
        replies.iter().find(|reply| reply.status != 409)
    );
    for refused in replies.iter().filter(|reply| reply.status == 409) {
        assert_eq!(refused.body["type"], "/problems/device-limit");
        assert_eq!((&refused.body["limit"], &refused.body["count"]), (&json!(4), &json!(4)));
    }
    assert_eq!(dump(&client, "crowd").await?.len(), 4, "and one is written");
    Ok(())
}

#[tokio::test]
async fn each_limit_has_its_rule_and_they_are_checked_in_order() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("order").await?;
    let policy = json!({
        "maxDevices": 1,
        "titleDownloadsPerYear": 1,
        "studioDownloads": { "default": 2, "small": 1 },
    });
    let token = client
        .call("PUT", "/licensing/policy")
        .json(&policy)
        .send()
        .await?
        .expect(200)?
        .token()
        .to_owned();
    let acquire = |title: &str, studio: &str, device: &str| {
        let body = json!({ "titleId": title, "studioId": studio, "deviceId": device });
        client.call("POST", &licenses("ada")).header("consistency-token", &token).json(&body).send()
    };
    let first = acquire("t1", "small", "tablet").await?.expect(201)?;
    for (title, studio, device, rule, limit) in [
        ("t1", "small", "phone", "device-limit", 1),
        ("t1", "small", "tablet", "studio-limit", 1),
        ("t1", "large", "tablet", "title-yearly-limit", 1),
    ] {
        let refused = acquire(title, studio, device).await?.problem(409, rule)?;
        assert_eq!(
            (&refused.body["limit"], &refused.body["count"]),
            (&json!(limit), &json!(1)),
            "{rule}"
        );
    }
    follow_up(&client, "ada", first.id(), "release").await?.expect(200)?;
    acquire("t1", "small", "phone").await?.expect(201)?;
    Ok(())
}

#[tokio::test]
async fn the_same_device_may_serve_two_customers() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("family").await?;
    for customer in ["ada", "bob"] {
        for title in ["a", "b", "c"] {
            acquire(&client, customer, title, "tv").await?;
        }
    }
    client
        .call("POST", "/licensing/customers/ada/devices/tv/deactivate")
        .send()
        .await?
        .expect(200)?;
    let bobs = client.get("/licensing/customers/bob/allowance").await?.body;
    assert_eq!(
        bobs["rules"][0],
        json!({ "rule": "device-limit", "limit": 4, "count": 1 }),
        "{bobs}"
    );
    Ok(())
}

#[tokio::test]
async fn fields_at_fault_are_named() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("fields").await?;
    for (body, pointer) in [
        (json!({ "titleId": "a title", "studioId": "s", "deviceId": "d" }), "/titleId"),
        (json!({ "titleId": "t", "studioId": "", "deviceId": "d" }), "/studioId"),
        (json!({ "titleId": "t", "studioId": "s", "deviceId": "x".repeat(65) }), "/deviceId"),
        (json!({ "titleId": "t", "studioId": "s" }), "/deviceId"),
        (json!({ "titleId": "t", "studioId": "s", "deviceId": "d", "more": 1 }), "/more"),
    ] {
        let reply = client.post(&licenses("ada"), &body).await?.problem(422, "invalid-request")?;
        assert_eq!(reply.body["errors"][0]["pointer"], pointer, "{body}");
    }
    try_acquire(&client, &"x".repeat(65), "t", "d").await?.problem(404, "not-found")?;
    client
        .call("GET", "/licensing/customers/ada/events")
        .send()
        .await?
        .problem(404, "not-found")?;
    Ok(())
}
