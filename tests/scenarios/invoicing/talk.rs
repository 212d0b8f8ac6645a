//! What the talk shows on invoices: many small events in a commit, and what becomes of concurrent
//! changes.

use anyhow::Result;
use serde_json::json;

use super::support::{
    INVOICES, draft, invoice, item, item_of, mail, numbered, path, payment, post,
};
use crate::support::{at_once, count, events, own_platform, shared_platform};

#[tokio::test]
async fn an_invoice_with_two_lines_is_six_events_in_one_write_of_one_unit_and_a_key() -> Result<()>
{
    let platform = own_platform()?;
    let client = platform.client("talk").await?;
    platform.reset_meter().await?;
    let created = client.post(INVOICES, &invoice("i", &[item(), item()])).await?.expect(201)?;
    let spent = platform.meter("invoicing-create-invoice").await?;
    assert_eq!(
        spent["PutItem"],
        json!({ "calls": 2, "readUnits": 0.0, "writeUnits": 2.0 }),
        "{spent}"
    );
    assert_eq!(created.version(), 6);
    assert_eq!(created.header("location"), "/invoicing/invoices/i");
    let expected = [
        (1, "InvoiceCreated"),
        (2, "InvoiceCustomerSet"),
        (3, "InvoiceCurrencySet"),
        (4, "InvoiceStatusSet"),
        (5, "LineItemAdded"),
        (6, "LineItemAdded"),
    ];
    let events = events(&client, "invoicing/invoices/i").await?;
    assert_eq!(numbered(&events), expected);
    assert!(
        events.iter().all(|event| event["correlationId"] == events[0]["correlationId"]),
        "one commit"
    );
    Ok(())
}

#[tokio::test]
async fn what_commutes_goes_on_top_and_what_does_not_is_shown() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("talk-conflicts").await?;
    // The caller knows version 3; that the invoice is a draft came as 4.
    client.post(INVOICES, &invoice("i", &[])).await?.expect(201)?;
    let mut line = item();
    line["version"] = 3.into();
    assert_eq!(post(&client, "i", "line-items", &line).await?.expect(200)?.version(), 5);

    // Of the same knowledge, but the invoice was deleted meanwhile.
    client.post(INVOICES, &invoice("deleted", &[])).await?.expect(201)?;
    client.call("DELETE", &path("deleted")).send().await?.expect(200)?;
    let conflict = post(&client, "deleted", "line-items", &line)
        .await?
        .problem(409, "concurrent-modification")?;
    let between = conflict.body["events"].as_array().cloned().unwrap_or_default();
    assert_eq!(numbered(&between), [(4, "InvoiceStatusSet"), (5, "InvoiceDeleted")]);
    let members: Vec<&String> =
        between[1].as_object().into_iter().flat_map(|event| event.keys()).collect();
    assert_eq!(
        members,
        ["at", "command", "data", "number", "type", "version"],
        "who and why are for operators"
    );
    assert_eq!(between[1]["command"], "DeleteInvoice");
    assert_eq!(
        events(&client, "invoicing/invoices/deleted").await?.len(),
        5,
        "nothing was written"
    );

    // Or issued.
    draft(&client, "issued").await?;
    post(&client, "issued", "issue", &json!({})).await?.expect(200)?;
    line["version"] = 5.into();
    let conflict = post(&client, "issued", "line-items", &line)
        .await?
        .problem(409, "concurrent-modification")?;
    let between = conflict.body["events"].as_array().cloned().unwrap_or_default();
    assert_eq!(
        numbered(&between),
        [(6, "InvoiceNumberSet"), (7, "InvoiceDueDateSet"), (8, "InvoiceStatusSet")]
    );

    // Without a version it is decided on the latest state; with If-Match on the very one.
    assert_eq!(post(&client, "i", "line-items", &item()).await?.expect(200)?.version(), 6);
    let stale = client
        .call("POST", &format!("{}/line-items", path("i")))
        .header("if-match", "\"talk-conflicts/invoicing/invoices/i@5\"");
    stale.json(&item()).send().await?.problem(412, "precondition-failed")?;
    // A version that the invoice never had is none that the caller can have decided on.
    line["version"] = 99.into();
    post(&client, "i", "line-items", &line).await?.problem(400, "token-ahead")?;
    Ok(())
}

#[tokio::test]
async fn of_40_lines_added_at_once_on_one_version_each_is_in_once() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("talk-crowd").await?;
    client.post(INVOICES, &invoice("i", &[])).await?.expect(201)?;
    let replies = at_once(40, |i| {
        let client = client.clone();
        async move {
            let mut line = item_of(&format!("Line {i}"));
            line["version"] = 4.into();
            // A crowd may be told to come again, which is safe under a key.
            loop {
                let call = client
                    .call("POST", &format!("{}/line-items", path("i")))
                    .header("idempotency-key", &format!("line-{i}"));
                let reply = call.json(&line).send().await?;
                if reply.status != 503 {
                    return Ok(reply);
                }
            }
        }
    })
    .await?;
    assert_eq!(count(&replies, 200), 40, "{:?}", replies.iter().find(|reply| reply.status != 200));
    let state = client.get("/states/invoicing/invoices/i").await?.body;
    let lines = state["state"]["lines"].as_array().cloned().unwrap_or_default();
    let numbers: Vec<u64> = lines.iter().filter_map(|line| line["n"].as_u64()).collect();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
    let mut descriptions: Vec<&str> =
        lines.iter().filter_map(|line| line["description"].as_str()).collect();
    descriptions.sort_unstable();
    descriptions.dedup();
    assert_eq!(descriptions.len(), 40);
    assert_eq!(state["version"], 44);
    Ok(())
}

/// A mail cannot be taken back, so a caller that did not know of a payment is told of it first.
#[tokio::test]
async fn sending_commutes_with_nothing() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("talk-send").await?;
    draft(&client, "i").await?;
    let known = post(&client, "i", "issue", &json!({})).await?.expect(200)?.version();
    post(&client, "i", "payments", &payment("10.00", "bank-1")).await?.expect(200)?;
    let mut mail = mail();
    mail["version"] = known.into();
    let conflict =
        post(&client, "i", "send", &mail).await?.problem(409, "concurrent-modification")?;
    assert_eq!(conflict.body["events"][0]["type"], "PaymentRecorded");
    Ok(())
}
