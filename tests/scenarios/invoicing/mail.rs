//! Mails to customers: one for each time that an invoice is sent, whatever dies when.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use headwater_tests::{Client, Platform};
use serde_json::{Value, json};

use super::smtp::{Smtp, Way};
use crate::support::{
    PROGRAM, events, eventually, eventually_redriven, own_platform, shared_platform,
};

const SEND_MAIL: &str = "invoicing-send-mail";

/// What a person says of the first mail of invoice `one`.
const SETTLE: &str = "/invoicing/mails/one/9/settle";

/// How long a mail may take whose process died: the lease, and one round of `redrive`.
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::test]
async fn a_mail_brings_the_invoice_as_it_was_and_each_reminder_is_another() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("mail").await?;
    issued(&client, "one").await?;
    send(&client, "one", "Your invoice").await?;
    let paid = json!({ "amount": "10.00", "at": "2026-01-01T00:00:00Z", "reference": "bank-1" });
    client.post("/invoicing/invoices/one/payments", &paid).await?.expect(200)?;
    let token = send(&client, "one", "A reminder").await?;
    let read = client
        .call("GET", "/invoicing/invoices/one")
        .header("consistency-token", &token)
        .send()
        .await?
        .expect(200)?;
    assert_eq!(read.body["status"], "SENT");

    let asked = asked(&client, "mail", &["one"]).await?;
    eventually(PATIENCE, "both mails", || async { Ok(outbox(&platform, "mail")?.len() == 2) })
        .await?;
    assert_eq!(outbox(&platform, "mail")?, asked);
    let (first, reminder) = (text(&platform, "mail.one.9")?, text(&platform, "mail.one.12")?);
    for line in [
        "From: invoices@example.com\r\n",
        "To: \"Ada Lovelace\" <ada@example.com>\r\n",
        "Subject: Your invoice\r\n",
        "Message-ID: <mail.invoicing.invoices.one.9@example.com>\r\n",
        "\r\nThank you.\r\n",
        "filename=\"invoice-1.html\"\r\n",
    ] {
        assert!(first.contains(line), "{line} in\n{first}");
    }
    assert!(reminder.contains("Subject: A reminder\r\n"), "{reminder}");
    assert!(
        !first.contains("bank-1") && reminder.contains("bank-1"),
        "each invoice as it was when it was sent"
    );
    Ok(())
}

#[tokio::test]
async fn however_often_its_processes_die_no_mail_is_sent_twice_and_none_is_forgotten() -> Result<()>
{
    sent_once_however_often_processes_die(6, 5).await
}

#[tokio::test]
#[ignore = "long: 500 mails"]
async fn of_500_mails_none_is_sent_twice_and_none_is_forgotten() -> Result<()> {
    sent_once_however_often_processes_die(50, 20).await
}

/// Sends each of ten invoices so many times, and kills the processes after so many mails, again and
/// again.
async fn sent_once_however_often_processes_die(sends: usize, apart: usize) -> Result<()> {
    const INVOICES: usize = 10;
    let mails = INVOICES * sends;
    let mut platform = own_platform()?;
    let client = platform.client("killed").await?;
    let ids: Vec<String> = (0..INVOICES).map(|i| format!("invoice-{i}")).collect();
    for id in &ids {
        issued(&client, id).await?;
    }
    let sending = try_join_all(ids.iter().map(|id| async {
        for i in 0..sends {
            send(&client, id, &format!("Mail {i}")).await?;
        }
        Ok(())
    }));
    let (_, kills) = tokio::try_join!(sending, kill_again_and_again(&platform, mails, apart))?;
    ensure!(kills as usize >= mails / apart * 2 / 5, "only {kills} kills hit a process");

    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let asked = asked(&client, "killed", &ids).await?;
    assert_eq!(asked.len(), mails);
    let done_or_unknown = || async {
        Ok(states(&platform).await?.iter().filter(|(_, state)| state != "leased").count()
            == asked.len())
    };
    eventually_redriven(&platform, PATIENCE, "every mail sent or waiting", done_or_unknown).await?;
    let sent = outbox(&platform, "killed")?;
    ensure!(
        sent.is_subset(&asked),
        "mails that nobody asked for, or a second time: {:?}",
        sent.difference(&asked)
    );
    for (mail, state) in states(&platform).await? {
        ensure!(
            state == "unknown" || state == "done" && sent.contains(&mail),
            "{mail} is {state}, and {}",
            sent.contains(&mail)
        );
    }

    let before = platform.metric(SEND_MAIL, "MailsSentBefore")?;
    platform.kill()?;
    // Every stream is read from its start again.
    std::fs::remove_dir_all(platform.folder().join("checkpoints"))?;
    platform.restart()?;
    platform.settled_within(PATIENCE).await?;
    ensure!(
        platform.metric(SEND_MAIL, "MailsSentBefore")? - before > (mails / 2) as f64,
        "nothing was replayed"
    );
    assert_eq!(outbox(&platform, "killed")?, sent, "a replay sends nothing");
    Ok(())
}

