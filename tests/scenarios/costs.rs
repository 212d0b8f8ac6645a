//! A command costs the same, however long the history is. What each call costs is measured in
//! [`crate::contracts`].

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use headwater::Context;
use headwater_dynamodb::{
    Done, EventStore, Execution, Expected, MasterKey, Origin, StoreConfig, SubjectKeys,
};
use headwater_tests::{Client, Platform};
use identity::user::PatchUser;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{create_user, own_platform, secrets};

const PATCH: &str = "identity-patch-user";

/// What a function was metered at since the last reset, and the meter at zero again.
async fn spent(platform: &Platform, function: &str) -> Result<Value> {
    let spent = platform.meter(function).await?;
    platform.reset_meter().await?;
    Ok(spent)
}

fn cost(operation: &str, calls: u64, read: f64, write: f64) -> Value {
    json!({ operation: { "calls": calls, "readUnits": read, "writeUnits": write } })
}

/// Patches by a function that was just started, and so has nothing in its memory; what its start
/// costs is not counted.
async fn cold_patch(platform: &Platform, client: &Client, id: &str, name: &str) -> Result<Value> {
    platform.kill_function(PATCH).await?;
    client.patch("/identity/users/nobody", &json!({})).await?.problem(404, "not-found")?;
    platform.reset_meter().await?;
    client
        .patch(&format!("/identity/users/{id}"), &json!({ "displayName": name }))
        .await?
        .expect(200)?;
    spent(platform, PATCH).await
}

/// Appends one event at a time to a user until it has so many, with the store itself: the way
/// through HTTP would take minutes. What feeds the projector is stopped, so that nothing else is
/// busy.
async fn append_until(platform: &Platform, id: &str, version: u64) -> Result<()> {
    platform.event_source("relay", false).await?;
    let config = StoreConfig {
        events_table: platform.table("EventsTable").await?,
        idempotency_table: None,
        unique_key: None,
    };
    let environment = secrets(platform).await?;
    let text = |name: &str| environment[name].as_str().unwrap_or_default().to_owned();
    let master = MasterKey::new(text("PERSONAL_KEY").as_bytes()).context("no master key")?;
    let store = EventStore::new(platform.dynamodb().await?, config)
        .with_keys(SubjectKeys::new(text("KEYS_TABLE"), master));
    let stream = identity::user::stream("costs", id)?;
    let mut names = 0;
    loop {
        names += 1;
        let display_name = Some(format!("Ada {names}").into());
        let context = Context {
            now: Timestamp::now(),
            id: id.to_owned(),
            fresh_id: Uuid::nil(),
            actor: "tester".to_owned(),
        };
        let execution = Execution {
            stream: stream.clone(),
            command: &PatchUser { display_name, ..PatchUser::default() },
            context,
            origin: Origin { correlation_id: Uuid::nil().to_string(), ..Origin::default() },
            expected: Expected::default(),
            is_new: false,
            idempotency: None,
            deadline: Instant::now() + Duration::from_secs(5),
        };
        if let Done::Committed(folded) = store.execute(execution).await?
            && folded.version >= version
        {
            return Ok(());
        }
    }
}

#[tokio::test]
async fn a_patch_costs_the_same_after_1_000_events_as_after_10() -> Result<()> {
    after_10_and_after(1_000).await
}

#[tokio::test]
#[ignore = "long: 10,000 events, one by one"]
async fn a_patch_costs_the_same_after_10_000_events_as_after_10() -> Result<()> {
    after_10_and_after(10_000).await
}

async fn after_10_and_after(many: u64) -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("costs").await?;
    let ada = create_user(&client, "ada").await?;
    let path = format!("/identity/users/{}", ada.id());
    let patch = |i: u64| {
        let (client, path) = (client.clone(), path.clone());
        async move {
            client.patch(&path, &json!({ "displayName": format!("Ada {i}") })).await?.expect(200)
        }
    };
    for i in ada.version()..10 {
        patch(i).await?;
    }
    let after_10 = cold_patch(&platform, &client, ada.id(), "cold at 10").await?;
    let expected = json!({
        "Query": { "calls": 1, "readUnits": 1.0, "writeUnits": 0.0 },
        "PutItem": { "calls": 1, "readUnits": 0.0, "writeUnits": 1.0 },
        // The key under which the name is stored.
        "GetItem": { "calls": 1, "readUnits": 1.0, "writeUnits": 0.0 },
    });
    assert_eq!(after_10, expected);

    append_until(&platform, ada.id(), many).await?;
    assert_eq!(cold_patch(&platform, &client, ada.id(), "cold at many").await?, expected);
    let warm = patch(many + 1).await?;
    assert_eq!(warm.version(), many + 2);
    assert_eq!(spent(&platform, PATCH).await?, cost("PutItem", 1, 0.0, 1.0));
    Ok(())
}
