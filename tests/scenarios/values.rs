//! What values may be, the same at every door: names, addresses, numbers and times.

use anyhow::Result;
use headwater_tests::{Client, Reply};
use serde_json::{Value, json};

use crate::invoicing::support::{invoice, issued, item, payment, post};
use crate::support::{create_user, own_platform, shared_platform, user};

/// One address, which is to be refused at each door that takes one.
async fn with_email(client: &Client, id: &str, email: &str) -> Result<Vec<(Reply, &'static str)>> {
    let named = |changes: Value| merged(user(id), changes);
    let customer = json!({ "name": "Ada", "email": email });
    let external = json!({
        "externalId": id,
        "revision": 1,
        "active": true,
        "email": email,
        "userName": format!("x{id}"),
    });
    let mut draft = invoice(id, &[item()]);
    draft["customer"]["email"] = email.into();
    Ok(vec![
        (client.post("/identity/users", &named(json!({ "email": email }))).await?, "/email"),
        (
            client.post("/identity/external-users", &merged(named(json!({})), external)).await?,
            "/email",
        ),
        (client.post("/invoicing/customers", &customer).await?, "/email"),
        (client.post("/invoicing/invoices", &draft).await?, "/customer/email"),
        (
            execute(client, id, &json!({ "customer": draft["customer"], "currency": "EUR" }))
                .await?,
            "/customer/email",
        ),
    ])
}

async fn execute(client: &Client, id: &str, payload: &Value) -> Result<Reply> {
    let command = json!({
        "command": "CreateInvoice",
        "aggregateId": format!("{id}-again"),
        "payload": payload,
    });
    client.post("/invoicing/execute", &command).await
}

fn merged(mut body: Value, changes: Value) -> Value {
    if let (Some(body), Value::Object(changes)) = (body.as_object_mut(), changes) {
        body.extend(changes);
    }
    body
}

/// It is 422, and points there.
#[track_caller]
fn refused(reply: Reply, pointer: &str) -> Result<()> {
    let reply = reply.problem(422, "invalid-request")?;
    assert_eq!(reply.body["errors"][0]["pointer"], pointer, "{}", reply.body);
    Ok(())
}

async fn found(client: &Client, query: &str, token: &str) -> Result<Vec<Value>> {
    let list = client
        .call("GET", &format!("/identity/users?{query}"))
        .header("consistency-token", token)
        .send()
        .await?
        .expect(200)?;
    Ok(list.body["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|user| user["userName"].clone())
        .collect())
}

#[tokio::test]
async fn names_that_differ_in_what_nobody_sees_are_one() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("values-names").await?;
    let ada = create_user(&client, "a\u{200b}da").await;
    // The address is made of the name, and has to be one.
    assert!(ada.is_err());
    let hidden = |name: &str| merged(user("hidden"), json!({ "userName": name }));
    let ada = client.post("/identity/users", &hidden("a\u{200b}da")).await?.expect(201)?;
    for same in ["ada", "ADA", "ad\u{ad}a", "a\u{200b}da", "\u{feff}ada"] {
        client
            .post("/identity/users", &merged(user("other"), json!({ "userName": same })))
            .await?
            .problem(409, "user-name-taken")?;
    }
    // It is found by any of them, and shown as it was written.
    for query in ["userName=ada", "userName=A%E2%80%8BDA", "userName=ad%C2%ADa", "q=ada"] {
        assert_eq!(found(&client, query, ada.token()).await?, ["a\u{200b}da"], "{query}");
    }
    let renamed = client
        .patch(&format!("/identity/users/{}", ada.id()), &json!({ "userName": "grace" }))
        .await?
        .expect(200)?;
    assert_eq!(found(&client, "userName=ada", renamed.token()).await?, [""; 0]);
    let other = client
        .post("/identity/users", &merged(user("other"), json!({ "userName": "ada" })))
        .await?
        .expect(201)?;
    // Both have to be seen: the one who has the name, and that the first one has it no more.
    let tokens = format!("{}, {}", renamed.token(), other.token());
    assert_eq!(found(&client, "userName=a%E2%80%8Bda", &tokens).await?, ["ada"]);
    Ok(())
}

