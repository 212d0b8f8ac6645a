//! `Idempotency-Key`: the same request twice has one effect and one answer.

use anyhow::Result;
use serde_json::json;

use crate::support::{at_once, count, create_user, events, shared_platform, user};

#[tokio::test]
async fn a_create_that_is_repeated_20_times_at_once_makes_one_user() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("repeat").await?;
    let replies = at_once(20, |_| {
        let client = client.clone();
        async move {
            client
                .call("POST", "/identity/users")
                .header("idempotency-key", "k-1")
                .json(&user("ada"))
                .send()
                .await
        }
    })
    .await?;
    assert_eq!(count(&replies, 201), 20, "{:?}", replies.iter().find(|reply| reply.status != 201));
    for reply in &replies {
        assert_eq!(
            (reply.id(), reply.etag(), reply.header("location")),
            (replies[0].id(), replies[0].etag(), replies[0].header("location"))
        );
    }
    platform.settled().await?;
    assert_eq!(client.all("/identity/users").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_key_stands_for_one_request_of_one_caller() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("keys").await?;
    let ada = create_user(&client, "ada").await?;
    let path = format!("/identity/users/{}", ada.id());
    let patch = |key: &str, name: &str| {
        client
            .call("PATCH", &path)
            .header("idempotency-key", key)
            .json(&json!({ "displayName": name }))
            .send()
    };
    let first = patch("k", "One").await?.expect(200)?;
    client.patch(&path, &json!({ "displayName": "Two" })).await?.expect(200)?;
    let again = patch("k", "One").await?.expect(200)?;
    assert_eq!(again.version(), first.version(), "the recorded answer, not a second effect");
    patch("k", "Three").await?.problem(422, "idempotency-key-reused")?;
    patch("", "One").await?.problem(400, "malformed-request")?;
    assert_eq!(
        events(&client, &format!("identity/users/{}", ada.id())).await?.len() as u64,
        ada.version() + 2
    );

    let other = platform.client_with("keys", "somebody-else", &["writer"]).await?;
    let others = other
        .call("PATCH", &path)
        .header("idempotency-key", "k")
        .json(&json!({ "displayName": "Theirs" }))
        .send()
        .await?
        .expect(200)?;
    assert_eq!(others.version(), ada.version() + 3, "another subject's key is another key");
    Ok(())
}

#[tokio::test]
async fn what_wrote_nothing_is_repeated_too() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("refused").await?;
    let ada = create_user(&client, "ada").await?;
    let create = |key: &str| {
        client
            .call("POST", "/identity/users")
            .header("idempotency-key", key)
            .json(&user("ada"))
            .send()
    };
    create("taken").await?.problem(409, "user-name-taken")?;
    client.call("DELETE", &path_of(ada.id())).send().await?.expect(200)?;
    let again = create("taken").await?.problem(409, "user-name-taken")?;
    assert_eq!(again.header("idempotency-replayed"), "true");
    create("fresh").await?.expect(201)?;
    Ok(())
}

fn path_of(id: &str) -> String {
    format!("/identity/users/{id}")
}
