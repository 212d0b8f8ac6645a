//! Kinesis: ferrokinesis, which keeps its streams in memory, and a journal that restores them.
//!
//! ferrokinesis has a durable mode of its own, but writes all that it holds again with every
//! record: a thousand records in, a put takes longer than a batch has time.

mod journal;

use std::path::Path;

use anyhow::{Context, Result};
use axum::extract::DefaultBodyLimit;
use ferrokinesis::create_app;
use ferrokinesis::store::StoreOptions;
use serde_json::json;
use tokio::task::JoinSet;

use super::spawn_on_loopback;
use crate::aws::JsonClient;
use crate::template::{ACCOUNT, REGION, Stream};
use journal::Journal;

/// What an on-demand stream starts with.
const ON_DEMAND_SHARDS: u32 = 4;
/// 500 records of together 10 MiB, in base64.
const LARGEST_REQUEST: usize = 16 << 20;

/// Starts the server, with what the data directory's journal holds, and returns its URL.
pub(super) async fn serve(data_dir: Option<&Path>, servers: &mut JoinSet<()>) -> Result<String> {
    let (app, store) = create_app(StoreOptions {
        create_stream_ms: 0,
        delete_stream_ms: 0,
        update_stream_ms: 0,
        shard_limit: 10_000,
        retention_check_interval_secs: 3600,
        aws_account_id: ACCOUNT.to_owned(),
        aws_region: REGION.to_owned(),
        ..StoreOptions::default()
    });
    let app = match data_dir {
        Some(dir) => Journal::open(&dir.join("kinesis.sqlite"), store).await?.layer(app),
        None => app,
    };
    let app = app.layer(DefaultBodyLimit::max(LARGEST_REQUEST));
    spawn_on_loopback(servers, |listener| async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, "Kinesis stopped");
        }
    })
    .await
}

/// Makes the streams that are missing, and waits until they can be used.
pub(super) async fn create_streams(endpoint: &str, streams: &[Stream]) -> Result<()> {
    let service = JsonClient::kinesis(endpoint)?;
    for stream in streams {
        let context = || format!("stream {}", stream.name);
        let shards = stream.shards.unwrap_or(ON_DEMAND_SHARDS);
        let input = json!({"StreamName": stream.name, "ShardCount": shards});
        service.create("CreateStream", &input).await.with_context(context)?;
        let (input, status) =
            (json!({"StreamName": stream.name}), "/StreamDescriptionSummary/StreamStatus");
        service
            .wait_until_active("DescribeStreamSummary", &input, status)
            .await
            .with_context(context)?;
        keep_for(&service, stream).await.with_context(context)?;
    }
    Ok(())
}

/// Lets a stream keep its records as long as the template says, where that is longer than it does.
async fn keep_for(service: &JsonClient, stream: &Stream) -> Result<()> {
    let Some(hours) = stream.retention_hours else { return Ok(()) };
    let summary =
        service.call("DescribeStreamSummary", &json!({"StreamName": stream.name})).await?;
    if summary["StreamDescriptionSummary"]["RetentionPeriodHours"]
        .as_u64()
        .is_none_or(|present| present < u64::from(hours))
    {
        let input = json!({"StreamName": stream.name, "RetentionPeriodHours": hours});
        service.call("IncreaseStreamRetentionPeriod", &input).await?;
    }
    Ok(())
}
