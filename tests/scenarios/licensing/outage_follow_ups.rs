//! What a device does with a provisional licence, before and after it is written.

use anyhow::Result;
use headwater_tests::{Client, Platform, Reply};
use serde_json::json;

use super::outage::{check_provisional, cut_off, reconnect};
use super::support::{acquire, dump, follow_up, licenses, types, wanted};
use crate::support::own_platform;

/// A platform whose store was out of reach for one acquire; what reconciles is stopped, so that its
/// grant is not written yet.
async fn with_a_grant(key: Option<&str>) -> Result<(Platform, Client, Reply)> {
    let platform = own_platform()?;
    let client = platform.client("follow-up").await?;
    platform.event_source("licensing-reconcile-grants", false).await?;
    cut_off(&platform, "unreachable").await?;
    let call = client.call("POST", &licenses("ada")).json(&wanted("title", "tablet"));
    let call = if let Some(key) = key { call.header("idempotency-key", key) } else { call };
    let granted = call.send().await?;
    check_provisional(&granted)?;
    reconnect(&platform).await?;
    Ok((platform, client, granted))
}

/// Posts to the licence, showing a grant.
async fn show(client: &Client, path: &str, grant: &str) -> Result<Reply> {
    client.call("POST", path).header("license-grant", grant).send().await
}

fn grant(reply: &Reply) -> &str {
    reply.body["grant"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_grant_that_is_shown_is_written_with_the_follow_up() -> Result<()> {
    let (platform, client, granted) = with_a_grant(None).await?;
    let license = granted.id();
    let path = format!("{}/{license}", licenses("ada"));
    follow_up(&client, "ada", license, "downloaded").await?.problem(404, "not-found")?;
    let downloaded =
        show(&client, &format!("{path}/downloaded"), grant(&granted)).await?.expect(200)?;
    assert_eq!(downloaded.version(), 2, "grant and download, in one commit");
    let renewed = show(&client, &format!("{path}/renew"), grant(&granted)).await?.expect(200)?;
    assert_eq!((&renewed.body["provisional"], renewed.version()), (&json!(true), 3));

    platform.event_source("licensing-reconcile-grants", true).await?;
    platform.settled().await?;
    let expected = ["LicenseGrantedProvisionally", "LicenseDownloaded", "LicenseRenewed"];
    assert_eq!(types(&dump(&client, "ada").await?), expected, "the reconciler found it written");
    let shown = client.get(&path).await?.body;
    assert_eq!((&shown["provisional"], shown["downloadedAt"].is_string()), (&json!(true), true));
    Ok(())
}

#[tokio::test]
async fn playback_may_be_the_first_follow_up() -> Result<()> {
    let (platform, client, granted) = with_a_grant(None).await?;
    let events = json!([{ "eventId": "e", "kind": "START", "at": granted.body["acquiredAt"] }]);
    let path = format!("{}/{}/sessions", licenses("ada"), granted.id());
    let played = client
        .call("POST", &path)
        .header("license-grant", grant(&granted))
        .json(&events)
        .send()
        .await?
        .expect(200)?;
    assert_eq!(played.version(), 1);
    platform.event_source("licensing-reconcile-grants", true).await?;
    platform.settled().await?;
    let mut names =
        types(&dump(&client, "ada").await?).into_iter().map(str::to_owned).collect::<Vec<_>>();
    names.sort();
    assert_eq!(names, ["LicenseGrantedProvisionally", "PlaybackRecorded"]);
    Ok(())
}

#[tokio::test]
async fn what_is_granted_counts_once_it_is_written() -> Result<()> {
    let (platform, client, granted) = with_a_grant(None).await?;
    platform.event_source("licensing-reconcile-grants", true).await?;
    platform.settled().await?;
    for device in ["a", "b", "c"] {
        acquire(&client, "ada", device, device).await?;
    }
    let refused =
        client.post(&licenses("ada"), &wanted("d", "d")).await?.problem(409, "device-limit")?;
    assert_eq!(refused.body["count"], 4);
    follow_up(&client, "ada", granted.id(), "release").await?.expect(200)?;
    acquire(&client, "ada", "d", "d").await?;
    Ok(())
}

#[tokio::test]
async fn forged_and_foreign_grants_are_refused() -> Result<()> {
    let (platform, client, granted) = with_a_grant(None).await?;
    let (license, signed) = (granted.id(), grant(&granted));
    let path = format!("{}/{license}/downloaded", licenses("ada"));
    let (data, signature) = signed.split_once('.').unwrap_or_default();
    let forged = [
        String::new(),
        "nonsense".to_owned(),
        data.to_owned(),
        format!("{data}."),
        format!("{data}x.{signature}"),
        format!("{data}.{}", signature.chars().rev().collect::<String>()),
    ];
    for forged in forged {
        let reply = show(&client, &path, &forged).await?;
        reply.problem(400, "invalid-grant").map_err(|error| error.context(forged))?;
    }
    // Of another customer, another licence, another tenant.
    let others = format!("{}/{license}/downloaded", licenses("bob"));
    show(&client, &others, signed).await?.problem(400, "invalid-grant")?;
    show(&client, &format!("{}/another/downloaded", licenses("ada")), signed)
        .await?
        .problem(400, "invalid-grant")?;
    let stranger = platform.client("stranger").await?;
    show(&stranger, &path, signed).await?.problem(400, "invalid-grant")?;
    client
        .call("GET", "/licensing/customers/ada/events")
        .send()
        .await?
        .problem(404, "not-found")?;
    Ok(())
}

#[tokio::test]
async fn the_same_request_after_the_outage_is_the_same_license() -> Result<()> {
    let (platform, client, granted) = with_a_grant(Some("key")).await?;
    let again = || {
        client
            .call("POST", &licenses("ada"))
            .header("idempotency-key", "key")
            .json(&wanted("title", "tablet"))
            .send()
    };
    let retried = again().await?.expect(201)?;
    assert_eq!(retried.id(), granted.id());
    assert_eq!(retried.body["provisional"], false, "by the rules this time: {}", retried.body);
    platform.event_source("licensing-reconcile-grants", true).await?;
    platform.settled().await?;
    assert_eq!(again().await?.expect(201)?.id(), granted.id());
    assert_eq!(types(&dump(&client, "ada").await?), ["LicenseAcquired"], "once");
    Ok(())
}

/// The other way round: the reconciler was faster than the retry.
#[tokio::test]
async fn a_retry_after_the_grant_was_written_is_the_same_license() -> Result<()> {
    let (platform, client, granted) = with_a_grant(Some("key")).await?;
    platform.event_source("licensing-reconcile-grants", true).await?;
    platform.settled().await?;
    let retried = client
        .call("POST", &licenses("ada"))
        .header("idempotency-key", "key")
        .json(&wanted("title", "tablet"));
    assert_eq!(retried.send().await?.expect(201)?.id(), granted.id());
    assert_eq!(types(&dump(&client, "ada").await?), ["LicenseGrantedProvisionally"], "once");
    Ok(())
}
