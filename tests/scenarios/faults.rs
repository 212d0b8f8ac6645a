//! Replies that are lost, a store that is out of reach: each command is carried out once, and told
//! truly.

use std::time::Duration;

use anyhow::Result;
use headwater_tests::Platform;
use serde_json::{Value, json};

use crate::support::{PROGRAM, at_once, count, create_user, events, own_platform, user};

#[tokio::test]
async fn puts_whose_replies_are_lost_are_settled() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("lost").await?;
    let ada = create_user(&client, "ada").await?;
    let path = format!("/identity/users/{}", ada.id());
    client.patch(&path, &json!({ "displayName": "warm" })).await?.expect(200)?;
    platform.fault(fault("lost-reply", 0.5, "identity-patch-user")).await?;
    for i in 0..30 {
        let reply = client
            .patch(&path, &json!({ "displayName": format!("Ada {i}") }))
            .await?
            .expect(200)?;
        assert_eq!(reply.version(), ada.version() + 2 + i, "applied once");
    }
    platform.fault(json!({ "service": "dynamodb", "fault": "none" })).await?;
    assert_eq!(
        events(&client, &format!("identity/users/{}", ada.id())).await?.len() as u64,
        ada.version() + 31
    );
    Ok(())
}

#[tokio::test]
async fn transactions_whose_replies_are_lost_are_settled() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("lost").await?;
    for kind in ["lost-reply", "transaction-conflict", "torn", "throttle"] {
        platform.fault(fault(kind, 0.4, "identity-create-user")).await?;
        for i in 0..10 {
            client.post("/identity/users", &user(&format!("{kind}{i}"))).await?.expect(201)?;
        }
    }
    platform.fault(json!({ "service": "dynamodb", "fault": "none" })).await?;
    platform.settled().await?;
    assert_eq!(client.all("/identity/users").await?.len(), 40, "none twice, none lost");
    let taken = client.post("/identity/users", &user("throttle3")).await?;
    taken.problem(409, "user-name-taken")?;
    Ok(())
}

