//! The tables of the documents.

use std::collections::BTreeMap;

use anyhow::Result;
use headwater_tests::measured::Table;

use super::show::{average, dollars, megabytes, millis, percent, thousands};
use super::{Measured, figures, machine};
use crate::measure::binaries::EMPTY;
use crate::measure::histories::{self, Cell};
use crate::stats::Latency;
use crate::systems::Kind;

/// The page's summary: calls at one length, prices at three.
fn of_summary(measured: &Measured) -> Table {
    let last = measured.effort.lengths.last().copied().unwrap_or_default();
    let lengths: Vec<u64> = [10, 1_000, last]
        .into_iter()
        .filter(|length| measured.effort.lengths.contains(length))
        .collect();
    let header: Vec<String> = ["a command, at 10 events of history".to_owned(), "calls".to_owned()]
        .into_iter()
        .chain(lengths.iter().map(|length| format!("$ at {}", thousands(*length))))
        .chain(["right after 100 commands".to_owned()])
        .collect();
    let rows = Kind::ALL.into_iter().map(|kind| {
        let calls = value(measured, kind, 10, |cell| average(cell.spent.calls));
        let prices = lengths
            .iter()
            .map(|length| value(measured, kind, *length, |cell| dollars(cell.spent.dollars())));
        let found = measured.found.iter().find(|found| found.kind == kind);
        let is_right =
            found.map_or("–", |found| if found.found == found.expected { "yes" } else { "**no**" });
        [kind.name().to_owned(), calls]
            .into_iter()
            .chain(prices)
            .chain([is_right.to_owned()])
            .collect()
    });
    table("benchmark", header, rows)
}

/// All tables of the report.
pub(super) fn of_report(measured: &Measured) -> Result<Vec<Table>> {
    Ok(vec![
        of_summary(measured),
        of_machine()?,
        of_figures(measured)?,
        of_cells(measured, "latency of commands", |cell| {
            format!("{} ({})", millis(cell.latency.median), millis(cell.latency.p99))
        }),
        of_cells(measured, "calls and units of commands", |cell| {
            format!(
                "{}: {} r, {} w",
                average(cell.spent.calls),
                average(cell.spent.reads),
                average(cell.spent.writes)
            )
        }),
        of_cells(measured, "price of commands", |cell| dollars(cell.spent.dollars())),
        of_rates(measured),
        of_hot(measured),
        of_found(measured),
        of_lag(measured),
        of_rebuild(measured),
        of_starts(measured),
        of_sizes(measured),
    ])
}

fn of_machine() -> Result<Table> {
    let versions = machine::versions()?
        .into_iter()
        .map(|(name, version)| vec![format!("`{name}`"), version.to_owned()]);
    let rows: Vec<_> =
        [vec!["machine".to_owned(), machine::class()]].into_iter().chain(versions).collect();
    Ok(Table::new("machine and versions", &["", ""], rows.into_iter()))
}

fn of_figures(measured: &Measured) -> Result<Table> {
    let rows = figures::all(measured)?.into_iter().map(|figure| {
        let verdict = if figure.holds { "yes" } else { "**no**" };
        vec![figure.what.to_owned(), figure.wanted.to_owned(), figure.measured, verdict.to_owned()]
    });
    Ok(Table::new("figures", &["what", "figure", "measured", "reached"], rows))
}

/// A table with a row for each system and a column for each length of history.
fn of_cells(
    measured: &Measured,
    what: &str,
    show: impl Fn(&histories::Measured) -> String,
) -> Table {
    let lengths = measured.effort.lengths.iter().map(|length| thousands(*length));
    let header = ["".to_owned()].into_iter().chain(lengths).collect();
    let rows = Kind::ALL.into_iter().map(|kind| {
        let values =
            measured.effort.lengths.iter().map(|length| value(measured, kind, *length, &show));
        [kind.name().to_owned()].into_iter().chain(values).collect()
    });
    table(what, header, rows)
}

/// What one cell shows, or why there is nothing.
fn value(
    measured: &Measured,
    kind: Kind,
    length: u64,
    show: impl Fn(&histories::Measured) -> String,
) -> String {
    let cell = measured.cells.iter().find(|cell| cell.kind == kind && cell.length == length);
    match cell {
        Some(Cell { measured: Ok(measured), .. }) => show(measured),
        Some(Cell { measured: Err(failure), .. }) => format!("**fails**: {failure}"),
        None => String::new(),
    }
}

