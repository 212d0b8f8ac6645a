//! `relay repair`: commits that never got from the events table to the commits stream are put
//! there.

use std::pin::pin;

use clap::Subcommand;
use futures::{StreamExt, TryStreamExt};
use headwater::{Commit, Domains, StreamName};
use headwater_dynamodb::{EventStore, Feed, Selection};
use headwater_kinesis::{CommitRecord, Publisher};
use jiff::Timestamp;
use serde::Serialize;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;
use crate::scope::{Scope, all_pages};

/// How many pages of the feeds are read at a time, and how many streams of each.
const PAGES_AT_ONCE: usize = 4;
const STREAMS_AT_ONCE: usize = 16;

/// How many commits of one stream are read at a time.
const PAGE: u32 = 500;

#[derive(Subcommand)]
pub(crate) enum Relay {
    /// Put commits that the change feeds lack on the commits stream, for the projectors and its
    /// other readers. Reads the whole events table.
    Repair {
        #[command(flatten)]
        scope: Scope,
        /// Only this stream, without reading the others: acme/identity/users/ada
        #[arg(long, conflicts_with_all = ["tenant", "domain", "segments"])]
        stream: Option<StreamName>,
        /// Only commits from this time on: 2026-11-21T10:00:00Z
        #[arg(long, value_name = "TIME")]
        since: Option<Timestamp>,
        /// Also those that the change feeds have: for other readers of the stream, as the mail
        /// handler.
        #[arg(long, requires = "since")]
        all: bool,
        /// Only print what would be done.
        #[arg(long)]
        dry_run: bool,
    },
}

/// Commits of a stream that follow each other.
struct Run {
    stream: StreamName,
    commits: Vec<Commit>,
}

/// What was put of a stream.
#[derive(Serialize)]
struct Put {
    stream: StreamName,
    /// The number of the first event.
    first: u64,
    /// The number of the last event.
    last: u64,
    commits: usize,
}

/// What finds commits that are to be put, and puts them.
struct Repair {
    domains: Domains,
    store: EventStore,
    feed: Feed,
    publisher: Publisher,
    since: Option<Timestamp>,
    all: bool,
    dry_run: bool,
}

impl Relay {
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let Self::Repair { scope, stream, since, all, dry_run } = self;
        let (store, feed, publisher) = (
            connection.sealed_store().await?,
            connection.feed().await?,
            connection.commits_stream().await?,
        );
        let domains = connection.domains.clone();
        let repair = Repair { domains, store, feed, publisher, since, all, dry_run };
        let commits = match stream {
            Some(stream) => repair.one(&stream, output).await?,
            None => repair.every(&scope, output).await?,
        };
        let done = if dry_run { "would be" } else { "were" };
        output
            .remark(&format!("commits that {done} put on {}: {commits}", repair.publisher.stream()))
    }
}

impl Repair {
    async fn one(&self, stream: &StreamName, output: &mut Output<'_>) -> Result<usize, Failure> {
        if !self.domains.is_projected(stream) {
            return Err(Failure::NotFound(format!(
                "no projector folds streams of the kind of {stream}"
            )));
        }
        let mut version = if self.all { 0 } else { self.feed.reached(stream).await? };
        let mut count = 0;
        loop {
            let mut commits = self.store.commits_page(stream, version, PAGE).await?;
            let Some(newest) = commits.last() else { break };
            version = newest.last();
            commits.retain(|commit| self.since.is_none_or(|since| commit.at >= since));
            count += commits.len();
            self.put(vec![Run { stream: stream.clone(), commits }], output).await?;
        }
        if version == 0 {
            Err(Failure::NotFound("there is no such stream".to_owned()))
        } else {
            Ok(count)
        }
    }

    async fn every(&self, scope: &Scope, output: &mut Output<'_>) -> Result<usize, Failure> {
        let selection = scope.select(Selection { since: self.since, ..Selection::default() });
        let pages = all_pages(&self.store, &selection, scope.segments());
        let looked = pages.map_ok(async |page| Ok((page.len(), self.missing(page).await?)));
        let mut looked = pin!(looked.try_buffer_unordered(PAGES_AT_ONCE));
        let (mut read, mut count, mut progress) = (0, 0, Progress::start());
        while let Some((commits, runs)) = looked.try_next().await? {
            read += commits;
            count += runs.iter().map(|run| run.commits.len()).sum::<usize>();
            self.put(runs, output).await?;
            progress.tell(output, || format!("{read} commits read, {count} were missing"))?;
        }
        Ok(count)
    }

    /// What the feeds lack of these commits, or all of them. Streams that no projector folds, as
    /// those of unique values, are in no feed.
    async fn missing(&self, commits: Vec<Commit>) -> Result<Vec<Run>, Failure> {
        let runs = commits.chunk_by(|a, b| a.stream == b.stream).filter_map(|commits| {
            let stream = commits
                .first()
                .map(|commit| &commit.stream)
                .filter(|stream| self.domains.is_projected(stream))?;
            Some(async move {
                let fed = if self.all { 0 } else { self.feed.reached(stream).await? };
                let commits: Vec<Commit> =
                    commits.iter().filter(|commit| commit.last() > fed).cloned().collect();
                Ok(Run { stream: stream.clone(), commits })
            })
        });
        // Collected, or the compiler cannot tell that the whole may move between threads.
        let runs: Vec<_> = runs.collect();
        futures::stream::iter(runs).buffer_unordered(STREAMS_AT_ONCE).try_collect().await
    }

    /// Puts commits on the stream, and says which.
    async fn put(&self, mut runs: Vec<Run>, output: &mut Output<'_>) -> Result<(), Failure> {
        runs.retain(|run| !run.commits.is_empty());
        runs.sort_unstable_by(|a, b| a.stream.cmp(&b.stream));
        let put: Vec<Put> = runs.iter().filter_map(Run::shown).collect();
        if !self.dry_run {
            let records = runs
                .into_iter()
                .flat_map(|run| run.commits)
                .map(CommitRecord::encode)
                .collect::<Result<Vec<_>, _>>()?;
            let failed = self.publisher.publish(&records).await;
            if !failed.is_empty() {
                let (failed, stream) = (failed.len(), self.publisher.stream());
                return Err(anyhow::anyhow!(
                    "{stream} did not take {failed} of {} records: repair again",
                    records.len()
                )
                .into());
            }
        }
        output.lines(&put, |Put { stream, first, last, .. }| {
            format!("{stream}  events {first} to {last}")
        })
    }
}

impl Run {
    fn shown(&self) -> Option<Put> {
        let (first, last) = (self.commits.first()?.first, self.commits.last()?.last());
        Some(Put { stream: self.stream.clone(), first, last, commits: self.commits.len() })
    }
}
