//! What invokes functions besides HTTP: DynamoDB streams, Kinesis streams and schedules, with the
//! template's settings.
//!
//! Delivery is at least once and skips nothing: a checkpoint says up to where a shard is done, it
//! is kept in the data directory, and a restart goes on behind it.

mod checkpoints;
mod dynamodb;
mod failure;
mod follow;
mod kinesis;
mod lane;
mod mapping;
mod objects;
mod progress;
mod reader;
mod schedule;
mod shard;
mod source;
mod verdict;
mod worker;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use serde::Serialize;
use tokio::sync::watch;

use crate::aws::JsonClient;
use crate::clock::Clock;
use crate::door::Writes;
use crate::host::{Host, InvokeError};
use crate::template::{EventSource, Function, SourceKind, Template};
use checkpoints::CheckpointFile;
use dynamodb::DynamoDbStream;
use kinesis::KinesisStream;
use mapping::Mapping;
use objects::ObjectStore;
use schedule::Scheduled;

/// Where streams are read and failures written.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// The URL of DynamoDB Streams.
    pub dynamodb: String,
    /// The URL of Kinesis.
    pub kinesis: String,
    /// The URL of S3.
    pub s3: String,
}

/// The event sources of all functions, and their schedules.
pub struct EventSources {
    mappings: Vec<Running>,
    schedules: Vec<Arc<Scheduled>>,
}

/// A mapping of either kind.
enum Running {
    DynamoDb(Arc<Mapping<DynamoDbStream>>),
    Kinesis(Arc<Mapping<KinesisStream>>),
}

/// How far a function is behind its streams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Lag {
    /// Records that the function has not processed, nor were given up. A reader goes ahead of the
    /// function by a bound; where there are more, this counts those up to the bound. A stream that
    /// can't be read counts as one.
    pub records: usize,
    /// The age of the oldest of them.
    pub millis: i64,
}

impl EventSources {
    /// Starts every event source and schedule of the template. Checkpoints are kept in `folder`.
    ///
    /// # Errors
    /// When the checkpoints can't be read, or an event source names no stream of the template.
    pub fn start(
        template: &Template,
        endpoints: &Endpoints,
        writes: &Writes,
        host: &Host,
        clock: &Clock,
        folder: &Path,
    ) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let starter = Starter { template, endpoints, writes, host, folder: folder.to_owned() };
        let (mut mappings, mut schedules) = (Vec::new(), Vec::new());
        for function in &template.functions {
            for source in &function.event_sources {
                mappings.push(starter.start(function, source)?);
            }
            for schedule in &function.schedules {
                let scheduled = Arc::new(Scheduled {
                    schedule: schedule.clone(),
                    function: function.clone(),
                    host: host.clone(),
                    clock: clock.clone(),
                });
                tokio::spawn(scheduled.clone().run());
                schedules.push(scheduled);
            }
        }
        Ok(Self { mappings, schedules })
    }

    /// How far every function is behind, by name. Zero means: nothing is left of all that was in
    /// its streams when the question was asked. The same holds for what the other functions wrote
    /// while that was done.
    pub async fn lag(&self) -> BTreeMap<String, Lag> {
        // A record may be between two streams, done in the first and not yet looked for in the
        // second. So all are asked twice, and who read anything new in between was behind.
        let first = self.lags().await;
        let second = self.lags().await;
        let mut by_function: BTreeMap<String, Lag> = BTreeMap::new();
        for ((running, (before, seen_before)), (after, seen_after)) in
            self.mappings.iter().zip(first).zip(second)
        {
            let new = usize::try_from(seen_after.saturating_sub(seen_before)).unwrap_or(usize::MAX);
            let lag = by_function.entry(running.function().to_owned()).or_default();
            lag.records += before.records.max(after.records).max(new);
            lag.millis = lag.millis.max(before.millis).max(after.millis);
        }
        by_function
    }

    /// Starts or stops a function's event sources; once stopped, none is running any more. False
    /// for a function that has none.
    pub async fn enable(&self, function: &str, enabled: bool) -> bool {
        let mut found = false;
        for running in self.mappings.iter().filter(|running| running.function() == function) {
            running.enable(enabled).await;
            found = true;
        }
        found
    }

    /// Has the schedules of a function come round once, now, and waits for its answers. False for a
    /// function that has none.
    ///
    /// # Errors
    /// When the function fails.
    pub async fn come_round(&self, function: &str) -> Result<bool, InvokeError> {
        let mut found = false;
        for scheduled in self.schedules.iter().filter(|one| one.function.name == function) {
            scheduled.come_round().await?;
            found = true;
        }
        Ok(found)
    }

    /// Keeps all checkpoints, before the platform ends.
    pub fn save(&self) {
        for running in &self.mappings {
            if let Err(error) = running.save() {
                tracing::error!(
                    function = running.function(),
                    %error,
                    "the checkpoints can't be kept",
                );
            }
        }
    }

    async fn lags(&self) -> Vec<(Lag, u64)> {
        let mut lags = Vec::new();
        for running in &self.mappings {
            lags.push(running.lag().await);
        }
        lags
    }
}