/// Three users pass four names around while reads may see one item of a transaction and not yet
/// another.
#[tokio::test]
async fn names_seen_item_by_item_have_one_holder_or_are_free() -> Result<()> {
    const NAMES: [&str; 4] = ["x", "y", "z", "w"];
    let platform = own_platform()?;
    let client = platform.client("torn").await?;
    let mut paths = Vec::new();
    for i in 0..3 {
        paths.push(format!(
            "/identity/users/{}",
            create_user(&client, &format!("u{i}")).await?.id()
        ));
    }
    platform.fault(json!({ "service": "dynamodb", "fault": "torn", "rate": 1.0 })).await?;
    let replies = at_once(60, |i| {
        let (client, path) = (client.clone(), paths[i % 3].clone());
        async move { client.patch(&path, &json!({ "userName": NAMES[i % 7 % 4] })).await }
    })
    .await?;
    assert!(replies.iter().all(|reply| [200, 409, 503].contains(&reply.status)), "{replies:?}");
    assert!(count(&replies, 200) > 0, "{replies:?}");
    platform.fault(json!({ "service": "dynamodb", "fault": "none" })).await?;
    platform.settled().await?;
    let mut held = Vec::new();
    for path in &paths {
        held.extend(
            client.get(path).await?.expect(200)?.body["userName"].as_str().map(str::to_owned),
        );
    }
    for name in NAMES {
        let holders = held.iter().filter(|other| *other == name).count();
        let taken = client.post("/identity/users", &user(name)).await?;
        assert_eq!(
            (holders, taken.status),
            if taken.status == 409 { (1, 409) } else { (0, 201) },
            "{name} {held:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_store_out_of_reach_is_said_so_and_nothing_is_half_done() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("gone").await?;
    let ada = create_user(&client, "ada").await?;
    let path = format!("/identity/users/{}", ada.id());
    platform.fault(json!({ "service": "dynamodb", "fault": "unreachable", "rate": 1.0 })).await?;
    let change = json!({ "displayName": "A" });
    let (written, read) =
        tokio::try_join!(client.patch(&path, &change), client.call("GET", &path).send())?;
    assert!(!written.expect(503)?.header("retry-after").is_empty());
    assert!(!read.problem(503, "store-unavailable")?.header("retry-after").is_empty());
    platform.fault(json!({ "service": "dynamodb", "fault": "none" })).await?;
    client.patch(&path, &json!({ "displayName": "B" })).await?.expect(200)?;
    platform.settled().await?;
    assert_eq!(client.get(&path).await?.body["displayName"], "B");
    Ok(())
}

/// What cannot be settled within the function's time is said so: here the put is done, but no reply
/// ever comes.
#[tokio::test]
async fn an_outcome_that_stays_unknown_is_said_so() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("unknown").await?;
    let ada = create_user(&client, "ada").await?;
    let path = format!("/identity/users/{}", ada.id());
    platform.fault(fault("lost-reply", 1.0, "identity-deactivate-user")).await?;
    platform.fault(fault("transaction-conflict", 1.0, "identity-delete-user")).await?;
    let deactivate = client.call("POST", &format!("{path}/deactivate")).send();
    let delete = client.call("DELETE", &path).send();
    let (unknown, contended) = tokio::try_join!(deactivate, delete)?;
    assert!(!contended.problem(503, "contention")?.header("retry-after").is_empty());
    // The read before the put gets no reply either, so nothing is known to have been done; nothing
    // was.
    unknown.problem(503, "store-unavailable")?;

    client.patch(&path, &json!({ "displayName": "warm" })).await?.expect(200)?;
    platform.fault(fault("lost-reply", 1.0, "identity-patch-user")).await?;
    let patched = client
        .patch(&path, &json!({ "displayName": "done" }))
        .await?
        .problem(503, "outcome-unknown")?;
    assert!(!patched.header("retry-after").is_empty());
    platform.fault(json!({ "service": "dynamodb", "fault": "none" })).await?;
    let repeated = client.patch(&path, &json!({ "displayName": "done" })).await?.expect(200)?;
    assert_eq!(repeated.version(), ada.version() + 2, "it had been done, and is not done twice");
    Ok(())
}

/// All faults at once, at a low rate, from a seed. A client that repeats what was not carried out,
/// under its key, gets all done once.
#[tokio::test]
async fn in_chaos_every_command_is_carried_out_once() -> Result<()> {
    let platform = Platform::start(PROGRAM, &["--chaos", "7"])?;
    let client = platform.client("chaos").await?;
    for i in 0..60 {
        let (body, key) = (user(&format!("user{i}")), format!("key-{i}"));
        let mut tries = 0;
        loop {
            let reply = client
                .call("POST", "/identity/users")
                .header("idempotency-key", &key)
                .json(&body)
                .send()
                .await?;
            match reply.status {
                201 => break,
                503 if tries < 20 => tries += 1,
                _ => reply.expect(201).map(|_| ())?,
            }
        }
    }
    platform.settled_within(Duration::from_secs(200)).await?;
    assert_eq!(client.all("/identity/changes").await?.len(), 60);
    assert_eq!(client.all("/identity/users").await?.len(), 60);
    Ok(())
}

/// The pipeline under faults of its own: nothing is lost, and the rows end the same.
#[tokio::test]
async fn the_views_catch_up_whatever_happens_to_the_pipeline() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("pipeline").await?;
    let faults = [
        json!({ "service": "kinesis", "fault": "partial-failure", "rate": 0.3 }),
        json!({ "service": "kinesis", "fault": "duplicate", "rate": 0.5 }),
        json!({ "service": "kinesis", "fault": "reorder", "rate": 0.5 }),
        json!({
            "service": "dynamodb",
            "fault": "throttle",
            "rate": 0.1,
            "function": "identity-project",
        }),
        json!({
            "service": "dynamodb",
            "fault": "lost-reply",
            "rate": 0.1,
            "function": "identity-project",
        }),
    ];
    let mut created = 0;
    for fault in faults {
        platform.fault(fault).await?;
        for _ in 0..20 {
            create_user(&client, &format!("user{created:02}")).await?;
            created += 1;
        }
        platform.kill_function("identity-project").await?;
    }
    for service in ["kinesis", "dynamodb"] {
        platform.fault(json!({ "service": service, "fault": "none" })).await?;
    }
    platform.settled().await?;
    assert_eq!(client.all("/identity/users").await?.len(), created);
    assert_eq!(client.all("/identity/changes").await?.len(), created);
    Ok(())
}

fn fault(kind: &str, rate: f64, function: &str) -> Value {
    json!({ "service": "dynamodb", "fault": kind, "rate": rate, "function": function })
}
