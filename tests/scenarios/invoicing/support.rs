use anyhow::Result;
use headwater_tests::{Client, Reply};
use serde_json::{Value, json};

/// Where invoices are created and listed.
pub(crate) const INVOICES: &str = "/invoicing/invoices";

/// The path of an invoice.
pub(super) fn path(id: &str) -> String {
    format!("{INVOICES}/{id}")
}

/// A line of 29.75 euros.
pub(crate) fn item() -> Value {
    json!({ "description": "Consulting", "quantity": "2", "unitPrice": "12.50", "taxRate": "0.19" })
}

/// A line of this description.
pub(crate) fn item_of(description: &str) -> Value {
    let mut item = item();
    item["description"] = description.into();
    item
}

/// What drafts an invoice of this id in euros, for Ada.
pub(crate) fn invoice(id: &str, line_items: &[Value]) -> Value {
    json!({
        "id": id,
        "customer": { "name": "Ada", "email": "ada@example.com" },
        "currency": "EUR",
        "lineItems": line_items,
    })
}

/// Drafts an invoice of this id with one line.
pub(super) async fn draft(client: &Client, id: &str) -> Result<Reply> {
    client.post(INVOICES, &invoice(id, &[item()])).await?.expect(201)
}

/// Posts to an invoice, whatever it answers: `issue`, `send`, `payments`…
pub(crate) async fn post(client: &Client, id: &str, what: &str, body: &Value) -> Result<Reply> {
    client.post(&format!("{INVOICES}/{id}/{what}"), body).await
}

/// Drafts and issues an invoice.
pub(crate) async fn issued(client: &Client, id: &str) -> Result<Reply> {
    draft(client, id).await?;
    post(client, id, "issue", &json!({})).await?.expect(200)
}

/// What sends an invoice.
pub(crate) fn mail() -> Value {
    json!({ "subject": "Your invoice", "message": "Please pay." })
}

/// A payment of so much under this reference.
pub(crate) fn payment(amount: &str, reference: &str) -> Value {
    json!({ "amount": amount, "at": "2026-11-21T10:00:00Z", "reference": reference })
}

/// Reads with a token.
pub(super) async fn get_with(client: &Client, path: &str, token: &str) -> Result<Reply> {
    client.call("GET", path).header("consistency-token", token).send().await
}

/// The `number` and `type` of each event.
pub(super) fn numbered(events: &[Value]) -> Vec<(u64, &str)> {
    events
        .iter()
        .map(|event| {
            (
                event["number"].as_u64().unwrap_or_default(),
                event["type"].as_str().unwrap_or_default(),
            )
        })
        .collect()
}