fn of_rates(measured: &Measured) -> Table {
    let clients = &measured.effort.clients;
    let header = ["".to_owned()]
        .into_iter()
        .chain(clients.iter().map(|clients| format!("{clients} at once")))
        .collect();
    let mut floor = BTreeMap::new();
    let mut rows: Vec<(Kind, Vec<String>)> = Vec::new();
    for rate in &measured.rates {
        let floor = *floor.entry(rate.clients).or_insert(rate.per_second);
        let shown = format!(
            "{}, {}, {} µs",
            thousands(rate.per_second as u64),
            percent(rate.per_second / floor),
            rate.cpu.as_micros()
        );
        match rows.iter_mut().find(|(kind, _)| *kind == rate.kind) {
            Some((_, row)) => row.push(shown),
            None => rows.push((rate.kind, vec![rate.kind.name().to_owned(), shown])),
        }
    }
    table("throughput", header, rows.into_iter().map(|(_, row)| row))
}

fn of_hot(measured: &Measured) -> Table {
    let rows = measured.hot.iter().map(|hot| {
        let wrong = hot.balances.iter().filter(|(expected, found)| expected != found).count();
        let share = hot.refused as f64 / (hot.refused + hot.committed).max(1) as f64;
        let verdict = if wrong == 0 {
            "in all rounds".to_owned()
        } else {
            format!("**wrong in {wrong} of {}**", hot.balances.len())
        };
        let rate = format!("{:.0}", hot.committed as f64 / hot.took.as_secs_f64());
        vec![hot.kind.name().to_owned(), rate, percent(share), verdict]
    });
    Table::new("one hot stream", &["", "commits/s", "commands refused", "balance right"], rows)
}

fn of_found(measured: &Measured) -> Table {
    let rows = measured.found.iter().map(|found| {
        let account = |account: &crate::account::Account| {
            format!("{} in {} postings", account.balance, account.postings)
        };
        let verdict = if found.found == found.expected { "yes" } else { "**no**" };
        vec![
            found.kind.name().to_owned(),
            account(&found.expected),
            account(&found.found),
            verdict.to_owned(),
        ]
    });
    Table::new("state after commands", &["", "written", "found", "right"], rows)
}

fn of_lag(measured: &Measured) -> Table {
    let lag = &measured.lag;
    let row =
        |what: String, latency: Latency| vec![what, millis(latency.median), millis(latency.p99)];
    let loaded = format!("row visible, at {:.0} other commands a second", lag.load);
    let rows = [
        row("row visible, quiet".to_owned(), lag.quiet),
        row(loaded, lag.loaded),
        row("the query alone".to_owned(), lag.query),
    ];
    Table::new("projection lag", &["", "median, ms", "p99, ms"], rows.into_iter())
}

fn of_rebuild(measured: &Measured) -> Table {
    let rebuilt = &measured.rebuilt;
    let row = |what: &str, took: std::time::Duration| {
        let share = rebuilt.scan.as_secs_f64() / took.as_secs_f64();
        vec![
            what.to_owned(),
            thousands((rebuilt.events as f64 / took.as_secs_f64()) as u64),
            percent(share),
        ]
    };
    let rows = [row("bare scan", rebuilt.scan), row("rebuild", rebuilt.rebuild)];
    Table::new("rebuild", &["", "events/s", "of the scan"], rows.into_iter())
}

fn of_starts(measured: &Measured) -> Table {
    let empty = measured.started.iter().find(|started| started.program == EMPTY);
    let rows = measured.started.iter().map(|started| {
        let cells = |latency: &Latency, empty: Option<&Latency>| {
            let ratio = empty.map_or(f64::NAN, |empty| {
                latency.median.as_secs_f64() / empty.median.as_secs_f64()
            });
            [millis(latency.median), millis(latency.p99), format!("{ratio:.2}")]
        };
        let ready = cells(&started.ready, empty.map(|empty| &empty.ready));
        let answered = cells(&started.answered, empty.map(|empty| &empty.answered));
        let name = format!("`{}`", started.program);
        std::iter::once(name).chain(ready).chain(answered).collect()
    });
    let header = [
        "",
        "to the first poll: median, ms",
        "p99, ms",
        "of the empty one",
        "to the first answer: median, ms",
        "p99, ms",
        "of the empty one",
    ];
    Table::new("starts", &header, rows)
}

fn of_sizes(measured: &Measured) -> Table {
    let rows = measured.sizes.iter().map(|size| {
        vec![format!("`{}`", size.program), megabytes(size.plain), megabytes(size.gzipped)]
    });
    Table::new("binaries", &["", "plain", "gzipped"], rows)
}

fn table(what: &str, header: Vec<String>, rows: impl Iterator<Item = Vec<String>>) -> Table {
    Table::new(what, &header.iter().map(String::as_str).collect::<Vec<_>>(), rows)
}
