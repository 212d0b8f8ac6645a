//! From the moment in which a command is acknowledged to the one in which its row shows it: on the
//! whole platform, over HTTP.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use headwater_tests::{Client, Platform};
use serde_json::json;

use crate::effort::Effort;
use crate::stats::Latency;

/// How many clients write meanwhile, one command after the other, when there is load.
pub const WRITERS: usize = 4;

/// A row that is not there by then will not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// How far rows are behind commits.
pub struct Lag {
    /// With nothing else to do.
    pub quiet: Latency,
    /// Under load.
    pub loaded: Latency,
    /// Commands a second of the load.
    pub load: f64,
    /// What the query takes by which it is seen, with nothing else to do.
    pub query: Latency,
}

/// Starts a platform, and watches users' rows on it.
///
/// # Errors
/// If the platform does not do what it should.
pub async fn measure(program: &Path, effort: &Effort) -> Result<Lag> {
    let platform = Platform::start(program, &["--in-memory"])?;
    let client = platform.client("bench").await?;
    create(&client, "watched").await?;
    // The first calls of functions start their processes.
    watch(&client, 3, "first").await?;
    let query = Latency::of(queries(&client, effort.watched).await?).context("no query")?;
    let quiet = watch(&client, effort.watched, "quiet").await?;

    let (is_over, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers = (0..WRITERS).map(|number| {
        let (client, is_over, written) =
            (client.clone(), Arc::clone(&is_over), Arc::clone(&written));
        tokio::spawn(async move { write(&client, number, &is_over, &written).await })
    });
    let writers: Vec<_> = writers.collect();
    watch(&client, 3, "still").await?;
    let (began, before) = (Instant::now(), written.load(Relaxed));
    let loaded = watch(&client, effort.watched, "loaded").await?;
    let load = (written.load(Relaxed) - before) as f64 / began.elapsed().as_secs_f64();
    is_over.store(true, Relaxed);
    try_join_all(writers).await?.into_iter().collect::<Result<()>>()?;
    Ok(Lag { quiet, loaded, load, query })
}

async fn create(client: &Client, id: &str) -> Result<()> {
    let user = json!({
        "id": id,
        "userName": id,
        "displayName": "Ada",
        "email": format!("{id}@example.com"),
    });
    client.post("/identity/users", &user).await?.expect(201).map(|_| ())
}

async fn rename(client: &Client, id: &str, name: &str) -> Result<()> {
    client
        .patch(&format!("/identity/users/{id}"), &json!({ "displayName": name }))
        .await?
        .expect(200)
        .map(|_| ())
}

/// Renames a user so many times, and asks each time for the row until it shows the new name.
async fn watch(client: &Client, commits: u64, word: &str) -> Result<Latency> {
    let mut samples = Vec::new();
    for number in 0..commits {
        let name = format!("Ada {word} {number}");
        rename(client, "watched", &name).await?;
        let acknowledged = Instant::now();
        while client.call("GET", "/identity/users/watched").send().await?.body["displayName"]
            != name.as_str()
        {
            ensure!(acknowledged.elapsed() < PATIENCE, "{name} is in no row");
        }
        samples.push(acknowledged.elapsed());
    }
    Latency::of(samples).context("nothing was watched")
}

async fn queries(client: &Client, count: u64) -> Result<Vec<Duration>> {
    let mut samples = Vec::new();
    for _ in 0..count {
        let began = Instant::now();
        client.get("/identity/users/watched").await?;
        samples.push(began.elapsed());
    }
    Ok(samples)
}

/// Renames a user of its own until it is over.
async fn write(
    client: &Client,
    number: usize,
    is_over: &AtomicBool,
    written: &AtomicU64,
) -> Result<()> {
    let id = format!("writer{number}");
    create(client, &id).await?;
    while !is_over.load(Relaxed) {
        rename(client, &id, &format!("Ada {}", written.fetch_add(1, Relaxed))).await?;
    }
    Ok(())
}
