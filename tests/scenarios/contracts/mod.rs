//! What every call costs, in calls and units of DynamoDB: the tables of `docs/reference/costs.md`
//! are measured here. What differs fails; with `BLESS=1` in the environment the tables are written
//! anew: look at what changed. A route of the template without a row fails too.
//!
//! [`case`] says what a row is, [`bench`] measures it, [`cost`] and [`table`] show it; the rows
//! themselves stand by service.

mod bench;
mod case;
mod cost;
mod identity;
mod invoicing;
mod licensing;
mod shared;
mod table;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;
use futures::future::try_join_all;

use self::bench::{Bench, Handled, Row, Start};
use self::case::Case;

/// The rows of one service.
struct Service {
    /// As it stands in the document's markers.
    name: &'static str,
    commands: Vec<Case>,
    queries: Vec<Case>,
    /// Commands that follow one another, to see what their commits cost further on.
    story: Vec<Case>,
}

/// What was measured of it.
struct Measured {
    name: &'static str,
    /// The routes that there are.
    routes: BTreeSet<String>,
    commands: Vec<Row>,
    queries: Vec<Row>,
    handlers: Vec<Handled>,
    starts: Vec<Start>,
}

#[tokio::test]
async fn every_call_costs_what_the_document_says() -> Result<()> {
    let services =
        [identity::service(), licensing::service(), invoicing::service(), shared::service()];
    // Each on a platform of its own, so that they need not wait for one another.
    let measured = try_join_all(services.into_iter().map(measure)).await?;
    let routes: BTreeSet<_> = measured.iter().flat_map(|service| &service.routes).collect();
    let rows = measured.iter().flat_map(|service| service.commands.iter().chain(&service.queries));
    let covered: BTreeSet<_> = rows.map(|row| &row.route).collect();
    let missing: Vec<_> = routes.difference(&covered).collect();
    assert!(missing.is_empty(), "routes without a row: {missing:?}");

    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/costs.md");
    let documented = std::fs::read_to_string(&file)?;
    let mut tables = vec![table::of_starts(measured.iter().flat_map(|service| &service.starts))];
    for service in &measured {
        tables.extend(table::of_calls(service.name, "commands", &service.commands));
        tables.extend(table::of_calls(service.name, "queries", &service.queries));
        tables.extend(table::of_handlers(service.name, &service.handlers));
    }
    let text = tables.iter().try_fold(documented.clone(), |text, table| table.put_into(&text))?;
    if std::env::var_os("BLESS").is_some() {
        return Ok(std::fs::write(&file, text)?);
    }
    let pairs = documented.lines().zip(text.lines()).filter(|(old, new)| old != new);
    let changes: Vec<_> = pairs.map(|(old, new)| format!("- {old}\n+ {new}")).collect();
    assert!(
        documented == text,
        "if it is meant, write docs/reference/costs.md anew with BLESS=1:\n{}",
        changes.join("\n")
    );
    Ok(())
}

async fn measure(service: Service) -> Result<Measured> {
    let (mut commands, mut queries, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    if !service.commands.is_empty() {
        // A platform of their own: all these commits go on waiting for their handlers.
        let mut bench = Bench::start().await?;
        for case in &service.commands {
            commands.push(bench.command(case).await?);
        }
        starts.append(&mut bench.starts);
    }
    let mut bench = Bench::start().await?;
    for case in &service.queries {
        queries.push(bench.query(case).await?);
    }
    let handlers = bench.handlers(service.name, &service.story).await?;
    starts.append(&mut bench.starts);
    Ok(Measured { name: service.name, routes: bench.routes(), commands, queries, handlers, starts })
}
