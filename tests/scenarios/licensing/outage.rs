//! The store is out of reach: acquiring goes on, provisionally, and nothing granted is lost or
//! written twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use headwater_tests::{Client, Platform, Reply};
use serde_json::{Value, json};

use super::support::{acquire, dump, eventually, licenses, wanted};
use crate::support::own_platform;

/// How long the store is cut off where all the time is taken for it.
const LONG_OUTAGE: Duration = Duration::from_secs(60);
/// How long it is in the suite.
const OUTAGE: Duration = Duration::from_secs(5);
/// How long an acquire may take, whatever the store does.
const BUDGET: Duration = Duration::from_secs(6);
/// How many customers acquire all the time.
const CUSTOMERS: usize = 4;
/// How long the grants may take into the streams afterwards.
const PATIENCE: Duration = Duration::from_secs(120);

/// Provisional licences, by id: whose they are, and the answer.
type Granted = BTreeMap<String, (String, Value)>;

#[tokio::test]
async fn while_the_store_is_cut_off_licenses_are_granted_and_written_afterwards() -> Result<()> {
    granted_and_written_afterwards(OUTAGE).await
}

#[tokio::test]
#[ignore = "long: a minute's outage"]
async fn while_the_store_is_cut_off_for_a_minute_licenses_are_granted() -> Result<()> {
    granted_and_written_afterwards(LONG_OUTAGE).await
}

async fn granted_and_written_afterwards(outage: Duration) -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("outage").await?;
    let known = acquire(&client, "customer-0", "known", "tablet").await?.id().to_owned();
    cut_off(&platform, "unreachable").await?;
    let (granted, ()) =
        tokio::try_join!(acquire_for(&client, outage), all_else_is_unavailable(&client, &known))?;
    reconnect(&platform).await?;
    let rounds = (outage.as_secs() / BUDGET.as_secs()).max(1) as usize;
    ensure!(granted.len() >= rounds * CUSTOMERS, "only {} were granted", granted.len());
    all_are_written_once(&platform, &client, &granted).await?;
    // By the rules again.
    acquire(&client, "somebody", "title", "tablet").await?;
    Ok(())
}

#[tokio::test]
async fn a_slow_store_has_the_same_budget() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("outage").await?;
    acquire(&client, "customer-0", "known", "tablet").await?;
    cut_off(&platform, "timeout").await?;
    let granted = acquire_for(&client, OUTAGE).await?;
    reconnect(&platform).await?;
    ensure!(granted.len() >= CUSTOMERS, "only {} were granted", granted.len());
    all_are_written_once(&platform, &client, &granted).await
}

#[tokio::test]
async fn grants_outlive_a_kill_of_everything() -> Result<()> {
    let mut platform = own_platform()?;
    let client = platform.client("outage").await?;
    acquire(&client, "customer-0", "known", "tablet").await?;
    cut_off(&platform, "unreachable").await?;
    let granted = acquire_for(&client, OUTAGE).await?;
    platform.kill()?;
    platform.restart()?;
    let client = platform.client("outage").await?;
    all_are_written_once(&platform, &client, &granted).await
}

/// The put is done, but its reply is lost: then the licence is in the stream already when its grant
/// comes.
#[tokio::test]
async fn a_license_that_had_been_written_after_all_is_not_written_again() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("outage").await?;
    for customer in 0..CUSTOMERS {
        acquire(&client, &format!("customer-{customer}"), "known", "tablet").await?;
    }
    cut_off(&platform, "lost-reply").await?;
    let reply =
        client.post(&licenses("customer-0"), &wanted("title", "tablet")).await?.expect(201)?;
    assert_eq!(reply.body["provisional"], true, "{}", reply.body);
    reconnect(&platform).await?;
    platform.settled_within(PATIENCE).await?;
    let events = dump(&client, "customer-0").await?;
    let of_license = events.iter().filter(|event| event["data"]["licenseId"] == reply.id());
    assert_eq!(
        of_license.map(|event| event["type"].clone()).collect::<Vec<_>>(),
        ["LicenseAcquired"]
    );
    Ok(())
}

#[tokio::test]
async fn without_the_queue_nothing_is_granted() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("outage").await?;
    acquire(&client, "ada", "known", "tablet").await?;
    cut_off(&platform, "unreachable").await?;
    platform.fault(json!({ "service": "kinesis", "fault": "unreachable", "rate": 1.0 })).await?;
    let start = Instant::now();
    let refused = client.post(&licenses("ada"), &wanted("title", "tablet")).await?.expect(503)?;
    assert!(!refused.header("retry-after").is_empty());
    ensure!(start.elapsed() < BUDGET, "{:?}", start.elapsed());
    reconnect(&platform).await?;
    platform.fault(json!({ "service": "kinesis", "fault": "none" })).await?;
    platform.settled().await?;
    assert_eq!(dump(&client, "ada").await?.len(), 1);
    Ok(())
}

