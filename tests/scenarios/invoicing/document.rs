//! The document: an invoice as a page.

use anyhow::Result;
use headwater_tests::{Client, Reply};
use serde_json::json;

use super::support::{INVOICES, draft, get_with, invoice, issued, item_of, path, post};
use crate::support::{own_platform, shared_platform};

fn document(id: &str) -> String {
    format!("{}/document", path(id))
}

/// The page of an invoice, as fresh as a reply to a command about it.
async fn page(client: &Client, id: &str, after: &Reply) -> Result<String> {
    let reply = get_with(client, &document(id), after.token()).await?.expect(200)?;
    Ok(reply.body.as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_document_is_a_page_of_the_invoice() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("documents").await?;
    let drafted = draft(&client, "a").await?;
    let reply = get_with(&client, &document("a"), drafted.token()).await?.expect(200)?;
    assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(reply.token(), drafted.token());
    let shown = reply.body.to_string();
    assert!(
        shown.contains(">Draft<") && shown.contains("Consulting") && shown.contains("29.75"),
        "{shown}"
    );

    let again = client
        .call("GET", &document("a"))
        .header("if-none-match", reply.etag())
        .header("consistency-token", reply.token());
    assert_eq!(again.send().await?.expect(304)?.body, json!(""));
    let issue = client
        .call("POST", &format!("{}/issue", path("a")))
        .header("if-match", reply.etag())
        .json(&json!({}));
    let issued = issue.send().await?.expect(200)?;
    let shown = page(&client, "a", &issued).await?;
    assert!(
        !shown.contains(">Draft<") && shown.contains("<title>Invoice 1 – documents</title>"),
        "{shown}"
    );
    let paid = json!({ "amount": "29.75", "at": "2026-11-21T10:00:00Z", "reference": "bank" });
    let paid = post(&client, "a", "payments", &paid).await?.expect(200)?;
    assert!(page(&client, "a", &paid).await?.contains(">Paid<"));
    Ok(())
}

#[tokio::test]
async fn hostile_text_is_text_in_a_document() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("hostile-documents").await?;
    let hostile = "</td><script>alert('1')</script>";
    let mut body = invoice("a", &[item_of(hostile)]);
    body["customer"]["name"] = hostile.into();
    let drafted = client.post(INVOICES, &body).await?.expect(201)?;
    let shown = page(&client, "a", &drafted).await?;
    assert!(!shown.contains("<script"), "{shown}");
    assert_eq!(shown.matches("&lt;/td&gt;&lt;script&gt;").count(), 2, "{shown}");
    Ok(())
}

#[tokio::test]
async fn a_document_shows_any_version() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("old-documents").await?;
    let version = draft(&client, "a").await?.version();
    let more = post(&client, "a", "line-items", &item_of("Tea")).await?.expect(200)?;
    assert!(page(&client, "a", &more).await?.contains("Tea"));
    let at = async |version: u64| {
        client.call("GET", &format!("{}?version={version}", document("a"))).send().await
    };
    let old = at(version).await?.expect(200)?.body.to_string();
    assert!(old.contains("Consulting") && !old.contains("Tea"), "{old}");
    assert!(
        !at(version - 1).await?.expect(200)?.body.to_string().contains("Consulting"),
        "in the middle of a commit"
    );
    at(0).await?.problem(404, "not-found")?;
    at(version + 2).await?.problem(404, "not-found")?;

    let deleted = client.call("DELETE", &path("a")).send().await?.expect(200)?;
    get_with(&client, &document("a"), deleted.token()).await?.problem(404, "not-found")?;
    assert_eq!(at(version).await?.expect(200)?.body.to_string(), old);
    assert!(at(deleted.version()).await?.expect(200)?.body.to_string().contains(">Deleted<"));
    Ok(())
}

#[tokio::test]
async fn a_document_is_for_its_tenants_readers() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("private-documents").await?;
    let drafted = draft(&client, "a").await?;
    page(&client, "a", &drafted).await?;
    client.call("GET", &document("b")).send().await?.problem(404, "not-found")?;
    let stranger = platform.client("strangers-documents").await?;
    stranger
        .call("GET", &format!("{}?version=4", document("a")))
        .send()
        .await?
        .problem(404, "not-found")?;
    let writer =
        platform.client_with("private-documents", "writer", &["writer", "operator"]).await?;
    writer.call("GET", &document("a")).send().await?.problem(403, "forbidden")?;
    Ok(())
}

/// Nothing happened to it: only time went by.
#[tokio::test]
async fn a_document_becomes_overdue() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("overdue-documents").await?;
    let issued = issued(&client, "a").await?;
    let before = get_with(&client, &document("a"), issued.token()).await?.expect(200)?;
    assert!(!before.body.to_string().contains(">Overdue<"));
    platform.dev("POST", "/dev/clock", Some(json!({ "advanceSeconds": 31 * 24 * 3600 }))).await?;
    let read = client
        .call("GET", &document("a"))
        .header("if-none-match", before.etag())
        .header("consistency-token", issued.token());
    let after = read.send().await?.expect(200)?;
    assert!(after.body.to_string().contains(">Overdue<"), "{}", after.body);
    assert_ne!(after.etag(), before.etag());
    Ok(())
}
