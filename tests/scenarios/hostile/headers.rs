//! Headers that are not what they should be.

use anyhow::Result;

use super::target::Target;

/// What no token is.
fn bad_tags() -> Vec<(&'static str, String)> {
    vec![
        ("empty", String::new()),
        ("unquoted", "acme/identity/users/ada@1".to_owned()),
        ("an empty tag", "\"\"".to_owned()),
        ("malformed", "\"nonsense\"".to_owned()),
        (
            "of a version beyond all numbers",
            "\"acme/identity/users/ada@99999999999999999999\"".to_owned(),
        ),
        ("of another tenant", "\"other/identity/users/ada@1\"".to_owned()),
        ("too long", format!("\"acme/identity/users/{}@1\"", "x".repeat(600))),
        ("21 of them", vec!["\"acme/identity/users/ada@1\""; 21].join(", ")),
        ("unclosed", "\"acme/identity/users/ada@1".to_owned()),
        ("not even text", "\"\u{fc}\"".to_owned()),
    ]
}

#[tokio::test]
async fn no_call_takes_what_is_no_token() -> Result<()> {
    let mut target = Target::start().await?;
    target.all_is_written().await?;
    for route in target.routes.clone().into_iter().filter(|route| route.role.is_some()) {
        let headers: &[&str] = if route.method == "GET" {
            &["consistency-token"]
        } else {
            &["consistency-token", "if-match"]
        };
        for header in headers {
            for (what, tag) in bad_tags() {
                let what = format!("{} {} with {header} {what}", route.method, route.path);
                let call = target.client.call(&route.method, &route.with("x")).header(header, &tag);
                target.refuse(&what, call).await?;
            }
        }
    }
    target.finish().await
}

/// A feed is begun anew with a new table, as after a restore: then no place of the old one is any
/// in it.
#[tokio::test]
async fn a_place_in_a_feed_that_was_begun_anew_is_gone() -> Result<()> {
    let mut target = Target::start().await?;
    target.all_is_written().await?;
    let mut gone = 0;
    for route in target.routes.clone().into_iter().filter(|route| route.role.is_some()) {
        for domain in ["identity", "licensing", "invoicing"] {
            let what =
                format!("{} {} with a place in an old feed of {domain}", route.method, route.path);
            let token = format!("\"acme/{domain}@1.7\"");
            let call = target
                .client
                .call(&route.method, &route.with("x"))
                .header("consistency-token", &token);
            let reply = target.answer(&what, call).await?;
            gone += u32::from(reply.status == 410);
            if !route.statuses.contains(&reply.status)
                || reply.status == 410 && reply.body["type"] != "/problems/resync"
            {
                target.fault(format!("{what}: {} {}", reply.status, reply.body));
            }
        }
    }
    assert!(gone > 40, "{gone} calls told of it");
    target.finish().await
}

#[tokio::test]
async fn a_token_that_cannot_be_told_from_ours_is_ahead() -> Result<()> {
    let mut target = Target::start().await?;
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
