//! What Kinesis acknowledged, kept in SQLite, so that it outlives `kill -9`.
//!
//! A put is acknowledged once its records are in the journal with the sequence numbers that they
//! got. On start the streams come back with the same shards and the records with the same numbers,
//! so a reader's checkpoint stays good. A stream that was changed comes back with the shards and
//! the retention that it had at its first put.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use ferrokinesis::error::KinesisErrorResponse;
use ferrokinesis::sequence::parse_sequence;
use ferrokinesis::store::Store;
use ferrokinesis::types::{StoredRecord, Stream, StreamBuilder, StreamStatus};
use rusqlite::{Connection, params};
use serde_json::Value;

use super::LARGEST_REQUEST;

/// Numbers left out after a restart. A record may have been read before it reached the journal; if
/// the process died in between, a reader's checkpoint stands on its number, which must not be given
/// to another. Far more than can be in flight.
const LEFT_OUT: u64 = 10_000;

/// `NORMAL` leaves the moment of writing to the operating system: enough for a killed process, not
/// for a lost machine.
const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS streams (name TEXT PRIMARY KEY, definition TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS records (
        stream TEXT NOT NULL, shard INTEGER NOT NULL, place INTEGER NOT NULL, number TEXT NOT NULL,
        partition_key TEXT NOT NULL, data TEXT NOT NULL, arrived INTEGER NOT NULL,
        PRIMARY KEY (stream, shard, place)
    ) WITHOUT ROWID;";

/// The journal of one server.
pub(super) struct Journal {
    store: Store,
    file: Mutex<Connection>,
    /// Streams whose definition is in the file.
    known: Mutex<HashSet<String>>,
}

/// A record as the journal keeps it.
struct Entry {
    shard: i64,
    /// The record's place in its shard, counted from 1, which the sequence number contains.
    place: u64,
    /// The sequence number.
    number: String,
    partition_key: String,
    /// In base64.
    data: String,
    /// Milliseconds since the epoch.
    arrived: u64,
}

impl Journal {
    /// Opens the file and puts what it holds into `store`, which must be empty.
    pub(super) async fn open(path: &Path, store: Store) -> Result<Arc<Self>> {
        let file = Connection::open(path)?;
        file.execute_batch(SCHEMA)?;
        let journal = Self { store, file: Mutex::new(file), known: Mutex::default() };
        for (name, definition) in journal.streams()? {
            journal
                .restore(&name, serde_json::from_str(&definition)?)
                .await
                .with_context(|| format!("stream {name}"))?;
        }
        Ok(Arc::new(journal))
    }

    /// Puts the journal around a server.
    pub(super) fn layer(self: Arc<Self>, app: Router) -> Router {
        app.layer(from_fn_with_state(self, acknowledge_when_written))
    }

    async fn restore(&self, name: &str, definition: Stream) -> Result<()> {
        let Stream {
            shards, stream_arn, stream_creation_timestamp, retention_period_hours, ..
        } = definition;
        forget_expired(&lock(&self.file), name, retention_period_hours)?;
        // What a definition leaves out gets the values of a new stream.
        let stream = StreamBuilder::new(
            name.to_owned(),
            stream_arn,
            StreamStatus::Active,
            stream_creation_timestamp,
            shards.clone(),
        );
        let stream = stream.retention_period_hours(retention_period_hours);
        self.store.put_stream(name, stream.build()).await.map_err(refused)?;
        for (index, shard) in (0..).zip(&shards) {
            let entries = self.entries(name, index)?;
            if let Some(last) = entries.last() {
                self.number_from(name, shard.hash_key_range.start_u128(), last.place + LEFT_OUT)
                    .await?;
            }
            let records: Vec<_> = entries.into_iter().map(Entry::into_stored).collect();
            self.store.put_records_batch(name, &records).await.map_err(refused)?;
        }
        lock(&self.known).insert(name.to_owned());
        Ok(())
    }

    fn streams(&self) -> Result<Vec<(String, String)>> {
        let file = lock(&self.file);
        let mut query = file.prepare("SELECT name, definition FROM streams")?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn entries(&self, stream: &str, shard: i64) -> Result<Vec<Entry>> {
        let file = lock(&self.file);
        let mut query = file.prepare(
            "SELECT place, number, partition_key, data, arrived FROM records WHERE stream = ?1 \
             AND shard = ?2 ORDER BY place",
        )?;
        let rows = query.query_map(params![stream, shard], |row| {
            let (place, number, partition_key) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(Entry {
                shard,
                place,
                number,
                partition_key,
                data: row.get(3)?,
                arrived: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Uses up a shard's numbers as far as `place`: the store offers no other way to move its
    /// counter.
    async fn number_from(&self, stream: &str, hash_key: u128, place: u64) -> Result<()> {
        let batch = vec![hash_key; 1000];
        loop {
            let used =
                self.store.allocate_sequences_batch(stream, &batch).await.map_err(refused)?;
            let last = used.last().and_then(|number| parse_sequence(&number.seq_num).ok()?.seq_ix);
            if last.context("the store gave no number")? >= place {
                return Ok(());
            }
        }
    }

    async fn append(self: Arc<Self>, stream: String, entries: Vec<Entry>) -> Result<()> {
        let known = lock(&self.known).contains(&stream);
        if !known {
            let definition = self.store.get_stream(&stream).await.map_err(refused)?;
            let definition = serde_json::to_string(&definition)?;
            lock(&self.file).execute(
                "INSERT OR IGNORE INTO streams VALUES (?1, ?2)",
                params![stream, definition],
            )?;
            lock(&self.known).insert(stream.clone());
        }
        tokio::task::spawn_blocking(move || self.write(&stream, &entries)).await?
    }

    fn write(&self, stream: &str, entries: &[Entry]) -> Result<()> {
        let mut file = lock(&self.file);
        let transaction = file.transaction()?;
        for Entry { shard, place, number, partition_key, data, arrived } in entries {
            transaction
                .prepare_cached(
                    "INSERT OR IGNORE INTO records VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![stream, shard, place, number, partition_key, data, arrived])?;
        }
        Ok(transaction.commit()?)
    }
}

impl Entry {
    /// The entry of a record in a request, numbered by its part of the answer; `None` where the
    /// record was refused.
    fn read(record: &Value, answer: &Value) -> Option<Self> {
        let number = answer["SequenceNumber"].as_str()?;
        let parsed = parse_sequence(number).ok()?;
        Some(Self {
            shard: parsed.shard_ix,
            place: parsed.seq_ix?,
            number: number.to_owned(),
            partition_key: record["PartitionKey"].as_str()?.to_owned(),
            data: record["Data"].as_str()?.to_owned(),
            arrived: parsed.seq_time?,
        })
    }

    /// The record with the key under which the store keeps it.
    fn into_stored(self) -> (String, StoredRecord) {
        let key = format!("{:08x}/{}", self.shard, self.number);
        let approximate_arrival_timestamp = Duration::from_millis(self.arrived).as_secs_f64();
        (
            key,
            StoredRecord {
                partition_key: self.partition_key,
                data: self.data,
                approximate_arrival_timestamp,
            },
        )
    }
}

/// Lets a put through, and its answer once the records are written down.
async fn acknowledge_when_written(
    State(journal): State<Arc<Journal>>,
    request: Request,
    next: Next,
) -> Response {
    let target = request.headers().get("x-amz-target").map(|target| target.as_bytes());
    if !matches!(target, Some(b"Kinesis_20131202.PutRecord" | b"Kinesis_20131202.PutRecords")) {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_REQUEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let response = next.run(Request::from_parts(head, Body::from(body.clone()))).await;
    if !response.status().is_success() {
        return response;
    }
    write_down(journal, &body, response).await.unwrap_or_else(|error| {
        tracing::error!(error = format!("{error:#}"), "a Kinesis record could not be written down");
        (StatusCode::INTERNAL_SERVER_ERROR, r#"{"__type":"InternalFailure"}"#).into_response()
    })
}

async fn write_down(
    journal: Arc<Journal>,
    request: &Bytes,
    response: Response,
) -> Result<Response> {
    let (head, body) = response.into_parts();
    let body = to_bytes(body, LARGEST_REQUEST).await?;
    let request: Value =
        serde_json::from_slice(request).context("only puts in JSON can be written down")?;
    let answer: Value = serde_json::from_slice(&body)?;
    let entries = match (request["Records"].as_array(), answer["Records"].as_array()) {
        (Some(records), Some(answers)) => {
            records.iter().zip(answers).filter_map(|(r, a)| Entry::read(r, a)).collect()
        }
        _ => Entry::read(&request, &answer).into_iter().collect(),
    };
    journal.append(stream_name(&request).context("a put names its stream")?, entries).await?;
    Ok(Response::from_parts(head, Body::from(body)))
}

/// The stream that a request names, by its name or its ARN.
fn stream_name(request: &Value) -> Option<String> {
    let by_arn = || request["StreamARN"].as_str()?.rsplit('/').next();
    request["StreamName"].as_str().or_else(by_arn).map(str::to_owned)
}

/// Forgets what Kinesis would no longer hold, but for the last record of each shard: numbering goes
/// on from it.
fn forget_expired(file: &Connection, stream: &str, retention_hours: u32) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let retention = Duration::from_secs(u64::from(retention_hours) * 60 * 60);
    let oldest = u64::try_from(now.saturating_sub(retention).as_millis())?;
    file.execute(
        "DELETE FROM records WHERE stream = ?1 AND arrived < ?2
         AND place < (SELECT MAX(place) FROM records AS r WHERE r.stream = records.stream AND \
         r.shard = records.shard)",
        params![stream, oldest],
    )?;
    Ok(())
}

fn refused(error: KinesisErrorResponse) -> anyhow::Error {
    anyhow!("{}: {}", error.body.error_type, error.body.message.unwrap_or_default())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
