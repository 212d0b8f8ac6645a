//! What operators do with the CLI, on the platform with all its stores: what got lost is brought
//! back, and a dump is a whole system's memory.

use std::time::Duration;

use anyhow::Result;
use headwater_tests::Platform;
use headwater_tests::operator::headwater;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::invoicing::support::{issued, mail, post};
use crate::support::{
    PROGRAM, create_user, eventually, own_platform, platform_that_gives_up_soon, secrets, user,
};

/// How long records may take to their rows.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_commit_that_was_never_relayed_is_put_on_the_stream_by_hand() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("lost").await?;
    platform.event_source("relay", false).await?;
    let ada = create_user(&client, "ada").await?;
    let path = format!("/identity/users/{}", ada.id());
    client.call("GET", &path).send().await?.problem(404, "not-found")?;
    let stream = format!("lost/identity/users/{}", ada.id());
    let expected = json!({ "stream": stream, "first": 1, "last": ada.version(), "commits": 1 });
    assert_eq!(
        headwater::<Value>(&platform, "relay repair --dry-run").await?,
        std::slice::from_ref(&expected)
    );
    client.call("GET", &path).send().await?.problem(404, "not-found")?;
    assert_eq!(headwater::<Value>(&platform, "relay repair").await?, [expected]);
    eventually(PATIENCE, "the row", || async {
        Ok(client.call("GET", &path).send().await?.status == 200)
    })
    .await?;
    assert_eq!(headwater::<Value>(&platform, "relay repair").await?, [Value::Null; 0]);
    // The relay comes late, with what is there already.
    platform.event_source("relay", true).await?;
    platform.settled().await?;
    assert_eq!(client.all("/identity/changes").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn what_a_command_follows_from_is_kept_and_shown() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("cause").await?;
    let post = |path: &str, body: &Value, cause: Option<String>| {
        let call = client.call("POST", path).json(body).header("x-correlation-id", "ticket-7");
        let call =
            if let Some(cause) = &cause { call.header("x-causation-id", cause) } else { call };
        call.send()
    };
    let ada = post("/identity/users", &user("ada"), None).await?.expect(201)?;
    let stream = format!("identity/users/{}", ada.id());
    // Whoever follows the change feed acts on an event of it.
    let cause = format!("{stream}@{}", ada.version());
    let group = post(
        "/identity/groups",
        &json!({ "id": "friends", "name": "Friends" }),
        Some(cause.clone()),
    )
    .await?
    .expect(201)?;
    let events = client.all(&format!("/events/identity/groups/{}", group.id())).await?;
    assert!(
        events
            .iter()
            .all(|event| event["causationId"] == cause && event["correlationId"] == "ticket-7"),
        "{events:?}"
    );
    let external = json!({
        "externalId": "7",
        "revision": 1,
        "userName": "ada",
        "displayName": "Ada",
        "email": "a@example.com",
        "active": true,
    });
    post("/identity/external-users", &external, Some("identity/groups/friends@1".to_owned()))
        .await?
        .problem(409, "user-name-taken")?;
    let nothing = client
        .call("POST", "/identity/groups")
        .json(&json!({ "name": "Others" }))
        .header("x-causation-id", "a b")
        .send()
        .await?;
    assert_eq!(
        client.all(&format!("/events/identity/groups/{}", nothing.id())).await?[0]["causationId"],
        Value::Null
    );

    let traced = headwater::<Value>(&platform, "trace ticket-7 --tenant cause").await?;
    let depth = |stream: &str| {
        traced
            .iter()
            .find(|commit| commit["stream"] == format!("cause/{stream}"))
            .map(|commit| &commit["depth"])
    };
    let depths = [stream.as_str(), "identity/groups/friends", "identity/users/ext-7"].map(depth);
    assert_eq!(
        depths,
        [Some(&json!(0)), Some(&json!(1)), Some(&json!(2))],
        "what was parked follows from the same: {traced:?}"
    );
    Ok(())
}

#[tokio::test]
async fn what_a_function_gave_up_is_listed_and_put_back_by_hand() -> Result<()> {
    let platform = platform_that_gives_up_soon()?;
    let client = platform.client("gaveup").await?;
    let out_of_reach = json!({
        "service": "dynamodb",
        "fault": "throttle",
        "rate": 1.0,
        "function": "identity-project",
    });
    platform.fault(out_of_reach).await?;
    let ada = create_user(&client, "ada").await?;
    let stream = format!("gaveup/identity/users/{}", ada.id());
    // `redrive` may have taken it up just now: then it is given up once more.
    eventually(PATIENCE, "a batch", || async {
        let listed = headwater::<Value>(&platform, "failures ls").await?;
        Ok(listed.iter().any(|batch| {
            batch["function"] == "identity-project" && batch["streams"][0]["stream"] == stream
        }))
    })
    .await?;
    platform.fault(json!({ "service": "dynamodb", "fault": "none" })).await?;
    headwater::<Value>(&platform, "failures replay --all").await?;
    let path = format!("/identity/users/{}", ada.id());
    eventually(PATIENCE, "the row", || async {
        Ok(client.call("GET", &path).send().await?.status == 200)
    })
    .await?;
    eventually(PATIENCE, "nothing is left", || async {
        Ok(headwater::<Value>(&platform, "failures ls").await?.is_empty())
    })
    .await
}

