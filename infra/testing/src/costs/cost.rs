//! What was spent, and what that costs.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::price;

/// Calls and units by operation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cost(BTreeMap<String, Spent>);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Spent {
    calls: u64,
    reads: f64,
    writes: f64,
}

impl Cost {
    /// Adds what `/dev/meter` says of a function; null if it did nothing.
    pub(super) fn add(&mut self, metered: &Value) -> Result<()> {
        for (operation, spent) in metered.as_object().into_iter().flatten() {
            let number = |field: &str| {
                spent[field].as_f64().with_context(|| format!("no {field} in {metered}"))
            };
            let sum = self.0.entry(operation.clone()).or_default();
            sum.calls += spent["calls"].as_u64().context("no calls")?;
            sum.reads += number("readUnits")?;
            sum.writes += number("writeUnits")?;
        }
        Ok(())
    }

    /// The price of a million such calls, in dollars.
    pub(super) fn dollars(&self) -> String {
        let sum: f64 =
            self.0.values().map(|spent| price::of_a_million(spent.reads, spent.writes)).sum();
        if sum == 0.0 { "0".to_owned() } else { format!("{sum:.3}") }
    }
}

/// As `2 Query 2 r, PutItem 1 w`.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return write!(f, "nothing");
        }
        // What is read comes before what is written.
        let (reads, writes): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|(_, spent)| spent.writes == 0.0);
        for (place, (operation, Spent { calls, reads, writes })) in
            reads.into_iter().chain(writes).enumerate()
        {
            let separator = if place == 0 { "" } else { ", " };
            let count = if *calls == 1 { String::new() } else { format!("{calls} ") };
            write!(f, "{separator}{count}{operation}")?;
            for (units, kind) in [(reads, "r"), (writes, "w")] {
                if *units != 0.0 {
                    write!(f, " {units} {kind}")?;
                }
            }
        }
        Ok(())
    }
}
