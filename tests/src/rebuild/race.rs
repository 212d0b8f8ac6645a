//! A rebuild against a scan that does nothing with what it reads, on the same tables, with nobody
//! else there.

use std::time::Duration;

use anyhow::Result;

use super::tables::Tables;
use super::{Settings, bare_scan, events, step, timed};

/// Fills tables once, then rebuilds all rows and scans all events, in turn: how long each took, in
/// every round.
///
/// # Errors
/// If a step of the CLI does not work.
pub async fn race(settings: Settings, rounds: u64) -> Result<Vec<(Duration, Duration)>> {
    let tables = Tables::start().await?;
    events::fill(&tables, &settings).await?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let scan = bare_scan(&tables.store(), settings.segments).await?;
        times.push((timed(&tables, settings.segments, 0).await?, scan));
        step(&tables, &["views", "switch", "identity", "--settle", "0"]).await?;
        step(&tables, &["views", "drop", "identity", "--settle", "0"]).await?;
    }
    Ok(times)
}
