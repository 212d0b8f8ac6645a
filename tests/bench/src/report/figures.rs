//! The figures that Headwater is to reach, and whether it does.

use anyhow::{Context, Result};

use super::Measured;
use super::show::{average, megabytes, percent};
use crate::measure::binaries::EMPTY;
use crate::stats::median;
use crate::systems::Kind;

/// The least share of bare puts that the command path may reach.
const LEAST_THROUGHPUT: f64 = 0.8;

/// How much longer a start may take than an empty one's.
const LONGEST_START: f64 = 1.3;

/// The most bytes of a gzipped binary.
const LARGEST_BINARY: u64 = 4_800_000;

/// A figure.
pub(super) struct Figure {
    pub(super) what: &'static str,
    pub(super) wanted: &'static str,
    pub(super) measured: String,
    pub(super) holds: bool,
}

/// All of them.
pub(super) fn all(measured: &Measured) -> Result<Vec<Figure>> {
    let warm = spent(measured, Kind::Warm, |_| true)?;
    let cold = spent(measured, Kind::Cold, |length| length > 0)?;
    let throughput = shares(measured);
    let least = throughput.iter().copied().fold(f64::INFINITY, f64::min);
    let start = start(measured)?;
    let largest = measured
        .sizes
        .iter()
        .filter(|size| size.program != EMPTY)
        .max_by_key(|size| size.gzipped)
        .context("no sizes")?;
    let shares: Vec<String> = throughput.iter().map(|share| percent(*share)).collect();
    Ok(vec![
        Figure {
            what: "a warm command, at any length",
            wanted: "1 call, 1 write unit",
            measured: warm.0,
            holds: warm.1 == (1.0, 0.0, 1.0),
        },
        Figure {
            what: "a cold one",
            wanted: "2 calls, 1 read unit, 1 write unit",
            measured: cold.0,
            holds: cold.1 == (2.0, 1.0, 1.0),
        },
        Figure {
            what: "commands a second in one process, as a share of bare puts",
            wanted: "≥ 80 %",
            measured: format!(
                "{} at {} clients",
                shares.join(", "),
                measured.effort.clients.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
            ),
            holds: least >= LEAST_THROUGHPUT,
        },
        Figure {
            what: "start of a command's process, to an empty function's",
            wanted: "≤ 1.3",
            measured: format!("{start:.2}"),
            holds: start <= LONGEST_START,
        },
        Figure {
            what: "largest binary, gzipped",
            wanted: "≤ 4.8 MB",
            measured: format!("{}, {}", megabytes(largest.gzipped), largest.program),
            holds: largest.gzipped <= LARGEST_BINARY,
        },
    ])
}

/// What a command spends at worst: calls, read units, write units.
fn spent(
    measured: &Measured,
    kind: Kind,
    is_meant: impl Fn(u64) -> bool,
) -> Result<(String, (f64, f64, f64))> {
    let mut most = (0.0_f64, 0.0_f64, 0.0_f64);
    for cell in measured.cells.iter().filter(|cell| cell.kind == kind && is_meant(cell.length)) {
        let spent = cell
            .measured
            .as_ref()
            .map_err(|failure| anyhow::anyhow!("{}: {failure}", kind.name()))?
            .spent;
        most = (most.0.max(spent.calls), most.1.max(spent.reads), most.2.max(spent.writes));
    }
    Ok((format!("{}: {} r, {} w", average(most.0), average(most.1), average(most.2)), most))
}

/// Headwater's share of the bare puts' rate, by the number of clients.
pub(super) fn shares(measured: &Measured) -> Vec<f64> {
    let rate = |kind, clients| {
        let rates =
            measured.rates.iter().filter(|rate| rate.kind == kind && rate.clients == clients);
        median(rates.map(|rate| rate.per_second).collect())
    };
    measured
        .effort
        .clients
        .iter()
        .map(|clients| rate(Kind::Warm, *clients) / rate(Kind::BarePut, *clients))
        .collect()
}

fn start(measured: &Measured) -> Result<f64> {
    let median = |program: &str| {
        let started = measured
            .started
            .iter()
            .find(|started| started.program == program)
            .context("it was not started")?;
        anyhow::Ok(started.ready.median.as_secs_f64())
    };
    Ok(median("identity-patch-user")? / median(EMPTY)?)
}
