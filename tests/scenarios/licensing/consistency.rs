//! Conditions, keys and tokens; the feed of changes.

use anyhow::Result;
use serde_json::json;

use super::support::{acquire, download, dump, find, follow_up, licenses, types, wanted};
use crate::support::{at_once, count, own_platform, shared_platform};

#[tokio::test]
async fn if_match_conditions_every_command_on_the_customer() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("if-match").await?;
    let first = acquire(&client, "ada", "a", "tablet").await?;
    let second = acquire(&client, "ada", "b", "tablet").await?;
    let post = |path: String, etag: &str| client.call("POST", &path).header("if-match", etag);
    for what in ["downloaded", "renew", "release"] {
        let stale = post(format!("{}/{}/{what}", licenses("ada"), first.id()), first.etag());
        stale.send().await?.problem(412, "precondition-failed")?;
    }
    let device = "/licensing/customers/ada/devices/tablet/deactivate";
    post(device.to_owned(), first.etag()).send().await?.problem(412, "precondition-failed")?;
    let acquire = |etag: &str| post(licenses("ada"), etag).json(&wanted("c", "tablet")).send();
    acquire(first.etag()).await?.problem(412, "precondition-failed")?;
    assert_eq!(dump(&client, "ada").await?.len(), 2, "nothing was written");
    let third = acquire(second.etag()).await?.expect(201)?;

    // The tag of a read will do as well.
    let read = client
        .call("GET", &format!("{}/{}", licenses("ada"), third.id()))
        .header("consistency-token", third.token());
    let read = read.send().await?.expect(200)?;
    post(format!("{}/{}/release", licenses("ada"), third.id()), read.etag())
        .send()
        .await?
        .expect(200)?;
    let unchanged = client
        .call("GET", &format!("{}/{}", licenses("ada"), third.id()))
        .header("if-none-match", read.etag());
    let changed = unchanged.header(
        "consistency-token",
        &format!("\"if-match/licensing/customers/ada@{}\"", third.version() + 1),
    );
    assert_eq!(changed.send().await?.expect(200)?.body["released"], true);
    Ok(())
}

#[tokio::test]
async fn the_same_request_under_the_same_key_is_one_license() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("keyed").await?;
    let acquire = |key: &str, title: &str| {
        let call = client
            .call("POST", &licenses("ada"))
            .header("idempotency-key", key)
            .json(&wanted(title, "tablet"));
        async move { call.send().await }
    };
    let first = acquire("k", "a").await?.expect(201)?;
    let replies = at_once(8, |_| acquire("k", "a")).await?;
    assert_eq!(count(&replies, 201), 8);
    assert!(replies.iter().all(|reply| reply.body == first.body && reply.etag() == first.etag()));
    acquire("k", "b").await?.problem(422, "idempotency-key-reused")?;
    let other = acquire("other", "a").await?.expect(201)?;
    assert_ne!(other.id(), first.id());
    for _ in 0..2 {
        let renew = client
            .call("POST", &format!("{}/{}/renew", licenses("ada"), first.id()))
            .header("idempotency-key", "renew");
        assert_eq!(renew.send().await?.expect(200)?.version(), 3, "renewed once");
    }
    assert_eq!(dump(&client, "ada").await?.len(), 3);
    Ok(())
}