/// Kills the processes whenever there are so many mails more, most likely between a mail and its
/// mark. It ends when there are enough mails or no more come. Answers how many kills hit one.
async fn kill_again_and_again(platform: &Platform, mails: usize, apart: usize) -> Result<u64> {
    let (mut kills, mut next, mut idle) = (0, apart, 0);
    while next < mails && idle < 3_000 {
        if outbox(platform, "killed")?.len() < next {
            idle += 1;
            tokio::time::sleep(Duration::from_millis(3)).await;
            continue;
        }
        idle = 0;
        next = outbox(platform, "killed")?.len() + apart;
        kills += platform.kill_function(SEND_MAIL).await?.min(1);
    }
    Ok(kills)
}

#[tokio::test]
async fn a_mail_that_the_server_refuses_is_tried_again_by_itself() -> Result<()> {
    let (platform, smtp) = with_server(Way::Refuse).await?;
    let client = platform.client("refused").await?;
    issued(&client, "one").await?;
    send(&client, "one", "Your invoice").await?;
    eventually(PATIENCE, "a first try", || async { Ok(smtp.refused() > 0) }).await?;
    eventually(PATIENCE, "the mark", || async { Ok(only_state(&platform).await? == "failed") })
        .await?;
    smtp.go(Way::Take);
    let done = || async { Ok(only_state(&platform).await? == "done") };
    eventually_redriven(&platform, PATIENCE, "the mail", done).await?;
    assert_eq!(
        (smtp.refused(), smtp.taken()),
        (1, 1),
        "each try once, although the record comes again and again"
    );
    Ok(())
}

#[tokio::test]
async fn a_mail_whose_mark_loses_its_reply_is_sent_or_listed_once_there_is_a_server() -> Result<()>
{
    const SENDS: usize = 20;
    let address = tokio::net::TcpListener::bind("127.0.0.1:0").await?.local_addr()?.to_string();
    let platform = Platform::start(PROGRAM, &["--smtp-url", &format!("smtp://{address}")])?;
    let client = platform.client("lost").await?;
    platform.fault(
        json!({ "service": "dynamodb", "fault": "lost-reply", "rate": 0.5, "function": SEND_MAIL })
    ).await?;
    issued(&client, "one").await?;
    for i in 0..SENDS {
        send(&client, "one", &format!("Mail {i}")).await?;
    }
    let marked = || async {
        Ok(states(&platform).await?.iter().filter(|(_, state)| state != "leased").count() == SENDS)
    };
    eventually_redriven(&platform, PATIENCE, "a first try of each", marked).await?;
    let smtp = Smtp::start_at(Way::Take, &address).await?;
    let settled = || async {
        Ok(states(&platform).await?.iter().all(|(_, state)| state != "leased" && state != "failed"))
    };
    eventually_redriven(&platform, 2 * PATIENCE, "every mail sent or listed", settled).await?;
    let done = states(&platform).await?.iter().filter(|(_, state)| state == "done").count();
    let listed = client.all("/invoicing/mails").await?.len();
    assert_eq!(
        (smtp.taken().max(done), done + listed),
        (smtp.taken(), SENDS),
        "{done} are done, and {listed} are listed"
    );
    ensure!(done > 0, "none was sent");
    Ok(())
}

/// Its address is wrong, and an issued invoice stays as it is.
#[tokio::test]
async fn an_issued_invoice_is_sent_to_a_corrected_address() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("corrected").await?;
    issued(&client, "one").await?;
    let mail = json!({
        "subject": "Your invoice",
        "message": "Thank you.",
        "email": "countess@example.com",
    });
    client.post("/invoicing/invoices/one/send", &mail).await?.expect(200)?;
    let execute = json!({
        "command": "SendInvoiceToCustomer",
        "aggregateId": "one",
        "payload": { "email": "ada", "subject": "S", "message": "M" },
    });
    client.post("/invoicing/execute", &execute).await?.problem(422, "invalid-request")?;
    eventually(PATIENCE, "the mail", || async { Ok(outbox(&platform, "corrected")?.len() == 1) })
        .await?;
    let text = text(&platform, "corrected.one.9")?;
    assert!(text.contains("To: \"Ada Lovelace\" <countess@example.com>\r\n"), "{text}");
    assert_eq!(
        client.get("/invoicing/invoices/one").await?.body["customer"]["email"],
        "ada@example.com"
    );
    Ok(())
}

