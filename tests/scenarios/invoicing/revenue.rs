//! Revenue: what the invoices amount to, to the cent, whatever happens on the way from the events
//! to the sums.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use headwater_tests::{Client, Platform};
use serde_json::{Value, json};

use super::support::{INVOICES, draft, get_with, invoice, issued, payment, post};
use crate::support::{own_platform, shared_platform};

const REVENUE: &str = "/invoicing/reports/revenue";

/// A line of a report: invoices, net, tax, gross, paid, by period and currency.
type Report = BTreeMap<(String, String), [i128; 5]>;

async fn report(client: &Client, query: &str) -> Result<Report> {
    let body = client.get(&format!("{REVENUE}?{query}")).await?.body;
    let items = body["items"].as_array().context("no items")?;
    items
        .iter()
        .map(|item| Ok(((text(&item["period"]), text(&item["currency"])), amounts(item)?)))
        .collect()
}

fn amounts(item: &Value) -> Result<[i128; 5]> {
    let count = item["invoices"].as_i64().context("no count")?;
    Ok([
        count.into(),
        minor(&item["net"])?,
        minor(&item["tax"])?,
        minor(&item["gross"])?,
        minor(&item["paid"])?,
    ])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// An amount in minor units: all amounts of a currency have the same decimals.
fn minor(amount: &Value) -> Result<i128> {
    text(amount).replace('.', "").parse().with_context(|| amount.to_string())
}

/// The same, added up from the invoices one by one; of the time of issue and payment, so many
/// characters say the period.
async fn added_up(client: &Client, period: usize) -> Result<Report> {
    let mut report = Report::new();
    for listed in client.all(INVOICES).await? {
        let invoice = client.get(&format!("{INVOICES}/{}", text(&listed["id"]))).await?.body;
        if invoice["issuedAt"].is_null() || invoice["status"] == "VOID" {
            continue;
        }
        let currency = text(&invoice["currency"]);
        let mut line = |at: &Value, amounts: [i128; 5]| {
            let sums = report.entry((text(at)[..period].to_owned(), currency.clone())).or_default();
            sums.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += amount);
        };
        let totals = &invoice["totals"];
        line(
            &invoice["issuedAt"],
            [1, minor(&totals["net"])?, minor(&totals["tax"])?, minor(&totals["gross"])?, 0],
        );
        for payment in invoice["payments"].as_array().into_iter().flatten() {
            line(&payment["at"], [0, 0, 0, 0, minor(&payment["amount"])?]);
        }
    }
    Ok(report)
}

/// Lines of amounts that are rounded, in currencies of no, two and three decimals.
fn drafted(number: usize) -> Value {
    let (currency, price) = [("EUR", "12.55"), ("JPY", "1255"), ("KWD", "1.255")][number % 3];
    let item = |quantity: &str, tax_rate: &str| {
        json!({
            "description": "Tea",
            "quantity": quantity,
            "unitPrice": price,
            "taxRate": tax_rate,
        })
    };
    let mut body = invoice(
        &format!("i{number}"),
        &[item("1.5", "0.19"), item("0.3333", "0.07"), item("7", "0")],
    );
    body["currency"] = currency.into();
    body
}

/// What happens to an invoice after its issue: it is sent, paid in part, altogether or on another
/// day, or void.
async fn lead(client: &Client, number: usize, currency: &str) -> Result<()> {
    let id = format!("i{number}");
    let amount =
        |euros: &str| if currency == "JPY" { euros.replace('.', "") } else { euros.to_owned() };
    let pay = |amount: String, at: &str, reference: &str| {
        json!({
            "amount": amount,
            "at": at,
            "reference": reference,
        })
    };
    match number % 5 {
        0 => drop(post(client, &id, "void", &json!({})).await?.expect(200)?),
        1 => {
            post(client, &id, "payments", &pay(amount("1.01"), "2026-02-03T23:59:59.999Z", "a"))
                .await?
                .expect(200)?;
            post(client, &id, "payments", &pay(amount("2.02"), "2026-02-04T00:00:00Z", "b"))
                .await?
                .expect(200)?;
            post(client, &id, "payments", &pay(amount("2.02"), "2026-02-04T00:00:00Z", "b"))
                .await?
                .expect(200)?;
        }
        2 => {
            post(client, &id, "send", &json!({ "subject": "Invoice", "message": "Please pay." }))
                .await?
                .expect(200)?;
            let due =
                client.get(&format!("{INVOICES}/{id}?version=10")).await?.body["totals"]["due"]
                    .clone();
            post(client, &id, "payments", &pay(text(&due), "2025-12-31T22:00:00-05:00", "all"))
                .await?
                .expect(200)?;
        }
        _ => {}
    }
    Ok(())
}

