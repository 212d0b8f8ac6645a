use clap::Subcommand;
use futures::StreamExt;
use headwater::shown;
use headwater_pipeline::{
    Failure as Batch, Failures as Bucket, FailuresError, Kind, Stored, Target,
};
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
    /// List the batches and other objects in the bucket, in order of key. Reads each of them.
    Ls {
        /// Continue after this key.
        #[arg(long, value_name = "KEY")]
        after: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Show one batch: why it was given up, and how many records it has of which streams.
    Show {
        /// Its key, as `failures ls` shows it.
        key: String,
    },
    /// Put the records of batches back on their streams and delete the batches, as `redrive` does
    /// every minute.
    Replay {
        /// Their keys, as `failures ls` shows them.
        #[arg(value_name = "KEY", required_unless_present = "all")]
        keys: Vec<String>,
        /// All, except records that their functions refuse: these would come back.
        #[arg(long, conflicts_with = "keys")]
        all: bool,
        /// Only print what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Delete objects for good: refused records, batches without putting them back, and other
    /// objects.
    Drop {
        /// Their keys, as `failures ls` shows them.
        #[arg(value_name = "KEY", required = true)]
        keys: Vec<String>,
        /// Only print what would be done.
        #[arg(long)]
        dry_run: bool,
    },
}

impl Failures {
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let bucket = connection.failures().await?;
        match self {
            Self::Ls { after, limit } => ls(&bucket, output, after.as_deref(), limit).await,
            Self::Show { key } => {
                let batch = bucket.get(&key).await?;
                output.one(&Given::of(key, &batch), |given| Ok(given.text()))
            }
            Self::Replay { keys, all, dry_run } => {
                // All that there are now: what is given up meanwhile is not waited for.
                let keys = if all { replayable(&bucket).await? } else { keys };
                replay(connection, &bucket, output, keys, all, dry_run).await
            }
            Self::Drop { keys, dry_run } => drop_all(&bucket, output, keys, dry_run).await,
        }
    }
}

/// An object of the bucket.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Shown {
    /// A batch that was given up, or a record that was refused.
    Batch(Given),
    /// What is no batch.
    Other {
        key: String,
        at: Timestamp,
        /// What it is taken for.
        error: String,
    },
}

/// A batch that was given up.
#[derive(Serialize)]
pub(crate) struct Given {
    key: String,
    function: String,
    at: Timestamp,
    /// As Lambda says it, or the function that refused it.
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

impl Given {
    fn of(key: String, batch: &Batch) -> Self {
        let streams = batch
            .keys()
            .into_iter()
            .map(|(stream, records)| Records { stream: stream.to_owned(), records });
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
        let mut named: Vec<&str> =
            streams.iter().map(|records| records.stream.as_str()).take(NAMED).collect();
        if streams.len() > NAMED {
            named.push("…");
        }
        [
            at.to_string(),
            function.clone(),
            why.clone(),
            records.to_string(),
            named.join(", "),
            key.clone(),
        ]
    }

    fn text(&self) -> String {
        let Self { key, function, at, why, tries, records, streams, tampering } = self;
        let head = format!(
            "{key}\n{function} gave up at {at}, tried {tries} times: {why}\nrecords: {records}"
        );
        let streams = streams
            .iter()
            .map(|Records { stream, records }| format!("\n  {}  {records}", shown(stream)));
        let tampering = tampering.iter().map(|tampering| format!("\n  tampering: {tampering}"));
        head + &streams.chain(tampering).collect::<String>()
    }
}

impl Shown {
    pub(crate) fn key(&self) -> &str {
        match self {
            Self::Batch(Given { key, .. }) | Self::Other { key, .. } => key,
        }
    }

    pub(crate) fn since(&self) -> Timestamp {
        match self {
            Self::Batch(Given { at, .. }) | Self::Other { at, .. } => *at,
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Other { .. } => "unreadable",
            Self::Batch(_) if Kind::of(self.key()) == Kind::Refused => "refused",
            Self::Batch(_) => "batch",
        }
    }

    pub(crate) fn why(&self) -> String {
        match self {
            Self::Batch(Given { function, why, records, .. }) => {
                format!("{function}, {records} records: {why}")
            }
            Self::Other { error, .. } => error.clone(),
        }
    }

    /// What a person does about it.
    pub(crate) fn way_out(&self) -> String {
        let key = self.key();
        match self.kind() {
            "unreadable" => format!("headwater failures drop {key}"),
            "refused" => format!(
                "headwater failures replay {key}, once its function takes it, or failures drop"
            ),
            _ => format!(
                "by itself, every minute; its cause: the log of the function, headwater failures \
                 show {key}"
            ),
        }
    }

