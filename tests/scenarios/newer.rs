//! Events of a newer build than the one that runs, as in a deployment or after one was taken back:
//! they are put straight into the table.

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use headwater_tests::{Client, Platform, Reply};
use serde_json::{Value, json};

use crate::pipeline::put_event;
use crate::support::{create_group, create_user, own_platform, shared_platform};

/// Appends an event that this build does not know to a stream of the tenant.
async fn put_newer(platform: &Platform, tenant: &str, stream: &str, seq: u64) -> Result<()> {
    put_event(
        platform,
        &format!("{tenant}/{stream}"),
        seq,
        &json!({ "t": "Promoted", "v": 1, "d": { "to": "dame" } }),
    )
    .await
}

/// The answer says that a newer build is needed, and when to try again.
fn is_newer(reply: Reply) -> Result<Reply> {
    let reply = reply.problem(503, "newer-event")?;
    ensure!(
        reply.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0),
        "{reply:?}"
    );
    Ok(reply)
}

async fn call(client: &Client, method: &str, path: &str, body: &Value) -> Result<Reply> {
    let call = client.call(method, path);
    if body.is_null() { call.send().await } else { call.json(body).send().await }
}

#[tokio::test]
async fn what_an_older_build_does_not_know_is_503_and_what_it_had_is_read() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("newer").await?;
    let (ada, bob, group) = (
        create_user(&client, "ada").await?,
        create_user(&client, "bob").await?,
        create_group(&client, "crew").await?,
    );
    platform.settled().await?;
    let (stream, version) = (format!("identity/users/{}", ada.id()), ada.version());
    put_newer(&platform, "newer", &stream, version + 1).await?;
    client
        .patch(&format!("/identity/users/{}", bob.id()), &json!({ "displayName": "Bob" }))
        .await?
        .expect(200)?;
    platform.settled().await?;
    assert_eq!(platform.metric("identity-project", "NewerEvents")?, 1.0);
    assert_eq!(platform.metric("identity-project", "ParkedStreams")?, 0.0);

    let (path, member) =
        (format!("/{stream}"), format!("/identity/groups/{}/members/{}", group.id(), ada.id()));
    for (method, path, body) in [
        ("PATCH", path.clone(), json!({ "displayName": "Dame Ada" })),
        ("POST", format!("{path}/deactivate"), Value::Null),
        ("DELETE", path.clone(), Value::Null),
        ("PUT", member, Value::Null),
        ("GET", format!("{path}/audit"), Value::Null),
        ("GET", format!("/states/{stream}"), Value::Null),
        ("GET", format!("/states/{stream}?version={}", version + 1), Value::Null),
    ] {
        let reply = call(&client, method, &path, &body).await?;
        is_newer(reply).map_err(|error| error.context(format!("{method} {path}")))?;
    }
    // As an operator sees it, and as the rows were.
    let events = client.all(&format!("/events/{stream}?limit=200")).await?;
    assert_eq!(events.last().map(|event| &event["type"]), Some(&json!("Promoted")));
    client.get(&format!("/states/{stream}?version={version}")).await?;
    let read = client.get(&path).await?;
    assert_eq!((read.version(), &read.body["displayName"]), (version, &json!("ada Example")));
    assert_eq!(client.all("/identity/users").await?.len(), 2);
    assert_eq!(client.get(&format!("{path}/groups")).await?.body["items"], json!([]));
    let streams = client.all("/streams?prefix=identity/users/").await?;
    assert!(
        streams
            .iter()
            .any(|listed| listed["stream"] == stream.as_str() && listed["version"] == version),
        "{streams:?}"
    );

    // What a token stands for cannot be shown.
    let token = format!("\"newer/{stream}@{}\"", version + 1);
    for path in [path.as_str(), "/identity/users", "/identity/users?userName=ada"] {
        is_newer(client.call("GET", path).header("consistency-token", &token).send().await?)?;
        client
            .call("GET", path)
            .header("consistency-token", ada.token())
            .send()
            .await?
            .expect(200)?;
    }
    // The feed goes on, and does not tell of what no row shows.
    let changes = client.all("/identity/changes").await?;
    let told = |id: &str| {
        changes
            .iter()
            .filter(|change| change["stream"] == format!("identity/users/{id}").as_str())
            .count()
    };
    assert_eq!((told(ada.id()), told(bob.id())), (1, 2));
    Ok(())
}

