//! Drives a plan: day by day, customers at the same time, each one's commands in order.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::stream::{self, StreamExt, TryStreamExt};
use indicatif::ProgressBar;

use super::catalogue::Catalogue;
use super::clock::ServiceClock;
use super::model::Policy;
use super::plan::{Plan, Visit};
use super::shopper::{Service, Shopper};
use super::{Settings, Tally, policy_changes};
use crate::Platform;

/// A day of the simulation, a little short of a real one: so no year or term of a licence is a
/// whole number of them. What ends does not end in the middle of a day's traffic.
const DAY: i64 = 24 * 3600 - 17 * 60;

/// How long the views may take to catch up in the end.
const PATIENCE: Duration = Duration::from_secs(1800);

/// Sends the whole plan to the platform, under a tenant of its own, and compares everything with
/// the model.
///
/// # Errors
/// The first difference, with all that led to it; or that the platform does not answer.
pub async fn run(
    platform: &Platform,
    settings: &Settings,
    progress: &ProgressBar,
) -> Result<Tally> {
    drive(platform, settings, progress).await.with_context(|| format!("seed {}", settings.seed))
}

async fn drive(platform: &Platform, settings: &Settings, progress: &ProgressBar) -> Result<Tally> {
    let Plan { customers, days } = Plan::new(settings);
    let mut shoppers: Vec<Shopper> = customers.into_iter().map(Shopper::new).collect();
    let mut service = Service {
        client: platform.client("traffic").await?,
        clock: ServiceClock::read(platform).await?,
        catalogue: Catalogue::new(),
        policy: Policy::default(),
        policy_token: None,
        progress: progress.clone(),
    };
    let (start, mut total) = (Instant::now(), Tally::default());
    let mut skipped_days = 0;
    for (day, visits) in days.into_iter().enumerate() {
        skipped_days += 1;
        let change = policy_changes::on_day(day, settings.days);
        if change.is_none() && visits.is_empty() {
            continue;
        }
        service.clock.advance(platform, DAY * std::mem::take(&mut skipped_days)).await?;
        progress.set_message(format!("day {day}"));
        if let Some(change) = change {
            set_policy(&mut service, &change).await?;
        }
        let tallies = serve(&mut shoppers, &by_customer(visits), &service, settings.at_once)
            .await
            .with_context(|| format!("day {day}"))?;
        tallies.into_iter().for_each(|tally| total.add(tally));
    }
    total.elapsed = start.elapsed();
    progress.set_message("views");
    platform.settled_within(PATIENCE).await?;
    total.add(compare_all(&shoppers, &service, settings.at_once).await?);
    Ok(total)
}

/// A day's visits; those of the same customer together.
fn by_customer(visits: Vec<Visit>) -> BTreeMap<usize, Visit> {
    let mut merged: BTreeMap<usize, Visit> = BTreeMap::new();
    for visit in visits {
        let all = merged.entry(visit.customer).or_insert(Visit { commands: 0, ..visit });
        all.commands += visit.commands;
        all.audited |= visit.audited;
    }
    merged
}

async fn serve(
    shoppers: &mut [Shopper],
    visits: &BTreeMap<usize, Visit>,
    service: &Service,
    at_once: usize,
) -> Result<Vec<Tally>> {
    let coming = shoppers
        .iter_mut()
        .enumerate()
        .filter_map(|(number, shopper)| Some((shopper, *visits.get(&number)?)));
    let served = stream::iter(coming).map(|(shopper, visit)| shopper.visit(visit, service));
    served.buffer_unordered(at_once).try_collect().await
}

async fn compare_all(shoppers: &[Shopper], service: &Service, at_once: usize) -> Result<Tally> {
    let audits = stream::iter(shoppers).map(|shopper| async move {
        let mut tally = Tally::default();
        shopper
            .audit(service, service.policy_token.clone().unwrap_or_default(), &mut tally)
            .await?;
        anyhow::Ok(tally)
    });
    let tallies: Vec<Tally> = audits.buffer_unordered(at_once).try_collect().await?;
    let mut total = Tally::default();
    tallies.into_iter().for_each(|tally| total.add(tally));
    Ok(total)
}

/// The operator sets a policy, which must then be in force.
async fn set_policy(service: &mut Service, wanted: &Policy) -> Result<()> {
    let set = service.policy.set(wanted);
    let reply = service
        .client
        .call("PUT", "/licensing/policy")
        .json(&set.body())
        .send()
        .await?
        .expect(200)?;
    ensure!(
        reply.version() == set.version,
        "the policy must be at version {}: {}",
        set.version,
        reply.body
    );
    service.policy_token = Some(reply.token().to_owned());
    let shown = service
        .client
        .call("GET", "/licensing/policy")
        .header("consistency-token", reply.token())
        .send()
        .await?
        .expect(200)?;
    for (field, value) in set.body().as_object().into_iter().flatten() {
        ensure!(
            shown.body[field] == *value,
            "the policy's {field} must be {value}: {}",
            shown.body
        );
    }
    service.policy = set;
    Ok(())
}
