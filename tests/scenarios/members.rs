//! The talk's sequence: what was written a moment ago can be built upon and read at once, by its
//! tokens.

use anyhow::Result;
use headwater_tests::Client;
use serde_json::Value;

use crate::support::{create_group, create_user, own_platform, shared_platform};

#[tokio::test]
async fn a_membership_is_readable_at_once_by_its_token() -> Result<()> {
    let platform = shared_platform()?;
    talk(&platform.client("talk").await?).await
}

#[tokio::test]
async fn a_membership_is_readable_at_once_with_the_projector_stopped() -> Result<()> {
    let platform = own_platform()?;
    platform.event_source("identity-project", false).await?;
    let client = platform.client("talk").await?;
    talk(&client).await?;
    // Without a token the views know nothing yet, which shows that the projector was idle.
    assert_eq!(client.get("/identity/users").await?.body["items"], Value::Array(vec![]));
    platform.event_source("identity-project", true).await?;
    platform.settled().await?;
    assert_eq!(client.all("/identity/users").await?.len(), 1);
    Ok(())
}

async fn talk(client: &Client) -> Result<()> {
    let user = create_user(client, "ada").await?;
    let group = create_group(client, "Engines").await?;
    let path = format!("/identity/groups/{}/members", group.id());
    let both = format!("{}, {}", user.token(), group.token());
    let member = client
        .call("PUT", &format!("{path}/{}", user.id()))
        .header("consistency-token", &both)
        .send()
        .await?
        .expect(200)?;

    let members = client
        .call("GET", &path)
        .header("consistency-token", member.token())
        .send()
        .await?
        .expect(200)?;
    let items = members.body["items"].as_array().cloned().unwrap_or_default();
    assert_eq!(items.len(), 1, "{}", members.body);
    assert_eq!(
        (&items[0]["userId"], &items[0]["userName"]),
        (&Value::from(user.id()), &Value::from("ada"))
    );
    assert!(
        items[0]["since"].is_string() && items[0]["displayName"] == "ada Example",
        "{}",
        items[0]
    );

    let groups = format!("/identity/users/{}/groups", user.id());
    let groups = client
        .call("GET", &groups)
        .header("consistency-token", member.token())
        .send()
        .await?
        .expect(200)?;
    assert_eq!(groups.body["items"][0]["groupId"], group.id());
    assert_eq!(groups.body["items"][0]["name"], "Engines");
    Ok(())
}

#[tokio::test]
async fn memberships_follow_their_user_and_group() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("follow").await?;
    let (ada, bob) = (create_user(&client, "ada").await?, create_user(&client, "bob").await?);
    let group = create_group(&client, "Engines").await?;
    let path = format!("/identity/groups/{}/members", group.id());
    for user in [&ada, &bob] {
        client.call("PUT", &format!("{path}/{}", user.id())).send().await?.expect(200)?;
    }
    let again = client.call("PUT", &format!("{path}/{}", ada.id())).send().await?.expect(200)?;
    assert_eq!(again.version(), 1, "adding again changes nothing");
    platform.settled().await?;
    let newest_first: Vec<_> =
        client.all(&path).await?.iter().map(|item| item["userName"].clone()).collect();
    assert_eq!(newest_first, ["bob", "ada"]);

    client.call("DELETE", &format!("/identity/users/{}", bob.id())).send().await?.expect(200)?;
    client
        .patch(
            &format!("/identity/users/{}", ada.id()),
            &serde_json::json!({ "displayName": "Countess" }),
        )
        .await?
        .expect(200)?;
    platform.settled().await?;
    let items = client.all(&path).await?;
    assert_eq!(items.len(), 1, "a deleted user's membership is hidden");
    assert_eq!(items[0]["displayName"], "Countess");

    client.call("DELETE", &format!("{path}/{}", ada.id())).send().await?.expect(200)?;
    let gone = client.call("DELETE", &format!("{path}/{}", ada.id())).send().await?.expect(200)?;
    assert_eq!(gone.version(), 2, "removing again changes nothing");
    platform.settled().await?;
    assert_eq!(client.all(&path).await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn who_cannot_be_a_member_is_refused() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("refuse").await?;
    let (user, group) =
        (create_user(&client, "ada").await?, create_group(&client, "Engines").await?);
    let put = |group: &str, user: &str| {
        client.call("PUT", &format!("/identity/groups/{group}/members/{user}")).send()
    };
    put(group.id(), "nobody").await?.problem(404, "not-found")?;
    put("nowhere", user.id()).await?.problem(404, "not-found")?;
    client
        .call("POST", &format!("/identity/users/{}/deactivate", user.id()))
        .send()
        .await?
        .expect(200)?;
    put(group.id(), user.id()).await?.problem(409, "user-inactive")?;
    client
        .call("POST", &format!("/identity/users/{}/reactivate", user.id()))
        .send()
        .await?
        .expect(200)?;
    put(group.id(), user.id()).await?.expect(200)?;
    Ok(())
}
