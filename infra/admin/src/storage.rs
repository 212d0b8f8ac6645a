//! `storage`: what histories take and cost, by kind of stream.

use std::collections::BTreeMap;

use clap::Args;
use futures::{StreamExt, TryStreamExt, stream};
use headwater_dynamodb::Stored;
use jiff::Timestamp;
use serde::Serialize;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::Output;
use crate::scope::Speed;

/// Dollars for a GB and month in the events table: $0.25, and $0.20 for its point-in-time recovery.
/// List prices of us-east-1 in November 2026.
const TABLE: f64 = 0.45;

/// The same in the archive: S3 Standard.
const ARCHIVE: f64 = 0.023;

/// The bytes that AWS bills as a GB.
const GB: f64 = (1_u64 << 30) as f64;

#[derive(Args)]
pub(crate) struct Storage {
    #[command(flatten)]
    speed: Speed,
}

/// A line of the answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    kind: String,
    streams: u64,
    commits: u64,
    bytes: u64,
    archived_events: u64,
    archived_bytes: u64,
    dollars_a_month: f64,
    movable_commits: u64,
    movable_bytes: u64,
    plain_events: u64,
}

impl Storage {
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let (store, now) = (connection.sealed_store().await?, Timestamp::now());
        let segments = self.speed.segments().map(|segment| {
            let store = &store;
            async move { store.storage(&connection.domains, now, segment).await }
        });
        let found: Vec<BTreeMap<String, Stored>> =
            stream::iter(segments).buffer_unordered(self.speed.count()).try_collect().await?;
        let mut kinds: BTreeMap<String, Stored> = BTreeMap::new();
        for (kind, stored) in found.into_iter().flatten() {
            let known = kinds.entry(kind).or_default();
            *known = known.with(stored);
        }
        let all = kinds.values().copied().fold(Stored::default(), Stored::with);
        let mut lines: Vec<Line> = kinds.into_iter().map(Line::of).collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.bytes + line.archived_bytes));
        lines.push(Line::of(("all".to_owned(), all)));
        let columns =
            ["KIND", "STREAMS", "COMMITS", "IN TABLE", "IN ARCHIVE", "$ A MONTH", "WOULD MOVE"];
        if all.plain_events > 0 {
            let plain = all.plain_events;
            output.remark(&format!(
                "{plain} events tell of persons and are not sealed: `dump --seal` writes them so"
            ))?;
        }
        output.list(&lines, columns, |line| {
            [
                line.kind.clone(),
                line.streams.to_string(),
                line.commits.to_string(),
                size(line.bytes),
                size(line.archived_bytes),
                format!("{:.4}", line.dollars_a_month),
                size(line.movable_bytes),
            ]
        })
    }
}

impl Line {
    fn of((kind, stored): (String, Stored)) -> Self {
        let Stored { streams, commits, bytes, archived_events, archived_bytes, .. } = stored;
        let dollars = (bytes as f64 * TABLE + archived_bytes as f64 * ARCHIVE) / GB;
        Self {
            kind,
            streams,
            commits,
            bytes,
            archived_events,
            archived_bytes,
            dollars_a_month: (dollars * 1e6).round() / 1e6,
            movable_commits: stored.movable_commits,
            movable_bytes: stored.movable_bytes,
            plain_events: stored.plain_events,
        }
    }
}

/// Bytes as people read them: `1.2 MB`, of 1,024 KB.
pub(crate) fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KB", "MB", "GB"] {
        if value < 1_000.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1_024.0;
    }
    format!("{value:.1} TB")
}
