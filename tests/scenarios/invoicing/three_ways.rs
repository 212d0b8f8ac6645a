//! Three ways to read an invoice, and one answer: the view, the view brought up to a token, and the
//! events folded up to a version.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use futures::{StreamExt, TryStreamExt, stream};
use headwater_tests::{Client, Reply};
use serde_json::{Value, json};

use super::support::{INVOICES, get_with, path};
use crate::support::{PROGRAM, eventually};

/// How many invoices are generated: enough to meet every status.
const INVOICES_IN_SHORT: usize = 12;

/// How many where there is time, unless the environment's `INVOICES` says another number. 1,000
/// agree, and take some ten minutes on two cores.
const DEFAULT_INVOICES: usize = 40;

/// How many commands an invoice gets after it was created; some are refused, and change nothing.
const COMMANDS: usize = 12;

const AT_ONCE: usize = 8;

#[tokio::test]
async fn view_token_and_fold_agree_on_every_field_at_every_version() -> Result<()> {
    agree_on(INVOICES_IN_SHORT).await
}

#[tokio::test]
#[ignore = "long: 40 invoices"]
async fn view_token_and_fold_agree_on_many_invoices() -> Result<()> {
    let invoices = std::env::var("INVOICES").ok().and_then(|text| text.parse().ok());
    agree_on(invoices.unwrap_or(DEFAULT_INVOICES)).await
}

async fn agree_on(invoices: usize) -> Result<()> {
    let platform = headwater_tests::Platform::start(PROGRAM, &["--in-memory"])?;
    let client = platform.client("three-ways").await?;
    let lives = (0..invoices).map(|i| live(&client, i));
    let met: Vec<BTreeSet<String>> =
        stream::iter(lives).buffer_unordered(AT_ONCE).try_collect().await?;
    let met: BTreeSet<String> = met.into_iter().flatten().collect();
    let all = ["DELETED", "DRAFT", "ISSUED", "PAID", "SENT", "VOID"];
    assert_eq!(met.iter().map(String::as_str).collect::<Vec<_>>(), all, "the lives led everywhere");
    Ok(())
}

/// Leads one invoice through a life drawn at random; answers with every status that it had.
async fn live(client: &Client, seed: usize) -> Result<BTreeSet<String>> {
    let mut random = Rng::with_seed(seed as u64);
    let id = format!("invoice-{seed}");
    let mut seen = Seen { client, id: &id, bodies: BTreeMap::new(), head: 0 };
    let created = client.post(INVOICES, &generated(&mut random, &id)).await?.expect(201)?;
    seen.look(&created).await?;
    for _ in 0..COMMANDS {
        let reply = command(client, &id, &mut random).await?;
        ensure!([200, 404, 409].contains(&reply.status), "{}", reply.body);
        if reply.status == 200 && reply.version() > seen.head {
            seen.look(&reply).await?;
        }
    }
    seen.compare().await
}

/// What queries have shown of an invoice.
struct Seen<'a> {
    client: &'a Client,
    id: &'a str,
    /// By version, what the view and the token's answer were; of a deleted invoice nothing.
    bodies: BTreeMap<u64, Option<Value>>,
    head: u64,
}

