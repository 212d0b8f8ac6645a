//! What each command and query costs, in calls and units: contracts.

use anyhow::Result;
use headwater_tests::{Client, Platform, Reply};
use serde_json::{Value, json};

use super::support::{INVOICES, draft, invoice, item, mail, payment, post};
use crate::support::own_platform;

/// What a function has spent on a call: operations of DynamoDB in order of name, each with its calls and units.
type Spent = Vec<(String, u64, f64)>;

/// What a call should cost.
type Cost = &'static [(&'static str, u64, f64)];

/// A commit on what the function has not seen: its newest page is read, then it is written.
const COLD: Cost = &[("PutItem", 1, 1.0), ("Query", 1, 1.0)];

/// A commit on what the function has seen as it still is.
const WARM: Cost = &[("PutItem", 1, 1.0)];

/// A commit on what another function has changed since: the first write is lost, and brings what was lacking.
const OVERTAKEN: Cost = &[("PutItem", 2, 2.0)];

/// A commit and the number that it takes, each an item of a transaction; the invoice and the sequence are read.
const NUMBERED: Cost = &[("Query", 2, 2.0), ("TransactWriteItems", 1, 4.0)];

struct Meter {
    platform: Platform,
    client: Client,
}

impl Meter {
    /// What feeds the projector is stopped, so that nothing else is busy.
    async fn start() -> Result<Self> {
        let platform = own_platform()?;
        let client = platform.client("costs").await?;
        platform.event_source("relay", false).await?;
        Ok(Self { platform, client })
    }

    /// Has the process of a call's function started, by what is refused before anything is read: what a start costs is not counted.
    async fn warm_up(&self, method: &str, path: &str) -> Result<()> {
        let nonsense = if method == "GET" { format!("{path}?nonsense=1") } else { path.to_owned() };
        self.client.call(method, &nonsense).json(&json!({ "nonsense": 1 })).send().await?.problem(422, "invalid-request").map(|_| ())
    }

    async fn call(&self, function: &str, method: &str, path: &str, body: &Value, token: Option<&str>) -> Result<(Reply, Spent)> {
        self.platform.reset_meter().await?;
        let call = self.client.call(method, path);
        let call = if body.is_null() { call } else { call.json(body) };
        let call = token.iter().fold(call, |call, token| call.header("consistency-token", token));
        let reply = call.send().await?;
        let spent = self.platform.meter(function).await?;
        let number = |value: &Value| value.as_f64().unwrap_or_default();
        let operations = spent.as_object().into_iter().flatten();
        let of = |(name, spent): (&String, &Value)| {
            (name.clone(), spent["calls"].as_u64().unwrap_or_default(), number(&spent["readUnits"]) + number(&spent["writeUnits"]))
        };
        let mut spent: Spent = operations.map(of).collect();
        spent.sort_by(|a, b| a.0.cmp(&b.0));
        Ok((reply, spent))
    }

    /// Sends a command, which must succeed at this cost.
    async fn command(&self, function: &str, method: &str, path: &str, body: Value, cost: Cost) -> Result<Reply> {
        let (reply, spent) = self.call(function, method, path, &body, None).await?;
        assert!(reply.status < 300, "{method} {path}: {}", reply.body);
        assert_eq!(spent, expected(cost), "{method} {path} {body}");
        Ok(reply)
    }
}

fn expected(cost: Cost) -> Spent {
    cost.iter().map(|(name, calls, units)| ((*name).to_owned(), *calls, *units)).collect()
}

#[tokio::test]
async fn a_command_is_one_write_and_one_read_where_the_invoice_was_not_seen() -> Result<()> {
    let meter = Meter::start().await?;
    let pay = |reference: &str| payment("1.00", reference);
    let customer = json!({ "name": "Bolt", "email": "pay@bolt.example" });
    let line = |n: u32| format!("/invoicing/invoices/i/line-items/{n}");
    let at = |what: &str| format!("/invoicing/invoices/i/{what}");
    for (method, path) in [
        ("POST", INVOICES),
        ("PUT", "/invoicing/invoices/x/customer"),
        ("PUT", "/invoicing/invoices/x/currency"),
        ("POST", "/invoicing/invoices/x/line-items"),
        ("PUT", "/invoicing/invoices/x/line-items/1"),
        ("DELETE", "/invoicing/invoices/x/line-items/1"),
        ("POST", "/invoicing/invoices/x/issue"),
        ("POST", "/invoicing/invoices/x/send"),
        ("POST", "/invoicing/invoices/x/payments"),
        ("POST", "/invoicing/invoices/x/void"),
        ("DELETE", "/invoicing/invoices/x"),
    ] {
        meter.warm_up(method, path).await?;
    }
    meter.command("invoicing-create-invoice", "POST", INVOICES, invoice("i", &[item(), item()]), WARM).await?;
    meter.command("invoicing-add-line-item", "POST", &at("line-items"), item(), COLD).await?;
    meter.command("invoicing-add-line-item", "POST", &at("line-items"), item(), WARM).await?;
    meter.command("invoicing-change-line-item", "PUT", &line(1), item_at("2.00"), COLD).await?;
    meter.command("invoicing-add-line-item", "POST", &at("line-items"), item(), OVERTAKEN).await?;
    meter.command("invoicing-change-line-item", "PUT", &line(1), item_at("3.00"), OVERTAKEN).await?;
    meter.command("invoicing-change-line-item", "PUT", &line(1), item_at("4.00"), WARM).await?;
    meter.command("invoicing-remove-line-item", "DELETE", &line(2), Value::Null, COLD).await?;
    meter.command("invoicing-set-invoice-customer", "PUT", &at("customer"), customer, COLD).await?;
    meter.command("invoicing-set-invoice-currency", "PUT", &at("currency"), json!({ "currency": "USD" }), COLD).await?;
    meter.command("invoicing-issue-invoice", "POST", &at("issue"), Value::Null, NUMBERED).await?;
    meter.command("invoicing-send-invoice", "POST", &at("send"), mail(), COLD).await?;
    meter.command("invoicing-record-payment", "POST", &at("payments"), pay("one"), COLD).await?;
    meter.command("invoicing-record-payment", "POST", &at("payments"), pay("two"), WARM).await?;
    // What changes nothing is answered from what was just read.
    meter.command("invoicing-record-payment", "POST", &at("payments"), pay("two"), &[("Query", 1, 1.0)]).await?;

    // Decided on a version since which something came: that is read as well.
    let known = draft(&meter.client, "v").await?.version();
    post(&meter.client, "v", "line-items", &item()).await?.expect(200)?;
    let mut currency = json!({ "name": "Bolt", "email": "pay@bolt.example" });
    currency["version"] = known.into();
    let on_version: Cost = &[("PutItem", 1, 1.0), ("Query", 2, 2.0)];
    meter.command("invoicing-set-invoice-customer", "PUT", "/invoicing/invoices/v/customer", currency, on_version).await?;
    meter.command("invoicing-delete-invoice", "DELETE", "/invoicing/invoices/v", Value::Null, COLD).await?;
    draft(&meter.client, "w").await?;
    post(&meter.client, "w", "issue", &json!({})).await?.expect(200)?;
    meter.command("invoicing-void-invoice", "POST", "/invoicing/invoices/w/void", Value::Null, COLD).await?;
    Ok(())
}