#[tokio::test]
async fn a_mail_that_was_refused_too_often_waits_for_a_person() -> Result<()> {
    let (platform, smtp) = with_server(Way::Refuse).await?;
    let client = platform.client("refused").await?;
    issued(&client, "one").await?;
    send(&client, "one", "Your invoice").await?;
    eventually(PATIENCE, "the first try", || async {
        Ok(only_state(&platform).await? == "failed")
    })
    .await?;
    pretend_four_tries(&platform).await?;
    ring(&platform, "refused").await?;
    eventually(PATIENCE, "the last try", || async { Ok(only_state(&platform).await? == "parked") })
        .await?;
    eventually(PATIENCE, "the alarm's metric", || async {
        Ok(platform.metric(SEND_MAIL, "MailsWaiting")? >= 1.0)
    })
    .await?;
    platform.schedule("sweep").await?;
    eventually(PATIENCE, "the alarm's metric, each minute", || async {
        Ok(platform.metric("sweep", "MailsWaiting").unwrap_or_default() >= 1.0)
    })
    .await?;

    smtp.go(Way::Take);
    ring(&platform, "refused").await?;
    platform.settled().await?;
    assert_eq!((smtp.refused(), smtp.taken()), (2, 0), "what is parked is not tried again");
    let waiting = client.all("/invoicing/mails").await?;
    let (error, since) = (&waiting[0]["error"], &waiting[0]["since"]);
    assert_eq!(
        waiting,
        [json!({
            "invoiceId": "one",
            "event": 9,
            "why": "FAILED",
            "tries": 5,
            "error": error,
            "since": since,
        })]
    );
    assert!(since.is_string(), "{waiting:?}");
    assert!(
        waiting[0]["error"].as_str().is_some_and(|error| error.contains("no such mailbox")),
        "{waiting:?}"
    );

    client.post(SETTLE, &json!({ "outcome": "TRY_AGAIN" })).await?.expect(200)?;
    let done = || async { Ok(only_state(&platform).await? == "done") };
    eventually_redriven(&platform, PATIENCE, "the mail", done).await?;
    assert_eq!((smtp.refused(), smtp.taken()), (2, 1));
    assert_eq!(client.all("/invoicing/mails").await?, [Value::Null; 0]);
    client.post(SETTLE, &json!({ "outcome": "TRY_AGAIN" })).await?.problem(404, "not-found")?;
    platform.settled().await?;
    assert_eq!(smtp.taken(), 1, "what was sent is not settled again");
    Ok(())
}

#[tokio::test]
async fn a_mail_that_may_have_been_sent_waits_for_a_person_at_once() -> Result<()> {
    let (platform, smtp) = with_server(Way::TakeInSilence).await?;
    let client = platform.client("silence").await?;
    issued(&client, "one").await?;
    send(&client, "one", "Your invoice").await?;
    eventually(PATIENCE, "a mark", || async { Ok(only_state(&platform).await? == "unknown") })
        .await?;
    for _ in 0..3 {
        ring(&platform, "silence").await?;
    }
    platform.settled().await?;
    assert_eq!(smtp.taken(), 1, "it is not sent again");
    let waiting = client.all("/invoicing/mails").await?;
    assert_eq!(
        (&waiting[0]["why"], &waiting[0]["tries"], waiting.len()),
        (&json!("UNKNOWN"), &json!(1), 1)
    );
    let outcome = json!({ "outcome": "DONE" });
    let stranger = platform.client("stranger").await?;
    assert_eq!(stranger.all("/invoicing/mails").await?, [Value::Null; 0]);
    stranger.post(SETTLE, &outcome).await?.problem(404, "not-found")?;
    platform
        .client_with("silence", "clerk", &["reader", "writer"])
        .await?
        .post(SETTLE, &outcome)
        .await?
        .problem(403, "forbidden")?;
    let stale = json!({ "outcome": "TRY_AGAIN", "since": "2026-01-01T00:00:00Z" });
    client.post(SETTLE, &stale).await?.problem(404, "not-found")?;
    let outcome = json!({ "outcome": "DONE", "since": waiting[0]["since"] });
    // Again, since the reply may have been lost.
    let settle = |path| client.call("POST", path).header("idempotency-key", "k").json(&outcome);
    let replies = [settle(SETTLE).send().await?, settle(SETTLE).send().await?];
    assert!(replies.iter().all(|reply| reply.status == 200), "{replies:?}");
    assert_eq!(replies[0].body, replies[1].body);
    let never = settle("/invoicing/mails/one/8/settle").send().await?;
    never.problem(404, "not-found")?;
    ring(&platform, "silence").await?;
    platform.settled().await?;
    assert_eq!((smtp.taken(), only_state(&platform).await?.as_str()), (1, "done"));
    Ok(())
}