impl Seen<'_> {
    /// Reads with the command's token at once, and without one until the view has got there too.
    async fn look(&mut self, command: &Reply) -> Result<()> {
        self.head = command.version();
        let body = |reply: Reply| {
            if reply.status == 404 {
                Ok(None)
            } else {
                Ok::<_, anyhow::Error>(Some(reply.expect(200)?.body))
            }
        };
        let by_token = body(get_with(self.client, &path(self.id), command.token()).await?)?;
        eventually(Duration::from_secs(60), "the view", || async {
            let view = body(self.client.call("GET", &path(self.id)).send().await?)?;
            if view == by_token {
                return Ok(true);
            }
            // Nobody else changes the invoice, so what differs can only be older.
            let older =
                view.as_ref().is_none_or(|view| view["version"].as_u64() < Some(command.version()));
            ensure!(older, "the view says {view:?}, by the token it is {by_token:?}");
            Ok(false)
        })
        .await?;
        self.bodies.insert(command.version(), by_token);
        Ok(())
    }

    /// Folds the events up to every version there is, in the middle of commits too, and compares
    /// where a query was asked.
    async fn compare(&self) -> Result<BTreeSet<String>> {
        let mut statuses = BTreeSet::new();
        for version in 1..=self.head {
            let folded =
                self.client.get(&format!("{}?version={version}", path(self.id))).await?.body;
            ensure!(folded["version"] == version, "{folded}");
            statuses.extend(folded["status"].as_str().map(str::to_owned));
            match self.bodies.get(&version) {
                Some(Some(body)) => {
                    ensure!(folded == *body, "version {version}: folded {folded}, shown {body}")
                }
                Some(None) => ensure!(
                    folded["status"] == "DELETED",
                    "version {version}: folded {folded}, shown nothing"
                ),
                None => {}
            }
        }
        Ok(statuses)
    }
}

fn item(random: &mut Rng) -> Value {
    json!({
        "description": format!("Line {}", random.u8(..)),
        "quantity": format!("{}.{:03}", random.u16(1..1_000), random.u16(..1_000)),
        "unitPrice": format!("{}.{:02}", random.u32(..10_000), random.u8(..100)),
        "taxRate": *random.choice(["0", "0.07", "0.19", "0.255"].iter()).unwrap_or(&"0"),
    })
}

fn customer(random: &mut Rng) -> Value {
    let name = format!("customer-{}", random.u8(..));
    let mut customer = json!({ "name": name, "email": format!("{name}@example.com") });
    if random.bool() {
        customer["id"] = name.into();
    }
    customer
}

fn generated(random: &mut Rng, id: &str) -> Value {
    let items: Vec<Value> = (0..random.usize(..4)).map(|_| item(random)).collect();
    json!({ "id": id, "customer": customer(random), "currency": "EUR", "lineItems": items })
}

/// Any command, whether the invoice's status allows it or not. Payments are of all that is due, or
/// a cent.
async fn command(client: &Client, id: &str, random: &mut Rng) -> Result<Reply> {
    let n = random.u8(1..6);
    let (name, payload) = match random.u8(..20) {
        0..6 => ("AddLineItem", item(random)),
        6..8 => {
            let mut item = item(random);
            item["n"] = n.into();
            ("ChangeLineItem", item)
        }
        8 => ("RemoveLineItem", json!({ "n": n })),
        9 => ("SetInvoiceCustomer", customer(random)),
        10 => (
            "SetInvoiceCurrency",
            json!({ "currency": random.choice(["EUR", "USD", "KWD"].iter()).unwrap_or(&"EUR") }),
        ),
        11..13 => ("IssueInvoice", json!({ "paymentTermDays": random.u16(..365) })),
        13..15 => (
            "SendInvoiceToCustomer",
            json!({ "subject": "Your invoice", "message": "Please pay." }),
        ),
        15..18 => ("RecordPayment", payment(client, id, random).await?),
        18 => ("VoidInvoice", json!({})),
        _ => ("DeleteInvoice", json!({})),
    };
    client
        .post(
            "/invoicing/execute",
            &json!({ "command": name, "aggregateId": id, "payload": payload }),
        )
        .await
}

async fn payment(client: &Client, id: &str, random: &mut Rng) -> Result<Value> {
    let invoice = client.call("GET", &path(id)).send().await?.body;
    let due = invoice["totals"]["due"]
        .as_str()
        .filter(|due| due.bytes().any(|byte| (b'1'..=b'9').contains(&byte)));
    let amount = if random.bool() { due.unwrap_or("0.01") } else { "0.01" };
    let at =
        jiff::Timestamp::from_second(random.i64(1_760_000_000..1_790_000_000)).context("a time")?;
    Ok(json!({
        "amount": amount,
        "at": at.to_string(),
        "reference": format!("bank-{}", random.u8(..)),
    }))
}
