//! What a key stands for where licences are acquired: one licence for a day, in an outage too.

use anyhow::Result;
use headwater_tests::{Client, Reply};
use serde_json::json;

use super::outage::{check_provisional, cut_off, reconnect};
use super::support::{DAY, acquire, advance, dump, follow_up, licenses, wanted};
use crate::support::own_platform;

async fn under(client: &Client, key: &str, title: &str, device: &str) -> Result<Reply> {
    client
        .call("POST", &licenses("ada"))
        .header("idempotency-key", key)
        .json(&wanted(title, device))
        .send()
        .await
}

#[tokio::test]
async fn after_a_day_the_same_request_is_a_new_license() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("a-day").await?;
    let mut ids = Vec::new();
    // The last one comes when the state has forgotten the licence.
    for wait in [0, DAY + 2, DAY + 2, 31 * DAY, 62 * DAY] {
        advance(&platform, wait).await?;
        let acquired = under(&client, "k", "title", "tablet").await?.expect(201)?;
        assert_eq!(
            (&acquired.body["released"], acquired.header("idempotency-replayed")),
            (&json!(false), ""),
            "{}",
            acquired.body
        );
        assert_eq!(acquired.header("location"), format!("{}/{}", licenses("ada"), acquired.id()));
        let again = under(&client, "k", "title", "tablet").await?.expect(201)?;
        assert_eq!((again.id(), again.header("idempotency-replayed")), (acquired.id(), "true"));
        if ids.is_empty() {
            follow_up(&client, "ada", acquired.id(), "downloaded").await?.expect(200)?;
        }
        follow_up(&client, "ada", acquired.id(), "release").await?.expect(200)?;
        ids.push(acquired.id().to_owned());
    }
    let acquired =
        dump(&client, "ada").await?.into_iter().filter(|event| event["type"] == "LicenseAcquired");
    let acquired: Vec<_> = acquired
        .map(|event| event["data"]["licenseId"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(acquired, ids);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5, "each has an id of its own");
    platform.settled().await?;
    let downloads = client.all("/licensing/customers/ada/downloads").await?;
    assert_eq!(
        downloads.iter().map(|download| &download["licenseId"]).collect::<Vec<_>>(),
        [&acquired[0]]
    );
    Ok(())
}

#[tokio::test]
async fn a_key_around_an_outage_is_one_license() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("around").await?;
    client
        .call("PUT", "/licensing/policy")
        .json(&json!({ "maxDevices": 1 }))
        .send()
        .await?
        .expect(200)?;
    acquire(&client, "ada", "known", "tablet").await?;
    platform.event_source("licensing-reconcile-grants", false).await?;
    cut_off(&platform, "unreachable").await?;
    let granted = under(&client, "k", "title", "phone").await?;
    check_provisional(&granted)?;
    let again = under(&client, "k", "title", "phone").await?;
    assert_eq!(again.body, granted.body, "the same grant");
    // Another process knows as much.
    platform
        .dev("POST", "/dev/kill", Some(json!({ "function": "licensing-acquire-license" })))
        .await?;
    assert_eq!(under(&client, "k", "title", "phone").await?.body, granted.body);
    reconnect(&platform).await?;

    // The rules would refuse it now: but it was granted.
    for _ in 0..2 {
        let written = under(&client, "k", "title", "phone").await?.expect(201)?;
        assert_eq!(
            (written.id(), &written.body["expiresAt"]),
            (granted.id(), &granted.body["expiresAt"])
        );
        assert_eq!((&written.body["provisional"], written.version()), (&json!(true), 2));
    }
    under(&client, "another", "title", "watch").await?.problem(409, "device-limit")?;
    platform.event_source("licensing-reconcile-grants", true).await?;
    platform.settled().await?;
    let events = dump(&client, "ada").await?;
    let written: Vec<_> = events
        .iter()
        .filter(|event| event["data"]["licenseId"] == granted.id())
        .map(|event| &event["type"])
        .collect();
    assert_eq!(written, ["LicenseGrantedProvisionally"]);
    Ok(())
}