#[tokio::test]
async fn a_name_that_nobody_sees_is_refused_at_every_door() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("values-hidden").await?;
    issued(&client, "i").await?;
    for hidden in ["\u{200b}", "\u{3164}", "\u{2800}", "\u{202e}\u{2066}"] {
        let mut draft = invoice("j", &[merged(item(), json!({ "description": hidden }))]);
        refused(client.post("/invoicing/invoices", &draft).await?, "/lineItems/0/description")?;
        draft["lineItems"] = json!([]);
        draft["customer"]["name"] = hidden.into();
        refused(client.post("/invoicing/invoices", &draft).await?, "/customer/name")?;
        refused(
            client
                .post("/identity/users", &merged(user("x"), json!({ "userName": hidden })))
                .await?,
            "/userName",
        )?;
        refused(
            client
                .post("/identity/users", &merged(user("x"), json!({ "displayName": hidden })))
                .await?,
            "/displayName",
        )?;
        refused(client.post("/identity/groups", &json!({ "name": hidden })).await?, "/name")?;
        refused(
            client
                .post("/invoicing/customers", &json!({ "name": hidden, "email": "a@b.ch" }))
                .await?,
            "/name",
        )?;
        refused(post(&client, "i", "payments", &payment("1.00", hidden)).await?, "/reference")?;
        refused(
            post(&client, "i", "send", &json!({ "subject": hidden, "message": "m" })).await?,
            "/subject",
        )?;
        refused(
            post(&client, "i", "send", &json!({ "subject": "s", "message": hidden })).await?,
            "/message",
        )?;
    }
    Ok(())
}

#[tokio::test]
async fn an_address_that_no_mail_can_be_sent_to_is_refused_at_every_door() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("values-addresses").await?;
    for bad in [
        "ada..lovelace@example.com",
        ".ada@example.com",
        "ada.@example.com",
        "zoë@example.com",
        "ada@exam ple.com",
        "ada@",
    ] {
        for (reply, pointer) in with_email(&client, "a", bad).await? {
            refused(reply, pointer)?;
        }
    }
    // A domain in other letters is the same as its A-label.
    for (reply, _) in with_email(&client, "b", "ada@bücher.example").await? {
        assert!(
            reply.status == 201
                || reply.status == 200
                || reply.body["type"] == "/problems/email-taken",
            "{}",
            reply.body
        );
    }
    let draft =
        client.call("GET", "/invoicing/invoices/b?version=4").send().await?.expect(200)?.body;
    assert_eq!(draft["customer"]["email"], "ada@xn--bcher-kva.example");
    let same = merged(user("c"), json!({ "email": "Ada@XN--BCHER-KVA.example" }));
    client.post("/identity/users", &same).await?.problem(409, "email-taken")?;
    platform.settled().await?;
    for service in ["/identity/users", "/invoicing/customers"] {
        let list = client.get(&format!("{service}?email=ada@b%C3%BCcher.example")).await?.body;
        assert_eq!(list["items"][0]["email"], "ada@xn--bcher-kva.example", "{list}");
    }
    Ok(())
}