#[tokio::test]
async fn revenue_is_the_sum_over_the_invoices_to_the_cent() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("revenue").await?;
    for fault in [
        json!({ "service": "kinesis", "fault": "duplicate", "rate": 0.5 }),
        json!({ "service": "kinesis", "fault": "reorder", "rate": 0.5 }),
        json!({
            "service": "dynamodb",
            "fault": "lost-reply",
            "rate": 0.1,
            "function": "invoicing-project",
        }),
        json!({
            "service": "dynamodb",
            "fault": "transaction-conflict",
            "rate": 0.1,
            "function": "invoicing-project",
        }),
    ] {
        platform.fault(fault).await?;
    }
    for number in 0..40 {
        let body = drafted(number);
        client.post(INVOICES, &body).await?.expect(201)?;
        if number % 8 != 7 {
            post(&client, &format!("i{number}"), "issue", &json!({})).await?.expect(200)?;
            lead(&client, number, &text(&body["currency"])).await?;
        }
        if number % 10 == 9 {
            platform.kill_function("invoicing-project").await?;
            platform
                .dev("POST", "/dev/clock", Some(json!({ "advanceSeconds": 19 * 24 * 3600 })))
                .await?;
        }
    }
    for service in ["kinesis", "dynamodb"] {
        platform.fault(json!({ "service": service, "fault": "none" })).await?;
    }
    platform.settled().await?;

    for (by, period) in [("by=day", 10), ("by=month", 7)] {
        let expected = added_up(&client, period).await?;
        let mut found = Report::new();
        // By day a report is of a year at the most.
        for (from, to) in [("2025-12-01", "2026-11-30"), ("2026-12-01", "2027-11-30")] {
            found.extend(report(&client, &format!("{by}&from={from}&to={to}")).await?);
        }
        assert!(expected.len() > 8 && found.values().any(|line| line[0] == 0), "{expected:?}");
        assert_eq!(found, expected, "{by}");
    }
    let yen = report(&client, "by=month&from=2025-12&to=2027-11&currency=JPY").await?;
    assert!(!yen.is_empty() && yen.keys().all(|(_, currency)| currency == "JPY"), "{yen:?}");
    Ok(())
}

/// The only line of the last 30 days, without its period.
async fn only_line(client: &Client, token: &str) -> Result<Option<Value>> {
    let report =
        client.call("GET", REVENUE).header("consistency-token", token).header("prefer", "wait=10");
    let mut items =
        report.send().await?.expect(200)?.body["items"].as_array().context("no items")?.clone();
    assert!(items.len() <= 1, "{items:?}");
    Ok(items.pop().map(|mut item| {
        item["period"] = Value::Null;
        item
    }))
}

fn line(invoices: u32, net: &str, tax: &str, gross: &str, paid: &str) -> Option<Value> {
    Some(json!({
        "period": null,
        "currency": "EUR",
        "invoices": invoices,
        "net": net,
        "tax": tax,
        "gross": gross,
        "paid": paid,
    }))
}