/// Creates an invoice and issues it.
async fn issued(client: &Client, id: &str) -> Result<()> {
    let line =
        json!({ "description": "Work", "quantity": "2", "unitPrice": "12.50", "taxRate": "0.19" });
    let customer = json!({ "name": "Ada Lovelace", "email": "ada@example.com" });
    let invoice = json!({ "id": id, "customer": customer, "currency": "EUR", "lineItems": [line] });
    client.post("/invoicing/invoices", &invoice).await?.expect(201)?;
    client.post(&format!("/invoicing/invoices/{id}/issue"), &json!({})).await?.expect(200)?;
    Ok(())
}

/// Sends an invoice; the answer is the token.
async fn send(client: &Client, id: &str, subject: &str) -> Result<String> {
    let mail = json!({ "subject": subject, "message": "Thank you." });
    let reply = client.post(&format!("/invoicing/invoices/{id}/send"), &mail).await?.expect(200)?;
    Ok(reply.token().to_owned())
}

/// The mails that the events of these invoices ask for, as `<tenant>.<invoice>.<event number>`.
async fn asked(client: &Client, tenant: &str, invoices: &[&str]) -> Result<BTreeSet<String>> {
    let mut asked = BTreeSet::new();
    for id in invoices {
        let events = events(client, &format!("invoicing/invoices/{id}")).await?;
        let sent = events.iter().filter(|event| event["type"] == "InvoiceSent");
        asked.extend(sent.map(|event| format!("{tenant}.{id}.{}", event["number"])));
    }
    Ok(asked)
}

/// The names of the mails of a tenant that were sent, without `.eml`.
fn outbox(platform: &Platform, tenant: &str) -> Result<BTreeSet<String>> {
    let Ok(folder) = std::fs::read_dir(platform.folder().join("outbox")) else {
        return Ok(BTreeSet::new());
    };
    let names: Vec<String> = folder
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    let mails = names.iter().filter_map(|name| name.strip_suffix(".eml"));
    Ok(mails.filter(|name| name.starts_with(&format!("{tenant}."))).map(str::to_owned).collect())
}

/// A mail that was sent, with its lines unfolded.
fn text(platform: &Platform, mail: &str) -> Result<String> {
    let text =
        std::fs::read_to_string(platform.folder().join("outbox").join(format!("{mail}.eml")))?;
    Ok(text.replace("\r\n ", " ").replace("=\r\n", ""))
}

/// A platform whose mails go to a server of the test's.
async fn with_server(way: Way) -> Result<(Platform, Smtp)> {
    let smtp = Smtp::start(way).await?;
    Ok((Platform::start(PROGRAM, &["--smtp-url", smtp.url()])?, smtp))
}

/// Lets a record of the first mail of invoice `one` come again, without its commit.
async fn ring(platform: &Platform, tenant: &str) -> Result<()> {
    let stream = format!("{tenant}/invoicing/invoices/one");
    platform
        .put_record("CommitsStream", &stream, &json!({ "stream": stream, "last": 9 }).to_string())
        .await
}

/// Each mail that was ever leased, as `<tenant>.<invoice>.<event number>`, with its state.
async fn states(platform: &Platform) -> Result<Vec<(String, String)>> {
    let items = items(platform).await?;
    let mails =
        items.iter().filter(|item| item["pk"].as_str().is_some_and(|pk| pk.starts_with("mail/")));
    mails
        .map(|item| {
            let path: Vec<&str> = item["pk"].as_str().unwrap_or_default().split('/').collect();
            let number: u64 = item["sk"].as_str().unwrap_or_default().parse()?;
            Ok((
                format!("{}.{}.{number}", path[1], path[4]),
                item["s"].as_str().unwrap_or_default().to_owned(),
            ))
        })
        .collect()
}

/// The state of the only mail; empty before its first try.
async fn only_state(platform: &Platform) -> Result<String> {
    Ok(states(platform).await?.pop().map(|(_, state)| state).unwrap_or_default())
}

/// Sets the only mail to where it is after four tries, the pause being over, which would take
/// minutes.
async fn pretend_four_tries(platform: &Platform) -> Result<()> {
    let mut item = items(platform).await?.pop().context("no mail")?;
    (item["n"], item["u"]) = (json!(4), json!(0));
    let put =
        platform.dynamodb().await?.put_item().table_name(platform.table("EffectsTable").await?);
    put.set_item(Some(serde_dynamo::to_item(item)?)).send().await?;
    Ok(())
}

async fn items(platform: &Platform) -> Result<Vec<Value>> {
    let dynamodb = platform.dynamodb().await?;
    let mut pages = dynamodb
        .scan()
        .table_name(platform.table("EffectsTable").await?)
        .consistent_read(true)
        .into_paginator()
        .items()
        .send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        items.push(serde_dynamo::from_item(item?)?);
    }
    Ok(items)
}
