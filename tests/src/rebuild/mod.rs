//! A rebuild under live traffic: the CLI runs in a process of its own. Clients and projectors each
//! know of generations what they have read themselves, and every answer is checked.

mod clients;
mod events;
mod race;
mod tables;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt};
use headwater::StreamName;
use headwater_dynamodb::{Doorbell, EventStore, Segment, Selection};
use tokio::process::Command;
use tokio::time::sleep;

use self::clients::Traffic;
pub use self::race::race;
use self::tables::Tables;

/// Where this variable is set, the program is the CLI.
pub(crate) const RUNS_AS_CLI: &str = "HEADWATER_TESTS_CLI";

/// Longer than a process remembers which generation is read.
const UNTIL_ALL_READ_THE_NEW_ONE: Duration = Duration::from_secs(45);

/// How many segments a rebuild reads at a time.
const SEGMENTS_AT_ONCE: usize = 16;

/// How many streams are told of at a time.
const FED_AT_ONCE: usize = 8;

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Events in all.
    pub events: u64,
    /// Streams.
    pub streams: u64,
    /// Clients that write and read meanwhile.
    pub clients: u64,
    /// Segments of the scans.
    pub segments: u32,
    /// Seconds that each step waits.
    pub settle: u64,
    /// For all choices.
    pub seed: u64,
}

/// Fills the tables, rebuilds the rows, and tells what came of it.
///
/// # Errors
/// If anything was not as it should be: a read that failed or was stale, rows that are no folds, a
/// step of the CLI that did not work.
pub async fn run(settings: Settings, tell: impl Fn(&str)) -> Result<()> {
    let Settings { events, streams, segments, settle, .. } = settings;
    let tables = Tables::start().await?;
    let (began, filled) = (Instant::now(), events::fill(&tables, &settings).await?);
    let commits = filled.commits;
    tell(&format!(
        "filled: {events} events, {commits} commits, {streams} streams, in {:.0} s",
        began.elapsed().as_secs_f64()
    ));

    // The rows that are read at first are built in the same way, but with nobody there.
    let alone = timed(&tables, segments, 0).await?;
    step(&tables, &["views", "switch", "identity", "--settle", "0"]).await?;
    step(&tables, &["views", "drop", "identity", "--settle", "0"]).await?;
    tell(&format!("a rebuild without traffic: {}", rate(events, alone)));

    feed(&tables, filled.heads).await?;
    let traffic = Traffic::start(&tables, &settings);
    let bare = bare_scan(&tables.store(), segments).await?;
    tell(&format!("a bare scan in {segments} segments, under traffic: {}", rate(events, bare)));
    let scan = timed(&tables, segments, settle).await?;
    tell(&format!(
        "the rebuild's scan, under traffic: {}, {:.2} of the bare scan's rate",
        rate(events, scan),
        bare.as_secs_f64() / scan.as_secs_f64()
    ));
    let settle = settle.to_string();
    step(&tables, &["views", "switch", "identity", "--settle", &settle]).await?;
    sleep(UNTIL_ALL_READ_THE_NEW_ONE).await;
    step(&tables, &["views", "drop", "identity", "--settle", &settle]).await?;
    let tally = traffic.stop().await?;
    tell(&tally.to_string());
    step(&tables, &["verify", "--domain", "identity", "--pause", "1"]).await?;
    tell("rows, lists and feed are what the events say");
    ensure!(tally.is_good(), "not every read was right");
    Ok(())
}

/// Has a projector hear of all streams. Their rows are there already; so it is the change feed,
/// which no rebuild writes, that learns of them.
async fn feed(tables: &Tables, heads: Vec<(StreamName, u64)>) -> Result<()> {
    let projector = tables.projector();
    let rung = heads.into_iter().map(|(stream, version)| {
        projector.project(vec![Doorbell { stream, version, commit: None }])
    });
    let mut rung = futures::stream::iter(rung).buffer_unordered(FED_AT_ONCE);
    while let Some(report) = rung.next().await {
        ensure!(
            report.failed.is_empty() && report.parked.is_empty(),
            "the feed could not be written"
        );
    }
    Ok(())
}

/// Builds the rows anew, and tells how long the scan took: from the end of the wait until the lease
/// is given back.
async fn timed(tables: &Tables, segments: u32, settle: u64) -> Result<Duration> {
    let (segments, settle_text) = (segments.to_string(), settle.to_string());
    let arguments =
        ["views", "rebuild", "identity", "--segments", &segments, "--settle", &settle_text];
    let store = tables.store();
    let pointer = async || anyhow::Ok(tables.rebuild(store.within(deadline()?)).pointer().await?);
    let took = async {
        while pointer().await?.building.is_none() {
            sleep(Duration::from_millis(20)).await;
        }
        let begun = Instant::now();
        while pointer().await?.building.is_some_and(|building| building.lease.is_some()) {
            sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(begun.elapsed().saturating_sub(Duration::from_secs(settle)))
    };
    let ((), took) = tokio::try_join!(step(tables, &arguments), took)?;
    Ok(took)
}

/// Reads all commits of so many segments, as many at a time as a rebuild does, and does nothing
/// with them.
async fn bare_scan(store: &EventStore, segments: u32) -> Result<Duration> {
    let began = Instant::now();
    let selection = Selection { domain: Some(identity::DOMAIN.to_owned()), ..Selection::default() };
    let reads = Segment::all(segments).map(async |segment| {
        let mut start = None;
        loop {
            let page = store.within(deadline()?).scan(&selection, segment, start.as_ref()).await?;
            start = page.next;
            if start.is_none() {
                return anyhow::Ok(());
            }
        }
    });
    futures::stream::iter(reads)
        .buffer_unordered(SEGMENTS_AT_ONCE)
        .try_for_each(async |()| Ok(()))
        .await?;
    Ok(began.elapsed())
}

/// Runs a command of the CLI, in a process of its own.
async fn step(tables: &Tables, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env(RUNS_AS_CLI, "1").envs(tables.environment()).args(arguments).kill_on_drop(true);
    let status = command.status().await?;
    ensure!(status.success(), "headwater {}: {status}", arguments.join(" "));
    Ok(())
}

fn rate(events: u64, took: Duration) -> String {
    format!(
        "{:.0} events/s ({:.0} s)",
        events as f64 / took.as_secs_f64().max(0.001),
        took.as_secs_f64()
    )
}

/// By when a call must have been answered: an emulator that works for all at once may take its
/// time.
fn deadline() -> Result<Instant> {
    Instant::now().checked_add(Duration::from_secs(60)).context("the clock is at its end")
}
