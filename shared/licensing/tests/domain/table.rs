//! The rules as `docs/reference/licensing.md` tells them: each row of its tables is a test, the
//! expected answer last.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use licensing::{Check, LicenseRequest, SetPolicy, allowance};

use crate::world::{Outcome, Shown, Step, World, request};

const PAGE: &str = include_str!("../../../../docs/reference/licensing.md");

#[test]
fn every_row_of_the_documented_tables_holds() {
    let rows: Vec<Row> = PAGE.lines().filter_map(Row::parse).collect();
    assert!(
        rows.len() >= 90,
        "only {} rows were found: has the table's shape changed?",
        rows.len()
    );
    let wrong: Vec<String> = rows.iter().filter_map(Row::fault).collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// `| in words | given | when | then |`, the last three as code.
struct Row<'a> {
    words: &'a str,
    given: &'a str,
    when: &'a str,
    then: &'a str,
}

impl<'a> Row<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [words, given, when, then] = cells[..] else { return None };
        let code = |cell: &'a str| cell.strip_prefix('`')?.strip_suffix('`');
        Some(Self {
            words,
            given: code(given).unwrap_or_default(),
            when: code(when)?,
            then: code(then)?,
        })
    }

    /// What is wrong with it, if anything is.
    fn fault(&self) -> Option<String> {
        let mut customers = Customers::default();
        for step in self.given.split("; ").filter(|step| !step.is_empty()) {
            let answer = customers.run(step);
            if answer.starts_with('4') {
                return Some(format!(
                    "{}: given `{step}`, but the answer was {answer}",
                    self.words
                ));
            }
        }
        let answer = customers.run(self.when);
        (answer != self.then).then(|| {
            format!("{}: `{}` should be {}, but was {answer}", self.words, self.when, self.then)
        })
    }
}

/// Customers of one tenant: one clock, one policy.
#[derive(Default)]
struct Customers {
    all: BTreeMap<String, World>,
    present: String,
}

impl Customers {
    /// Carries out a step as the page writes it, and says the answer.
    fn run(&mut self, step: &str) -> String {
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        let words: Vec<&str> = rest.split(' ').collect();
        if verb == "customer" {
            rest.clone_into(&mut self.present);
            return "200".to_owned();
        }
        let (now, policy) = self
            .all
            .values()
            .next_back()
            .map_or_else(|| (World::new().now, World::new().policy), |w| (w.now, w.policy.clone()));
        let world = self.all.entry(self.present.clone()).or_insert_with(|| World {
            now,
            policy,
            ..World::new()
        });
        if verb == "allowance" {
            return allowed(world, &words);
        }
        let step = parse(world.now, verb, &words).unwrap_or_else(|| panic!("`{step}` is no step"));
        let answer = answer(&step, world.step(&step));
        if matches!(step, Step::Wait(_) | Step::Policy(_)) {
            let (now, policy) = (world.now, world.policy.clone());
            self.all
                .values_mut()
                .for_each(|world| (world.now, world.policy) = (now, policy.clone()));
        }
        answer
    }
}

fn parse(now: Timestamp, verb: &str, words: &[&str]) -> Option<Step> {
    let id = words.first().copied().unwrap_or_default().to_owned();
    let shown =
        if words.get(1..) == Some(&["with", "grant"]) { Shown::Grant } else { Shown::Nothing };
    Some(match verb {
        "acquire" => Step::Acquire(id.into(), wanted(words)?),
        "granted" => Step::Grant(id.into(), wanted(words)?),
        "reconcile" => Step::Reconcile(id.into()),
        "downloaded" => Step::Downloaded(id.into(), shown),
        "renew" => Step::Renew(id.into(), shown),
        "release" => Step::Release(id.into(), shown),
        "release-all" => Step::ReleaseAll,
        "deactivate" => Step::Deactivate(id.into()),
        "policy" => Step::Policy(serde_json::from_str::<SetPolicy>(&id).ok()?),
        "at" => {
            Step::Wait(format!("{id}T00:00:00Z").parse::<Timestamp>().ok()?.duration_since(now))
        }
        _ => Step::Wait(duration(verb)?),
    })
}

/// A licence's id, then title, studio and device.
fn wanted(words: &[&str]) -> Option<LicenseRequest> {
    let [_, title_id, studio_id, device_id] = words[..] else { return None };
    Some(request(title_id, studio_id, device_id))
}

/// As `+365d`, `+365d-1ms` or `+365d+1ms`.
fn duration(text: &str) -> Option<SignedDuration> {
    let (days, rest) = text.strip_prefix('+')?.split_once('d')?;
    let milliseconds = if rest.is_empty() { 0 } else { rest.strip_suffix("ms")?.parse().ok()? };
    Some(
        SignedDuration::from_hours(days.parse::<i64>().ok()? * 24)
            + SignedDuration::from_millis(milliseconds),
    )
}

fn answer(step: &Step, outcome: Outcome) -> String {
    match outcome {
        Err(refusal) => refusal,
        Ok(events) if events.len() > 1 => format!("200, {} events", events.len()),
        Ok(events) if events.is_empty() => "no change".to_owned(),
        Ok(_) if matches!(step, Step::Acquire(..)) => "201".to_owned(),
        Ok(_) => "200".to_owned(),
    }
}

fn allowed(world: &World, words: &[&str]) -> String {
    let given = |index: usize| words.get(index).copied().filter(|word| *word != "-");
    let check = Check {
        title_id: given(0).map(Into::into),
        studio_id: given(1).map(Into::into),
        device_id: given(2).map(Into::into),
    };
    let allowance = allowance(world.customer(), &world.policy.policy, &check, world.now);
    let counts: Vec<String> = allowance
        .rules
        .iter()
        .map(|rule| format!("{} {}/{}", rule.rule, rule.count, rule.limit))
        .collect();
    format!("{}: {}", if allowance.allowed { "allowed" } else { "refused" }, counts.join(", "))
}
