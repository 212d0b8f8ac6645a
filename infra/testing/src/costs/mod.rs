//! What every call of a service costs, in calls and units of DynamoDB: a contract that stands as
//! tables in a document. [`check`] carries out each row against a running platform, and compares it
//! with the platform's meter. What differs fails, and so does a route without a row.
//!
//! With `BLESS=1` in the environment the tables are written anew: look at what changed. A table
//! begins behind a line such as `<!-- measured: commands of shop -->`; a new one is added at the
//! end of the document.
//!
//! ```no_run
//! use headwater_testing::Platform;
//! use headwater_testing::costs::{Case, Service, call, check, get, in_one_line, send, shared};
//! use serde_json::json;
//!
//! # async fn test() -> anyhow::Result<()> {
//! let open = || send("POST", "/shop/tills", json!({ "id": "front" }));
//! let close = || call("POST", "/shop/tills/front/close");
//! let shop = Service {
//!     name: "shop",
//!     commands: vec![Case::new(open(), &[]), Case::new(close(), &[open()])],
//!     queries: vec![
//!         Case::new(get("/shop/tills/front"), &[open()]),
//!         Case::new(get("/shop/tills/none"), &[open()]).answers(404).note("of none"),
//!     ],
//!     story: vec![Case::new(open(), &[])],
//!     handlers: &["shop-project"],
//! };
//! let start =
//!     async || Platform::start_changed("target/debug/local", &["--in-memory"], in_one_line);
//! let reopened = ("TillOpened", json!({}));
//! let services = vec![shop, shared(&[open(), close()], "shop/tills/front", 2, reopened)];
//! check("costs.md", services, start).await?;
//! # Ok(())
//! # }
//! ```

mod bench;
mod case;
mod cost;
mod table;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};

use self::bench::{Bench, Handled, Row, Start};
pub use self::case::{Case, Request, Step, Text, call, get, send};
use crate::Platform;

/// The rows of one service. Each is measured in a tenant of its own, but those of the story.
#[derive(Default)]
pub struct Service {
    /// As it stands in the document's markers, and as its paths begin.
    pub name: &'static str,
    /// Its commands. What follows from their commits is not counted among their costs.
    pub commands: Vec<Case>,
    /// Its queries. What they are `given` is in the views before they are measured.
    pub queries: Vec<Case>,
    /// Commands that follow one another, to see what their commits cost further on. What each is
    /// `given` only wakes the handlers, which must know the tenant before they are measured.
    pub story: Vec<Case>,
    /// The functions that handle its commits, as `shop-project`.
    pub handlers: &'static [&'static str],
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

/// Measures all services, and compares with the tables of a document, which `BLESS=1` writes.
/// `start` starts a platform with all of them, whose template is [`in_one_line`]; two are started
/// for each service, so that they need not wait for one another.
///
/// # Errors
/// If a row costs something else than the document says, or a call is answered otherwise than its
/// row says. Also if a route has no row.
pub async fn check(
    document: impl AsRef<Path>,
    services: Vec<Service>,
    start: impl AsyncFn() -> Result<Platform>,
) -> Result<()> {
    let measured = services.into_iter().map(|service| measure(service, &start));
    let measured = try_join_all(measured).await?;
    let routes: BTreeSet<_> = measured.iter().flat_map(|service| &service.routes).collect();
    let rows = measured.iter().flat_map(|service| service.commands.iter().chain(&service.queries));
    let covered: BTreeSet<_> = rows.map(|row| &row.route).collect();
    let missing: Vec<_> = routes.difference(&covered).collect();
    ensure!(missing.is_empty(), "routes without a row: {missing:?}");
    compare(document.as_ref(), &measured)
}

