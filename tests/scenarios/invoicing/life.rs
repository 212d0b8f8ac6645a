//! An invoice's life over HTTP, from the first draft to the last payment.

use std::time::Duration;

use anyhow::Result;
use headwater_tests::Client;
use serde_json::{Value, json};

use super::support::{
    INVOICES, draft, get_with, invoice, issued, item, item_of, mail, path, payment, post,
};
use crate::support::{eventually, own_platform, shared_platform};

/// The invoice as of the answer to its last command.
async fn read(client: &Client, reply: &headwater_tests::Reply) -> Result<Value> {
    Ok(get_with(client, &path(reply.id()), reply.token()).await?.expect(200)?.body)
}

#[tokio::test]
async fn from_a_draft_to_the_last_payment() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("life").await?;
    let ada = json!({ "id": "ada", "name": "Ada Lovelace", "email": "ada@example.com" });
    let created = client.post("/invoicing/customers", &ada).await?.expect(201)?;
    assert_eq!(created.header("location"), "/invoicing/customers/ada");

    let wanted = json!({
        "id": "i",
        "customer": ada,
        "currency": "EUR",
        "lineItems": [item_of("Tea"), item_of("Cups")],
    });
    client.post(INVOICES, &wanted).await?.expect(201)?;
    let mut changed = item_of("Green tea");
    changed["quantity"] = "1.5".into();
    client
        .call("PUT", &format!("{}/line-items/1", path("i")))
        .json(&changed)
        .send()
        .await?
        .expect(200)?;
    client.call("DELETE", &format!("{}/line-items/2", path("i"))).send().await?.expect(200)?;
    let last = post(&client, "i", "line-items", &item_of("Pot")).await?.expect(200)?;
    let expected = json!({
        "id": "i",
        "version": 9,
        "number": null,
        "status": "DRAFT",
        "partlyPaid": false,
        "overdue": false,
        "customer": ada,
        "currency": "EUR",
        "lineItems": [
            {
                "n": 1,
                "description": "Green tea",
                "quantity": "1.5",
                "unitPrice": "12.50",
                "taxRate": "0.19",
                "net": "18.75",
                "tax": "3.56",
                "gross": "22.31",
            },
            {
                "n": 3,
                "description": "Pot",
                "quantity": "2",
                "unitPrice": "12.50",
                "taxRate": "0.19",
                "net": "25.00",
                "tax": "4.75",
                "gross": "29.75",
            },
        ],
        "totals": {
            "net": "43.75", "tax": "8.31", "gross": "52.06", "paid": "0.00", "due": "52.06",
        },
        "taxes": [{ "rate": "0.19", "net": "43.75", "tax": "8.31" }],
        "payments": [],
        "issuedAt": null,
        "dueAt": null,
        "sentAt": null,
    });
    let mut body = read(&client, &last).await?;
    assert!(body["createdAt"].is_string());
    body.as_object_mut().map(|members| members.remove("createdAt"));
    assert_eq!(body, expected);

    // The customer's new address changes no invoice.
    client
        .patch("/invoicing/customers/ada", &json!({ "email": "lovelace@example.com" }))
        .await?
        .expect(200)?;
    let issued = read(
        &client,
        &post(&client, "i", "issue", &json!({ "paymentTermDays": 14 })).await?.expect(200)?,
    )
    .await?;
    assert_eq!(
        (&issued["status"], &issued["number"], &issued["customer"]),
        (&json!("ISSUED"), &json!(1), &ada)
    );
    let time = |name: &str| issued[name].as_str().unwrap_or_default().parse::<jiff::Timestamp>();
    let due_day = (time("issuedAt")? + jiff::SignedDuration::from_hours(14 * 24))
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    assert_eq!(issued["dueAt"], format!("{due_day}T23:59:59.999Z"));

    let sent = read(&client, &post(&client, "i", "send", &mail()).await?.expect(200)?).await?;
    assert!(sent["status"] == "SENT" && sent["sentAt"].is_string(), "{sent}");
    let partly = read(
        &client,
        &post(&client, "i", "payments", &payment("12.06", "bank-1")).await?.expect(200)?,
    )
    .await?;
    assert_eq!(
        (&partly["status"], &partly["partlyPaid"], &partly["totals"]["due"]),
        (&json!("SENT"), &json!(true), &json!("40.00"))
    );
    let paid = read(
        &client,
        &post(&client, "i", "payments", &payment("40", "bank-2")).await?.expect(200)?,
    )
    .await?;
    assert_eq!(
        (&paid["status"], &paid["partlyPaid"], &paid["totals"]["due"]),
        (&json!("PAID"), &json!(false), &json!("0.00"))
    );
    assert_eq!(
        paid["payments"][1],
        json!({ "amount": "40.00", "at": "2026-11-21T10:00:00Z", "reference": "bank-2" })
    );
    post(&client, "i", "void", &json!({})).await?.problem(409, "invalid-transition")?;
    Ok(())
}

