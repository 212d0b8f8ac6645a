//! `/execute` and the commands' own calls: two ways to one answer. Twins are led through one life,
//! one by each way, and every answer compared.

use std::collections::BTreeSet;

use anyhow::Result;
use headwater_tests::{Client, Reply};
use serde_json::{Map, Value, json};

use super::support::{INVOICES, item, item_of, mail, payment};
use crate::support::{events, shared_platform};

/// One command: its name, method and path, and its body. `{id}` stands for the twin's id, in the
/// path and in the body.
struct Step {
    command: &'static str,
    method: &'static str,
    path: &'static str,
    body: Value,
    headers: &'static [(&'static str, &'static str)],
    /// The answer's status, and the problem's type.
    expected: (u16, &'static str),
}

const INVOICE: &str = "/invoicing/invoices/{id}";
const CUSTOMER: &str = "/invoicing/customers/{id}";

fn step(
    command: &'static str,
    method: &'static str,
    path: &'static str,
    body: Value,
    expected: (u16, &'static str),
) -> Step {
    Step { command, method, path, body, headers: &[], expected }
}

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
    const FIRST: &str = "/invoicing/invoices/{id}/line-items/1";
    const SECOND: &str = "/invoicing/invoices/{id}/line-items/2";
    const NINTH: &str = "/invoicing/invoices/{id}/line-items/9";
    const WHO: &str = "/invoicing/invoices/{id}/customer";
    const CURRENCY: &str = "/invoicing/invoices/{id}/currency";
    const ISSUE: &str = "/invoicing/invoices/{id}/issue";
    const SEND: &str = "/invoicing/invoices/{id}/send";
    const PAYMENTS: &str = "/invoicing/invoices/{id}/payments";
    const VOID: &str = "/invoicing/invoices/{id}/void";
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
        step("ChangeLineItem", "PUT", SECOND, item_of("Green tea"), ok),
        step("ChangeLineItem", "PUT", SECOND, with(item_of("Black tea"), "version", 7), concurrent),
        step("ChangeLineItem", "PUT", NINTH, item(), not_found),
        step("ChangeLineItem", "PUT", SECOND, json!({ "description": "Tea" }), invalid),
        step("RemoveLineItem", "DELETE", FIRST, json!({}), ok),
        step("RemoveLineItem", "DELETE", FIRST, json!({}), ok),
        step("RemoveLineItem", "DELETE", NINTH, json!({}), not_found),
        step("RemoveLineItem", "DELETE", SECOND, json!({ "why": "because" }), invalid),
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
        step("RecordPayment", "POST", PAYMENTS, payment("19.75", "two"), ok),
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
        step(
            "PatchCustomer",
            "PATCH",
            "/invoicing/customers/nobody-{id}",
            json!({ "name": "X" }),
            not_found,
        ),
    ]
}

/// The body with the twin's id in its place.
fn of_twin(value: &Value, id: &str) -> Value {
    serde_json::from_str(&value.to_string().replace("{id}", id)).unwrap_or_default()
}

async fn by_its_own_call(client: &Client, step: &Step, id: &str) -> Result<Reply> {
    let call = client.call(step.method, &step.path.replace("{id}", id));
    let call = step
        .headers
        .iter()
        .fold(call, |call, (name, value)| call.header(name, &value.replace("{id}", id)));
    call.json(&of_twin(&step.body, id)).send().await
}

async fn by_execute(client: &Client, step: &Step, id: &str) -> Result<Reply> {
    let mut segments = step.path.split('/').skip(3);
    let aggregate_id = segments.next().map(|segment| segment.replace("{id}", id));
    let mut payload = of_twin(&step.body, id);
    if let Some(n) = segments.nth(1).and_then(|n| n.parse::<u64>().ok()) {
        payload["n"] = n.into();
    }
    let body = json!({ "command": step.command, "aggregateId": aggregate_id, "payload": payload });
    let call = client.call("POST", "/invoicing/execute");
    // Of a key the scope is the path, which is one for all here.
    let key = |name: &str, value: String| {
        if name == "idempotency-key" { format!("{value}-{id}") } else { value }
    };
    let call = step
        .headers
        .iter()
        .fold(call, |call, (name, value)| call.header(name, &key(name, value.replace("{id}", id))));
    call.json(&body).send().await
}

/// What must be the same: status, body and headers, but for the ids and what belongs to the request
/// itself.
fn comparable(reply: &Reply, id: &str) -> Value {
    let own = ["date", "x-correlation-id", "apigw-requestid", "content-length"];
    let headers: Map<String, Value> = reply
        .headers
        .iter()
        .filter(|(name, _)| !own.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().into()))
        .collect();
    let mut body = reply.body.clone();
    for event in body["events"].as_array_mut().into_iter().flatten() {
        for of_the_request in ["at", "correlationId"] {
            event[of_the_request] = Value::Null;
        }
    }
    let all = json!({ "status": reply.status, "headers": headers, "body": body });
    serde_json::from_str(&all.to_string().replace(id, "{id}")).unwrap_or_default()
}

#[tokio::test]
async fn twins_have_one_life_by_either_way() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("twins").await?;
    let mut covered = BTreeSet::new();
    for (place, step) in life().iter().enumerate() {
        let (one, other) = (
            by_its_own_call(&client, step, "castor").await?,
            by_execute(&client, step, "pollux").await?,
        );
        let what = format!("step {place}, {} {}", step.command, step.body);
        assert_eq!(comparable(&one, "castor"), comparable(&other, "pollux"), "{what}");
        let (status, problem) = step.expected;
        assert_eq!(one.status, status, "{what}: {}", one.body);
        assert!(
            problem.is_empty() || one.body["type"] == format!("/problems/{problem}"),
            "{what}: {}",
            one.body
        );
        covered.insert(step.command);
    }
    let drafts = ["castor", "pollux"].map(|id| format!("draft-of-{id}"));
    for id in &drafts {
        client.post(INVOICES, &of_twin(&invoice(), id)).await?.expect(201)?;
    }
    let delete = step("DeleteInvoice", "DELETE", INVOICE, json!({ "version": 5 }), (200, ""));
    for expected in [200, 409] {
        let (one, other) = (
            by_its_own_call(&client, &delete, &drafts[0]).await?,
            by_execute(&client, &delete, &drafts[1]).await?,
        );
        assert_eq!(comparable(&one, &drafts[0]), comparable(&other, &drafts[1]));
        assert_eq!(one.status, expected);
    }
    let facts = |events: Vec<Value>| {
        events
            .into_iter()
            .map(|event| (event["type"].clone(), event["command"].clone()))
            .collect::<Vec<_>>()
    };
    let (one, other) = (
        events(&client, "invoicing/invoices/castor").await?,
        events(&client, "invoicing/invoices/pollux").await?,
    );
    assert_eq!(facts(one), facts(other));

    let unknown = client
        .post("/invoicing/execute", &json!({ "command": "Nonsense" }))
        .await?
        .problem(422, "invalid-request")?;
    let detail = unknown.body["errors"][0]["detail"].as_str().unwrap_or_default().to_owned();
    let known: BTreeSet<&str> = detail.trim_start_matches("one of ").split(", ").collect();
    assert_eq!(covered, known, "every command is compared");
    Ok(())
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