fn item_at(unit_price: &str) -> Value {
    let mut item = item();
    item["unitPrice"] = unit_price.into();
    item
}

#[tokio::test]
async fn a_customers_address_is_claimed_in_the_same_transaction() -> Result<()> {
    let meter = Meter::start().await?;
    meter.warm_up("POST", "/invoicing/customers").await?;
    meter.warm_up("PATCH", "/invoicing/customers/x").await?;
    let ada = json!({ "id": "ada", "name": "Ada", "email": "ada@example.com" });
    meter.command("invoicing-create-customer", "POST", "/invoicing/customers", ada, &[("TransactWriteItems", 1, 4.0)]).await?;
    let patch = |body: Value, cost: Cost| meter.command("invoicing-patch-customer", "PATCH", "/invoicing/customers/ada", body, cost);
    patch(json!({ "name": "Ada L" }), COLD).await?;
    patch(json!({ "name": "Lady L" }), WARM).await?;
    patch(json!({ "email": "lovelace@example.com" }), &[("Query", 1, 1.0), ("TransactWriteItems", 1, 6.0)]).await?;
    Ok(())
}

#[tokio::test]
async fn the_decoder_costs_what_the_commands_own_calls_cost() -> Result<()> {
    let meter = Meter::start().await?;
    meter.warm_up("POST", "/invoicing/execute").await?;
    let execute = |command: &str, payload: Value, cost: Cost| {
        let body = json!({ "command": command, "aggregateId": "i", "payload": payload });
        meter.command("invoicing-execute", "POST", "/invoicing/execute", body, cost)
    };
    execute("CreateInvoice", invoice("i", &[item(), item()]), WARM).await?;
    // One function for all commands has seen what it did itself.
    execute("AddLineItem", item(), WARM).await?;
    execute("IssueInvoice", json!({}), &[("Query", 1, 1.0), ("TransactWriteItems", 1, 4.0)]).await?;
    execute("RecordPayment", payment("1.00", "one"), WARM).await?;
    Ok(())
}

#[tokio::test]
async fn an_invoice_is_read_in_one_call_and_in_two_where_its_view_is_behind() -> Result<()> {
    let meter = Meter::start().await?;
    let Meter { platform, client } = &meter;
    platform.event_source("relay", true).await?;
    let seen = draft(client, "i").await?;
    client.post("/invoicing/customers", &json!({ "id": "ada", "name": "Ada", "email": "ada@example.com" })).await?.expect(201)?;
    platform.settled().await?;
    platform.event_source("relay", false).await?;
    let (get, list, customer) = ("invoicing-get-invoice", "invoicing-list-invoices", "invoicing-get-customer");
    for path in ["/invoicing/invoices/i", INVOICES, "/invoicing/customers/ada"] {
        meter.warm_up("GET", path).await?;
    }
    let behind = post(client, "i", "line-items", &item()).await?.expect(200)?;
    let (seen, behind) = (Some(seen.token()), Some(behind.token()));
    let cases: [(&str, &str, Option<&str>, Cost); 6] = [
        (get, "/invoicing/invoices/i", None, &[("GetItem", 1, 0.5)]),
        (get, "/invoicing/invoices/i", seen, &[("GetItem", 1, 1.0)]),
        (get, "/invoicing/invoices/i", behind, &[("GetItem", 1, 1.0), ("Query", 1, 1.0)]),
        (get, "/invoicing/invoices/i?version=3", None, &[("Query", 1, 1.0)]),
        (customer, "/invoicing/customers/ada", None, &[("GetItem", 1, 0.5)]),
        (list, INVOICES, None, &[("BatchGetItem", 1, 0.5), ("Query", 2, 1.5)]),
    ];
    for (function, path, token, cost) in cases {
        let (reply, spent) = meter.call(function, "GET", path, &Value::Null, token).await?;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        assert_eq!(spent, expected(cost), "{path} {token:?}");
    }
    Ok(())
}
