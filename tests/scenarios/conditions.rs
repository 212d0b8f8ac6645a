//! Conditions on commands: heeded or refused, never passed over; and what a key stands for.

use anyhow::{Context, Result};
use headwater_tests::{Client, Reply};
use serde_json::{Value, json};

use crate::invoicing::support::{INVOICES, invoice, item};
use crate::support::{create_group, create_user, events, shared_platform, user};

/// A call with a header and a body.
async fn with(
    client: &Client,
    call: (&str, &str),
    header: (&str, &str),
    body: &Value,
) -> Result<Reply> {
    client.call(call.0, call.1).header(header.0, header.1).json(body).send().await
}

#[tokio::test]
async fn what_must_not_exist_is_made_once_by_every_call() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("absent").await?;
    let (ada, group) = (create_user(&client, "ada").await?, create_group(&client, "g").await?);
    let member = format!("/identity/groups/{}/members/{}", group.id(), ada.id());
    let execute = json!({ "command": "CreateInvoice", "payload": invoice("by-name", &[item()]) });
    let customer = json!({ "id": "c", "name": "Ada", "email": "ada@example.com" });
    let mut bob = user("bob");
    bob["id"] = json!("bob");
    for (method, path, body) in [
        ("PUT", "/licensing/policy", json!({ "licenseDays": 7 })),
        ("PUT", &member, json!({})),
        ("POST", "/identity/users", bob),
        ("POST", "/identity/groups", json!({ "id": "h", "name": "h" })),
        ("POST", INVOICES, invoice("i", &[item()])),
        ("POST", "/invoicing/customers", customer),
        ("POST", "/invoicing/execute", execute),
    ] {
        let made = with(&client, (method, path), ("if-none-match", "*"), &body).await?;
        assert!(
            made.status == 200 || made.status == 201,
            "{method} {path}: {} {}",
            made.status,
            made.body
        );
        let refused = with(&client, (method, path), ("if-none-match", "*"), &body).await?;
        let refused =
            refused.problem(412, "precondition-failed").with_context(|| path.to_owned())?;
        assert_eq!(refused.etag(), made.etag(), "{method} {path}");
    }
    // A command that changes what is there is no way round.
    let path = format!("/identity/users/{}", ada.id());
    with(&client, ("PATCH", &path), ("if-none-match", "*"), &json!({ "displayName": "A" }))
        .await?
        .problem(412, "precondition-failed")?;
    assert_eq!(events(&client, &format!("identity/users/{}", ada.id())).await?.len(), 4);
    // What was removed is not there.
    client.call("DELETE", &member).send().await?.expect(200)?;
    with(&client, ("PUT", &member), ("if-match", "*"), &json!({}))
        .await?
        .problem(412, "precondition-failed")?;
    with(&client, ("PUT", &member), ("if-none-match", "*"), &json!({})).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn a_version_can_be_ruled_out() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("ruled-out").await?;
    let ada = create_user(&client, "ada").await?;
    let path = format!("/identity/users/{}", ada.id());
    let read = client
        .call("GET", &path)
        .header("consistency-token", ada.token())
        .send()
        .await?
        .expect(200)?;
    let patch = |tags: String, name: &str| {
        let call = client
            .call("PATCH", &path)
            .header("if-none-match", &tags)
            .json(&json!({ "displayName": name }));
        async move { call.send().await }
    };
    for present in [ada.etag(), read.etag(), &format!("\"foreign\", W/{}", ada.etag())] {
        let refused = patch(present.to_owned(), "A")
            .await?
            .problem(412, "precondition-failed")
            .context(present.to_owned())?;
        assert_eq!(refused.etag(), ada.etag());
    }
    let changed = patch("\"foreign\", \"*\"".to_owned(), "A").await?.expect(200)?;
    patch(ada.etag().to_owned(), "B").await?.expect(200)?;
    assert_eq!(
        changed.version() + 1,
        events(&client, &format!("identity/users/{}", ada.id())).await?.len() as u64
    );
    // Without anything that has a version there is nothing to look at.
    for name in ["if-match", "if-none-match"] {
        let settled = with(
            &client,
            ("POST", "/invoicing/mails/i/1/settle"),
            (name, "*"),
            &json!({ "outcome": "DONE" }),
        )
        .await?;
        settled.problem(400, "malformed-request")?;
    }
    Ok(())
}