/// With the projector stopped nothing gets into the views: what a token'd query shows comes from
/// the events.
#[tokio::test]
async fn with_its_token_a_license_is_seen_at_once_everywhere() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("fresh").await?;
    let old = download(&client, "ada", "old").await?;
    platform.settled().await?;
    platform.event_source("licensing-project", false).await?;
    let new = acquire(&client, "ada", "new", "phone").await?.id().to_owned();
    let downloaded = follow_up(&client, "ada", &new, "downloaded").await?.expect(200)?;
    let events = json!([{ "eventId": "e", "kind": "START", "at": "2026-01-01T00:00:00Z" }]);
    let played =
        client.post(&format!("{}/{new}/sessions", licenses("ada")), &events).await?.expect(200)?;

    client
        .call("GET", &format!("{}/{new}", licenses("ada")))
        .send()
        .await?
        .problem(404, "not-found")?;
    let token = format!("{}, {}", downloaded.token(), played.token());
    let get = |path: String| {
        client
            .call("GET", &format!("/licensing/customers/ada{path}"))
            .header("consistency-token", &token)
            .send()
    };
    let license = get(format!("/licenses/{new}")).await?.expect(200)?.body;
    assert_eq!((&license["titleId"], license["downloadedAt"].is_string()), (&json!("new"), true));
    assert_eq!(get(format!("/licenses/{new}/sessions")).await?.expect(200)?.body["events"], 1);
    for (list, field, newest, oldest) in [
        ("/licenses", "licenseId", new.as_str(), old.as_str()),
        ("/downloads", "licenseId", new.as_str(), old.as_str()),
        ("/devices", "deviceId", "phone", "tablet"),
    ] {
        let items = get(list.to_owned()).await?.expect(200)?.body["items"].clone();
        assert_eq!(
            (&items[0][field], &items[1][field], items[2].is_null()),
            (&json!(newest), &json!(oldest), true),
            "{list}: {items}"
        );
    }
    let of_title =
        get("/downloads?titleId=new".to_owned()).await?.expect(200)?.body["items"].clone();
    assert_eq!(of_title.as_array().map(Vec::len), Some(1));

    platform.event_source("licensing-project", true).await?;
    platform.settled().await?;
    let licenses = client.all("/licensing/customers/ada/licenses").await?;
    assert_eq!(*find(&licenses, "licenseId", &new)?, {
        let mut shown = license.clone();
        shown.as_object_mut().map(|fields| (fields.remove("id"), fields.remove("version")));
        shown
    });
    Ok(())
}

#[tokio::test]
async fn lists_go_page_by_page_newest_first_and_back_to_a_time() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("licensing-pages").await?;
    let mut granted = Vec::new();
    for i in 0..7 {
        granted.push(download(&client, "ada", &format!("title-{i}")).await?);
    }
    platform.settled().await?;
    granted.reverse();
    for list in ["licenses", "downloads"] {
        let items = client.all(&format!("/licensing/customers/ada/{list}?limit=3")).await?;
        let ids: Vec<_> =
            items.iter().map(|item| item["licenseId"].as_str().unwrap_or_default()).collect();
        assert_eq!(ids, granted, "{list}");
    }
    let downloads = client.all("/licensing/customers/ada/downloads").await?;
    let since = downloads[2]["downloadedAt"].as_str().unwrap_or_default();
    let recent =
        client.all(&format!("/licensing/customers/ada/downloads?since={since}&limit=2")).await?;
    assert_eq!(recent, downloads[..3]);
    let wrong =
        client.call("GET", "/licensing/customers/ada/downloads?since=yesterday").send().await?;
    assert_eq!(wrong.problem(422, "invalid-request")?.body["errors"][0]["pointer"], "/query/since");
    Ok(())
}

#[tokio::test]
async fn the_feed_has_every_commit_of_the_domain_once() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("licensing-feed").await?;
    client
        .call("PUT", "/licensing/policy")
        .json(&json!({ "maxDevices": 7 }))
        .send()
        .await?
        .expect(200)?;
    let license = download(&client, "ada", "title").await?;
    let events = json!([{ "eventId": "e", "kind": "START", "at": "2026-01-01T00:00:00Z" }]);
    client.post(&format!("{}/{license}/sessions", licenses("ada")), &events).await?.expect(200)?;
    platform.settled().await?;
    let changes = client.all("/licensing/changes?limit=2").await?;
    let mut seen: Vec<(String, String)> = Vec::new();
    for (change, position) in changes.iter().zip(1..) {
        assert_eq!(change["position"], format!("licensing-feed/licensing@{position}"));
        for event in change["events"].as_array().into_iter().flatten() {
            seen.push((
                change["stream"].as_str().unwrap_or_default().to_owned(),
                event["type"].as_str().unwrap_or_default().to_owned(),
            ));
        }
    }
    seen.sort();
    let of = |stream: &str, name: &str| (format!("licensing/{stream}"), name.to_owned());
    let mut expected = vec![
        of("customers/ada", "LicenseAcquired"),
        of("customers/ada", "LicenseDownloaded"),
        of(&format!("customers/ada/playback/{license}"), "PlaybackRecorded"),
        of("policy", "MaxDevicesSet"),
    ];
    expected.sort();
    assert_eq!(seen, expected);
    assert_eq!(
        types(&dump(&client, "ada").await?),
        ["LicenseAcquired", "LicenseDownloaded", "PlaybackRecorded"]
    );
    Ok(())
}
