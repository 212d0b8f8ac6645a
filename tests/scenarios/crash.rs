//! `kill -9` of the whole platform: what was acknowledged is there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use headwater_tests::Client;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::support::{own_platform, user};

/// What the platform has acknowledged: each user's display name and version.
type Acknowledged = Arc<Mutex<BTreeMap<String, (String, u64)>>>;

/// Creates users and patches them until the platform is gone, or `commands` are through.
async fn work(client: Client, worker: usize, commands: usize, acknowledged: Acknowledged) {
    let mut current: Option<(String, u64)> = None;
    for i in 0..commands {
        let name = format!("W{worker} {i}");
        let reply = match &current {
            Some((id, _)) if i % 5 != 0 => {
                client
                    .patch(&format!("/identity/users/{id}"), &json!({ "displayName": name }))
                    .await
            }
            _ => {
                let mut body = user(&format!("w{worker}-{i}"));
                body["displayName"] = name.clone().into();
                client.post("/identity/users", &body).await
            }
        };
        let Ok(reply) = reply else { return };
        if reply.status == 200 || reply.status == 201 {
            acknowledged.lock().await.insert(reply.id().to_owned(), (name, reply.version()));
            current = Some((reply.id().to_owned(), reply.version()));
        }
    }
}

#[tokio::test]
async fn after_a_kill_in_the_middle_of_2_000_commands_all_that_was_acknowledged_is_there_once()
-> Result<()> {
    let mut platform = own_platform()?;
    let acknowledged: Acknowledged = Arc::default();
    for round in 0..2 {
        let client = platform.client("crash").await?;
        let first = round * 8;
        let workers: Vec<_> = (first..first + 8)
            .map(|worker| tokio::spawn(work(client.clone(), worker, 250, acknowledged.clone())))
            .collect();
        // Somewhere in the middle: when enough was acknowledged, not after some time, for machines
        // differ.
        while acknowledged.lock().await.len() < 60 * (round + 1) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        platform.kill()?;
        for worker in workers {
            worker.await?;
        }
        platform.restart()?;
    }
    platform.settled().await?;

    let client = platform.client("crash").await?;
    let users: BTreeMap<String, Value> = client
        .all("/identity/users?limit=200")
        .await?
        .into_iter()
        .map(|user| (user["id"].as_str().unwrap_or_default().to_owned(), user))
        .collect();
    let acknowledged = acknowledged.lock().await;
    for (id, (name, version)) in acknowledged.iter() {
        let user = users.get(id).unwrap_or(&Value::Null);
        // One more command may have been carried out whose answer was lost.
        let row = user["version"].as_u64().unwrap_or_default();
        assert!(
            row == *version && user["displayName"] == *name || row == version + 1,
            "{id}: {name}@{version}, {user}"
        );
    }
    every_commit_once(&client, &users).await
}

/// The feed has no hole and nothing twice, and each stream in it ends where its row is.
async fn every_commit_once(client: &Client, users: &BTreeMap<String, Value>) -> Result<()> {
    let mut versions: BTreeMap<String, u64> = BTreeMap::new();
    for (change, position) in client.all("/identity/changes?limit=200").await?.iter().zip(1..) {
        assert_eq!(change["position"], format!("crash/identity@{position}"));
        let id = change["stream"]
            .as_str()
            .and_then(|stream| stream.rsplit('/').next())
            .unwrap_or_default();
        let version = versions.entry(id.to_owned()).or_default();
        for event in change["events"].as_array().into_iter().flatten() {
            *version += 1;
            assert_eq!(event["number"], *version, "{id}");
        }
    }
    let rows: BTreeMap<String, u64> = users
        .iter()
        .map(|(id, user)| (id.clone(), user["version"].as_u64().unwrap_or_default()))
        .collect();
    assert_eq!(versions, rows);
    Ok(())
}
