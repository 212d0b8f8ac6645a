//! One holder for a user name and for an email, whoever comes at once.

use anyhow::Result;
use serde_json::json;

use crate::support::{at_once, count, create_user, own_platform, shared_platform, user};

#[tokio::test]
async fn of_32_clients_that_take_a_name_at_once_one_gets_it() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("race").await?;
    let replies = at_once(32, |i| {
        let client = client.clone();
        let name = if i % 2 == 0 { "Grace" } else { "gRACE" };
        let body = json!({
            "userName": name,
            "displayName": "Grace",
            "email": format!("grace{i}@example.com"),
        });
        async move { client.post("/identity/users", &body).await }
    })
    .await?;
    assert_eq!((count(&replies, 201), count(&replies, 409)), (1, 31));
    let mut winner = None;
    for reply in replies {
        if reply.status == 201 {
            winner = Some(reply.id().to_owned());
        } else {
            reply.problem(409, "user-name-taken")?;
        }
    }
    let winner = winner.unwrap_or_default();
    client.call("DELETE", &format!("/identity/users/{winner}")).send().await?.expect(200)?;
    create_user(&client, "grace").await?;
    Ok(())
}

#[tokio::test]
async fn names_and_emails_are_free_again_when_they_are_given_up() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("free").await?;
    let ada = create_user(&client, "ada").await?;
    client
        .post(
            "/identity/users",
            &json!({ "userName": "x", "displayName": "X", "email": "ADA@example.com" }),
        )
        .await?
        .problem(409, "email-taken")?;
    let path = format!("/identity/users/{}", ada.id());
    let renamed = client.patch(&path, &json!({ "userName": "ADA" })).await?.expect(200)?;
    assert_eq!(renamed.version(), ada.version() + 1, "a change of case alone is a change");
    client.post("/identity/users", &user("ada")).await?.problem(409, "user-name-taken")?;
    client
        .patch(&path, &json!({ "userName": "countess", "email": "countess@example.com" }))
        .await?
        .expect(200)?;
    let second = create_user(&client, "ada").await?;
    client.patch(&path, &json!({ "userName": "ada" })).await?.problem(409, "user-name-taken")?;
    client.call("DELETE", &format!("/identity/users/{}", second.id())).send().await?.expect(200)?;
    client.patch(&path, &json!({ "userName": "ada" })).await?.expect(200)?;
    Ok(())
}

/// As a deployment with a typo in its parameters would have it.
#[tokio::test]
async fn with_another_unique_key_no_name_is_given_away() -> Result<()> {
    let mut platform = own_platform()?;
    let ada = create_user(&platform.client("typo").await?, "ada").await?;
    let path = format!("/identity/users/{}", ada.id());

    platform
        .restart_with(&["--parameter", "UniqueValueKey=a key that is long enough, but another"])?;
    let client = platform.client("typo").await?;
    client.post("/identity/users", &user("ada")).await?.problem(500, "internal-error")?;
    client.post("/identity/users", &user("grace")).await?.problem(500, "internal-error")?;
    client.patch(&path, &json!({ "userName": "grace" })).await?.problem(500, "internal-error")?;
    let log = std::fs::read_to_string(platform.folder().join("logs/identity-create-user.log"))?;
    assert!(
        log.contains("UNIQUE_KEY is not the key that names the unique values of this table"),
        "{log}"
    );
    assert!(log.contains("UniqueKeyRefused"), "the metric");
    // What touches no unique value goes on.
    client.patch(&path, &json!({ "displayName": "Ada L." })).await?.expect(200)?;

    platform.restart_with(&[])?;
    let client = platform.client("typo").await?;
    client.post("/identity/users", &user("ada")).await?.problem(409, "user-name-taken")?;
    create_user(&client, "grace").await?;
    Ok(())
}
