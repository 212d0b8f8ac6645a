//! How fast rows are built anew, against a scan that does nothing with what it reads.

use std::time::Duration;

use anyhow::Result;
use headwater_tests::rebuild::{self, Settings};

use crate::effort::Effort;
use crate::stats::median;

/// How many events there are in a stream.
const EVENTS_OF_A_STREAM: u64 = 20;

/// How often both are done, in turn.
const ROUNDS: u64 = 3;

/// How many segments are scanned, by either.
const SEGMENTS: u32 = 64;

/// Both, on the same table.
pub struct Rebuilt {
    /// How many events are in it.
    pub events: u64,
    /// How long a rebuild of all rows takes: median.
    pub rebuild: Duration,
    /// How long a scan takes: median.
    pub scan: Duration,
}

/// Fills a table, then rebuilds and scans.
///
/// # Errors
/// If a rebuild does not end as it should.
pub async fn measure(effort: &Effort) -> Result<Rebuilt> {
    let events = effort.events;
    let streams = events / EVENTS_OF_A_STREAM;
    let settings = Settings { events, streams, clients: 0, segments: SEGMENTS, settle: 0, seed: 1 };
    let rounds = rebuild::race(settings, effort.rounds.min(ROUNDS)).await?;
    let middle = |times: Vec<Duration>| {
        Duration::from_secs_f64(median(times.iter().map(Duration::as_secs_f64).collect()))
    };
    let (rebuilds, scans) = rounds.into_iter().unzip();
    Ok(Rebuilt { events, rebuild: middle(rebuilds), scan: middle(scans) })
}
