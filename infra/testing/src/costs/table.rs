//! The tables of the document.

use std::collections::{BTreeMap, BTreeSet};

use super::bench::{Handled, Row, Start};
use super::cost::Cost;
use crate::measured::Table;

/// The table of what processes spend on getting ready, with the number of functions that spend the
/// same.
pub(super) fn of_starts<'a>(starts: impl Iterator<Item = &'a Start>) -> Table {
    let mut functions: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for Start { function, cost } in starts {
        functions.entry(cost.to_string()).or_default().insert(function);
    }
    let rows =
        functions.into_iter().map(|(cost, functions)| vec![cost, functions.len().to_string()]);
    Table::new("the starts of processes", &["a start", "functions"], rows)
}

/// The table of calls of a service: its `commands` or its `queries`.
pub(super) fn of_calls(service: &str, calls: &str, rows: &[Row]) -> Option<Table> {
    let names = names(service, rows.iter().map(|row| (row.route.as_str(), row.note)));
    let cost = |cost: &Cost| [cost.to_string(), cost.dollars()];
    let lines = rows
        .iter()
        .zip(names)
        .map(|(row, name)| [&[name][..], &cost(&row.cold), &cost(&row.warm)].concat());
    (!rows.is_empty()).then(|| {
        Table::new(&format!("{calls} of {service}"), &["call", "cold", "$", "warm", "$"], lines)
    })
}

/// The table of what a service's commits cost their handlers.
pub(super) fn of_handlers(service: &str, rows: &[Handled]) -> Option<Table> {
    let names = names(service, rows.iter().map(|row| (row.route.as_str(), row.note)));
    let lines = rows
        .iter()
        .zip(names)
        .map(|(row, name)| vec![name, row.cost.to_string(), row.cost.dollars()]);
    (!rows.is_empty()).then(|| {
        Table::new(
            &format!("handlers of {service}"),
            &["the commit of", "rows and feed", "$"],
            lines,
        )
    })
}

/// The names of rows: the route, below the service's own path, where it is another than that of the
/// row before.
fn names<'a>(service: &str, rows: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let mut before = "";
    let name = |(route, note): (&'a str, &str)| {
        let path = route.replacen(&format!(" /{service}/"), " /", 1);
        let is_new = std::mem::replace(&mut before, route) != route;
        match (is_new, note) {
            (true, "") => format!("`{path}`"),
            (true, note) => format!("`{path}` {note}"),
            (false, note) => format!("… {note}"),
        }
    };
    rows.map(name).collect()
}
