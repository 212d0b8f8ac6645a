//! Devices, and giving one away.

use anyhow::Result;
use serde_json::json;

use super::support::{acquire, download, dump, find, try_acquire, types};
use crate::support::{own_platform, shared_platform};

#[tokio::test]
async fn a_device_with_many_licenses_is_deactivated_in_one_write() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("devices").await?;
    for i in 0..24 {
        acquire(&client, "ada", &format!("title-{i}"), "tablet").await?;
    }
    let kept = acquire(&client, "ada", "kept", "phone").await?;
    platform.reset_meter().await?;
    let deactivated = client
        .call("POST", "/licensing/customers/ada/devices/tablet/deactivate")
        .send()
        .await?
        .expect(200)?;
    let spent = platform.meter("licensing-deactivate-device").await?;
    assert_eq!(spent["PutItem"]["calls"], 1, "{spent}");
    assert!(spent.get("TransactWriteItems").is_none(), "{spent}");
    assert_eq!(deactivated.version(), kept.version() + 25);

    let events = dump(&client, "ada").await?;
    let commit = &events[25..];
    assert_eq!(types(&commit[..24]), ["LicenseReleased"; 24]);
    assert_eq!(types(&commit[24..]), ["DeviceDeactivated"]);
    assert!(commit.iter().all(|event| event["at"] == commit[0]["at"]
        && event["correlationId"] == commit[0]["correlationId"]));
    platform.settled().await?;
    assert_eq!(client.all("/licensing/changes").await?.len(), 26, "one commit");
    let licenses = client.all("/licensing/customers/ada/licenses").await?;
    assert!(
        licenses
            .iter()
            .all(|license| (license["released"] == true) == (license["deviceId"] == "tablet")),
        "{licenses:?}"
    );

    let again = client
        .call("POST", "/licensing/customers/ada/devices/tablet/deactivate")
        .send()
        .await?
        .expect(200)?;
    assert_eq!(again.version(), deactivated.version(), "again changes nothing");
    client
        .call("POST", "/licensing/customers/ada/devices/never-seen/deactivate")
        .send()
        .await?
        .problem(404, "not-found")?;
    Ok(())
}

#[tokio::test]
async fn all_that_a_customer_keeps_is_released_in_one_write() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("released").await?;
    let all = "/licensing/customers/ada/release";
    let nothing = client.call("POST", all).send().await?.expect(200)?;
    assert_eq!(nothing.version(), 0, "nothing to release, nothing written");
    for i in 0..4 {
        acquire(&client, "ada", &format!("title-{i}"), &format!("device-{i}")).await?;
    }
    try_acquire(&client, "ada", "other", "fifth").await?.problem(409, "device-limit")?;
    let released = client.call("POST", all).send().await?.expect(200)?;
    assert_eq!(released.version(), 8);
    let events = dump(&client, "ada").await?;
    assert_eq!(types(&events[4..]), ["LicenseReleased"; 4]);
    assert!(events[4..].iter().all(|event| event["at"] == events[4]["at"]), "one commit");
    let list = client
        .call("GET", "/licensing/customers/ada/licenses")
        .header("consistency-token", released.token())
        .send()
        .await?
        .expect(200)?;
    let licenses = list.body["items"].as_array().cloned().unwrap_or_default();
    assert_eq!(licenses.iter().filter(|license| license["released"] == true).count(), 4);

    let again = client.call("POST", all).send().await?.expect(200)?;
    assert_eq!(again.version(), released.version(), "again changes nothing");
    try_acquire(&client, "ada", "other", "fifth").await?.expect(201)?;
    Ok(())
}

#[tokio::test]
async fn devices_are_deactivated_only_so_often_a_year() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("often").await?;
    let deactivate = |device: &str| {
        client.call("POST", &format!("/licensing/customers/ada/devices/{device}/deactivate")).send()
    };
    for i in 0..4 {
        acquire(&client, "ada", "title", &format!("d{i}")).await?;
        deactivate(&format!("d{i}")).await?.expect(200)?;
    }
    acquire(&client, "ada", "title", "d4").await?;
    let refused = deactivate("d4").await?.problem(409, "deactivation-limit")?;
    assert_eq!((&refused.body["limit"], &refused.body["count"]), (&json!(4), &json!(4)));
    deactivate("d0").await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn devices_are_listed_with_what_they_were_used_for() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("used").await?;
    download(&client, "ada", "a").await?;
    acquire(&client, "ada", "b", "tablet").await?;
    acquire(&client, "ada", "c", "phone").await?;
    client
        .call("POST", "/licensing/customers/ada/devices/phone/deactivate")
        .send()
        .await?
        .expect(200)?;
    platform.settled().await?;
    let devices = client.all("/licensing/customers/ada/devices").await?;
    assert_eq!(devices.len(), 2);
    assert_eq!(devices[0]["deviceId"], "phone", "newest first");
    let (tablet, phone) =
        (find(&devices, "deviceId", "tablet")?, find(&devices, "deviceId", "phone")?);
    assert_eq!((&tablet["licenses"], &phone["licenses"]), (&json!(2), &json!(1)));
    assert!(tablet["deactivatedAt"].is_null() && phone["deactivatedAt"].is_string(), "{devices:?}");
    try_acquire(&client, "ada", "d", "phone").await?.expect(201)?;
    platform.settled().await?;
    let devices = client.all("/licensing/customers/ada/devices").await?;
    assert!(
        find(&devices, "deviceId", "phone")?["deactivatedAt"].is_null(),
        "it may be used again"
    );
    Ok(())
}
