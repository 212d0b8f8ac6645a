//! `POST /events/{stream}`: an operator corrects a state that no command can reach. Everything that
//! follows a commit follows this one too.

use std::time::Duration;

use anyhow::Result;
use headwater_tests::{Client, Reply};
use serde_json::{Value, json};

use crate::invoicing::support::issued;
use crate::support::{create_user, events, eventually, shared_platform, user};

/// Brings a deleted user back under a name.
fn back(name: &str) -> Value {
    json!({
        "reason": "deleted by mistake",
        "events": [
            { "type": "UserReactivated", "data": {} },
            { "type": "UserNameSet", "data": { "userName": name } },
            { "type": "DisplayNameSet", "data": { "displayName": "Ada" } },
            { "type": "EmailSet", "data": { "email": format!("{name}@example.com") } },
        ],
    })
}

fn with(mut body: Value, name: &str, value: impl Into<Value>) -> Value {
    body[name] = value.into();
    body
}

async fn amend(client: &Client, stream: &str, body: &Value) -> Result<Reply> {
    client.post(&format!("/events/{stream}"), body).await
}

/// A user who was created and deleted, as the id, its stream and the version.
async fn deleted(client: &Client, name: &str) -> Result<(String, String, u64)> {
    let id = create_user(client, name).await?.id().to_owned();
    let gone = client.call("DELETE", &format!("/identity/users/{id}")).send().await?.expect(200)?;
    Ok((id.clone(), format!("identity/users/{id}"), gone.version()))
}

#[tokio::test]
async fn a_deleted_user_is_brought_back_and_everything_follows() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("amend").await?;
    let (id, stream, version) = deleted(&client, "ada").await?;
    let path = format!("/identity/users/{id}");
    client.patch(&path, &json!({ "displayName": "Ada" })).await?.problem(404, "not-found")?;

    let call = format!("/events/{stream}?dryRun=true");
    let would = client.post(&call, &back("ada")).await?.expect(200)?;
    assert_eq!(would.etag(), format!("\"amend/{stream}@{version}\""), "nothing has changed");
    let done = amend(&client, &stream, &back("ada")).await?.expect(200)?;
    let last = version + 4;
    assert_eq!(done.etag(), format!("\"amend/{stream}@{last}\""));
    assert_eq!(done.token(), done.etag());
    assert_eq!((&would.body["dryRun"], &done.body["dryRun"]), (&json!(true), &json!(false)));
    for name in ["before", "version", "events", "state", "uniqueValues", "effects"] {
        assert_eq!(would.body[name], done.body[name], "{name}");
    }
    assert_eq!((&done.body["before"], &done.body["version"]), (&json!(version), &json!(last)));
    assert_eq!(done.body["events"][1]["data"], json!({ "userName": "ada" }));
    let changed = |path: &str| {
        let changes = done.body["state"].as_array().into_iter().flatten();
        changes.filter(|change| change["path"] == path).cloned().collect::<Vec<_>>()
    };
    let expected =
        json!([{ "op": "replace", "path": "/status", "was": "deleted", "value": "active" }]);
    assert_eq!(json!(changed("/status")), expected);
    let row = &done.body["rows"][0];
    assert_eq!((&row["row"], &row["existed"]), (&json!(stream), &json!(false)));
    let held = json!([
        { "category": "user-names", "value": "ada" },
        { "category": "user-emails", "value": "ada@example.com" },
    ]);
    assert_eq!(done.body["uniqueValues"], json!({ "before": [], "after": held }));

    // The row at once with the token, and the list; the name is taken again; a command goes on.
    let read = client.call("GET", &path).header("consistency-token", done.token());
    assert_eq!(read.send().await?.expect(200)?.body["userName"], "ada");
    let listed = client
        .call("GET", "/identity/users?userName=ada")
        .header("consistency-token", done.token())
        .send()
        .await?
        .expect(200)?;
    assert_eq!(listed.body["items"][0]["userName"], "ada");
    client.post("/identity/users", &user("ada")).await?.problem(409, "user-name-taken")?;
    let patched = client.patch(&path, &json!({ "displayName": "Countess" })).await?.expect(200)?;
    assert_eq!(patched.version(), last + 1);

    // The audit and the events say what it is, by whom and why.
    let audit = client.all(&format!("{path}/audit")).await?;
    let amended: Vec<_> = audit.iter().filter(|entry| entry["command"] == "Amend").collect();
    assert_eq!(amended.len(), 4, "{audit:?}");
    let is_told = |entry: &Value| {
        entry["reason"] == "deleted by mistake" && entry["actor"].as_str().is_some()
    };
    assert!(amended.iter().all(|entry| is_told(entry)), "{audit:?}");
    let stored = events(&client, &stream).await?;
    let amended = stored.iter().filter(|event| event["command"] == "Amend");
    assert_eq!(amended.filter(|event| is_told(event)).count(), 4, "{stored:?}");
    let commands = stored.iter().filter(|event| event["command"] != "Amend");
    assert!(
        commands.clone().count() > 4 && commands.clone().all(|event| event["reason"].is_null())
    );
    eventually(Duration::from_secs(60), "the feed", || async {
        let changes = client.all("/identity/changes").await?;
        let mut told = changes.iter().filter_map(|change| change["events"].as_array()).flatten();
        Ok(told.any(|event| event["reason"] == "deleted by mistake"))
    })
    .await
}

