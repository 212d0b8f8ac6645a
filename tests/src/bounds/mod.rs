//! What every query of the services asks of the tables, and how long its answers are, on a tenant
//! that has much of everything: bounded, whatever there is.

mod events;
mod fill;
mod measure;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use self::fill::{Filled, fill};
use self::measure::{Measured, measure};
use crate::{Client, Platform};

/// How often a call may ask the tables, and for how many read units, at the largest limit.
const AT_LARGEST: (u64, f64) = (160, 1_500.0);

/// The same at the least limit, and for what is no list.
const AT_LEAST: (u64, f64) = (80, 300.0);

/// No answer has more bytes than that.
const MOST_BYTES: usize = 4_000_000;

/// Whose data it is.
const TENANT: &str = "bounds";

/// Fills the tables with so many things of each kind, half of them deleted or moved. Then makes
/// every query of the OpenAPI document at the least and at the largest limit. Tells of each what it
/// cost.
///
/// # Errors
/// If a query asks for more than it may, answers with more than it may, or leaves out or repeats a
/// thing.
pub async fn run(platform: &Platform, things: usize, tell: impl Fn(&str)) -> Result<()> {
    // What is filled in here is projected here, too.
    platform.event_source("relay", false).await?;
    let filled = fill(platform, things).await?;
    tell(&format!("filled: {} commits of {things} things of each kind", filled.commits));
    let client = platform.client(TENANT).await?;
    let document = Client::new(platform.url(), None).get("/openapi.json").await?.body;
    let mut over = Vec::new();
    for (path, operations) in document["paths"].as_object().context("no paths")? {
        let Some(query) = operations.get("get") else { continue };
        for path in variants(path, query, things) {
            let measured = measure(platform, &client, &path).await?;
            let Measured { calls, units, bytes, .. } = measured;
            let (most_calls, most_units) =
                if path.contains("limit=200") { AT_LARGEST } else { AT_LEAST };
            let is_over = bytes > MOST_BYTES || calls > most_calls || units > most_units;
            tell(&format!("{calls:4} calls {units:7.1} r {bytes:8} bytes  GET {path}"));
            over.extend(is_over.then_some(format!(
                "GET {path}: {calls} calls, {units} read units, {bytes} bytes"
            )));
        }
    }
    ensure!(over.is_empty(), "over the bound:\n{}", over.join("\n"));
    whole_lists(&client, &filled).await
}

/// A path with all that it names, at both limits, and with the parameters by which things are
/// found.
fn variants(path: &str, query: &Value, things: usize) -> Vec<String> {
    let named = named(path);
    let parameters: Vec<&str> = query["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["name"].as_str())
        .collect();
    if !parameters.contains(&"limit") {
        let more = match path {
            _ if path.starts_with("/states/") => {
                vec!["?version=7", "?at=2024-01-01T00:00:00Z", "?version=90&diff=3"]
            }
            "/invoicing/reports/revenue" => {
                vec!["?by=month&from=2016-01&to=2025-12", "?by=day&from=2023-01-01&to=2023-12-31"]
            }
            _ => vec![],
        };
        return [named.clone()]
            .into_iter()
            .chain(more.into_iter().map(|more| format!("{named}{more}")))
            .collect();
    }
    let last = format!("&q={}", events::last(things));
    let found = match path {
        "/identity/users" => vec![
            "",
            "&q=load",
            &last,
            "&q=load1%20nobody",
            "&q=l",
            "&userName=load0",
            "&email=load0@example.com",
        ],
        "/invoicing/invoices" => vec![
            "",
            "&status=DRAFT",
            "&status=ISSUED",
            "&status=PAID",
            "&customerId=k0",
            "&from=2020-01-01",
        ],
        "/invoicing/customers" => vec!["", "&email=k0@example.com"],
        "/licensing/customers/{id}/downloads" => vec!["", "&titleId=t0"],
        "/streams" => vec!["", "&prefix=identity/users/"],
        _ => vec![""],
    };
    found
        .into_iter()
        .flat_map(|found| [1, 200].map(|limit| format!("{named}?limit={limit}{found}")))
        .collect()
}

/// The path with names of things that there are.
fn named(path: &str) -> String {
    let id = match path.split('/').nth(2).unwrap_or_default() {
        "users" if path.ends_with("/audit") => "audited",
        _ if path.ends_with("/certificate") => "forgotten",
        "users" => "u0",
        "groups" => "g0",
        "invoices" => "i0",
        _ if path.starts_with("/invoicing") => "k0",
        _ => "c0",
    };
    let path = path.replace("{id}", id).replace("{licenseId}", "l0").replace("{name}", "not-found");
    path.replace("{stream}", "identity/users/audited")
        .replace("{stream+}", "identity/users/audited")
}

/// Whoever follows `next` finds each thing once, and ends.
async fn whole_lists(client: &Client, filled: &Filled) -> Result<()> {
    for (path, expected) in &filled.lists {
        for limit in [50, 200] {
            let separator = if path.contains('?') { '&' } else { '?' };
            let items = client.all(&format!("{path}{separator}limit={limit}")).await?;
            let mut found: Vec<String> = items.iter().map(Value::to_string).collect();
            found.sort_unstable();
            found.dedup();
            ensure!(
                found.len() == items.len(),
                "{path}, {limit} at a time: {} of {} items are repeated",
                items.len() - found.len(),
                items.len()
            );
            ensure!(
                items.len() == *expected,
                "{path}, {limit} at a time: {} items instead of {expected}",
                items.len()
            );
        }
    }
    Ok(())
}