#[tokio::test]
async fn a_dump_restored_on_another_platform_is_the_same_system_and_mails_nobody() -> Result<()> {
    let (here, folder) = (own_platform()?, tempdir()?);
    let client = here.client("moved").await?;
    create_user(&client, "ada").await?;
    issued(&client, "one").await?;
    post(&client, "one", "send", &mail()).await?.expect(200)?;
    here.settled().await?;

    let file = folder.path().join("dump.jsonl");
    headwater::<Value>(&here, &format!("dump -o {}", file.display())).await?;
    let elsewhere = own_platform()?;
    let refused = headwater::<Value>(&elsewhere, &format!("restore {}", file.display())).await;
    assert!(
        refused.is_err_and(|error| format!("{error:#}").contains("another key than here")),
        "every name would look free"
    );
    drop(elsewhere);

    let there = with_secrets_of(&here).await?;
    let refused = headwater::<Value>(&there, &format!("restore {}", file.display())).await;
    let error = format!("{:#}", refused.unwrap_err());
    assert!(error.contains("the keys table has no key of moved/"), "{error}");
    copy_keys(&here, &there).await?;
    let [restored] = headwater::<Value>(&there, &format!("restore {}", file.display()))
        .await?
        .try_into()
        .unwrap_or_default();
    // Streams that tell of nobody may have been written before the first one that does.
    assert_eq!((&restored["forgotten"], &restored["mails"]), (&json!(0), &json!(1)));
    there.settled().await?;

    let moved = there.client("moved").await?;
    for path in [
        "/identity/users",
        "/invoicing/invoices",
        "/invoicing/invoices/one",
        "/invoicing/reports/revenue?by=month",
    ] {
        assert_eq!(moved.get(path).await?.body, client.get(path).await?.body, "{path}");
    }
    assert_eq!(outbox(&here), ["moved.one.9.eml"]);
    assert_eq!(outbox(&there), [""; 0]);
    assert_eq!(
        post(&moved, "one", "send", &mail()).await?.expect(200)?.version(),
        11,
        "and it goes on"
    );
    eventually(PATIENCE, "the mail", || async { Ok(outbox(&there) == ["moved.one.11.eml"]) }).await
}

#[tokio::test]
async fn a_dump_restored_without_its_keys_is_a_system_that_knows_nobody() -> Result<()> {
    let (here, folder) = (own_platform()?, tempdir()?);
    let client = here.client("moved").await?;
    let ada = create_user(&client, "ada").await?;
    issued(&client, "one").await?;
    here.settled().await?;
    let file = folder.path().join("dump.jsonl");
    headwater::<Value>(&here, &format!("dump -o {}", file.display())).await?;

    let there = with_secrets_of(&here).await?;
    let restore = format!("restore {} --without-keys", file.display());
    let [restored] = headwater::<Value>(&there, &restore).await?.try_into().unwrap_or_default();
    assert_eq!(restored["forgotten"], 2, "{restored}");
    there.settled().await?;
    let moved = there.client("moved").await?;
    let events = moved.get(&format!("/events/identity/users/{}", ada.id())).await?.body;
    assert_eq!(events["items"][1]["data"]["userName"], json!({ "$erased": true }));
    let invoice = moved.get("/invoicing/invoices/one").await?.body;
    let known = client.get("/invoicing/invoices/one").await?.body;
    assert_eq!((&invoice["customer"], &invoice["totals"]), (&Value::Null, &known["totals"]));
    // Nothing personal can be written to it any more, and the address is nobody's.
    let path = format!("/identity/users/{}", ada.id());
    let patch = moved.patch(&path, &json!({ "displayName": "Ada" })).await?;
    patch.problem(410, "erased")?;
    create_user(&moved, "bob").await?;
    Ok(())
}

/// A platform with the secrets of another.
async fn with_secrets_of(other: &Platform) -> Result<Platform> {
    let secrets = secrets(other).await?;
    let parameter = |name: &str, variable: &str| {
        format!("{name}={}", secrets[variable].as_str().unwrap_or_default())
    };
    let unique = parameter("UniqueValueKey", "UNIQUE_KEY");
    let personal = parameter("PersonalKey", "PERSONAL_KEY");
    Platform::start(PROGRAM, &["--parameter", &unique, "--parameter", &personal])
}

/// Brings the keys of a platform to another.
async fn copy_keys(from: &Platform, to: &Platform) -> Result<()> {
    let keys = from.dynamodb().await?.scan().table_name(from.table("KeysTable").await?);
    let (dynamodb, table) = (to.dynamodb().await?, to.table("KeysTable").await?);
    for item in keys.send().await?.items.unwrap_or_default() {
        dynamodb.put_item().table_name(&table).set_item(Some(item)).send().await?;
    }
    Ok(())
}

/// The names of the mails that a platform has sent.
fn outbox(platform: &Platform) -> Vec<String> {
    let entries =
        std::fs::read_dir(platform.folder().join("outbox")).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.ends_with(".eml")).collect()
}