#[tokio::test]
async fn what_must_not_be_is_refused_and_writes_nothing() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("unamended").await?;
    let (_, stream, version) = deleted(&client, "ada").await?;
    let other = create_user(&client, "ada").await?;

    // Another has the name meanwhile.
    for query in ["", "?dryRun=true"] {
        let call = format!("/events/{stream}{query}");
        let taken = client.post(&call, &back("ada")).await?.problem(409, "user-name-taken")?;
        assert_eq!(taken.etag(), format!("\"unamended/{stream}@{version}\""));
    }
    let on = |version: u64| with(back("bob"), "version", version);
    let conflict =
        amend(&client, &stream, &on(version - 1)).await?.problem(409, "concurrent-modification")?;
    assert_eq!(conflict.body["events"][0]["type"], "UserDeleted");
    amend(&client, &stream, &on(version + 1)).await?.problem(400, "token-ahead")?;
    let stale = client
        .call("POST", &format!("/events/{stream}"))
        .header("if-match", &format!("\"unamended/{stream}@1\""))
        .json(&back("bob"))
        .send()
        .await?;
    stale.problem(412, "precondition-failed")?;

    let event = |event: Value| json!({ "reason": "r", "events": [event] });
    for (body, pointer) in [
        (json!({ "reason": "r", "events": [] }), "/events"),
        (json!({ "reason": "", "events": [] }), "/reason"),
        (json!({ "events": [] }), "/reason"),
        (with(back("bob"), "because", "r"), "/because"),
        (with(back("bob"), "version", -1), "/version"),
        (with(back("bob"), "version", 9_007_199_254_740_992_u64), "/version"),
        (event(json!({ "type": "Robbed", "data": {} })), "/events/0/type"),
        (event(json!({ "type": "UserReactivated" })), "/events/0/data"),
        (event(json!({ "type": "UserReactivated", "data": { "a": 1 } })), "/events/0/data/a"),
        (
            event(json!({ "type": "UserReactivated", "data": {}, "version": 1 })),
            "/events/0/version",
        ),
        (event(json!({ "type": "EmailSet", "data": { "email": 1 } })), "/events/0/data/email"),
    ] {
        let refused = amend(&client, &stream, &body).await?.problem(422, "invalid-request")?;
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{body}: {}", refused.body);
    }
    let twice = r#"{"reason":"r","events":[{"type":"EmailSet","data":{"email":"a","email":"b"}}]}"#;
    let call = client.call("POST", &format!("/events/{stream}")).body(twice);
    call.send().await?.problem(400, "malformed-request")?;
    amend(&client, "identity/users/nobody", &back("bob")).await?.problem(404, "not-found")?;
    amend(&client, "identity/things/a", &back("bob")).await?.problem(404, "not-found")?;
    assert_eq!(events(&client, &stream).await?.len() as u64, version);

    // Only operators may, and only in their tenant.
    for roles in [&["reader", "writer"][..], &["reader"]] {
        let writer = platform.client_with("unamended", "w", roles).await?;
        amend(&writer, &stream, &back("bob")).await?.problem(403, "forbidden")?;
    }
    let stranger = platform.client("stranger").await?;
    amend(&stranger, &stream, &back("bob")).await?.problem(404, "not-found")?;

    // Given up by an amendment, the name is free for the other history.
    let given_up = json!({ "reason": "r", "events": [{ "type": "UserDeleted", "data": {} }] });
    let other = format!("identity/users/{}", other.id());
    let gone = amend(&client, &other, &given_up).await?.expect(200)?;
    assert_eq!(gone.body["uniqueValues"]["after"], json!([]));
    amend(&client, &stream, &with(back("ada"), "version", version)).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn the_same_amendment_under_a_key_is_made_once() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("amendkey").await?;
    let (_, stream, version) = deleted(&client, "ada").await?;
    let send = |query: &str, body: Value| {
        let call = client.call("POST", &format!("/events/{stream}{query}")).json(&body);
        call.header("idempotency-key", "k").send()
    };
    send("?dryRun=true", back("ada")).await?.expect(200)?;
    let first = send("", back("ada")).await?.expect(200)?;
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = send("", back("ada")).await?.expect(200)?;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!((&again.body, again.etag()), (&first.body, first.etag()));
    send("", back("bob")).await?.problem(422, "idempotency-key-reused")?;
    assert_eq!(events(&client, &stream).await?.len() as u64, version + 4);
    Ok(())
}

/// The events of an amendment are events like any other: a mail that one asks for is sent.
#[tokio::test]
async fn an_amendment_that_asks_for_a_mail_says_so_and_sends_it() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("amendmail").await?;
    issued(&client, "one").await?;
    let stream = "invoicing/invoices/one";
    let sent = json!({
        "type": "InvoiceSent",
        "data": { "subject": "Again", "message": "Thank you.", "email": "ada@example.com" },
    });
    let body = json!({ "reason": "the first was lost", "events": [sent] });
    let done = amend(&client, stream, &body).await?.expect(200)?;
    let version = done.body["version"].as_u64().unwrap_or_default();
    assert_eq!(done.body["effects"], json!([version]));
    let name = format!("amendmail.one.{version}.eml");
    let outbox = platform.folder().join("outbox");
    eventually(Duration::from_secs(60), "the mail", || async { Ok(outbox.join(&name).exists()) })
        .await?;
    // A number is never taken by hand.
    let number = json!({ "type": "InvoiceNumberSet", "data": { "number": 2 } });
    let body = json!({ "reason": "r", "events": [number] });
    let refused = amend(&client, stream, &body).await?.problem(422, "invalid-request")?;
    assert_eq!(refused.body["errors"][0]["pointer"], "/events/0");
    Ok(())
}
