use anyhow::{Context, Result, ensure};
use headwater_tests::{Client, Platform, Reply};
use serde_json::{Value, json};

pub(super) use crate::support::eventually;

/// The days of a year, as far as licences are concerned, in seconds.
pub(super) const YEAR: i64 = 365 * DAY;
/// Seconds of a day.
pub(super) const DAY: i64 = 24 * 3600;

/// The path of a customer's licences.
pub(super) fn licenses(customer: &str) -> String {
    format!("/licensing/customers/{customer}/licenses")
}

/// What acquires a title, each title of a studio of its own.
pub(super) fn wanted(title: &str, device: &str) -> Value {
    json!({ "titleId": title, "studioId": format!("studio-of-{title}"), "deviceId": device })
}

/// Asks for a licence, however it is answered.
pub(super) async fn try_acquire(
    client: &Client,
    customer: &str,
    title: &str,
    device: &str,
) -> Result<Reply> {
    client.post(&licenses(customer), &wanted(title, device)).await
}

/// Acquires a licence, which must succeed, by the rules.
pub(super) async fn acquire(
    client: &Client,
    customer: &str,
    title: &str,
    device: &str,
) -> Result<Reply> {
    let reply = try_acquire(client, customer, title, device).await?.expect(201)?;
    ensure!(reply.body["provisional"] == false, "{}", reply.body);
    Ok(reply)
}

/// Posts to a licence: `downloaded`, `renew`, `release`.
pub(super) async fn follow_up(
    client: &Client,
    customer: &str,
    license: &str,
    what: &str,
) -> Result<Reply> {
    client.call("POST", &format!("{}/{license}/{what}", licenses(customer))).send().await
}

/// Acquires a title and reports its download.
pub(super) async fn download(client: &Client, customer: &str, title: &str) -> Result<String> {
    let license = acquire(client, customer, title, "tablet").await?.id().to_owned();
    follow_up(client, customer, &license, "downloaded").await?.expect(200)?;
    Ok(license)
}

/// Moves the platform's clock on.
pub(super) async fn advance(platform: &Platform, seconds: i64) -> Result<()> {
    platform.dev("POST", "/dev/clock", Some(json!({ "advanceSeconds": seconds }))).await.map(|_| ())
}

/// All events of a customer, oldest first; of playback as far as the projector has got.
pub(super) async fn dump(client: &Client, customer: &str) -> Result<Vec<Value>> {
    client.all(&format!("/licensing/customers/{customer}/events?limit=200")).await
}

/// All events of a customer, oldest first; of playback at least as far as a token names.
pub(super) async fn dump_with(client: &Client, customer: &str, token: &str) -> Result<Vec<Value>> {
    let path = format!("/licensing/customers/{customer}/events?limit=3");
    let first = client.call("GET", &path).header("consistency-token", token).send().await?;
    let mut page = first.expect(200)?;
    let mut events = Vec::new();
    loop {
        events.extend(page.body["items"].as_array().context("no items")?.iter().cloned());
        // The cursor carries the token on.
        let Some(next) = page.body["next"].as_str() else { return Ok(events) };
        page = client.get(&format!("{path}&cursor={next}")).await?.expect(200)?;
    }
}

/// The types of these events.
pub(super) fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap_or_default()).collect()
}

/// The item of an answer with this value in a field.
pub(super) fn find<'a>(items: &'a [Value], field: &str, value: &str) -> Result<&'a Value> {
    items
        .iter()
        .find(|item| item[field] == value)
        .with_context(|| format!("no {field} {value} in {items:?}"))
}