fn compare(document: &Path, measured: &[Measured]) -> Result<()> {
    let shown = document.display();
    let documented = std::fs::read_to_string(document).with_context(|| shown.to_string())?;
    let mut tables = vec![table::of_starts(measured.iter().flat_map(|service| &service.starts))];
    for service in measured {
        tables.extend(table::of_calls(service.name, "commands", &service.commands));
        tables.extend(table::of_calls(service.name, "queries", &service.queries));
        tables.extend(table::of_handlers(service.name, &service.handlers));
    }
    let bless = std::env::var_os("BLESS").is_some();
    let text = tables.iter().try_fold(documented.clone(), |text, table| {
        if bless { table.put_into_or_after(&text) } else { table.put_into(&text) }
    })?;
    if bless {
        return std::fs::write(document, text).with_context(|| shown.to_string());
    }
    let pairs = documented.lines().zip(text.lines()).filter(|(old, new)| old != new);
    let changes: Vec<_> = pairs.map(|(old, new)| format!("- {old}\n+ {new}")).collect();
    ensure!(
        documented == text,
        "if it is meant, write {shown} anew with BLESS=1:\n{}",
        changes.join("\n")
    );
    Ok(())
}

async fn measure(service: Service, start: &impl AsyncFn() -> Result<Platform>) -> Result<Measured> {
    let (mut commands, mut queries, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    if !service.commands.is_empty() {
        // A platform of their own: all these commits go on waiting for their handlers.
        let mut bench = Bench::new(start().await?).await?;
        for case in &service.commands {
            commands.push(bench.command(case).await?);
        }
        starts.append(&mut bench.starts);
    }
    let mut bench = Bench::new(start().await?).await?;
    for case in &service.queries {
        queries.push(bench.query(case).await?);
    }
    let handlers = bench.handlers(service.handlers, &service.story).await?;
    starts.append(&mut bench.starts);
    Ok(Measured { name: service.name, routes: bench.routes(), commands, queries, handlers, starts })
}

/// The calls that all services share, on a stream as `shop/tills/front`; `given` makes it.
/// `version` is its last, and at least 2. `event` is the type and data of one that the stream can
/// be amended by.
pub fn shared(given: &[Step], stream: &str, version: u64, event: (&str, Value)) -> Service {
    let folder = stream.rsplit_once('/').map_or(stream, |(folder, _)| folder);
    let before = version.saturating_sub(1);
    let state = format!("/states/{stream}?version=");
    let case = |path: &str| Case::new(get(path), given);
    let queries = vec![
        case(&format!("/streams?prefix={folder}/")),
        case(&format!("/events/{stream}")),
        case(&format!("/states/{stream}")),
        case(&format!("{state}{before}")).note("as of a version"),
        case(&format!("{state}{version}&diff={before}")).note("with what changed"),
        case("/openapi.json"),
        case("/problems/not-found"),
    ];
    let (event_type, data) = event;
    let events = [json!({ "type": event_type, "data": data })];
    let body = json!({ "reason": "measured", "events": events });
    let amend = |query: &str| {
        Case::new(send("POST", &format!("/events/{stream}{query}"), body.clone()), given)
    };
    let commands = vec![amend(""), amend("?dryRun=true").note("tried only")];
    Service { name: "shared", commands, queries, ..Service::default() }
}

/// A template whose streams have one shard, which is read one batch after the other. So one process
/// of each handler sees all commits, and none finds the feed further on than it has left it: what a
/// process does not know costs it a read, and what it knows wrongly a write.
///
/// ```
/// use headwater_testing::costs::in_one_line;
///
/// let stream = "Properties:\n  StreamModeDetails: {StreamMode: ON_DEMAND}\n";
/// assert_eq!(in_one_line(stream)?, "Properties:\n  ShardCount: 1\n");
/// # Ok::<(), anyhow::Error>(())
/// ```
///
/// # Errors
/// If the template has no stream on demand.
pub fn in_one_line(template: &str) -> Result<String> {
    const ON_DEMAND: &str = "StreamModeDetails: {StreamMode: ON_DEMAND}";
    ensure!(template.contains(ON_DEMAND), "the template has no `{ON_DEMAND}`");
    let one_shard = template.replace(ON_DEMAND, "ShardCount: 1");
    let lines = one_shard.lines().map(|line| match line.split_once("ParallelizationFactor: ") {
        Some((indent, _)) => format!("{indent}ParallelizationFactor: 1\n"),
        None => format!("{line}\n"),
    });
    Ok(lines.collect())
}