#[tokio::test]
async fn a_deleted_draft_is_gone_but_for_its_history() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("life-deleted").await?;
    draft(&client, "i").await?;
    let deleted = client.call("DELETE", &path("i")).send().await?.expect(200)?;
    get_with(&client, &path("i"), deleted.token()).await?.problem(404, "not-found")?;
    let list = get_with(&client, INVOICES, deleted.token()).await?.expect(200)?;
    assert_eq!(list.body["items"], json!([]));
    post(&client, "i", "line-items", &item()).await?.problem(404, "not-found")?;
    client.post(INVOICES, &invoice("i", &[])).await?.problem(409, "invoice-exists")?;
    let before = client.get(&format!("{}?version=5", path("i"))).await?.body;
    assert_eq!(
        (&before["status"], &before["lineItems"][0]["gross"]),
        (&json!("DRAFT"), &json!("29.75"))
    );
    let after = client.get(&format!("{}?version=6", path("i"))).await?.body;
    assert_eq!(
        (&after["status"], &after["customer"], &after["lineItems"]),
        (&json!("DELETED"), &Value::Null, &json!([]))
    );
    assert_eq!(
        client.get("/states/invoicing/invoices/i").await?.body["state"]["status"],
        "DELETED"
    );
    for none in ["0", "7", "999999999999999"] {
        client
            .call("GET", &format!("{}?version={none}", path("i")))
            .send()
            .await?
            .problem(404, "not-found")?;
    }
    for invalid in [
        "",
        "five",
        "-1",
        "%2B1",
        "1000000000000000",
        "18446744073709551615",
        "99999999999999999999",
    ] {
        let reply = client
            .call("GET", &format!("{}?version={invalid}", path("i")))
            .send()
            .await?
            .problem(422, "invalid-request")?;
        assert_eq!(reply.body["errors"][0]["pointer"], "/query/version");
    }
    Ok(())
}

/// What is shown changes with the time here, and not with the version: a client that kept the
/// invoice must not be told that it is still the same. Yet nobody has changed what it kept.
#[tokio::test]
async fn an_invoice_gets_another_tag_when_it_becomes_overdue_and_either_tag_is_a_condition()
-> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("overdue").await?;
    issued(&client, "i").await?;
    platform.settled().await?;
    let open = client.get(&path("i")).await?;
    assert_eq!(open.body["overdue"], false);
    let unchanged = || client.call("GET", &path("i")).header("if-none-match", open.etag()).send();
    assert_eq!(unchanged().await?.status, 304);

    platform.dev("POST", "/dev/clock", Some(json!({ "advanceSeconds": 31 * 24 * 3600 }))).await?;
    let overdue = unchanged().await?.expect(200)?;
    assert_eq!((&overdue.body["overdue"], overdue.version()), (&json!(true), open.version()));
    assert_ne!(overdue.etag(), open.etag());
    assert_eq!(
        client.call("GET", &path("i")).header("if-none-match", overdue.etag()).send().await?.status,
        304
    );
    let list = client.get(INVOICES).await?.body;
    assert_eq!(list["items"][0]["overdue"], true);

    let pay = |etag: String, reference: &'static str| {
        let call =
            client.call("POST", &format!("{}/payments", path("i"))).header("if-match", &etag);
        call.json(&payment("1.00", reference)).send()
    };
    let paid = pay(open.etag().to_owned(), "by-the-old-tag").await?.expect(200)?;
    pay(overdue.etag().to_owned(), "too-late").await?.problem(412, "precondition-failed")?;
    let now = get_with(&client, &path("i"), paid.token()).await?;
    pay(now.etag().to_owned(), "by-the-new-tag").await?.expect(200)?;
    let rest = post(&client, "i", "payments", &payment("27.75", "rest")).await?.expect(200)?;
    let paid = get_with(&client, &path("i"), rest.token()).await?.body;
    assert_eq!((&paid["overdue"], &paid["status"]), (&json!(false), &json!("PAID")));
    Ok(())
}

#[tokio::test]
async fn a_customer_is_found_by_email_and_holds_it_alone() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("life-customers").await?;
    let customer = |id: &str, email: &str| json!({ "id": id, "name": id, "email": email });
    let ada = client
        .post("/invoicing/customers", &customer("ada", "Ada@example.com"))
        .await?
        .expect(201)?;
    client
        .post("/invoicing/customers", &customer("bob", "ADA@example.com"))
        .await?
        .problem(409, "customer-email-taken")?;
    let found = get_with(&client, "/invoicing/customers?email=ada@EXAMPLE.com", ada.token())
        .await?
        .expect(200)?;
    assert_eq!(found.body["items"][0]["id"], "ada");
    let moved = client
        .patch("/invoicing/customers/ada", &json!({ "email": "lovelace@example.com" }))
        .await?
        .expect(200)?;
    let bob = client
        .post("/invoicing/customers", &customer("bob", "ada@example.com"))
        .await?
        .expect(201)?;
    let both = format!("{}, {}", moved.token(), bob.token());
    let found = get_with(&client, "/invoicing/customers?email=ada@example.com", &both)
        .await?
        .expect(200)?;
    assert_eq!(
        found.body["items"]
            .as_array()
            .map(|items| items.iter().map(|item| item["id"].clone()).collect()),
        Some(vec![json!("bob")])
    );
    let read =
        get_with(&client, "/invoicing/customers/ada", moved.token()).await?.expect(200)?.body;
    assert_eq!(
        (&read["name"], &read["email"], &read["version"]),
        (&json!("ada"), &json!("lovelace@example.com"), &json!(4))
    );
    // Without a token it is there soon.
    eventually(Duration::from_secs(30), "both customers", || async {
        Ok(client.all("/invoicing/customers?limit=1").await?.len() == 2)
    })
    .await?;
    let newest_first: Vec<Value> = client
        .all("/invoicing/customers?limit=1")
        .await?
        .iter()
        .map(|item| item["id"].clone())
        .collect();
    assert_eq!(newest_first, ["bob", "ada"]);
    Ok(())
}