#[tokio::test]
async fn a_number_that_json_readers_cannot_hold_is_refused_at_every_door() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("values-numbers").await?;
    issued(&client, "i").await?;
    let external = |revision: Value| {
        merged(user("7"), json!({ "externalId": "7", "revision": revision, "active": true }))
    };
    for large in [json!(9_007_199_254_740_992_u64), json!(u64::MAX)] {
        refused(
            client.post("/identity/external-users", &external(large.clone())).await?,
            "/revision",
        )?;
        refused(
            post(
                &client,
                "i",
                "payments",
                &merged(payment("1.00", "a"), json!({ "version": large })),
            )
            .await?,
            "/version",
        )?;
        let command = json!({ "command": "VoidInvoice", "aggregateId": "i", "version": large });
        refused(client.post("/invoicing/execute", &command).await?, "/version")?;
        for path in ["/invoicing/invoices/i?version", "/states/invoicing/invoices/i?version"] {
            refused(
                client.call("GET", &format!("{path}={large}")).send().await?,
                "/query/version",
            )?;
        }
        refused(
            client
                .call("GET", &format!("/events/invoicing/invoices/i?after={large}"))
                .send()
                .await?,
            "/query/after",
        )?;
        refused(
            client
                .call("GET", &format!("/states/invoicing/invoices/i?diff={large}"))
                .send()
                .await?,
            "/query/diff",
        )?;
    }
    client
        .post("/identity/external-users", &external(json!(9_007_199_254_740_991_u64)))
        .await?
        .expect(200)?;
    let document = client.get("/openapi.json").await?.body;
    let schemas = &document["components"]["schemas"];
    for (name, member) in [
        ("ApplyExternalUser", "revision"),
        ("RecordPayment", "version"),
        ("AddLineItem", "version"),
        ("Execute", "version"),
    ] {
        assert_eq!(
            schemas[name]["properties"][member]["maximum"], 9_007_199_254_740_991_u64,
            "{name}: {}",
            schemas[name]
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_time_has_a_year_of_four_digits_at_every_door() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("values-times").await?;
    issued(&client, "i").await?;
    let licenses = "/licensing/customers/ada/licenses";
    let request = json!({ "titleId": "t", "studioId": "s", "deviceId": "d" });
    let license = client.post(licenses, &request).await?.expect(201)?.id().to_owned();
    for bad in ["-009999-01-02T02:00:00Z", "-000001-01-01T00:00:00Z"] {
        let report = json!([
            { "eventId": "1", "kind": "START", "at": "2026-01-01T00:00:00Z" },
            { "eventId": "2", "kind": "STOP", "at": bad },
        ]);
        refused(client.post(&format!("{licenses}/{license}/sessions"), &report).await?, "/1/at")?;
        refused(
            post(&client, "i", "payments", &merged(payment("1.00", "a"), json!({ "at": bad })))
                .await?,
            "/at",
        )?;
        for (path, name) in [
            ("/states/invoicing/invoices/i", "at"),
            ("/invoicing/invoices", "from"),
            ("/invoicing/invoices", "to"),
            ("/invoicing/reports/revenue", "from"),
            ("/licensing/customers/ada/downloads", "since"),
        ] {
            refused(
                client.call("GET", &format!("{path}?{name}={bad}")).send().await?,
                &format!("/query/{name}"),
            )?;
        }
    }
    client.get("/invoicing/invoices?from=0000-01-01T00:00:00Z&to=9999-12-30T00:00:00Z").await?;
    Ok(())
}

#[tokio::test]
async fn a_payment_is_the_same_however_unicode_writes_its_reference() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("values-references").await?;
    issued(&client, "i").await?;
    let first = post(&client, "i", "payments", &payment("1.00", "\u{dc} 7")).await?.expect(200)?;
    let again =
        post(&client, "i", "payments", &payment("1.00", "U\u{308} 7")).await?.expect(200)?;
    assert_eq!(again.version(), first.version());
    post(&client, "i", "payments", &payment("2.00", "U\u{308} 7"))
        .await?
        .problem(409, "payment-reference-used")?;
    post(&client, "i", "payments", &payment("2.00", "U 7")).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn what_is_due_on_a_day_is_overdue_after_it_and_dates_never_fall_as_numbers_rise()
-> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("values-days").await?;
    let clock = |seconds: i64| {
        platform.dev("POST", "/dev/clock", Some(json!({ "advanceSeconds": seconds })))
    };
    let mut dates = Vec::new();
    for id in ["a", "b"] {
        client.post("/invoicing/invoices", &invoice(id, &[item()])).await?.expect(201)?;
        let reply =
            post(&client, id, "issue", &json!({ "paymentTermDays": 0 })).await?.expect(200)?;
        let call = client
            .call("GET", &format!("/invoicing/invoices/{id}"))
            .header("consistency-token", reply.token());
        let shown = call.send().await?.expect(200)?.body;
        let (issued_at, due_at) = (
            shown["issuedAt"].as_str().unwrap_or_default(),
            shown["dueAt"].as_str().unwrap_or_default(),
        );
        assert_eq!(shown["overdue"], false, "{shown}");
        assert!(due_at == format!("{}T23:59:59.999Z", &issued_at[..10]), "{shown}");
        dates.push(issued_at.parse::<jiff::Timestamp>()?);
        clock(-86_400).await?;
    }
    assert!(dates.is_sorted(), "{dates:?}");
    // Two days on from here is the day after the issue, at the same time.
    clock(3 * 86_400).await?;
    platform.settled().await?;
    assert_eq!(client.get("/invoicing/invoices/a").await?.body["overdue"], true);
    Ok(())
}
