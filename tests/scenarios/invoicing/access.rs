//! Whose things are whose, and what the functions themselves may do.

use anyhow::Result;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use headwater_tests::{Client, Reply};
use serde_json::{Value, json};

use super::support::{INVOICES, draft, invoice, issued, item, mail, payment};
use crate::support::{events, shared_platform};

/// A call on the draft `d`, the issued invoice `i` or the customer `c`: method, path, body.
type Route = (&'static str, &'static str, Value);

fn routes() -> Vec<Route> {
    let bolt = || json!({ "name": "Bolt", "email": "pay@bolt.example" });
    vec![
        ("POST", "/invoicing/invoices", invoice("fresh", &[])),
        ("PUT", "/invoicing/invoices/d/customer", bolt()),
        ("PUT", "/invoicing/invoices/d/currency", json!({ "currency": "USD" })),
        ("POST", "/invoicing/invoices/d/line-items", item()),
        ("PUT", "/invoicing/invoices/d/line-items/1", item()),
        ("DELETE", "/invoicing/invoices/d/line-items/1", Value::Null),
        ("POST", "/invoicing/invoices/d/issue", Value::Null),
        ("POST", "/invoicing/invoices/i/send", mail()),
        ("POST", "/invoicing/invoices/i/payments", payment("1.00", "bank")),
        ("POST", "/invoicing/invoices/i/void", Value::Null),
        ("DELETE", "/invoicing/invoices/d", Value::Null),
        (
            "POST",
            "/invoicing/customers",
            json!({ "id": "fresh", "name": "X", "email": "x@example.com" }),
        ),
        ("PATCH", "/invoicing/customers/c", json!({ "name": "C" })),
        ("POST", "/invoicing/execute", json!({ "command": "VoidInvoice", "aggregateId": "i" })),
        ("GET", "/invoicing/invoices/d", Value::Null),
        ("GET", "/invoicing/invoices/d?version=1", Value::Null),
        ("GET", "/invoicing/invoices/d/document", Value::Null),
        ("GET", "/invoicing/invoices", Value::Null),
        ("GET", "/invoicing/reports/revenue", Value::Null),
        ("GET", "/invoicing/customers/c", Value::Null),
        ("GET", "/invoicing/customers", Value::Null),
        ("GET", "/invoicing/changes", Value::Null),
        ("GET", "/events/invoicing/invoices/d", Value::Null),
        ("GET", "/states/invoicing/invoices/d", Value::Null),
        ("GET", "/events/invoicing/invoice-numbers", Value::Null),
    ]
}

async fn send(client: &Client, (method, path, body): &Route) -> Result<Reply> {
    let call = client.call(method, path);
    let call = if body.is_null() { call } else { call.json(body) };
    call.send().await
}

/// A draft, an issued invoice and a customer.
async fn things(client: &Client) -> Result<()> {
    draft(client, "d").await?;
    issued(client, "i").await?;
    client
        .post("/invoicing/customers", &json!({ "id": "c", "name": "C", "email": "c@example.com" }))
        .await?
        .expect(201)?;
    Ok(())
}

#[tokio::test]
async fn another_tenants_things_are_not_there() -> Result<()> {
    let platform = shared_platform()?;
    let owner = platform.client("invoicing-owner").await?;
    things(&owner).await?;
    platform.settled().await?;
    let before = events(&owner, "invoicing/invoices/d").await?;
    let stranger = platform.client("invoicing-stranger").await?;
    for route in routes() {
        let reply = send(&stranger, &route).await?;
        let (method, path, ..) = route;
        if path.contains("/d")
            || path.contains("/i/")
            || path.ends_with("/c")
            || path.ends_with("-numbers")
            || path.ends_with("execute")
        {
            reply
                .problem(404, "not-found")
                .map_err(|error| error.context(format!("{method} {path}")))?;
        } else if method == "GET" {
            let shown = reply.body.to_string();
            for id in ["d", "i", "c"] {
                assert!(
                    !shown.contains(&format!("\"id\":\"{id}\""))
                        && !shown.contains(&format!("s/{id}\"")),
                    "{method} {path}: {shown}"
                );
            }
        }
    }
    platform.settled().await?;
    let its_own = stranger.get(INVOICES).await?.body["items"].as_array().map(Vec::len);
    assert_eq!(its_own, Some(1), "what it has created itself");
    assert_eq!(events(&owner, "invoicing/invoices/d").await?, before, "nothing was written");
    let token = draft(&owner, "another").await?.token().to_owned();
    let foreign = stranger.call("GET", INVOICES).header("consistency-token", &token);
    foreign.send().await?.problem(400, "invalid-token")?;
    Ok(())
}

#[tokio::test]
async fn functions_may_append_and_read_but_not_rewrite() -> Result<()> {
    let platform = shared_platform()?;
    let (events, views) =
        (platform.table("EventsTable").await?, platform.table("ViewsTable").await?);
    let s = |text: &str| AttributeValue::S(text.to_owned());
    let denied = |code: Option<&str>| assert_eq!(code, Some("AccessDeniedException"));
    for function in ["invoicing-issue-invoice", "invoicing-execute"] {
        let command = platform.dynamodb_as(function).await?;
        let key =
            |call: aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder| {
                call.key("stream", s("a/b/c/d")).key("seq", AttributeValue::N("1".to_owned()))
            };
        denied(
            key(command.delete_item().table_name(&events))
                .send()
                .await
                .err()
                .and_then(|error| error.code().map(str::to_owned))
                .as_deref(),
        );
        let view =
            command.get_item().table_name(&views).key("pk", s("x")).key("sk", s("x")).send().await;
        denied(view.err().and_then(|error| error.code().map(str::to_owned)).as_deref());
    }
    let query = platform.dynamodb_as("invoicing-list-invoices").await?;
    let write =
        query.put_item().table_name(&views).item("pk", s("x")).item("sk", s("x")).send().await;
    denied(write.err().and_then(|error| error.code().map(str::to_owned)).as_deref());
    Ok(())
}
