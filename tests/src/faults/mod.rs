//! Faults on the running platform: clients of all three services at work, while the front door
//! makes calls go wrong, each fault alone and all mixed, and processes are killed. After each phase
//! everything must catch up, and then all that clients were told must be so.
//!
//! ```text
//! Worker ─ steps ─> Session ─ commands, queries ─> the platform <─ faults, kills ─ Phase
//!                      │ what it was told              │ dump, verify
//!                      └──────────> Ledger ──> check <─┘
//! ```

mod catch_up;
mod check;
mod command;
mod identity;
mod invoicing;
mod ledger;
mod licensing;
mod phase;
mod report;
mod session;
mod tally;
mod worker;

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use fastrand::Rng;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::catch_up::catch_up;
use self::check::check;
use self::ledger::Entry;
use self::phase::{Phase, Targets};
pub use self::report::Report;
use self::report::Row;
use self::session::Session;
use self::tally::Tally;
use self::worker::Worker;
use crate::Platform;
use crate::operator;

/// Whose things the clients work on.
const TENANT: &str = "faults";

/// How many findings are told in words.
const TOLD: usize = 20;

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// For each fault alone, and where the whole platform is killed.
    pub time: Duration,
    /// For all faults mixed.
    pub mixed: Duration,
    /// For all choices.
    pub seed: u64,
    /// Clients that write and read all the time.
    pub clients: usize,
}

/// Starts a platform, `program`, goes through all phases, and tells how it goes.
///
/// # Errors
/// If anything is lost, done twice, untrue or stale, if it does not catch up, or if
/// `headwater verify` finds anything.
pub async fn run(
    program: impl Into<PathBuf>,
    settings: Settings,
    tell: impl Fn(&dyn Display),
) -> Result<Report> {
    let Settings { time, mixed, seed, clients } = settings;
    let mut platform = Platform::start(program, &[])?;
    let targets = Targets::of(&platform).await?;
    let mut rng = Rng::with_seed(seed);
    let (url, place) = watch::channel(platform.url().to_owned());
    let mut workers = workers(&platform, &place, clients, &mut rng).await?;
    let (mut ledger, mut report) = (Vec::new(), Report::default());
    for phase in targets.phases() {
        let (began, over) = (Instant::now(), Arc::<AtomicBool>::default());
        let mut at_work: JoinSet<Result<Worker>> =
            workers.drain(..).map(|worker| worker.run(Arc::clone(&over))).collect();
        let time = if matches!(phase, Phase::Mixed) { mixed } else { time };
        let done = phase.run(&mut platform, &targets, time, &mut rng, &url).await?;
        over.store(true, Relaxed);
        let mut tally = Tally::default();
        while let Some(worker) = at_work.join_next().await {
            let mut worker = worker??;
            collect(&mut worker, &mut ledger, &mut tally);
            workers.push(worker);
        }
        let took = began.elapsed();
        let caught_up = catch_up(&platform).await?;
        let findings = check(&platform, &ledger).await?;
        let row = Row { phase: phase.name(), took, tally, done, caught_up, findings };
        tell(&row);
        let wrong = row.wrong();
        ensure!(
            wrong.is_empty(),
            "{}: {} findings:\n{}",
            row.phase,
            wrong.len(),
            wrong[..wrong.len().min(TOLD)].join("\n")
        );
        report.rows.push(row);
        let found = operator::wrong(&platform).await?;
        ensure!(found.is_empty(), "verify finds: {}", Value::from(found));
    }
    tell(&format!(
        "{} commands were carried out, and {} functions were killed; nothing was lost",
        report.acknowledged(),
        targets.functions()
    ));
    Ok(report)
}

/// Clients without anything but what all of them share.
async fn workers(
    platform: &Platform,
    url: &watch::Receiver<String>,
    clients: usize,
    rng: &mut Rng,
) -> Result<Vec<Worker>> {
    let mut workers = Vec::new();
    for number in 0..clients {
        let client = platform
            .client_with(TENANT, &format!("client-{number}"), &["reader", "writer", "operator"])
            .await?;
        workers.push(Worker::new(Session::new(client, url.clone(), number, rng.fork())));
    }
    if let Some(worker) = workers.first_mut() {
        worker.session.command(identity::create_shared()).await?;
    }
    Ok(workers)
}

/// Takes what a client has noted.
fn collect(worker: &mut Worker, ledger: &mut Vec<Entry>, tally: &mut Tally) {
    ledger.append(&mut worker.session.ledger);
    tally.add(std::mem::take(&mut worker.session.tally));
}
