//! One command through the whole system, and the life of a user.

use anyhow::Result;
use serde_json::{Value, json};

use crate::support::{create_user, shared_platform};

#[tokio::test]
async fn a_user_is_created_read_changed_and_deleted() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("life").await?;
    let created = create_user(&client, "ada").await?;
    let path = format!("/identity/users/{}", created.id());
    assert_eq!(created.header("location"), path);
    assert_eq!(created.etag(), created.token());

    let read = client
        .call("GET", &path)
        .header("consistency-token", created.token())
        .send()
        .await?
        .expect(200)?;
    assert_eq!(read.body["userName"], "ada");
    assert_eq!(read.body["email"], "ada@example.com");
    assert_eq!(read.body["active"], true);
    client
        .call("GET", &path)
        .header("if-none-match", read.etag())
        .header("consistency-token", created.token())
        .send()
        .await?
        .expect(304)?;
    let with_commands_tag = client
        .call("GET", &path)
        .header("if-none-match", created.etag())
        .header("consistency-token", created.token());
    with_commands_tag.send().await?.expect(200)?;

    let patched = client
        .call("PATCH", &path)
        .header("if-match", read.etag())
        .json(&json!({ "displayName": "Countess" }))
        .send()
        .await?
        .expect(200)?;
    assert_eq!(patched.version(), created.version() + 1);
    let same = client.patch(&path, &json!({ "displayName": "Countess" })).await?.expect(200)?;
    assert_eq!(same.version(), patched.version(), "no change, no event");
    client
        .call("PATCH", &path)
        .header("if-match", created.etag())
        .json(&json!({ "displayName": "X" }))
        .send()
        .await?
        .problem(412, "precondition-failed")?;

    for (step, active) in [("deactivate", false), ("deactivate", false), ("reactivate", true)] {
        let reply = client.call("POST", &format!("{path}/{step}")).send().await?.expect(200)?;
        let read = client
            .call("GET", &path)
            .header("consistency-token", reply.token())
            .send()
            .await?
            .expect(200)?;
        assert_eq!(read.body["active"], active);
    }
    let deleted = client.call("DELETE", &path).send().await?.expect(200)?;
    client
        .call("GET", &path)
        .header("consistency-token", deleted.token())
        .send()
        .await?
        .problem(404, "not-found")?;
    client.call("DELETE", &path).send().await?.problem(404, "not-found")?;
    client.patch(&path, &json!({ "displayName": "X" })).await?.problem(404, "not-found")?;
    Ok(())
}

#[tokio::test]
async fn an_id_that_the_client_gives_is_used_once() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("ids").await?;
    let body = json!({
        "id": "ada-1",
        "userName": "ada",
        "displayName": "Ada",
        "email": "ada@example.com",
    });
    let created = client.post("/identity/users", &body).await?.expect(201)?;
    assert_eq!(created.id(), "ada-1");
    let other = json!({
        "id": "ada-1",
        "userName": "other",
        "displayName": "Ada",
        "email": "other@example.com",
    });
    client.post("/identity/users", &other).await?.problem(409, "user-exists")?;
    client.call("DELETE", "/identity/users/ada-1").send().await?.expect(200)?;
    client.post("/identity/users", &other).await?.problem(409, "user-exists")?;
    Ok(())
}

#[tokio::test]
async fn the_audit_tells_who_changed_what_from_what_to_what() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("audit").await?;
    let ada = create_user(&client, "ada").await?;
    let path = format!("/identity/users/{}", ada.id());
    let boss = platform.client_with("audit", "boss", &["writer"]).await?;
    let change = boss
        .call("PATCH", &path)
        .header("x-correlation-id", "ticket-7")
        .json(&json!({ "email": "ada@new.example" }));
    change.send().await?.expect(200)?;
    let audit = client.all(&format!("{path}/audit")).await?;
    let newest = &audit[0];
    assert_eq!((&newest["actor"], &newest["field"]), (&json!("boss"), &json!("email")));
    assert_eq!(
        (&newest["from"], &newest["to"]),
        (&json!("ada@example.com"), &json!("ada@new.example"))
    );
    assert_eq!(
        (&newest["command"], &newest["correlationId"]),
        (&json!("PatchUser"), &json!("ticket-7"))
    );
    assert!(
        audit.iter().any(|entry| entry["field"] == "status"
            && entry["from"] == Value::Null
            && entry["to"] == "active"),
        "{audit:?}"
    );
    let reader = platform.client_with("audit", "reader", &["reader", "writer"]).await?;
    reader.call("GET", &format!("{path}/audit")).send().await?.problem(403, "forbidden")?;
    Ok(())
}

