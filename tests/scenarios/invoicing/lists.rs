//! The lists of invoices: by status, customer and time, as fresh as a token demands.

use anyhow::Result;
use headwater_tests::Client;
use serde_json::{Value, json};

use super::support::{INVOICES, draft, get_with, invoice, item, mail, path, payment, post};
use crate::support::{own_platform, shared_platform};

const DAY: i64 = 24 * 3600;

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().filter_map(|item| item["id"].as_str()).collect()
}

async fn listed(client: &Client, query: &str) -> Result<Vec<String>> {
    Ok(ids(&client.all(&format!("{INVOICES}?limit=2{query}")).await?)
        .iter()
        .map(|id| (*id).to_owned())
        .collect())
}

/// An invoice for this customer of ours.
fn of_customer(id: &str, customer: &str) -> Value {
    let mut invoice = invoice(id, &[item()]);
    invoice["customer"]["id"] = customer.into();
    invoice
}

#[tokio::test]
async fn invoices_are_listed_newest_first_by_status_customer_and_time() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("lists").await?;
    let mut dates = Vec::new();
    // Two a day, for one customer and the other.
    for day in 0..3 {
        for customer in ["ada", "bob"] {
            let id = format!("{customer}-{day}");
            let created = client.post(INVOICES, &of_customer(&id, customer)).await?.expect(201)?;
            let created_at =
                get_with(&client, &path(&id), created.token()).await?.body["createdAt"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
            dates.push(created_at);
        }
        platform.dev("POST", "/dev/clock", Some(json!({ "advanceSeconds": DAY }))).await?;
    }
    post(&client, "ada-0", "issue", &json!({})).await?.expect(200)?;
    post(&client, "ada-1", "issue", &json!({})).await?.expect(200)?;
    post(&client, "ada-1", "send", &mail()).await?.expect(200)?;
    post(&client, "bob-1", "issue", &json!({})).await?.expect(200)?;
    post(&client, "bob-1", "payments", &payment("29.75", "bank")).await?.expect(200)?;
    post(&client, "bob-2", "issue", &json!({})).await?.expect(200)?;
    post(&client, "bob-2", "void", &json!({})).await?.expect(200)?;
    platform.settled().await?;

    let all = ["bob-2", "ada-2", "bob-1", "ada-1", "bob-0", "ada-0"];
    assert_eq!(listed(&client, "").await?, all, "a change does not move an invoice in the list");
    for (status, expected) in [
        ("DRAFT", vec!["ada-2", "bob-0"]),
        ("ISSUED", vec!["ada-0"]),
        ("SENT", vec!["ada-1"]),
        ("PAID", vec!["bob-1"]),
        ("VOID", vec!["bob-2"]),
    ] {
        assert_eq!(listed(&client, &format!("&status={status}")).await?, expected, "{status}");
    }
    assert_eq!(listed(&client, "&customerId=ada").await?, ["ada-2", "ada-1", "ada-0"]);
    assert_eq!(listed(&client, "&customerId=bob&status=PAID").await?, ["bob-1"]);
    assert_eq!(listed(&client, "&customerId=nobody").await?, [] as [&str; 0]);

    let day = |index: usize| dates[index].get(..10).unwrap_or_default().to_owned();
    for (from, to, expected) in [
        (Some(day(2)), None, vec!["bob-2", "ada-2", "bob-1", "ada-1"]),
        (None, Some(day(2)), vec!["bob-1", "ada-1", "bob-0", "ada-0"]),
        (Some(day(2)), Some(day(2)), vec!["bob-1", "ada-1"]),
        (Some(dates[1].clone()), Some(dates[3].clone()), vec!["bob-1", "ada-1", "bob-0"]),
        (Some(dates[3].clone()), Some(dates[3].clone()), vec!["bob-1"]),
        (Some(day(4)), Some(day(0)), vec![]),
        (Some("1869-01-01".to_owned()), Some("9998-12-31".to_owned()), all.to_vec()),
    ] {
        let part = |name: &str, text: Option<String>| {
            text.map(|text| format!("&{name}={text}")).unwrap_or_default()
        };
        let query = part("from", from) + &part("to", to);
        assert_eq!(listed(&client, &query).await?, expected, "{query}");
        let of_bob: Vec<&str> =
            expected.iter().copied().filter(|id| id.starts_with("bob")).collect();
        assert_eq!(listed(&client, &format!("{query}&customerId=bob")).await?, of_bob, "{query}");
    }
    for (query, pointer) in [
        ("from=yesterday", "/query/from"),
        ("to=2026-02-30", "/query/to"),
        ("status=draft", "/query/status"),
        ("status=DELETED", "/query/status"),
        ("customerId=a%2Fb", "/query/customerId"),
        ("state=DRAFT", "/query/state"),
    ] {
        let reply = client
            .call("GET", &format!("{INVOICES}?{query}"))
            .send()
            .await?
            .problem(422, "invalid-request")?;
        assert_eq!(reply.body["errors"][0]["pointer"], pointer, "{query}");
    }
    Ok(())
}

#[tokio::test]
async fn a_token_puts_an_invoice_where_it_belongs_however_far_the_views_have_got() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("lists-fresh").await?;
    draft(&client, "old").await?;
    platform.settled().await?;
    platform.event_source("relay", false).await?;
    let issued = post(&client, "old", "issue", &json!({})).await?.expect(200)?;
    let new = draft(&client, "new").await?;
    let tokens = format!("{}, {}", issued.token(), new.token());
    for (query, expected) in
        [("", vec!["new", "old"]), ("?status=DRAFT", vec!["new"]), ("?status=ISSUED", vec!["old"])]
    {
        let list = get_with(&client, &format!("{INVOICES}{query}"), &tokens).await?.expect(200)?;
        assert_eq!(
            ids(list.body["items"].as_array().map_or(&[], Vec::as_slice)),
            expected,
            "{query}"
        );
    }
    let stale = client.get(&format!("{INVOICES}?status=DRAFT")).await?;
    assert_eq!(
        ids(stale.body["items"].as_array().map_or(&[], Vec::as_slice)),
        ["old"],
        "as the views have it"
    );
    Ok(())
}

#[tokio::test]
async fn the_change_feed_tells_of_every_commit_once() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("invoicing-feed").await?;
    draft(&client, "i").await?;
    client
        .post(
            "/invoicing/customers",
            &json!({ "id": "ada", "name": "Ada", "email": "ada@example.com" }),
        )
        .await?
        .expect(201)?;
    post(&client, "i", "issue", &json!({})).await?.expect(200)?;
    platform.settled().await?;
    let mut changes: Vec<(String, u64)> = client
        .all("/invoicing/changes?limit=2")
        .await?
        .iter()
        .map(|change| {
            (
                change["stream"].as_str().unwrap_or_default().to_owned(),
                change["version"].as_u64().unwrap_or_default(),
            )
        })
        .collect();
    let of_invoice: Vec<u64> = changes
        .iter()
        .filter(|(stream, _)| stream == "invoicing/invoices/i")
        .map(|(_, version)| *version)
        .collect();
    assert_eq!(of_invoice, [5, 8], "in order");
    changes.sort();
    let expected =
        [("invoicing/customers/ada", 3), ("invoicing/invoices/i", 5), ("invoicing/invoices/i", 8)];
    assert_eq!(changes, expected.map(|(stream, version)| (stream.to_owned(), version)));
    Ok(())
}