#[tokio::test]
async fn what_has_no_events_yet_has_a_version_too() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("version-0").await?;
    // A command that had nothing to change tells as much, and every reader takes its token.
    let nothing =
        client.call("PUT", "/licensing/policy").json(&json!({})).send().await?.expect(200)?;
    assert_eq!((nothing.version(), nothing.etag()), (0, "\"version-0/licensing/policy@0\""));
    assert_eq!(nothing.token(), nothing.etag());
    for path in [
        "/licensing/policy",
        "/licensing/changes",
        "/licensing/customers/ada/licenses",
        "/identity/users",
    ] {
        client
            .call("GET", path)
            .header("consistency-token", nothing.token())
            .send()
            .await?
            .expect(200)?;
    }
    let policy = client.get("/licensing/policy").await?;
    assert!(policy.etag().starts_with("\"version-0/licensing/policy@0;"), "{}", policy.etag());
    let put = |header: (&'static str, String), days: u32| {
        let call = client
            .call("PUT", "/licensing/policy")
            .header(header.0, &header.1)
            .json(&json!({ "licenseDays": days }));
        async move { call.send().await }
    };
    put(("if-none-match", policy.etag().to_owned()), 7)
        .await?
        .problem(412, "precondition-failed")?;
    let first = put(("if-match", policy.etag().to_owned()), 7).await?.expect(200)?;
    let refused = put(("if-match", policy.etag().to_owned()), 8)
        .await?
        .problem(412, "precondition-failed")?;
    assert_eq!(refused.etag(), first.etag(), "the present version, which spares a read");
    put(("if-match", refused.etag().to_owned()), 8).await?.expect(200)?;

    Ok(())
}

#[tokio::test]
async fn a_failed_condition_leaves_the_key_for_what_is_decided_next() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("not-kept").await?;
    let ada = create_user(&client, "ada").await?;
    let path = format!("/identity/users/{}", ada.id());
    let changed = client.patch(&path, &json!({ "displayName": "B" })).await?.expect(200)?;
    let patch = |etag: &str| {
        let call = client
            .call("PATCH", &path)
            .header("idempotency-key", "k")
            .header("if-match", etag)
            .json(&json!({ "displayName": "C" }));
        async move { call.send().await }
    };
    for _ in 0..2 {
        let failed = patch(ada.etag()).await?.problem(412, "precondition-failed")?;
        assert_eq!((failed.etag(), failed.header("idempotency-replayed")), (changed.etag(), ""));
    }
    let done = patch(changed.etag()).await?.expect(200)?;
    assert_eq!(done.header("idempotency-replayed"), "");
    let again = patch(changed.etag()).await?.expect(200)?;
    assert_eq!((&again.body, again.header("idempotency-replayed")), (&done.body, "true"));
    // Another condition is another request.
    patch(ada.etag()).await?.problem(422, "idempotency-key-reused")?;
    Ok(())
}

#[tokio::test]
async fn the_same_request_is_the_same_json() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("same-json").await?;
    let create = |body: &'static str| {
        client.call("POST", "/identity/users").header("idempotency-key", "k").body(body).send()
    };
    let first = create(r#"{"userName":"ada","displayName":"Ada L","email":"ada@example.com"}"#)
        .await?
        .expect(201)?;
    let again = create(
        "{ \"email\": \"ada@example.com\",\n  \"displayName\": \"Ada\\u0020L\", \"userName\": \
         \"ada\" }",
    )
    .await?
    .expect(201)?;
    assert_eq!((again.id(), again.header("idempotency-replayed")), (first.id(), "true"));
    create(r#"{"userName":"ada","displayName":"AdaL","email":"ada@example.com"}"#)
        .await?
        .problem(422, "idempotency-key-reused")?;
    Ok(())
}
