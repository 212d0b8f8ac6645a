//! Puts commits straight into the tables, and projects them here: with commands it would take
//! hours.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::Client as Dynamodb;
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use futures::{StreamExt, TryStreamExt};
use headwater::{Commit, ProjectionFn};
use headwater_dynamodb::{Doorbell, EventStore, Projector, StoreConfig, commit_to_item};
use serde_json::Value;

use super::events;
use crate::Platform;

/// `BatchWriteItem` takes at most so many items, and 16 MB.
const BATCH: usize = 25;

/// How many of these are written at a time.
const AT_ONCE: usize = 4;

/// How many commits are projected at a time.
const PROJECTED_AT_ONCE: usize = 100;

/// How long a batch of these may take, and how often what failed is tried again.
const PATIENCE: Duration = Duration::from_secs(60);
const MOST_TRIES: usize = 5;

/// What there is.
pub(super) struct Filled {
    pub(super) commits: usize,
    /// How many items each of these lists has.
    pub(super) lists: Vec<(String, usize)>,
}

pub(super) async fn fill(platform: &Platform, things: usize) -> Result<Filled> {
    let dynamodb = platform.dynamodb().await?;
    let environment = platform.dev("GET", "/dev/endpoint", None).await?.body["environment"].clone();
    let mut filled = Filled { commits: 0, lists: events::lists(things) };
    for (domain, projections, commits) in events::all(things)? {
        filled.commits += commits.len();
        write(&dynamodb, table(&environment, "EVENTS_TABLE")?, &commits).await?;
        project(&dynamodb, &environment, domain, projections, commits).await?;
    }
    Ok(filled)
}

fn table<'a>(environment: &'a Value, variable: &str) -> Result<&'a str> {
    environment[variable].as_str().with_context(|| format!("the platform does not say {variable}"))
}

async fn write(dynamodb: &Dynamodb, table: &str, commits: &[Commit]) -> Result<()> {
    let put = |commit: &Commit| {
        let item = commit_to_item(commit.clone())?;
        anyhow::Ok(
            WriteRequest::builder()
                .put_request(PutRequest::builder().set_item(Some(item)).build()?)
                .build(),
        )
    };
    let puts = commits.iter().map(put).collect::<Result<Vec<_>>>()?;
    let batches: Vec<_> = puts
        .chunks(BATCH)
        .map(|batch| dynamodb.batch_write_item().request_items(table, batch.to_vec()).send())
        .collect();
    futures::stream::iter(batches).buffer_unordered(AT_ONCE).try_for_each(async |_| Ok(())).await?;
    Ok(())
}

async fn project(
    dynamodb: &Dynamodb,
    environment: &Value,
    domain: &str,
    projections: &'static [ProjectionFn],
    commits: Vec<Commit>,
) -> Result<()> {
    let config = StoreConfig {
        events_table: table(environment, "EVENTS_TABLE")?.to_owned(),
        idempotency_table: None,
        unique_key: None,
    };
    let store = EventStore::new(dynamodb.clone(), config);
    let (views, feed) = (table(environment, "VIEWS_TABLE")?, table(environment, "FEED_TABLE")?);
    let projector = Projector::new(store, views, feed, domain, projections);
    for batch in commits.chunks(PROJECTED_AT_ONCE) {
        let bell = |commit: &Commit| Doorbell {
            stream: commit.stream.clone(),
            version: commit.last(),
            commit: Some(commit.clone()),
        };
        let mut bells: Vec<Doorbell> = batch.iter().map(bell).collect();
        for tried in 0.. {
            let report = projector.within(Instant::now() + PATIENCE).project(bells.clone()).await;
            ensure!(
                report.parked.is_empty() && (report.failed.is_empty() || tried < MOST_TRIES),
                "{report:?}"
            );
            if report.failed.is_empty() {
                break;
            }
            // A machine that has much else to do does not answer all of them in time.
            bells = report.failed.iter().filter_map(|place| bells.get(*place).cloned()).collect();
        }
    }
    Ok(())
}