#[tokio::test]
async fn a_token_brings_the_report_up_to_it() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("revenue-tokens").await?;
    let token = draft(&client, "a").await?.token().to_owned();
    assert_eq!(only_line(&client, &token).await?, None, "a draft is none");
    let token = issued(&client, "b").await?.token().to_owned();
    assert_eq!(only_line(&client, &token).await?, line(1, "25.00", "4.75", "29.75", "0.00"));
    let token = post(&client, "a", "issue", &json!({})).await?.expect(200)?.token().to_owned();
    assert_eq!(only_line(&client, &token).await?, line(2, "50.00", "9.50", "59.50", "0.00"));
    let long_ago = json!({ "amount": "10.00", "at": "2001-02-03T04:05:06Z", "reference": "late" });
    let token = post(&client, "a", "payments", &long_ago).await?.expect(200)?.token().to_owned();
    assert_eq!(only_line(&client, &token).await?, line(2, "50.00", "9.50", "59.50", "0.00"));
    let then = client.get(&format!("{REVENUE}?by=month&from=2001-02&to=2001-02")).await?.body;
    let expected = json!([
        {
            "period": "2001-02",
            "currency": "EUR",
            "invoices": 0,
            "net": "0.00",
            "tax": "0.00",
            "gross": "0.00",
            "paid": "10.00",
        }
    ]);
    assert_eq!(
        (&then["from"], &then["to"], &then["items"]),
        (&json!("2001-02-01"), &json!("2001-02-28"), &expected)
    );
    let token = post(&client, "b", "void", &json!({})).await?.expect(200)?.token().to_owned();
    assert_eq!(only_line(&client, &token).await?, line(1, "25.00", "4.75", "29.75", "0.00"));

    let reply = get_with(&client, REVENUE, &token).await?;
    let again = client
        .call("GET", REVENUE)
        .header("if-none-match", reply.etag())
        .header("consistency-token", reply.token());
    again.send().await?.expect(304)?;
    assert_eq!(
        platform.client("others-revenue").await?.get(REVENUE).await?.body["items"],
        json!([]),
        "another tenant's"
    );
    let beyond = "\"revenue-tokens/invoicing/invoices/a@99\"";
    get_with(&client, REVENUE, beyond).await?.problem(400, "token-ahead")?;
    Ok(())
}

#[tokio::test]
async fn a_report_is_never_older_than_its_token() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("revenue").await?;
    platform.event_source("invoicing-project", false).await?;
    let token = issued(&client, "a").await?.token().to_owned();
    let behind =
        client.call("GET", REVENUE).header("consistency-token", &token).header("prefer", "wait=0");
    behind.send().await?.problem(503, "not-caught-up")?;
    assert_eq!(
        client.get(REVENUE).await?.body["items"],
        json!([]),
        "without a token, what there is"
    );
    platform.event_source("invoicing-project", true).await?;
    platform.settled().await?;
    assert_eq!(only_line(&client, &token).await?, line(1, "25.00", "4.75", "29.75", "0.00"));
    costs(&platform, &client).await
}

/// A report is one query of its lines, however many invoices they are the sum of; the other query
/// is for the token of the answer.
async fn costs(platform: &Platform, client: &Client) -> Result<()> {
    platform.reset_meter().await?;
    client.get(&format!("{REVENUE}?by=month")).await?;
    let meter = platform.meter("invoicing-get-revenue").await?;
    assert_eq!(meter, json!({ "Query": { "calls": 2, "readUnits": 2.0, "writeUnits": 0.0 } }));
    platform.reset_meter().await?;
    post(client, "a", "payments", &payment("1.00", "one")).await?.expect(200)?;
    platform.settled().await?;
    let meter = platform.meter("invoicing-project").await?;
    assert_eq!(meter["TransactWriteItems"]["calls"], 2, "the row with its sums, the feed: {meter}");
    Ok(())
}

#[tokio::test]
async fn what_is_no_range_is_refused() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("revenue-ranges").await?;
    for (query, pointer) in [
        ("from=yesterday", "/query/from"),
        ("from=2026-11", "/query/from"),
        ("to=2026-02-30", "/query/to"),
        ("from=2026-02-02&to=2026-02-01", "/query/from"),
        ("from=2024-01-01&to=2026-01-01", "/query/from"),
        ("by=week", "/query/by"),
        ("currency=euro", "/query/currency"),
        ("year=2026", "/query/year"),
    ] {
        let refused = client
            .call("GET", &format!("{REVENUE}?{query}"))
            .send()
            .await?
            .problem(422, "invalid-request")?;
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{query}: {}", refused.body);
    }
    Ok(())
}
