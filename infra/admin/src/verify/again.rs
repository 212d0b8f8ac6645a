//! The second look, at what seemed wrong or late.

use std::collections::{BTreeMap, BTreeSet};

use headwater::{Amounts, Commit, StreamName};
use headwater_dynamodb::{Audited, Finding, StoreError, SumLine};
use headwater_services::{History, history};

use super::pairs::{Open, Pairs};
use super::{Seen, Verifier};
use crate::failure::Failure;

/// Sums that are not what the rows have added to them, by the place of the service among the
/// audits.
pub(super) type Sums = BTreeMap<(usize, SumLine), Amounts>;

impl Verifier {
    /// Goes through all rows, lists and sums. What should not be there is a finding at once; sums
    /// are looked at again.
    pub(super) async fn take_inventory(&self, seen: &mut Seen) -> Result<Sums, Failure> {
        let mut sums = Sums::new();
        for (place, (_, audit)) in self.audits.iter().enumerate() {
            let inventory = audit
                .inventory(self.tenant.as_deref(), &|stream| seen.heads.contains_key(stream))
                .await?;
            seen.findings.extend(inventory.findings);
            seen.strays += inventory.strays;
            let lines: BTreeSet<SumLine> =
                inventory.sums.keys().chain(inventory.contributed.keys()).cloned().collect();
            for line in lines
                .into_iter()
                .filter(|line| inventory.sums.get(line) != inventory.contributed.get(line))
            {
                let sum = inventory.sums.get(&line).cloned().unwrap_or_default();
                sums.insert((place, line), sum);
            }
        }
        Ok(sums)
    }

    pub(super) async fn look_again(
        &self,
        seen: &mut Seen,
        late: Vec<StreamName>,
        sums: Sums,
    ) -> Result<(), Failure> {
        for stream in std::mem::take(&mut seen.again) {
            let findings = self
                .rows_again(&stream, seen.heads.get(&stream).map_or(0, |head| head.version))
                .await?;
            seen.findings.extend(findings);
        }
        for stream in late {
            let (fed, head) = (
                self.feed.reached(&stream).await?,
                seen.heads.get(&stream).map_or(0, |head| head.version),
            );
            // The feed of a parked stream is held with its rows, and that it is parked is told.
            let is_parked =
                |finding: &Finding| finding.kind == "parked" && finding.stream == stream.as_str();
            if fed < head && !seen.findings.iter().any(is_parked) {
                seen.findings.insert(Finding::new(
                    "feed",
                    &stream,
                    format!("is in the feed up to event {fed} of {head}"),
                ));
            }
        }
        let unique = std::mem::take(&mut seen.unique);
        seen.findings.extend(self.unique_again(unique).await?);
        let open = std::mem::take(&mut seen.open);
        seen.findings.extend(self.effects_again(open).await?);
        let numbers = std::mem::take(&mut seen.numbers);
        seen.findings.extend(self.numbers_again(numbers).await?);
        self.sums_again(seen, sums).await
    }

    /// Compares a stream's rows once more. They must have got as far as the stream had when it was
    /// scanned.
    async fn rows_again(&self, stream: &StreamName, head: u64) -> Result<Vec<Finding>, Failure> {
        let Some(audit) = self.audit(stream) else { return Ok(Vec::new()) };
        let commits = self.store.commits_after(stream, 0).await?;
        let Audited { mut findings, behind, .. } = audit.stream(stream, &commits).await?;
        if let Some(version) = behind.filter(|version| *version < head) {
            findings.push(Finding::new(
                "late",
                stream,
                format!("has rows up to event {version} of {head}"),
            ));
        }
        Ok(findings)
    }

