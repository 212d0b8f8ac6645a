//! The life of an invoice and a customer.

use anyhow::Result;
use serde_json::{Value, json};

use super::{Step, step, twins_have_one_life};
use crate::invoicing::support::{INVOICES, item, item_of, mail, payment};
use crate::support::shared_platform;

const INVOICE: &str = "/invoicing/invoices/{id}";
const CUSTOMER: &str = "/invoicing/customers/{id}";

fn with(mut body: Value, name: &str, value: impl Into<Value>) -> Value {
    body[name] = value.into();
    body
}

fn invoice() -> Value {
    json!({
        "id": "{id}",
        "customer": { "name": "Ada", "email": "ada@example.com" },
        "currency": "EUR",
        "lineItems": [item()],
    })
}

fn customer() -> Value {
    json!({ "id": "{id}", "name": "Ada", "email": "{id}@example.com" })
}

/// The life of an invoice and a customer, with all that can go wrong on the way.
fn life() -> Vec<Step> {
    const LINES: &str = "/invoicing/invoices/{id}/line-items";
    const LINE: &str = "/invoicing/invoices/{id}/line-items/{n}";
    const WHO: &str = "/invoicing/invoices/{id}/customer";
    const CURRENCY: &str = "/invoicing/invoices/{id}/currency";
    const ISSUE: &str = "/invoicing/invoices/{id}/issue";
    const SEND: &str = "/invoicing/invoices/{id}/send";
    const PAYMENTS: &str = "/invoicing/invoices/{id}/payments";
    const VOID: &str = "/invoicing/invoices/{id}/void";
    const ERASE: &str = "/invoicing/invoices/{id}/erase";
    const FORGET: &str = "/invoicing/customers/{id}/erase";
    let bolt = || json!({ "name": "Bolt", "email": "pay@bolt.example" });
    let ok = (200, "");
    let invalid = (422, "invalid-request");
    let not_found = (404, "not-found");
    let concurrent = (409, "concurrent-modification");
    let transition = (409, "invalid-transition");
    vec![
        step("AddLineItem", "POST", LINES, item(), not_found),
        step("CreateInvoice", "POST", INVOICES, with(invoice(), "currency", "euro"), invalid),
        step("CreateInvoice", "POST", INVOICES, with(invoice(), "id", "no segment"), invalid),
        step("CreateInvoice", "POST", INVOICES, with(invoice(), "version", 1), invalid),
        step("CreateInvoice", "POST", INVOICES, json!({}), invalid),
        step("CreateInvoice", "POST", INVOICES, invoice(), (201, "")),
        step("CreateInvoice", "POST", INVOICES, invoice(), (409, "invoice-exists")),
        step("SetInvoiceCustomer", "PUT", WHO, bolt(), ok),
        step("SetInvoiceCustomer", "PUT", WHO, bolt(), ok),
        step("SetInvoiceCustomer", "PUT", WHO, with(bolt(), "email", "nowhere"), invalid),
        step("SetInvoiceCustomer", "PUT", WHO, with(bolt(), "version", 3), concurrent),
        step("SetInvoiceCustomer", "PUT", WHO, with(bolt(), "version", "three"), invalid),
        step("AddLineItem", "POST", LINES, with(item_of("Tea"), "version", 5), ok),
        step(
            "AddLineItem",
            "POST",
            LINES,
            with(item_of("Tea"), "version", 99),
            (400, "token-ahead"),
        ),
        step(
            "AddLineItem",
            "POST",
            LINES,
            with(item(), "unitPrice", "12.505"),
            (409, "minor-unit"),
        ),
        step("AddLineItem", "POST", LINES, with(item(), "unitPrice", 12.5), invalid),
        step("AddLineItem", "POST", LINES, with(item(), "taxRate", "19"), invalid),
        step("ChangeLineItem", "PUT", LINE, item_of("Green tea"), ok).at("n", "2"),
        step("ChangeLineItem", "PUT", LINE, with(item_of("Black tea"), "version", 7), concurrent)
            .at("n", "2"),
        step("ChangeLineItem", "PUT", LINE, item(), not_found).at("n", "9"),
        step("ChangeLineItem", "PUT", LINE, json!({ "description": "Tea" }), invalid).at("n", "2"),
        step("RemoveLineItem", "DELETE", LINE, json!({}), ok).at("n", "1"),
        step("RemoveLineItem", "DELETE", LINE, json!({}), ok).at("n", "1"),
        step("RemoveLineItem", "DELETE", LINE, json!({}), not_found).at("n", "9"),
        step("RemoveLineItem", "DELETE", LINE, json!({ "why": "because" }), invalid).at("n", "2"),
        step(
            "SetInvoiceCurrency",
            "PUT",
            CURRENCY,
            json!({ "currency": "JPY" }),
            (409, "minor-unit"),
        ),
        step("SetInvoiceCurrency", "PUT", CURRENCY, json!({ "currency": "USD" }), ok),
        step(
            "SetInvoiceCurrency",
            "PUT",
            CURRENCY,
            json!({ "currency": "USD", "version": 4 }),
            concurrent,
        ),
        Step {
            headers: &[("if-match", "\"twins/invoicing/invoices/{id}@2\"")],
            ..step("IssueInvoice", "POST", ISSUE, json!({}), (412, "precondition-failed"))
        },
        Step {
            headers: &[("if-match", "garbage")],
            ..step("IssueInvoice", "POST", ISSUE, json!({}), (400, "invalid-token"))
        },
        step("SendInvoiceToCustomer", "POST", SEND, mail(), transition),
        step("IssueInvoice", "POST", ISSUE, json!({ "paymentTermDays": 400 }), invalid),
        Step {
            headers: &[("idempotency-key", "issue")],
            ..step("IssueInvoice", "POST", ISSUE, json!({ "paymentTermDays": 14 }), ok)
        },
        Step {
            headers: &[("idempotency-key", "issue")],
            ..step("IssueInvoice", "POST", ISSUE, json!({ "paymentTermDays": 14 }), ok)
        },
        Step {
            headers: &[("idempotency-key", "issue")],
            ..step("IssueInvoice", "POST", ISSUE, json!({}), (422, "idempotency-key-reused"))
        },
        step("IssueInvoice", "POST", ISSUE, json!({}), transition),
        step("AddLineItem", "POST", LINES, item(), transition),
        step("DeleteInvoice", "DELETE", INVOICE, json!({}), transition),
        step("SendInvoiceToCustomer", "POST", SEND, mail(), ok),
        step("SendInvoiceToCustomer", "POST", SEND, with(mail(), "subject", ""), invalid),
        step("RecordPayment", "POST", PAYMENTS, payment("10.00", "one"), ok),
        step("RecordPayment", "POST", PAYMENTS, payment("10.00", "one"), ok),
        step(
            "RecordPayment",
            "POST",
            PAYMENTS,
            payment("11.00", "one"),
            (409, "payment-reference-used"),
        ),
        step("RecordPayment", "POST", PAYMENTS, payment("1000.00", "two"), (409, "overpaid")),
        step("RecordPayment", "POST", PAYMENTS, payment("0", "two"), invalid),
        step("VoidInvoice", "POST", VOID, json!({}), (409, "has-payments")),
        step("EraseInvoice", "POST", ERASE, json!({}), transition),
        step("RecordPayment", "POST", PAYMENTS, payment("19.75", "two"), ok),
        step("EraseInvoice", "POST", ERASE, json!({}), ok),
        step("EraseInvoice", "POST", ERASE, json!({}), ok),
        step("VoidInvoice", "POST", VOID, json!({}), transition),
        step("CreateCustomer", "POST", "/invoicing/customers", customer(), (201, "")),
        step(
            "CreateCustomer",
            "POST",
            "/invoicing/customers",
            customer(),
            (409, "customer-exists"),
        ),
        step(
            "CreateCustomer",
            "POST",
            "/invoicing/customers",
            with(customer(), "id", "another-{id}"),
            (409, "customer-email-taken"),
        ),
        step(
            "CreateCustomer",
            "POST",
            "/invoicing/customers",
            with(customer(), "email", Value::Null),
            invalid,
        ),
        step("PatchCustomer", "PATCH", CUSTOMER, json!({ "name": "Ada L", "version": 3 }), ok),
        step(
            "PatchCustomer",
            "PATCH",
            CUSTOMER,
            json!({ "name": "Lady L", "version": 3 }),
            concurrent,
        ),
        step("PatchCustomer", "PATCH", CUSTOMER, json!({ "name": null }), invalid),
        step("PatchCustomer", "PATCH", CUSTOMER, json!({ "name": "X" }), not_found)
            .at("id", "nobody-{id}"),
        step("CreateInvoice", "POST", INVOICES, with(invoice(), "id", "draft-of-{id}"), (201, "")),
        step("DeleteInvoice", "DELETE", INVOICE, json!({ "version": 5 }), ok)
            .at("id", "draft-of-{id}"),
        step("DeleteInvoice", "DELETE", INVOICE, json!({ "version": 5 }), concurrent)
            .at("id", "draft-of-{id}"),
        step("EraseCustomer", "POST", FORGET, json!({ "why": "because" }), invalid),
        step("EraseCustomer", "POST", FORGET, json!({}), ok),
        step("EraseCustomer", "POST", FORGET, json!({}), ok),
        step("EraseCustomer", "POST", FORGET, json!({}), not_found).at("id", "nobody-{id}"),
    ]
}