/// Cuts off every function from DynamoDB.
pub(super) async fn cut_off(platform: &Platform, fault: &str) -> Result<()> {
    platform.fault(json!({ "service": "dynamodb", "fault": fault, "rate": 1.0 })).await
}

/// The store is back.
pub(super) async fn reconnect(platform: &Platform) -> Result<()> {
    platform.fault(json!({ "service": "dynamodb", "fault": "none" })).await
}

/// Whether an answer is a provisional licence, as the contract has it.
pub(super) fn check_provisional(reply: &Reply) -> Result<()> {
    let body = &reply.body;
    ensure!(reply.status == 201 && body["provisional"] == true, "{} {body}", reply.status);
    ensure!(
        body["grant"].is_string() && body["expiresAt"].is_string() && body.get("version").is_none(),
        "{body}"
    );
    ensure!(reply.etag().is_empty() && reply.token().is_empty(), "a version that nobody knows");
    Ok(())
}

/// Customers acquire one title after the other for so long; each must be granted provisionally
/// within the budget.
async fn acquire_for(client: &Client, time: Duration) -> Result<Granted> {
    let end = Instant::now() + time;
    let customers = (0..CUSTOMERS).map(|number| async move {
        let (customer, mut granted) = (format!("customer-{number}"), Granted::new());
        while Instant::now() < end {
            let (start, body) =
                (Instant::now(), wanted(&format!("title-{}", granted.len()), "tablet"));
            let reply = client.post(&licenses(&customer), &body).await?;
            ensure!(start.elapsed() < BUDGET, "answered after {:?}", start.elapsed());
            check_provisional(&reply)?;
            ensure!(
                reply.header("location") == format!("{}/{}", licenses(&customer), reply.id()),
                "{}",
                reply.header("location")
            );
            granted.insert(reply.id().to_owned(), (customer.clone(), reply.body));
        }
        Ok(granted)
    });
    Ok(try_join_all(customers).await?.into_iter().flatten().collect())
}

/// Each call tries until shortly before its function's time is up, so all are made at once.
async fn all_else_is_unavailable(client: &Client, license: &str) -> Result<()> {
    let customer = "/licensing/customers/customer-0";
    let path = format!("{customer}/licenses/{license}");
    let played = json!([{ "eventId": "e", "kind": "START", "at": "2026-01-01T00:00:00Z" }]);
    let mut calls = vec![
        ("PUT", "/licensing/policy".to_owned(), json!({})),
        ("POST", format!("{path}/sessions"), played),
        ("POST", format!("{customer}/devices/tablet/deactivate"), Value::Null),
        ("GET", path.clone(), Value::Null),
    ];
    for what in ["downloaded", "renew", "release"] {
        calls.push(("POST", format!("{path}/{what}"), Value::Null));
    }
    for query in ["licenses", "devices", "downloads", "allowance", "events"] {
        calls.push(("GET", format!("{customer}/{query}"), Value::Null));
    }
    let calls = calls.into_iter().map(async |(method, path, body)| {
        let call = client.call(method, &path);
        let call = if body.is_null() { call } else { call.json(&body) };
        let reply = call.send().await?.expect(503).with_context(|| path.clone())?;
        ensure!(!reply.header("retry-after").is_empty(), "{path}: {}", reply.body);
        Ok(())
    });
    try_join_all(calls).await.map(|_| ())
}

/// Every grant gets into its customer's stream and the views, once, as it was answered.
async fn all_are_written_once(
    platform: &Platform,
    client: &Client,
    granted: &Granted,
) -> Result<()> {
    for (id, (customer, answer)) in granted {
        let path = format!("{}/{id}", licenses(customer));
        eventually(PATIENCE, &path, || async {
            Ok(client.call("GET", &path).send().await?.status == 200)
        })
        .await?;
        let license = client.get(&path).await?.body;
        for field in [
            "licenseId",
            "titleId",
            "studioId",
            "deviceId",
            "acquiredAt",
            "expiresAt",
            "released",
            "provisional",
        ] {
            ensure!(
                license[field] == answer[field],
                "{field} of {license}, which was answered as {answer}"
            );
        }
    }
    platform.settled_within(PATIENCE).await?;
    let mut written: BTreeMap<String, usize> = BTreeMap::new();
    for number in 0..CUSTOMERS {
        for event in dump(client, &format!("customer-{number}")).await? {
            if event["type"] == "LicenseGrantedProvisionally" {
                *written
                    .entry(event["data"]["licenseId"].as_str().unwrap_or_default().to_owned())
                    .or_default() += 1;
            }
        }
    }
    assert_eq!(written, granted.keys().map(|id| (id.clone(), 1)).collect());
    Ok(())
}
