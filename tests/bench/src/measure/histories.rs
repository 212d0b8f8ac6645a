//! One command after the other, at histories of several lengths: how long it takes, and what it
//! costs.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use futures::{StreamExt, TryStreamExt};

use crate::effort::Effort;
use crate::meter::{Meter, Spent};
use crate::server::Server;
use crate::stats::Latency;
use crate::systems::{Clients, Failure, Kind, System, fresh_server};

/// How many commands' costs are counted. Whatever a system does now and then, it does in so many.
const METERED: u64 = 100;

/// How many accounts are filled at a time.
const FILLED_AT_ONCE: usize = 8;

/// What was measured of a system at one length of history.
pub struct Cell {
    /// The system.
    pub kind: Kind,
    /// In events.
    pub length: u64,
    /// Of a command; or why it cannot be carried out.
    pub measured: Result<Measured, String>,
}

/// What a command takes.
#[derive(Clone, Copy)]
pub struct Measured {
    /// How long.
    pub latency: Latency,
    /// How much.
    pub spent: Spent,
}

/// A command to come: of which account, and the how manieth of its life.
struct Turn {
    account: String,
    nth: u64,
}

/// One cell, while it is measured.
struct Probe {
    kind: Kind,
    length: u64,
    timed: Vec<Turn>,
    metered: Vec<Turn>,
    samples: Vec<Duration>,
    failure: Option<String>,
}

/// A system on a server of its own, as two processes: one is timed, the other one's calls are
/// counted.
struct Subject {
    timed: System,
    metered: System,
    meter: Meter,
    _server: Server,
}

/// Measures all systems at all lengths.
///
/// # Errors
/// If a history cannot be written. That a system cannot carry out commands on it is a result.
pub async fn measure(program: &Path, effort: &Effort) -> Result<Vec<Cell>> {
    let mut subjects = Vec::new();
    for kind in Kind::ALL {
        let subject = Subject::open(kind, program).await?;
        let probes: Vec<Probe> =
            effort.lengths.iter().map(|length| Probe::new(kind, *length, effort)).collect();
        for probe in &probes {
            probe.fill(&subject.timed).await.map_err(|failure| {
                anyhow!("{} cannot write {} events: {failure}", kind.name(), probe.length)
            })?;
        }
        subjects.push((subject, probes));
    }
    for round in 0..effort.rounds {
        for place in 0..effort.lengths.len() {
            for (subject, probes) in &mut subjects {
                probes[place].time(&subject.timed, round, effort).await;
            }
        }
    }
    let mut cells = Vec::new();
    for (subject, probes) in subjects {
        for probe in probes {
            cells.push(probe.finish(&subject).await?);
        }
    }
    Ok(cells)
}

impl Subject {
    async fn open(kind: Kind, program: &Path) -> Result<Self> {
        let (server, clients) = fresh_server(program).await?;
        let meter = Meter::start(server.endpoint()).await?;
        let through_meter = Clients::connect(meter.endpoint()).await;
        let (timed, metered) =
            (System::open(kind, &clients).await?, System::open(kind, &through_meter).await?);
        Ok(Self { timed, metered, meter, _server: server })
    }
}

impl Probe {
    fn new(kind: Kind, length: u64, effort: &Effort) -> Self {
        let timed = turns(kind, length, effort.rounds * effort.commands, "timed");
        let metered = turns(kind, length, METERED, "metered");
        Self { kind, length, timed, metered, samples: Vec::new(), failure: None }
    }

    /// Writes what must be there before the first command of each account.
    async fn fill(&self, system: &System) -> Result<(), Failure> {
        let turns = self.timed.iter().chain(&self.metered);
        let first = turns.filter(|turn| turn.nth == begin(self.length));
        let filled = first.map(|turn| system.fill(&turn.account, turn.nth - 1));
        futures::stream::iter(filled)
            .buffer_unordered(FILLED_AT_ONCE)
            .try_for_each(async |()| Ok(()))
            .await
    }

    /// One round's commands.
    async fn time(&mut self, system: &System, round: u64, effort: &Effort) {
        let commands = effort.commands as usize;
        for turn in self.timed.iter().skip(round as usize * commands).take(commands) {
            if self.failure.is_some() {
                return;
            }
            let began = Instant::now();
            match system.execute(&turn.account, turn.nth).await {
                Ok(()) => self.samples.push(began.elapsed()),
                Err(failure) => self.failure = Some(failure.to_string()),
            }
        }
    }

    /// Counts what commands cost, unless there are none that succeed.
    async fn finish(self, Subject { metered: system, meter, .. }: &Subject) -> Result<Cell> {
        let Self { kind, length, metered, samples, failure, .. } = self;
        if let Some(failure) = failure {
            return Ok(Cell { kind, length, measured: Err(failure) });
        }
        for turn in metered.iter().filter(|turn| turn.nth == begin(length) && turn.nth > 1) {
            system.recall(&turn.account).await?;
        }
        meter.take(METERED)?;
        for turn in &metered {
            system.execute(&turn.account, turn.nth).await?;
        }
        let measured = Measured {
            latency: Latency::of(samples).context("nothing was timed")?,
            spent: meter.take(METERED)?,
        };
        Ok(Cell { kind, length, measured: Ok(measured) })
    }
}

/// How many commands go to one account, around this length: so many that the average is the length
/// itself, and few against it.
fn window(length: u64) -> u64 {
    match length {
        0 => 1,
        1..100 => length.next_multiple_of(2),
        _ => 100,
    }
}

/// The first command of an account's life that is measured.
fn begin(length: u64) -> u64 {
    (length + 1).saturating_sub(window(length) / 2).max(1)
}

/// So many commands on accounts whose histories are of this length on average.
fn turns(kind: Kind, length: u64, commands: u64, purpose: &str) -> Vec<Turn> {
    let window = window(length);
    let turn = |command: u64| Turn {
        account: format!("{kind:?}-{length}-{purpose}-{}", command / window),
        nth: begin(length) + command % window,
    };
    (0..commands).map(turn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_lie_around_the_length_that_they_stand_for() {
        for (length, accounts, first, last) in
            [(0, 200, 1, 1), (10, 20, 6, 15), (100, 2, 51, 150), (10_000, 2, 9_951, 10_050)]
        {
            let turns = turns(Kind::Warm, length, 200, "timed");
            let numbers = turns.iter().map(|turn| turn.nth);
            let mut names: Vec<&str> = turns.iter().map(|turn| turn.account.as_str()).collect();
            names.dedup();
            assert_eq!(
                (names.len(), numbers.clone().min(), numbers.max()),
                (accounts, Some(first), Some(last)),
                "{length}"
            );
        }
    }
}