impl Running {
    fn function(&self) -> &str {
        match self {
            Self::DynamoDb(mapping) => &mapping.function,
            Self::Kinesis(mapping) => &mapping.function,
        }
    }

    async fn enable(&self, enabled: bool) {
        match self {
            Self::DynamoDb(mapping) => mapping.enable(enabled).await,
            Self::Kinesis(mapping) => mapping.enable(enabled).await,
        }
    }

    async fn lag(&self) -> (Lag, u64) {
        match self {
            Self::DynamoDb(mapping) => mapping.lag().await,
            Self::Kinesis(mapping) => mapping.lag().await,
        }
    }

    fn save(&self) -> Result<()> {
        match self {
            Self::DynamoDb(mapping) => mapping.save(),
            Self::Kinesis(mapping) => mapping.save(),
        }
    }
}

/// What it takes to start an event source.
struct Starter<'a> {
    template: &'a Template,
    endpoints: &'a Endpoints,
    writes: &'a Writes,
    host: &'a Host,
    folder: PathBuf,
}

impl Starter<'_> {
    fn start(&self, function: &Function, source: &EventSource) -> Result<Running> {
        let no_stream =
            || format!("{}: {} is no stream of the template", function.name, source.stream_arn);
        Ok(match source.kind {
            SourceKind::DynamoDb => {
                let tables = &self.template.tables;
                let table = tables.iter().find(|table| {
                    table.stream_arn == source.stream_arn && table.stream_view_type.is_some()
                });
                let stream = DynamoDbStream {
                    client: JsonClient::dynamodb_streams(&self.endpoints.dynamodb)?,
                    table: table.with_context(no_stream)?.name.clone(),
                    template_arn: source.stream_arn.clone(),
                };
                let written = self.writes.to(&stream.table);
                Running::DynamoDb(self.mapping(stream, function, source, written)?)
            }
            SourceKind::Kinesis => {
                let streams = &self.template.streams;
                let stream = streams.iter().find(|stream| stream.arn == source.stream_arn);
                let stream = KinesisStream {
                    client: JsonClient::kinesis(&self.endpoints.kinesis)?,
                    name: stream.with_context(no_stream)?.name.clone(),
                    arn: source.stream_arn.clone(),
                    role_arn: function.role.arn.clone(),
                };
                let written = self.writes.to(&stream.name);
                Running::Kinesis(self.mapping(stream, function, source, written)?)
            }
        })
    }

    fn mapping<S: source::Source>(
        &self,
        stream: S,
        function: &Function,
        source: &EventSource,
        written: watch::Receiver<()>,
    ) -> Result<Arc<Mapping<S>>> {
        let objects = ObjectStore::new(&self.endpoints.s3)?;
        let file = CheckpointFile::new(&self.folder, source.id);
        let mapping =
            Mapping::load(stream, source, function, self.host.clone(), objects, written, file)?;
        Ok(follow::start(mapping))
    }
}
