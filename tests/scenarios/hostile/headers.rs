//! Headers that are not what they should be.

use anyhow::Result;
use headwater_tests::hostile;

use super::target;

#[tokio::test]
async fn a_place_in_a_feed_that_was_begun_anew_is_gone() -> Result<()> {
    let mut target = target().await?;
    let gone = hostile::places_in_old_feeds(&mut target).await?;
    assert!(gone > 40, "{gone} calls told of it");
    target.finish().await
}

#[tokio::test]
async fn a_token_that_cannot_be_told_from_ours_is_ahead() -> Result<()> {
    let mut target = target().await?;
    let client = target.client.clone();
    crate::support::create_user(&client, "ada").await?;
    let ada = crate::support::create_user(&client, "bob").await?;
    target.all_is_written().await?;
    let path = format!("/identity/users/{}", ada.id());
    let ahead = format!("\"acme{path}@99\"");
    for (method, header) in
        [("GET", "consistency-token"), ("POST", "consistency-token"), ("POST", "if-match")]
    {
        let path = if method == "GET" { path.clone() } else { format!("{path}/deactivate") };
        target
            .refuse_with(
                400,
                "token-ahead",
                header,
                client.call(method, &path).header(header, &ahead),
            )
            .await?;
    }
    let weak = format!("W/{}", ada.token());
    target
        .refuse_with(
            400,
            "invalid-token",
            "a weak token",
            client.call("GET", &path).header("consistency-token", &weak),
        )
        .await?;
    for tag in ["", "v4", "\"", "\"a\" \"b\"", "W/", "\"a b\"", "*, \"a\"", ","] {
        let call = client.call("GET", &path).header("if-none-match", tag);
        target.refuse_with(400, "invalid-token", &format!("if-none-match {tag}"), call).await?;
    }
    for key in ["", &"x".repeat(256), "\u{fc}", "a\tb"] {
        let call =
            client.call("POST", &format!("{path}/deactivate")).header("idempotency-key", key);
        target
            .refuse_with(400, "malformed-request", &format!("idempotency-key {key:?}"), call)
            .await?;
    }
    target.finish().await
}
