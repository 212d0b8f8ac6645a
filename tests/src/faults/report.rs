//! What came of it: a row for each phase.

use std::fmt;
use std::time::Duration;

use super::catch_up::CaughtUp;
use super::check::Findings;
use super::phase::Done;
use super::tally::Tally;
use crate::measured::Table;

/// A phase, and what came of it.
pub(super) struct Row {
    pub(super) phase: String,
    pub(super) took: Duration,
    pub(super) tally: Tally,
    pub(super) done: Done,
    pub(super) caught_up: CaughtUp,
    pub(super) findings: Findings,
}

const COLUMNS: [&str; 21] = [
    "what goes wrong",
    "seconds",
    "done",
    "refused",
    "unanswered",
    "repeated",
    "reads",
    "304",
    "unread",
    "5xx",
    "faults",
    "kills",
    "command ms, p50",
    "p99",
    "read ms, p50",
    "p99",
    "caught up after s",
    "put right",
    "lost",
    "twice",
    "untrue or stale",
];

/// What a run has shown.
#[derive(Default)]
pub struct Report {
    pub(super) rows: Vec<Row>,
}

impl Report {
    /// The figures, a row for each phase.
    pub fn table(&self) -> Table {
        Table::new("faults", &COLUMNS, self.rows.iter().map(Row::cells))
    }

    /// How many commands were carried out, over all phases.
    pub fn acknowledged(&self) -> usize {
        self.rows.iter().map(|row| row.tally.acknowledged).sum()
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let Self { phase, took, tally, done, caught_up, findings } = self;
        let seconds = |time: Duration| format!("{:.0}", time.as_secs_f64());
        let (commands, queries) = (percentiles(&tally.commands), percentiles(&tally.queries));
        let wrong = findings.untrue.len() + tally.untrue.len() + tally.stale.len();
        let counts = [
            tally.acknowledged,
            tally.refused,
            tally.unanswered,
            tally.repeated,
            tally.read,
            tally.not_modified,
            tally.unread,
            tally.server_errors,
        ];
        let mut cells = vec![phase.clone(), seconds(*took)];
        cells.extend(counts.map(|count| count.to_string()));
        cells.extend([done.struck, done.killed].map(|count| count.to_string()));
        cells.extend(commands.into_iter().chain(queries));
        cells.push(seconds(caught_up.took));
        cells.extend(
            [caught_up.put_right, findings.lost.len(), findings.twice.len(), wrong]
                .map(|count| count.to_string()),
        );
        cells
    }

    /// All that was found to be wrong, in words.
    pub(super) fn wrong(&self) -> Vec<String> {
        let Self { findings: Findings { lost, twice, untrue }, tally, .. } = self;
        let kinds = [
            ("lost", lost),
            ("twice", twice),
            ("untrue", untrue),
            ("untrue", &tally.untrue),
            ("stale", &tally.stale),
        ];
        kinds
            .iter()
            .flat_map(|(kind, what)| what.iter().map(move |what| format!("{kind}: {what}")))
            .collect()
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self
            .cells()
            .into_iter()
            .zip(COLUMNS)
            .skip(1)
            .map(|(cell, column)| format!("{column} {cell}"));
        write!(f, "{}: {}", self.phase, named.collect::<Vec<_>>().join(", "))
    }
}

/// The time that half of them took at most, and that 99 of 100 did, in milliseconds.
fn percentiles(times: &[Duration]) -> [String; 2] {
    let mut times = times.to_vec();
    times.sort();
    [50, 99].map(|percent| {
        let at = times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
        at.map_or_else(|| "-".to_owned(), |time| format!("{:.0}", time.as_secs_f64() * 1000.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let times: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(percentiles(&times), ["101", "199"]);
        assert_eq!(percentiles(&[]), ["-", "-"]);
    }
}
