//! `trace`: everything that one request led to.

use std::collections::BTreeSet;
use std::pin::pin;

use clap::Args;
use futures::TryStreamExt;
use headwater::{Commit, FeedPosition};
use headwater_dynamodb::{EventStore, Feed, FeedError, Selection, StoreError};
use jiff::{SignedDuration, Timestamp, Unit};
use serde::Serialize;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::{Output, with_reason};
use crate::progress::Progress;
use crate::scope::{Speed, all_pages};

/// How far back it looks by default.
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// How many entries of a change feed are read at a time.
const WINDOW: u64 = 100;

#[derive(Args)]
pub(crate) struct Trace {
    /// The request's correlation id, which its events carry.
    correlation: String,
    /// Whose request.
    #[arg(long, env = "HEADWATER_TENANT", hide_env_values = true)]
    tenant: String,
    /// Only streams of this service: identity
    #[arg(long)]
    domain: Option<String>,
    /// Only commits from this time on: 2026-11-21T10:00:00Z [default: a day ago]
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// At most this many commits.
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
    /// Read the change feeds, the newest first, instead of the whole events table: cheaper, but
    /// without unique values, sequences and commits that have yet to be projected.
    #[arg(long)]
    feed: bool,
    #[command(flatten)]
    speed: Speed,
}

/// A commit of the request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Traced {
    stream: String,
    /// The number of its first event.
    first: u64,
    /// The number of its last event.
    last: u64,
    at: Timestamp,
    /// The same for all commits of one transaction.
    commit_id: String,
    command: String,
    actor: String,
    causation_id: Option<String>,
    /// Of an amendment: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// How many others of these commits it was caused by, one by way of the other.
    depth: usize,
    /// The types of its events.
    events: Vec<String>,
}

impl Trace {
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let yesterday = Timestamp::now() - A_DAY;
        let since =
            self.since.unwrap_or_else(|| yesterday.round(Unit::Second).unwrap_or(yesterday));
        let store = connection.store().await?;
        let mut commits = if self.feed {
            self.walk(connection, &connection.feed().await?, since, output).await?
        } else {
            self.scan(&store, since, output).await?
        };
        if commits.is_empty() {
            return Err(Failure::NotFound(format!(
                "{} has nothing of this request since {since}",
                self.tenant
            )));
        }
        let goes_on = commits.len() > self.limit;
        // Of a transaction first what the command was for, then the unique values and numbers that
        // went with it.
        commits.sort_by_cached_key(|commit| {
            (
                commit.at,
                commit.metadata.commit_id,
                !connection.domains.is_projected(&commit.stream),
                commit.stream.clone(),
            )
        });
        commits.truncate(self.limit);
        output.list(
            &in_order_of_cause(&commits),
            ["TIME", "STREAM", "EVENTS", "COMMAND", "ACTOR", "WHAT"],
            columns,
        )?;
        if goes_on {
            output.remark("there are more, and not only later ones: give a higher --limit")?;
        }
        Ok(())
    }

    /// Looks at the whole table, and stops one commit after the limit.
    async fn scan(
        &self,
        store: &EventStore,
        since: Timestamp,
        output: &mut Output<'_>,
    ) -> Result<Vec<Commit>, Failure> {
        let selection = Selection {
            tenant: Some(self.tenant.clone()),
            domain: self.domain.clone(),
            correlation_id: Some(self.correlation.clone()),
            since: Some(since),
            ..Selection::default()
        };
        let mut pages = pin!(all_pages(store, &selection, self.speed.segments()));
        let (mut found, mut read, mut progress) = (Vec::new(), 0, Progress::start());
        while let Some(page) = pages.try_next().await? {
            found.extend(page);
            read += 1;
            progress.tell(output, || format!("{read} MB read, {} commits found", found.len()))?;
            if found.len() > self.limit {
                break;
            }
        }
        Ok(found)
    }

    /// Looks at the change feeds, the newest entries first, until all of a window were decided
    /// before `since`.
    async fn walk(
        &self,
        connection: &Connection,
        feed: &Feed,
        since: Timestamp,
        output: &mut Output<'_>,
    ) -> Result<Vec<Commit>, Failure> {
        let (mut found, mut read, mut progress) = (Vec::new(), 0, Progress::start());
        for service in connection
            .domains
            .iter()
            .filter(|service| self.domain.as_ref().is_none_or(|domain| domain == service.name))
        {
            let mut head = feed.head(&self.tenant, service.name).await?;
            while head.position > 0 && found.len() <= self.limit {
                let after =
                    FeedPosition { position: head.position.saturating_sub(WINDOW), ..head.clone() };
                let mut commits = entries(feed, &after, head.position - after.position).await?;
                head = after;
                read += commits.len();
                progress.tell(output, || format!("{read} commits read, {} found", found.len()))?;
                commits.retain(|commit| commit.at >= since);
                if commits.is_empty() {
                    break;
                }
                found.extend(
                    commits
                        .into_iter()
                        .filter(|commit| commit.metadata.correlation_id == self.correlation),
                );
            }
        }
        Ok(found)
    }
}