#[tokio::test]
async fn nothing_is_decided_where_another_stream_has_a_newer_event() -> Result<()> {
    let platform = shared_platform()?;
    let (tenant, client) = ("newerothers", platform.client("newerothers").await?);
    let line =
        json!({ "description": "Hours", "quantity": "1", "unitPrice": "10.00", "taxRate": "0.19" });
    let invoice = json!({
        "customer": { "name": "Acme", "email": "a@example.com" },
        "currency": "EUR",
        "lineItems": [line],
    });
    let draft = |id: &str| {
        let mut draft = invoice.clone();
        draft["id"] = json!(id);
        draft
    };
    for id in ["i1", "i2"] {
        client.post("/invoicing/invoices", &draft(id)).await?.expect(201)?;
    }
    client.post("/invoicing/invoices/i1/issue", &json!({})).await?.expect(200)?;
    put_newer(&platform, tenant, "invoicing/invoice-numbers", 2).await?;
    is_newer(client.post("/invoicing/invoices/i2/issue", &json!({})).await?)?;

    // A licence is not granted by a policy, or to a customer, of which a newer build knows more.
    let wanted = json!({ "titleId": "t", "studioId": "s", "deviceId": "d" });
    put_newer(&platform, tenant, "licensing/customers/c1", 1).await?;
    is_newer(client.post("/licensing/customers/c1/licenses", &wanted).await?)?;
    put_newer(&platform, tenant, "licensing/policy", 1).await?;
    platform.kill_function("licensing-acquire-license").await?;
    is_newer(client.post("/licensing/customers/c2/licenses", &wanted).await?)?;

    put_newer(&platform, tenant, "identity/users/ext-7", 1).await?;
    let update = json!({
        "externalId": "7", "revision": 1, "userName": "seven", "displayName": "Seven",
        "email": "seven@example.com", "active": true,
    });
    is_newer(client.post("/identity/external-users", &update).await?)?;
    Ok(())
}

/// Here the entry is put by hand, as one whose resumption was interrupted: no event is newer than
/// the build of the test.
#[tokio::test]
async fn what_waits_is_taken_up_when_the_schedule_comes_round() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("swept").await?;
    platform.event_source("identity-project", false).await?;
    let ada = create_user(&client, "ada").await?;
    let (path, stream) =
        (format!("/identity/users/{}", ada.id()), format!("swept/identity/users/{}", ada.id()));
    client.call("GET", &path).send().await?.problem(404, "not-found")?;
    let entry = json!({
        "pk": "g1/parked/identity", "sk": stream, "error": "it was resumed",
        "at": "2026-11-21T10:00:00Z", "version": 1, "resumed": true,
    });
    let (tables, views) = (platform.dynamodb().await?, platform.table("ViewsTable").await?);
    tables
        .put_item()
        .table_name(&views)
        .set_item(Some(serde_dynamo::to_item(entry)?))
        .send()
        .await?;
    platform.schedule("sweep").await?;
    client.get(&path).await?;
    assert_eq!(client.all("/identity/changes").await?.len(), 1);
    let left = async || {
        let key = tables
            .get_item()
            .table_name(&views)
            .consistent_read(true)
            .key("pk", AttributeValue::S("g1/parked/identity".to_owned()));
        anyhow::Ok(key.key("sk", AttributeValue::S(stream.clone())).send().await?.item)
    };
    assert!(left().await?.is_none(), "it is forgotten");
    Ok(())
}

/// The tag of what was folded in another way, or by a build that did not say how, stands for
/// nothing; as a condition it still does.
#[tokio::test]
async fn a_tag_says_how_it_was_folded_and_conditions_a_version_all_the_same() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("folded").await?;
    let ada = create_user(&client, "ada").await?;
    let path = format!("/identity/users/{}", ada.id());
    let read = client
        .call("GET", &path)
        .header("consistency-token", ada.token())
        .send()
        .await?
        .expect(200)?;
    let (before, fold) =
        read.etag().trim_matches('"').rsplit_once('.').context("the tag has no revision")?;
    let unchanged = async |tag: &str| {
        let asked = client
            .call("GET", &path)
            .header("consistency-token", ada.token())
            .header("if-none-match", tag);
        anyhow::Ok(asked.send().await?.status == 304)
    };
    assert!(unchanged(read.etag()).await?);
    let other = fold.parse::<u32>()? + 1;
    for tag in [format!("\"{before}\""), format!("\"{before}.{other}\""), ada.etag().to_owned()] {
        assert!(!unchanged(&tag).await?, "{tag}");
        let changed = client
            .call("PATCH", &path)
            .header("if-match", &tag)
            .json(&json!({ "displayName": "ada Example" }))
            .send()
            .await?;
        changed.expect(200)?;
    }
    Ok(())
}
