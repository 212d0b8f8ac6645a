//! What acquiring costs while the store is gone, and however long the customer's history is. What
//! each call costs otherwise is measured in [`crate::contracts`].

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use headwater::{Context, Decide};
use headwater_dynamodb::{Done, EventStore, Execution, Expected, Origin, StoreConfig};
use headwater_tests::{Client, Platform};
use jiff::{SignedDuration, Timestamp};
use licensing::{
    AcquireLicense, Customer, LicenseRequest, PolicyInForce, ReleaseLicense, ReportDownloaded,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{acquire, try_acquire};
use crate::support::own_platform;

const ACQUIRE: &str = "licensing-acquire-license";

/// How far a customer's licences of the past lie apart: so the state has filled up after 276
/// events, a year of them.
const APART: SignedDuration = SignedDuration::from_hours(4 * 24);

async fn spent(platform: &Platform) -> Result<Value> {
    let spent = platform.meter(ACQUIRE).await?;
    platform.reset_meter().await?;
    Ok(spent)
}

/// Acquires by a process that was just started. What its start costs is not counted: that is asked
/// for by what is refused before anything is read.
async fn cold_acquire(
    platform: &Platform,
    client: &Client,
    customer: &str,
    title: &str,
) -> Result<Value> {
    platform.kill_function(ACQUIRE).await?;
    client
        .post("/licensing/customers/ada/licenses", &json!({}))
        .await?
        .problem(422, "invalid-request")?;
    platform.reset_meter().await?;
    acquire(client, customer, title, "tablet").await?;
    spent(platform).await
}

#[tokio::test]
async fn an_acquire_without_the_store_is_one_put_on_the_queue() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("costs").await?;
    acquire(&client, "ada", "a", "tablet").await?;
    platform.fault(
        json!({ "service": "dynamodb", "fault": "unreachable", "rate": 1.0, "function": ACQUIRE })
    ).await?;
    platform.reset_meter().await?;
    let reply = try_acquire(&client, "ada", "b", "tablet").await?.expect(201)?;
    assert_eq!(reply.body["provisional"], true);
    let spent = spent(&platform).await?;
    assert_eq!(spent["PutRecords"]["calls"], 1, "{spent}");
    let units = |spent: &Value| spent["readUnits"] == 0.0 && spent["writeUnits"] == 0.0;
    assert!(spent.as_object().is_some_and(|operations| operations.values().all(units)), "{spent}");
    Ok(())
}

#[tokio::test]
async fn an_acquire_costs_the_same_after_900_events_as_after_300() -> Result<()> {
    after_300_and_after(900).await
}

#[tokio::test]
#[ignore = "long: 3,000 events, one by one"]
async fn an_acquire_costs_the_same_after_3_000_events_as_after_300() -> Result<()> {
    after_300_and_after(3_000).await
}

async fn after_300_and_after(many: u64) -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("costs").await?;
    // What feeds the projector is stopped, so that nothing else is busy.
    platform.event_source("relay", false).await?;
    let store = store(&platform).await?;
    let mut costs = Vec::new();
    for events in [300, many] {
        let customer = format!("customer-{events}");
        append_history(&store, &customer, events).await?;
        costs.push(measure(&platform, &client, &customer).await?);
    }
    let (early, late) = (&costs[0], &costs[1]);
    assert_eq!((early.warm_calls, late.warm_calls), (WARM, WARM), "one each");
    assert_eq!((early.cold_calls, late.cold_calls), (3 * COLD, 3 * COLD), "three each");
    let flat = |early: f64, late: f64| late <= early * 1.1 + 1.0;
    assert!(
        flat(early.warm_write_units, late.warm_write_units),
        "snapshots included: {early:?} {late:?}"
    );
    assert!(flat(early.cold_read_units, late.cold_read_units), "{early:?} {late:?}");
    Ok(())
}

/// How many acquires are metered in a warm process, and how many in one that was just started.
const WARM: u64 = 20;
const COLD: u64 = 6;

#[derive(Debug)]
struct Cost {
    warm_calls: u64,
    warm_write_units: f64,
    cold_calls: u64,
    cold_read_units: f64,
}

async fn measure(platform: &Platform, client: &Client, customer: &str) -> Result<Cost> {
    let mut cold = Vec::new();
    for i in 0..COLD {
        cold.push(cold_acquire(platform, client, customer, &format!("cold-{i}")).await?);
    }
    for i in 0..WARM {
        acquire(client, customer, &format!("warm-{i}"), "tablet").await?;
    }
    let warm = spent(platform).await?;
    let sum = |field: &str, spent: &Value| -> f64 {
        spent
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(_, operation)| operation[field].as_f64())
            .sum()
    };
    let cold_sum = |field: &str| cold.iter().map(|spent| sum(field, spent)).sum::<f64>();
    Ok(Cost {
        warm_calls: sum("calls", &warm) as u64,
        warm_write_units: sum("writeUnits", &warm),
        cold_calls: cold_sum("calls") as u64,
        cold_read_units: cold_sum("readUnits"),
    })
}

async fn store(platform: &Platform) -> Result<EventStore> {
    let config = StoreConfig {
        events_table: platform.table("EventsTable").await?,
        idempotency_table: None,
        unique_key: None,
    };
    Ok(EventStore::new(platform.dynamodb().await?, config))
}

/// Licences that were acquired, downloaded and released, one after the other up to now, with the
/// store itself: the way through HTTP would take minutes.
async fn append_history(store: &EventStore, customer: &str, events: u64) -> Result<()> {
    let licenses = i32::try_from(events / 3)?;
    let start = Timestamp::now().checked_sub(APART.checked_mul(licenses).context("too many")?)?;
    for number in 0..licenses {
        let now = start.checked_add(APART.checked_mul(number).context("too many")?)?;
        let license_id = format!("license-{number}");
        let request = LicenseRequest {
            title_id: format!("title-{}", number % 50).into(),
            studio_id: "studio".into(),
            device_id: "tablet".into(),
        };
        let acquire = AcquireLicense {
            license_id: license_id.clone().into(),
            earlier: None,
            request,
            policy: PolicyInForce::default(),
        };
        execute(store, customer, &acquire, now).await?;
        execute(
            store,
            customer,
            &ReportDownloaded { license_id: license_id.clone().into(), past: None },
            now,
        )
        .await?;
        execute(
            store,
            customer,
            &ReleaseLicense { license_id: license_id.into(), past: None },
            now,
        )
        .await?;
    }
    Ok(())
}

async fn execute<C: Decide<Aggregate = Customer>>(
    store: &EventStore,
    customer: &str,
    command: &C,
    now: Timestamp,
) -> Result<()> {
    let execution = Execution {
        stream: licensing::customer::stream("costs", customer)?,
        command,
        context: Context {
            now,
            id: customer.to_owned(),
            fresh_id: Uuid::nil(),
            actor: "tester".to_owned(),
        },
        origin: Origin { correlation_id: Uuid::nil().to_string(), ..Origin::default() },
        expected: Expected::default(),
        is_new: false,
        idempotency: None,
        deadline: Instant::now() + Duration::from_secs(5),
    };
    match store.execute(execution).await? {
        Done::Committed(_) => Ok(()),
        other => anyhow::bail!("{other:?}"),
    }
}