/// The commits at so many places of a feed.
async fn entries(feed: &Feed, after: &FeedPosition, count: u64) -> Result<Vec<Commit>, Failure> {
    let entries = feed
        .read_after(after, usize::try_from(count).unwrap_or(usize::MAX))
        .await
        .map_err(|error| match error {
            FeedError::Store(error) => error,
            begun_anew => StoreError::Unavailable(begun_anew.to_string()),
        })?;
    let mut commits = Vec::with_capacity(entries.len());
    while let Some(rest) = entries.get(commits.len()..).filter(|rest| !rest.is_empty()) {
        commits.extend(feed.commits(rest).await?);
    }
    Ok(commits)
}

/// Commits, each after the one that caused it, so far as they say.
fn in_order_of_cause(commits: &[Commit]) -> Vec<Traced> {
    let is_cause = |commit: &Commit, of: &Commit| {
        let Some(id) = &of.metadata.causation_id else { return false };
        let mut events = commit.events.iter().map(|event| event.number);
        let is_one_of = |event| {
            *id == format!("{}@{event}", commit.stream)
                || *id == format!("{}@{event}", commit.stream.within_tenant())
        };
        *id == commit.metadata.commit_id.to_string() || events.any(is_one_of)
    };
    let is_root = |commit: &Commit| !commits.iter().any(|other| is_cause(other, commit));
    let mut left: BTreeSet<usize> = (0..commits.len()).collect();
    let mut ordered = Vec::with_capacity(commits.len());
    // Those that go round in a circle, which only a defect could make, come as roots at last.
    for wants_root in [true, false] {
        for (place, commit) in
            commits.iter().enumerate().filter(|(_, commit)| !wants_root || is_root(commit))
        {
            let mut stack = vec![(place, commit, 0)];
            while let Some((place, commit, depth)) = stack.pop() {
                if left.remove(&place) {
                    ordered.push(traced(commit, depth));
                    let effects =
                        commits.iter().enumerate().filter(|(_, other)| is_cause(commit, other));
                    stack.extend(effects.map(|(place, other)| (place, other, depth + 1)).rev());
                }
            }
        }
    }
    ordered
}

fn traced(commit: &Commit, depth: usize) -> Traced {
    let metadata = &commit.metadata;
    Traced {
        stream: commit.stream.to_string(),
        first: commit.first,
        last: commit.last(),
        at: commit.at,
        commit_id: metadata.commit_id.to_string(),
        command: metadata.command.clone(),
        actor: metadata.actor.clone(),
        causation_id: metadata.causation_id.clone(),
        reason: metadata.reason.clone(),
        depth,
        events: commit.events.iter().map(|event| event.event_type.clone()).collect(),
    }
}

/// A commit, for people: indented under its cause.
fn columns(
    Traced { stream, first, last, at, command, actor, reason, depth, events, .. }: &Traced,
) -> [String; 6] {
    let branch =
        if *depth == 0 { String::new() } else { format!("{}└ ", "  ".repeat(depth - 1)) };
    let numbers = if first == last { first.to_string() } else { format!("{first}-{last}") };
    [
        at.to_string(),
        format!("{branch}{stream}"),
        numbers,
        with_reason(command, reason.as_deref()),
        actor.clone(),
        events.join(", "),
    ]
}
