use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use headwater_tests::{Client, Platform, Reply};
use serde_json::{Value, json};

/// The program that a scenario starts.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_platform");

/// A platform of the scenario's own, to be metered, broken or killed.
pub(crate) fn own_platform() -> Result<Platform> {
    Platform::start(PROGRAM, &[])
}

/// A platform of the scenario's own whose template has the second of each pair instead of the
/// first.
pub(crate) fn platform_with(changes: &[(&str, &str)]) -> Result<Platform> {
    Platform::start_changed(PROGRAM, &[], |template| {
        changes.iter().try_fold(template.to_owned(), |template, (from, to)| {
            ensure!(template.contains(from), "the template has no `{from}` any more");
            Ok(template.replace(from, to))
        })
    })
}

/// A platform whose projectors give up after seconds instead of minutes.
pub(crate) fn platform_that_gives_up_soon() -> Result<Platform> {
    platform_with(&[
        ("Timeout: 60", "Timeout: 4"),
        ("MaximumRetryAttempts: 5\n", "MaximumRetryAttempts: 1\n"),
    ])
}

/// The platform that scenarios share, each with a tenant of its own. It ends with the last that
/// holds it.
pub(crate) fn shared_platform() -> Result<Arc<Platform>> {
    static SHARED: Mutex<Weak<Platform>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(platform) = shared.upgrade() {
        return Ok(platform);
    }
    let platform = Arc::new(own_platform()?);
    *shared = Arc::downgrade(&platform);
    Ok(platform)
}

/// What the platform's functions have in their environment: names of stores, and secrets.
pub(crate) async fn secrets(platform: &Platform) -> Result<Value> {
    let endpoint = Client::new(platform.url(), None).get("/dev/endpoint").await?;
    Ok(endpoint.body["environment"].clone())
}

/// What creates a user of this name.
pub(crate) fn user(name: &str) -> Value {
    json!({
        "userName": name,
        "displayName": format!("{name} Example"),
        "email": format!("{name}@example.com"),
    })
}

/// Creates a user, which must succeed.
pub(crate) async fn create_user(client: &Client, name: &str) -> Result<Reply> {
    client.post("/identity/users", &user(name)).await?.expect(201)
}

/// Creates a group, which must succeed.
pub(crate) async fn create_group(client: &Client, name: &str) -> Result<Reply> {
    client.post("/identity/groups", &json!({ "name": name })).await?.expect(201)
}

/// Sends `count` calls at once.
pub(crate) async fn at_once<F>(count: usize, call: impl Fn(usize) -> F) -> Result<Vec<Reply>>
where
    F: Future<Output = Result<Reply>> + Send + 'static,
{
    let tasks: Vec<_> = (0..count).map(|i| tokio::spawn(call(i))).collect();
    try_join_all(tasks).await?.into_iter().collect()
}

/// How many replies have this status.
pub(crate) fn count(replies: &[Reply], status: u16) -> usize {
    replies.iter().filter(|reply| reply.status == status).count()
}

/// Asks again until the answer is as wanted. What functions gave up comes back at once each time,
/// instead of once a minute.
pub(crate) async fn eventually_redriven<F>(
    platform: &Platform,
    patience: Duration,
    what: &str,
    ask: impl Fn() -> F,
) -> Result<()>
where
    F: Future<Output = Result<bool>>,
{
    let start = Instant::now();
    while !ask().await? {
        ensure!(start.elapsed() < patience, "not within {patience:?}: {what}");
        platform.schedule("redrive").await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}

/// All events of a stream, oldest first.
pub(crate) async fn events(client: &Client, stream: &str) -> Result<Vec<Value>> {
    client.all(&format!("/events/{stream}?limit=200")).await
}

/// Asks again until the answer is as wanted.
pub(crate) async fn eventually<F>(patience: Duration, what: &str, ask: impl Fn() -> F) -> Result<()>
where
    F: Future<Output = Result<bool>>,
{
    let start = Instant::now();
    while !ask().await? {
        ensure!(start.elapsed() < patience, "not within {patience:?}: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
