//! The change feed: every commit once, each stream's in order, none skipped.

use std::collections::HashMap;

use anyhow::Result;
use serde_json::json;

use crate::support::{at_once, create_user, shared_platform, user};

#[tokio::test]
async fn the_feed_has_every_commit_once_and_in_its_streams_order() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("feed").await?;
    at_once(20, |i| {
        let client = client.clone();
        async move {
            let created =
                client.post("/identity/users", &user(&format!("user{i}"))).await?.expect(201)?;
            let path = format!("/identity/users/{}", created.id());
            for n in 0..3 {
                client
                    .patch(&path, &json!({ "displayName": format!("N{n}") }))
                    .await?
                    .expect(200)?;
            }
            Ok(created)
        }
    })
    .await?;
    platform.settled().await?;
    let changes = client.all("/identity/changes?limit=7").await?;
    assert_eq!(changes.len(), 80);
    let mut versions: HashMap<String, u64> = HashMap::new();
    for (change, position) in changes.iter().zip(1..) {
        assert_eq!(change["position"], format!("feed/identity@{position}"));
        let events = change["events"].as_array().map_or(&[][..], Vec::as_slice);
        let version =
            versions.entry(change["stream"].as_str().unwrap_or_default().to_owned()).or_default();
        for event in events {
            *version += 1;
            assert_eq!(event["number"], *version);
        }
        assert_eq!(change["version"], *version);
    }
    assert_eq!(versions.len(), 20);
    assert!(
        versions.keys().all(|stream| stream.starts_with("identity/users/")),
        "entity streams only"
    );

    let rest = client.get("/identity/changes?after=feed/identity@78").await?;
    assert_eq!(rest.body["items"].as_array().map(Vec::len), Some(2));
    client
        .call("GET", "/identity/changes?after=other/identity@1")
        .send()
        .await?
        .problem(400, "invalid-token")?;
    client
        .call("GET", "/identity/changes?after=feed/identity@1.7")
        .send()
        .await?
        .problem(410, "resync")?;
    Ok(())
}

#[tokio::test]
async fn an_empty_answer_can_be_held_open() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("held").await?;
    let waiting = client.call("GET", "/identity/changes").header("prefer", "wait=10").send();
    let writing = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        create_user(&client, "ada").await
    };
    let (changes, _) = tokio::try_join!(waiting, writing)?;
    assert_eq!(changes.expect(200)?.body["items"].as_array().map(Vec::len), Some(1));
    Ok(())
}

#[tokio::test]
async fn a_list_of_streams_is_never_older_than_the_token() -> Result<()> {
    let platform = crate::support::own_platform()?;
    let client = platform.client("streams").await?;
    let listed = |token: String| {
        client
            .call("GET", "/streams?prefix=identity/users/")
            .header("consistency-token", &token)
            .send()
    };
    let ada = create_user(&client, "ada").await?;
    let list = listed(ada.token().to_owned()).await?.expect(200)?;
    assert_eq!(list.body["items"][0]["version"], ada.version(), "{}", list.body);
    platform.event_source("relay", false).await?;
    let bob = create_user(&client, "bob").await?;
    listed(bob.token().to_owned()).await?.problem(503, "not-caught-up")?;
    Ok(())
}