#[tokio::test]
async fn twins_have_one_life_by_either_way() -> Result<()> {
    let platform = shared_platform()?;
    twins_have_one_life(&platform, "invoicing", life()).await
}

#[tokio::test]
async fn what_is_wrong_with_the_envelope_is_pointed_at() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("envelope").await?;
    for (body, pointer) in [
        (json!({}), "/command"),
        (json!({ "command": 1 }), "/command"),
        (json!({ "command": "Nonsense" }), "/command"),
        (json!({ "command": "IssueInvoice" }), "/aggregateId"),
        (json!({ "command": "IssueInvoice", "aggregateId": 1 }), "/aggregateId"),
        (json!({ "command": "IssueInvoice", "aggregateId": "i", "payload": [] }), "/payload"),
        (
            json!({
                "command": "IssueInvoice",
                "aggregateId": "i",
                "version": 1,
                "payload": { "version": 2 },
            }),
            "/version",
        ),
        (
            json!({ "command": "CreateInvoice", "aggregateId": "i", "payload": { "id": "j" } }),
            "/id",
        ),
        (json!({ "command": "IssueInvoice", "aggregateId": "i", "tenant": "other" }), "/tenant"),
    ] {
        let reply =
            client.post("/invoicing/execute", &body).await?.problem(422, "invalid-request")?;
        assert_eq!(reply.body["errors"][0]["pointer"], pointer, "{body}: {}", reply.body);
    }
    client
        .call("POST", "/invoicing/execute")
        .body("{")
        .send()
        .await?
        .problem(400, "malformed-request")?;
    // An id is made where neither envelope nor payload has one.
    let mut payload = invoice();
    payload["id"] = Value::Null;
    let created = client
        .post("/invoicing/execute", &json!({ "command": "CreateInvoice", "payload": payload }))
        .await?
        .expect(201)?;
    assert_eq!(created.header("location"), format!("{INVOICES}/{}", created.id()));
    // The same version in both places is no contradiction.
    let twice = json!({
        "command": "DeleteInvoice",
        "aggregateId": created.id(),
        "version": 5,
        "payload": { "version": 5 },
    });
    client.post("/invoicing/execute", &twice).await?.expect(200)?;
    Ok(())
}
