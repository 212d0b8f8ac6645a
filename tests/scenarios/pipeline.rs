//! What goes wrong behind the commands: an event that cannot be folded, a projector that gives up, users of another system.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use headwater_tests::{Client, Platform};
use serde_json::{Value, json};

use crate::support::{create_user, own_platform, shared_platform};

#[tokio::test]
async fn an_event_that_cannot_be_folded_parks_its_stream_and_no_other() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("poison").await?;
    let (ada, bob) = (create_user(&client, "ada").await?, create_user(&client, "bob").await?);
    platform.settled().await?;
    put_poison(&platform, &format!("poison/identity/users/{}", ada.id()), ada.version() + 1).await?;
    client.patch(&format!("/identity/users/{}", bob.id()), &json!({ "displayName": "Bob" })).await?.expect(200)?;
    platform.settled().await?;

    assert_eq!(client.get(&format!("/identity/users/{}", bob.id())).await?.body["displayName"], "Bob", "the others go on");
    let path = format!("/identity/users/{}", ada.id());
    assert_eq!(client.get(&path).await?.body["version"], ada.version(), "its row stays as it was");
    let token = format!("\"poison/identity/users/{}@{}\"", ada.id(), ada.version() + 1);
    client.call("GET", &path).header("consistency-token", &token).send().await?.problem(503, "stream-parked")?;
    assert_eq!(platform.metric("identity-project", "ParkedStreams")?, 1.0);
    assert_eq!(client.all("/identity/changes").await?.len(), 4, "the change feed tells of all the same");
    Ok(())
}

/// Puts a commit whose event no build knows, as a newer build might.
async fn put_poison(platform: &Platform, stream: &str, seq: u64) -> Result<()> {
    let item = json!({
        "stream": stream, "seq": seq, "n": 1, "at": 1_800_000_000_000_i64,
        "e": [{ "t": "UserTeleported", "d": {} }],
        "m": { "i": "01936f0e-0000-7000-8000-000000000000", "c": "Teleport", "a": "future", "r": "r" },
    });
    let item: std::collections::HashMap<String, AttributeValue> = serde_dynamo::to_item(item)?;
    platform.dynamodb().await?.put_item().table_name(platform.table("EventsTable").await?).set_item(Some(item)).send().await?;
    Ok(())
}

#[tokio::test]
async fn what_a_projector_gave_up_on_is_redriven_by_itself() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("redrive").await?;
    let out_of_reach = json!({ "service": "dynamodb", "fault": "throttle", "rate": 1.0, "function": "identity-project" });
    platform.fault(out_of_reach).await?;
    let ada = create_user(&client, "ada").await?;
    // Given up: then nothing is waiting in the stream any more, though no row was written.
    platform.settled_within(Duration::from_secs(400)).await?;
    let path = format!("/identity/users/{}", ada.id());
    client.call("GET", &path).send().await?.problem(404, "not-found")?;
    platform.fault(json!({ "service": "dynamodb", "fault": "none" })).await?;
    // The schedule comes round once a minute.
    let start = Instant::now();
    while client.call("GET", &path).send().await?.status != 200 {
        ensure!(start.elapsed() < Duration::from_secs(150), "not redriven");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(client.all("/identity/changes").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn another_systems_users_come_in_by_their_stream() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("partner").await?;
    let update = |revision: u64, name: &str| {
        json!({
            "tenant": "partner", "externalId": "7", "revision": revision, "userName": name, "displayName": name,
            "email": format!("{name}@example.com"), "active": true,
        })
    };
    create_user(&client, "taken").await?;
    platform.put_record("ExternalUsersStream", "7", &update(2, "second").to_string()).await?;
    platform.put_record("ExternalUsersStream", "7", "not even JSON").await?;
    platform.put_record("ExternalUsersStream", "7", &update(1, "first").to_string()).await?;
    platform.put_record("ExternalUsersStream", "7", &update(2, "second").to_string()).await?;
    platform.put_record("ExternalUsersStream", "7", &update(3, "taken").to_string()).await?;
    platform.settled().await?;
    assert_eq!(read(&client, "ext-7").await?["userName"], "second");
    let audit = client.all("/identity/users/ext-7/audit").await?;
    assert_eq!((&audit[0]["field"], &audit[0]["to"]["reason"]), (&json!("parkedUpdate"), &json!("user-name-taken")));
    Ok(())
}

async fn read(client: &Client, id: &str) -> Result<Value> {
    Ok(client.get(&format!("/identity/users/{id}")).await?.body)
}
