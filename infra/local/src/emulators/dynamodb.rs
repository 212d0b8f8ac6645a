//! DynamoDB: dynoxide, which keeps its tables in SQLite.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use dynoxide::Database;
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::spawn_on_loopback;
use crate::aws::JsonClient;
use crate::template::{Key, Table};

/// DynamoDB removes expired items "within a few days"; here it takes at most this long.
const TTL_SWEEP: Duration = Duration::from_secs(60);

/// Starts the server on the data directory's database, or on one in memory, and returns its URL.
pub(super) async fn serve(data_dir: Option<&Path>, servers: &mut JoinSet<()>) -> Result<String> {
    let database = match data_dir {
        Some(dir) => on_disk(&dir.join("dynamodb.sqlite"))?,
        None => in_memory()?,
    };
    servers.spawn(remove_expired(database.clone(), TTL_SWEEP));
    spawn_on_loopback(servers, |listener| async move {
        if let Err(error) =
            dynoxide::server::serve_with_shutdown(listener, database, std::future::pending()).await
        {
            tracing::error!(%error, "DynamoDB stopped");
        }
    })
    .await
}

pub(super) fn on_disk(path: &Path) -> Result<Database> {
    let name = path.to_str().context("the data directory's path is not UTF-8")?;
    // The first opening makes the schema that the index is on.
    drop(Database::new(name)?);
    index_stream(path)?;
    Ok(Database::new(name)?)
}

/// A database in memory can't be reached from outside, but it can be restored from a file: from an
/// empty one with the index.
pub(super) fn in_memory() -> Result<Database> {
    let scratch = tempfile::tempdir()?;
    let path = scratch.path().join("empty.sqlite");
    drop(on_disk(&path)?);
    let database = Database::memory()?;
    database.restore_from(path.to_str().context("the temporary directory's path is not UTF-8")?)?;
    Ok(database)
}

/// dynoxide finds the next number of a stream record by `MAX(CAST(sequence_number AS INTEGER))`:
/// without this index it reads the whole stream on every write.
fn index_stream(path: &Path) -> Result<()> {
    Connection::open(path)?.execute_batch(
        "CREATE INDEX IF NOT EXISTS headwater_stream_order
         ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
    )?;
    Ok(())
}

/// Removes expired items, over and over.
pub(super) async fn remove_expired(database: Database, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "expired items were not removed"),
            Err(error) => tracing::warn!(%error, "expired items were not removed"),
        }
    }
}

/// Makes the tables that are missing, with their streams and TTL.
pub(super) async fn create_tables(endpoint: &str, tables: &[Table]) -> Result<()> {
    let service = JsonClient::dynamodb(endpoint)?;
    for table in tables {
        let context = || format!("table {}", table.name);
        service.create("CreateTable", &definition(table)).await.with_context(context)?;
        let input = json!({"TableName": table.name});
        service
            .wait_until_active("DescribeTable", &input, "/Table/TableStatus")
            .await
            .with_context(context)?;
        if let Some(attribute) = &table.ttl_attribute {
            enable_ttl(&service, &table.name, attribute).await.with_context(context)?;
        }
    }
    Ok(())
}

/// The input of `CreateTable`.
fn definition(table: &Table) -> Value {
    let keys: Vec<(&Key, &str)> = std::iter::once((&table.partition_key, "HASH"))
        .chain(table.sort_key.as_ref().map(|key| (key, "RANGE")))
        .collect();
    let mut input = json!({
        "TableName": table.name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions":
            keys.iter().map(
                |(key, _)| json!({"AttributeName": key.name, "AttributeType": key.kind})
            ).collect::<Vec<_>>(),
        "KeySchema":
            keys.iter().map(
                |(key, role)| json!({"AttributeName": key.name, "KeyType": role})
            ).collect::<Vec<_>>(),
    });
    if let Some(view_type) = &table.stream_view_type {
        input["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": view_type});
    }
    input
}

/// Enables TTL; DynamoDB refuses to do so twice.
async fn enable_ttl(service: &JsonClient, table: &str, attribute: &str) -> Result<()> {
    let present = service.call("DescribeTimeToLive", &json!({"TableName": table})).await?;
    if present["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED" {
        let specification = json!({"AttributeName": attribute, "Enabled": true});
        service
            .call(
                "UpdateTimeToLive",
                &json!({"TableName": table, "TimeToLiveSpecification": specification}),
            )
            .await?;
    }
    Ok(())
}