    fn columns(&self) -> [String; 6] {
        match self {
            Self::Batch(given) => given.columns(),
            Self::Other { key, at, error } => [
                at.to_string(),
                String::new(),
                error.clone(),
                String::new(),
                String::new(),
                key.clone(),
            ],
        }
    }
}

async fn ls(
    bucket: &Bucket,
    output: &mut Output<'_>,
    after: Option<&str>,
    limit: usize,
) -> Result<(), Failure> {
    // One more than is shown tells whether there are more.
    let mut found = found(bucket, after, limit.saturating_add(1)).await?;
    let goes_on = found.len() > limit;
    found.truncate(limit);
    let last = found.last().map(|last| last.key.clone()).filter(|_| goes_on);
    let shown = read(bucket, found).await?;
    output.list(
        &shown,
        ["SINCE", "FUNCTION", "WHY", "RECORDS", "STREAMS", "KEY"],
        Shown::columns,
    )?;
    match last {
        Some(last) => output.remark(&format!("there are more: --after {last}")),
        None => Ok(()),
    }
}

/// What these objects are, in their order. One that was put back in the meantime is left out.
pub(crate) async fn read(bucket: &Bucket, found: Vec<Stored>) -> Result<Vec<Shown>, Failure> {
    let objects: Vec<_> = found
        .into_iter()
        .map(|stored| async move { (bucket.get(&stored.key).await, stored) })
        .collect();
    let mut objects = futures::stream::iter(objects).buffered(AT_ONCE);
    let mut shown = Vec::new();
    while let Some((object, Stored { key, at })) = objects.next().await {
        match object {
            Ok(batch) => shown.push(Shown::Batch(Given::of(key, &batch))),
            Err(FailuresError::Absent) => {}
            Err(FailuresError::Unreadable(error)) => {
                shown.push(Shown::Other { key, at, error: error.to_string() })
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(shown)
}

/// At most `limit` objects, however many one call brings.
pub(crate) async fn found(
    bucket: &Bucket,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Stored>, Failure> {
    let mut found: Vec<Stored> = Vec::new();
    while found.len() < limit {
        let page = bucket
            .page(
                found.last().map(|stored| stored.key.as_str()).or(after),
                PAGE.min(limit - found.len()),
            )
            .await?;
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    Ok(found)
}

/// Everything that would not come back at once.
async fn replayable(bucket: &Bucket) -> Result<Vec<String>, Failure> {
    let found = found(bucket, None, usize::MAX).await?;
    Ok(found
        .into_iter()
        .filter(|stored| stored.kind() != Kind::Refused)
        .map(|stored| stored.key)
        .collect())
}

/// An object that was deleted.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dropped {
    key: String,
    dry_run: bool,
}

async fn drop_all(
    bucket: &Bucket,
    output: &mut Output<'_>,
    keys: Vec<String>,
    dry_run: bool,
) -> Result<(), Failure> {
    let mut gravest = 0;
    for key in keys {
        let done = match dry_run {
            true => bucket.get(&key).await.map(|_| ()).or_else(|error| match error {
                FailuresError::Unreadable(_) => Ok(()),
                error => Err(error),
            }),
            false => bucket.delete(&key).await,
        };
        match done {
            Ok(()) => output.lines(&[Dropped { key, dry_run }], |Dropped { key, .. }| {
                format!("{key}  {} forgotten", if dry_run { "would be" } else { "is" })
            })?,
            Err(error) => gravest = gravest.max(output.failed(&named(&key, error))),
        }
    }
    if gravest == 0 { Ok(()) } else { Err(Failure::Told(gravest)) }
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
        let batch =
            if dry_run { bucket.get(&key).await } else { bucket.replay(&key, publisher).await };
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
        output.remark(&format!(
            "not put back, because somebody has tampered with the events table: {tampering}"
        ))?;
    }
    let done = if dry_run { "would be" } else { "were" };
    let replayed = Replayed { key, records: batch.count() - batch.tampering.len(), dry_run };
    output.lines(&[replayed], |Replayed { key, records, .. }| {
        format!("{key}  records that {done} put back: {records}")
    })
}

fn named(key: &str, error: FailuresError) -> Failure {
    match error {
        FailuresError::Absent => Failure::NotFound(format!("{key}: {error}")),
        _ => Failure::Trouble(anyhow::Error::from(error).context(key.to_owned())),
    }
}
