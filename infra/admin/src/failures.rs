use clap::Subcommand;
use futures::StreamExt;
use headwater::shown;
use headwater_pipeline::{Failure as Batch, Failures as Bucket, FailuresError, Target};
use jiff::Timestamp;
use serde::Serialize;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::Output;

/// How many batches are read at a time.
const AT_ONCE: usize = 8;

/// How many streams of a batch are named in a list for people.
const NAMED: usize = 2;

/// How many keys are listed at a time.
const PAGE: usize = 1_000;

#[derive(Subcommand)]
pub(crate) enum Failures {
    /// The batches, in order of key. It reads each of them.
    Ls {
        /// Go on after this key.
        #[arg(long, value_name = "KEY")]
        after: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// One batch: why it was given up, and how many records it has of which streams.
    Show {
        /// Its key, as `failures ls` shows it.
        key: String,
    },
    /// Put the records of batches back on their streams, and forget the batches, as the function `redrive` does every minute.
    Replay {
        /// Their keys, as `failures ls` shows them.
        #[arg(value_name = "KEY", required_unless_present = "all")]
        keys: Vec<String>,
        /// All that there are.
        #[arg(long, conflicts_with = "keys")]
        all: bool,
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
    },
}

impl Failures {
    pub(crate) async fn run(self, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
        let bucket = connection.failures().await?;
        match self {
            Self::Ls { after, limit } => ls(&bucket, output, after.as_deref(), limit).await,
            Self::Show { key } => {
                let batch = bucket.get(&key).await?;
                output.one(&Shown::of(key, &batch), |shown| Ok(shown.text()))
            }
            Self::Replay { keys, all, dry_run } => {
                // All that there are now: what is given up meanwhile is not waited for.
                let keys = if all { self::keys(&bucket, None, usize::MAX).await? } else { keys };
                replay(connection, &bucket, output, keys, all, dry_run).await
            }
        }
    }
}

/// A batch that was given up.
#[derive(Serialize)]
struct Shown {
    key: String,
    function: String,
    at: Timestamp,
    /// As Lambda says it.
    why: String,
    tries: u32,
    records: usize,
    streams: Vec<Records>,
    /// Records of the events table that tell of tampering; they are put nowhere.
    tampering: Vec<String>,
}

/// How many records a batch has of a stream.
#[derive(Serialize)]
struct Records {
    /// The stream's name, or whatever else is the key of a record that comes from elsewhere.
    stream: String,
    records: usize,
}

impl Shown {
    fn of(key: String, batch: &Batch) -> Self {
        let streams = batch.keys().into_iter().map(|(stream, records)| Records { stream: stream.to_owned(), records });
        Self {
            key,
            function: batch.function.clone(),
            at: batch.at,
            why: batch.condition.clone(),
            tries: batch.tries,
            records: batch.count(),
            streams: streams.collect(),
            tampering: batch.tampering.iter().map(ToString::to_string).collect(),
        }
    }

    fn columns(&self) -> [String; 6] {
        let Self { key, function, at, why, records, streams, .. } = self;
        let mut named: Vec<&str> = streams.iter().map(|records| records.stream.as_str()).take(NAMED).collect();
        if streams.len() > NAMED {
            named.push("…");
        }
        [at.to_string(), function.clone(), why.clone(), records.to_string(), named.join(", "), key.clone()]
    }

    fn text(&self) -> String {
        let Self { key, function, at, why, tries, records, streams, tampering } = self;
        let head = format!("{key}\n{function} gave up at {at}, tried {tries} times: {why}\nrecords: {records}");
        let streams = streams.iter().map(|Records { stream, records }| format!("\n  {}  {records}", shown(stream)));
        let tampering = tampering.iter().map(|tampering| format!("\n  tampering: {tampering}"));
        head + &streams.chain(tampering).collect::<String>()
    }
}

async fn ls(bucket: &Bucket, output: &mut Output<'_>, after: Option<&str>, limit: usize) -> Result<(), Failure> {
    // One more than is shown tells whether there are more.
    let mut keys = keys(bucket, after, limit.saturating_add(1)).await?;
    let goes_on = keys.len() > limit;
    keys.truncate(limit);
    let last = keys.last().cloned().filter(|_| goes_on);
    let batches: Vec<_> = keys.into_iter().map(|key| async move { (bucket.get(&key).await, key) }).collect();
    let mut batches = futures::stream::iter(batches).buffered(AT_ONCE);
    let mut shown = Vec::new();
    while let Some((batch, key)) = batches.next().await {
        match batch {
            Ok(batch) => shown.push(Shown::of(key, &batch)),
            // It was redriven in the meantime.
            Err(FailuresError::Absent) => {}
            Err(FailuresError::Unreadable(error)) => output.remark(&format!("{key}: {error}"))?,
            Err(error) => return Err(error.into()),
        }
    }
    output.list(&shown, ["SINCE", "FUNCTION", "WHY", "RECORDS", "STREAMS", "KEY"], Shown::columns)?;
    match last {
        Some(last) => output.remark(&format!("there are more: --after {last}")),
        None => Ok(()),
    }
}

/// At most `limit` keys, however many one call brings.
async fn keys(bucket: &Bucket, after: Option<&str>, limit: usize) -> Result<Vec<String>, Failure> {
    let mut keys: Vec<String> = Vec::new();
    while keys.len() < limit {
        let page = bucket.keys(keys.last().map(String::as_str).or(after), PAGE.min(limit - keys.len())).await?;
        if page.is_empty() {
            break;
        }
        keys.extend(page);
    }
    Ok(keys)
}

/// What was put back.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replayed {
    key: String,
    records: usize,
    dry_run: bool,
}

async fn replay(
    connection: &Connection,
    bucket: &Bucket,
    output: &mut Output<'_>,
    keys: Vec<String>,
    all: bool,
    dry_run: bool,
) -> Result<(), Failure> {
    let commits = connection.commits_stream().await?;
    let publisher = |target: &Target| match target {
        Target::Commits => Ok(commits.clone()),
        Target::Stream(name) => Ok(commits.to(name)),
    };
    let mut gravest = 0;
    for key in keys {
        let batch = if dry_run { bucket.get(&key).await } else { bucket.replay(&key, publisher).await };
        match batch {
            Ok(batch) => told(output, key, &batch, dry_run)?,
            // It was redriven in the meantime.
            Err(FailuresError::Absent) if all => {}
            // It holds up nobody.
            Err(error) => gravest = gravest.max(output.failed(&named(&key, error))),
        }
    }
    if gravest == 0 { Ok(()) } else { Err(Failure::Told(gravest)) }
}

fn told(output: &mut Output<'_>, key: String, batch: &Batch, dry_run: bool) -> Result<(), Failure> {
    for tampering in &batch.tampering {
        output.remark(&format!("put nowhere, since somebody has tampered with the events table: {tampering}"))?;
    }
    let done = if dry_run { "would be" } else { "were" };
    let replayed = Replayed { key, records: batch.count() - batch.tampering.len(), dry_run };
    output.lines(&[replayed], |Replayed { key, records, .. }| format!("{key}  records that {done} put back: {records}"))
}

fn named(key: &str, error: FailuresError) -> Failure {
    match error {
        FailuresError::Absent => Failure::NotFound(format!("{key}: {error}")),
        _ => Failure::Trouble(anyhow::Error::from(error).context(key.to_owned())),
    }
}
