//! What an operator sees: streams, events, and states as they were.

use anyhow::Result;
use serde_json::json;

use crate::support::{create_user, events, shared_platform};

#[tokio::test]
async fn every_event_and_every_state_can_be_seen() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("past").await?;
    let ada = create_user(&client, "ada").await?;
    let path = format!("/identity/users/{}", ada.id());
    let stream = format!("identity/users/{}", ada.id());
    for i in 0..30 {
        client.patch(&path, &json!({ "displayName": format!("Ada {i}") })).await?.expect(200)?;
    }
    let history = events(&client, &stream).await?;
    assert_eq!(history.len(), 34);
    assert!(history.iter().zip(1..).all(|(event, number)| event["number"] == number));
    assert_eq!(
        (&history[0]["type"], &history[0]["command"], &history[0]["actor"]),
        (&json!("UserCreated"), &json!("CreateUser"), &json!("tester"))
    );
    let from_the_middle = client.get(&format!("/events/{stream}?after=2&limit=3")).await?;
    assert_eq!(from_the_middle.body["items"][0]["number"], 3, "in the middle of a commit");

    let state = |query: String| {
        let (client, stream) = (client.clone(), stream.clone());
        async move { client.get(&format!("/states/{stream}{query}")).await }
    };
    assert_eq!(state(String::new()).await?.body["state"]["displayName"], "Ada 29");
    for version in [5, 17, 34] {
        let at_version = state(format!("?version={version}")).await?;
        assert_eq!(at_version.body["state"]["displayName"], format!("Ada {}", version - 5));
        assert_eq!(at_version.body["version"], version);
    }
    let in_the_middle = state("?version=2".to_owned()).await?;
    assert_eq!(
        (&in_the_middle.body["state"]["userName"], &in_the_middle.body["state"]["displayName"]),
        (&json!("ada"), &json!(""))
    );
    let at = history[9]["at"].as_str().unwrap_or_default().to_owned();
    let at_time = state(format!("?at={at}")).await?;
    assert!(
        at_time.body["version"].as_u64() >= Some(10),
        "all that happened up to then: {}",
        at_time.body
    );
    let diff = state("?version=6&diff=5".to_owned()).await?;
    assert_eq!(
        diff.body["diff"],
        json!([{ "op": "replace", "path": "/displayName", "value": "Ada 1" }]),
        "{}",
        diff.body
    );

    client
        .call("GET", &format!("/states/{stream}?version=6&diff=7"))
        .send()
        .await?
        .problem(422, "invalid-request")?;
    client
        .call("GET", &format!("/states/{stream}?version=99"))
        .send()
        .await?
        .problem(404, "not-found")?;
    client.call("GET", "/events/identity/users/nobody").send().await?.problem(404, "not-found")?;
    client.call("GET", "/events/nonsense").send().await?.problem(404, "not-found")?;
    let stranger = platform.client("stranger").await?;
    stranger.call("GET", &format!("/events/{stream}")).send().await?.problem(404, "not-found")?;
    stranger.call("GET", &format!("/states/{stream}")).send().await?.problem(404, "not-found")?;
    Ok(())
}

#[tokio::test]
async fn streams_are_listed_by_prefix() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("streams").await?;
    for i in 0..7 {
        let body = json!({
            "id": format!("u{i}"),
            "userName": format!("u{i}"),
            "displayName": "U",
            "email": format!("u{i}@example.com"),
        });
        client.post("/identity/users", &body).await?.expect(201)?;
    }
    crate::support::create_group(&client, "Group").await?;
    platform.settled().await?;
    let users = client.all("/streams?prefix=identity/users/&limit=3").await?;
    let names: Vec<_> =
        users.iter().map(|item| item["stream"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(names, (0..7).map(|i| format!("identity/users/u{i}")).collect::<Vec<_>>());
    assert!(users.iter().all(|item| item["version"] == 4));
    assert_eq!(client.all("/streams?prefix=identity/").await?.len(), 8);
    Ok(())
}
