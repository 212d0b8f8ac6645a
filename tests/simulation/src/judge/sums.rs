//! A line of a table of sums is what rows add up to that are as fresh as tokens demand.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use headwater::{Amounts, StreamName, SumKey, Token};
use serde_json::Value;

use super::tokens::demanded;
use super::{Case, Judge, Verdict, problem};
use crate::service::SumsOf;

/// The numbers that lines of the domain have.
const NAMES: [&str; 2] = ["things", "amount"];

/// What a line comes to, by these names.
type Line = [i128; NAMES.len()];

impl Judge {
    /// Each line is what the rows of one generation add up to. Each row counts as it was at some
    /// time since it got to where the tokens of request and answer want it. It is looked at line by
    /// line: lines become visible one by one.
    pub(super) fn sums(&self, case: &Case<'_>, table: SumsOf) -> Verdict {
        let Case { history, asked, answer, .. } = case;
        match (answer.status, problem(answer).as_str()) {
            (200 | 304, _) => {}
            (503, "store-unavailable" | "not-caught-up") => return Ok(()),
            (503, "newer-event") if case.is_newer_somewhere() => return Ok(()),
            _ => return Err("nobody should be told that".to_owned()),
        }
        let body = self.body(&format!("{:?}", asked.call), answer)?;
        let shown = read(&body)?;
        let promised = case.promised()?;
        if promised.is_empty() {
            return Err("it does not say how far it has got".to_owned());
        }
        let lines: BTreeSet<&str> =
            shown.keys().map(String::as_str).chain(table.orders().iter().copied()).collect();
        let generations = history.generations();
        let wrong = |generation: &&str| {
            lines.iter().find(|order| {
                let key = SumKey { index: table.index().to_owned(), order: (**order).to_owned() };
                let line = shown.get(**order).copied().unwrap_or_default();
                !is_reached(case, &promised, generation, &key, line)
            })
        };
        let wrong: Vec<_> =
            generations.iter().map(|generation| (generation, wrong(generation))).collect();
        let is_right = wrong.iter().any(|(_, line)| line.is_none());
        if is_right || generations.is_empty() && shown.is_empty() {
            return Ok(());
        }
        Err(format!("in each generation a line is what its rows never came to: {wrong:?}"))
    }
}

/// Whether the rows of a generation can add up to a line.
fn is_reached(
    case: &Case<'_>,
    promised: &[Token],
    generation: &str,
    key: &SumKey,
    line: Line,
) -> bool {
    let history = case.history;
    let least = |stream: &StreamName| {
        case.least(stream).map(|least| least.max(demanded(history, promised, stream)))
    };
    let mut sums = HashSet::from([Line::default()]);
    for (name, writes) in history.rows_of(generation) {
        // A part's row has the version at which it was last concerned.
        let stream = name.parent().unwrap_or_else(|| name.clone());
        let Ok(least) = least(&stream) else { return false };
        let least = history.row_at(2, &name, least).map_or(0, |row| row.version);
        let Some(first) = (match least {
            0 => Some(0),
            _ => writes.iter().position(|written| written.version >= least),
        }) else {
            return false;
        };
        let added =
            writes[first..].iter().map(|written| amounts(&history.added(&name, *written, key)));
        let mut added: HashSet<Line> = added.collect();
        if least == 0 {
            added.insert(Line::default());
        }
        let plus = |sum: Line, more: &Line| std::array::from_fn(|at| sum[at] + more[at]);
        let both = |sum: &Line| {
            let sum = *sum;
            added.iter().map(move |more| plus(sum, more))
        };
        // No row takes anything away.
        let fits = |sum: &Line| sum.iter().zip(line).all(|(sum, most)| *sum <= most);
        sums = sums.iter().flat_map(both).filter(fits).collect();
    }
    sums.contains(&line)
}

fn amounts(amounts: &Amounts) -> Line {
    NAMES.map(|name| amounts.get(name).copied().unwrap_or_default())
}

/// The lines of an answer, by their orders.
fn read(body: &str) -> Result<BTreeMap<String, Line>, String> {
    let body: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let items = body["items"].as_array().ok_or("there are no items")?;
    let line = |item: &Value| {
        let amount = |name: &str| item[name].as_i64().map(i128::from).unwrap_or_default();
        Some((item["order"].as_str()?.to_owned(), NAMES.map(amount)))
    };
    let lines: Option<BTreeMap<_, _>> = items.iter().map(line).collect();
    lines
        .filter(|lines| lines.len() == items.len())
        .ok_or_else(|| "a line is there twice".to_owned())
}