    async fn unique_again(&self, mut unique: Pairs<StreamName>) -> Result<Vec<Finding>, Failure> {
        let mut findings = Vec::new();
        for (value, Open { by_value, by_thing }) in unique.take_open() {
            let History { holder: claimed, is_newer: value_is_newer, .. } =
                history(&self.domains, &value, &self.commits(&value).await?);
            for thing in BTreeSet::from_iter(by_value.into_iter().chain(by_thing)) {
                let is_claimed = claimed.as_deref() == Some(thing.within_tenant());
                let commits = self.commits(&thing).await?;
                let History { holds, is_newer, .. } = history(&self.domains, &thing, &commits);
                // Of what this build does not know it cannot say who has what.
                if value_is_newer || is_newer {
                    continue;
                }
                let holds = match &self.key {
                    Some(key) => {
                        let mut values = holds.into_iter();
                        values.any(|held| {
                            key.stream(thing.tenant(), thing.domain(), &held)
                                .is_ok_and(|name| name == value)
                        })
                    }
                    None => !commits.is_empty(),
                };
                if is_claimed && !holds {
                    findings.push(Finding::new(
                        "unique",
                        &value,
                        format!("belongs to {}, which does not have it", thing.within_tenant()),
                    ));
                } else if holds && !is_claimed && self.key.is_some() {
                    let holder = claimed.as_deref().unwrap_or("nobody");
                    findings.push(Finding::new(
                        "unique",
                        &thing,
                        format!(
                            "has the value of {}, which belongs to {holder}",
                            value.within_tenant()
                        ),
                    ));
                }
            }
        }
        Ok(findings)
    }

    async fn numbers_again(
        &self,
        mut numbers: Pairs<(StreamName, u64)>,
    ) -> Result<Vec<Finding>, Failure> {
        let mut findings = Vec::new();
        for ((sequence, number), Open { by_value, by_thing }) in numbers.take_open() {
            let has = async |stream: &StreamName, taker: &StreamName| {
                let History { numbers, is_newer, .. } =
                    history(&self.domains, stream, &self.commits(stream).await?);
                let is_it = numbers.iter().any(|taken| {
                    taken.sequence == sequence
                        && taken.number == number
                        && taken.taker == taker.within_tenant()
                });
                Ok::<_, Failure>(is_it || is_newer)
            };
            for thing in BTreeSet::from_iter(by_value.into_iter().chain(by_thing)) {
                // What this build does not know may have it.
                let (is_given, is_taken) =
                    (has(&sequence, &thing).await?, has(&thing, &thing).await?);
                if is_given && !is_taken {
                    findings.push(Finding::new(
                        "number",
                        &sequence,
                        format!(
                            "{number} belongs to {}, which does not have it",
                            thing.within_tenant()
                        ),
                    ));
                } else if is_taken && !is_given {
                    findings.push(Finding::new(
                        "number",
                        &thing,
                        format!(
                            "has number {number}, which {} gave to another or nobody",
                            sequence.within_tenant()
                        ),
                    ));
                }
            }
        }
        Ok(findings)
    }

    /// A sum that was the same before all rows were gone through, and after, must be what they have
    /// added.
    async fn sums_again(&self, seen: &mut Seen, sums: Sums) -> Result<(), Failure> {
        let places: BTreeSet<usize> = sums.keys().map(|(place, _)| *place).collect();
        for (place, (_, audit)) in
            self.audits.iter().enumerate().filter(|(place, _)| places.contains(place))
        {
            let known = |stream: &StreamName| seen.heads.contains_key(stream);
            let rows = audit.inventory(self.tenant.as_deref(), &known).await?;
            let after = audit.inventory(self.tenant.as_deref(), &known).await?;
            for ((_, line), before) in sums.iter().filter(|((of, _), _)| *of == place) {
                let (sum, contributed) = (
                    after.sums.get(line).cloned().unwrap_or_default(),
                    rows.contributed.get(line).cloned().unwrap_or_default(),
                );
                if sum == *before && contributed != sum {
                    let stream = format!("{}/{}", line.tenant, line.key.index);
                    let what = format!(
                        "{} is {}, but the rows add up to {}",
                        line.key.order,
                        shown(&sum),
                        shown(&contributed)
                    );
                    seen.findings.insert(Finding { kind: "sum", stream, what });
                }
            }
        }
        Ok(())
    }

    /// The commits of a stream; none if they cannot be read, which has been told already.
    async fn commits(&self, stream: &StreamName) -> Result<Vec<Commit>, Failure> {
        match self.store.commits_after(stream, 0).await {
            Err(StoreError::Item(_)) => Ok(Vec::new()),
            commits => Ok(commits?),
        }
    }
}

fn shown(amounts: &Amounts) -> String {
    let amounts: Vec<String> =
        amounts.iter().map(|(name, amount)| format!("{name} {amount}")).collect();
    if amounts.is_empty() { "0".to_owned() } else { amounts.join(", ") }
}