#[tokio::test]
async fn external_users_are_taken_over_in_any_order() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("external").await?;
    let revision = |revision: u64, name: &str, active: bool| {
        json!({
            "externalId": "7",
            "revision": revision,
            "userName": name,
            "displayName": name,
            "email": format!("{name}@example.com"),
            "active": active,
        })
    };
    let call = |body: Value| {
        let client = client.clone();
        async move { client.post("/identity/external-users", &body).await }
    };
    let first = call(revision(2, "two", true)).await?.expect(200)?;
    assert_eq!(first.id(), "ext-7");
    let late = call(revision(1, "one", true)).await?.expect(200)?;
    assert_eq!(late.version(), first.version(), "an older revision changes nothing");
    call(revision(3, "three", false)).await?.expect(200)?;
    let again = call(revision(3, "three", false)).await?.expect(200)?;
    let read = client
        .call("GET", "/identity/users/ext-7")
        .header("consistency-token", again.token())
        .send()
        .await?
        .expect(200)?;
    assert_eq!((&read.body["userName"], &read.body["active"]), (&json!("three"), &json!(false)));

    create_user(&client, "taken").await?;
    call(revision(4, "taken", true)).await?.problem(409, "user-name-taken")?;
    let audit = client.all("/identity/users/ext-7/audit").await?;
    assert!(
        audit[0].to_string().contains("user-name-taken"),
        "the reason is on record: {}",
        audit[0]
    );
    call(revision(5, "five", true)).await?.expect(200)?;
    Ok(())
}

/// A directory sends a user as it has it, again and again.
#[tokio::test]
async fn a_user_is_replaced_as_a_whole() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("directory").await?;
    let ada = create_user(&client, "ada").await?;
    create_user(&client, "bob").await?;
    let path = format!("/identity/users/{}", ada.id());
    let put = |path: &str, body: &Value| client.call("PUT", path).json(body).send();
    let whole = json!({
        "userName": "countess",
        "displayName": "Ada King",
        "email": "ada@king.example",
        "active": false,
    });

    let replaced = put(&path, &whole).await?.expect(200)?;
    assert_eq!(replaced.version(), ada.version() + 4, "each field is an event");
    let read = client
        .call("GET", &path)
        .header("consistency-token", replaced.token())
        .send()
        .await?
        .expect(200)?;
    for (field, value) in whole.as_object().into_iter().flatten() {
        assert_eq!(&read.body[field], value);
    }
    let again = put(&path, &whole).await?.expect(200)?;
    assert_eq!(again.version(), replaced.version(), "no change, no event");
    create_user(&client, "ada").await?;

    let mut taken = whole.clone();
    taken["userName"] = "BOB".into();
    put(&path, &taken).await?.problem(409, "user-name-taken")?;
    taken["userName"] = "countess".into();
    taken["email"] = "Bob@example.com".into();
    put(&path, &taken).await?.problem(409, "email-taken")?;
    let part = json!({ "displayName": "Ada" });
    put(&path, &part).await?.problem(422, "invalid-request")?;
    put("/identity/users/nobody", &whole).await?.problem(404, "not-found")?;
    let audit = client.get(&format!("{path}/audit")).await?.expect(200)?;
    let by_replace = audit.body["items"]
        .as_array()
        .map(|items| items.iter().filter(|item| item["command"] == "ReplaceUser").count());
    assert_eq!(by_replace, Some(4), "{}", audit.body);
    Ok(())
}
