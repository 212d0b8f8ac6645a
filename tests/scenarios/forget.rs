//! Whoever is forgotten is found nowhere: in no byte of what the system keeps. Marked names, the
//! *canaries*, are sought before and after.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use headwater_tests::operator::headwater;
use headwater_tests::{Client, Platform};
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::time::sleep;

use crate::support::{create_user, own_platform};

/// Parts of a user name, of names, of an address, and of a mail's text.
const CANARIES: [&str; 4] = ["kanarienvogel7361", "Zeisig9931", "stieglitz5512", "Gimpel4408"];

const ADA: &str = "/identity/users/ada";
const INVOICE: &str = "/invoicing/invoices/one";

/// The bytes to be sought: each canary as it is, and as it may stand within a text in base64.
fn needles() -> Vec<Vec<u8>> {
    let in_base64 = |canary: &str, before: usize| {
        let text = STANDARD_NO_PAD.encode(["x".repeat(before), canary.to_owned()].concat());
        let (from, to) = ((before * 8).div_ceil(6), (before + canary.len()) * 8 / 6);
        text.as_bytes()[from..to].to_vec()
    };
    let of = |canary: &str| {
        let encoded: Vec<Vec<u8>> = (0..3).map(|before| in_base64(canary, before)).collect();
        [vec![canary.as_bytes().to_vec()], encoded].concat()
    };
    CANARIES.into_iter().flat_map(of).collect()
}

/// Where a canary is: files of the platform's folder. All tables, streams and their records are in
/// databases; what was deleted in them does not count.
fn found(platform: &Platform) -> Result<BTreeSet<String>> {
    let (needles, copies) = (needles(), tempdir()?);
    let mut found = BTreeSet::new();
    let mut folders = vec![platform.folder().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.strip_prefix(platform.folder())?.display().to_string();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = match path.extension().and_then(|extension| extension.to_str()) {
                Some("sqlite") => without_deleted(&path, &copies.path().join(&name))?,
                Some("sqlite-wal" | "sqlite-shm") => continue,
                _ => fs::read(&path)?,
            };
            if needles.iter().any(|needle| has(&bytes, needle)) {
                found.insert(name);
            }
        }
    }
    Ok(found)
}

fn has(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// A database as it would be if it had just been written.
fn without_deleted(database: &Path, copy: &Path) -> Result<Vec<u8>> {
    let copy_name = copy.to_str().context("a name")?;
    rusqlite::Connection::open(database)?.execute("VACUUM INTO ?1", [copy_name])?;
    Ok(fs::read(copy)?)
}

/// A user, a customer and an invoice that tell of the same person, in every way that there is.
async fn tell(client: &Client) -> Result<()> {
    let [name, family, address, text] = CANARIES;
    let email = format!("{address}@example.com");
    let user = json!({ "id": "ada", "userName": name, "displayName": family, "email": email });
    client.post("/identity/users", &user).await?.expect(201)?;
    client.post("/identity/groups", &json!({ "id": "crew", "name": "Crew" })).await?.expect(201)?;
    client.call("PUT", "/identity/groups/crew/members/ada").send().await?.expect(200)?;
    // A record of the answer, of one that is refused, too.
    let renamed = json!({ "displayName": format!("{family} the second") });
    let keyed = |method: &str, path: &str, key: &str, body: &Value| {
        client.call(method, path).header("idempotency-key", key).json(body).send()
    };
    keyed("PATCH", ADA, "rename", &renamed).await?.expect(200)?;
    let twin = json!({ "userName": name, "displayName": family, "email": "b@example.com" });
    keyed("POST", "/identity/users", "twin", &twin).await?.problem(409, "user-name-taken")?;
    // A conflict shows events, an amendment writes some, a parked update holds some.
    let stale = json!({ "displayName": family, "version": 1 });
    client.patch(ADA, &stale).await?.problem(409, "concurrent-modification")?;
    let event = json!({ "type": "DisplayNameSet", "data": { "displayName": family } });
    let amendment = json!({ "reason": "a typo", "events": [event] });
    client.post(&format!("/events{ADA}"), &amendment).await?.expect(200)?;
    let external = json!({
        "externalId": "7", "revision": 1, "userName": name, "displayName": family,
        "email": email, "active": true,
    });
    client.post("/identity/external-users", &external).await?.problem(409, "user-name-taken")?;
    for query in [format!("q={family}"), format!("userName={name}"), format!("email={email}")] {
        client.get(&format!("/identity/users?{query}")).await?.expect(200)?;
    }
    let customer = json!({ "id": "7", "name": family, "email": email });
    client.post("/invoicing/customers", &customer).await?.expect(201)?;
    let invoice = json!({
        "id": "one", "customer": customer, "currency": "EUR",
        "lineItems": [
            { "description": "Tea", "quantity": "1", "unitPrice": "10.00", "taxRate": "0" },
        ],
    });
    client.post("/invoicing/invoices", &invoice).await?.expect(201)?;
    let step = |what: &str, body: Value| {
        let (client, path) = (client.clone(), format!("{INVOICE}/{what}"));
        async move { client.post(&path, &body).await?.expect(200) }
    };
    step("issue", json!({})).await?;
    step("send", json!({ "subject": "Your invoice", "message": format!("Dear {text}") })).await?;
    step(
        "payments",
        json!({ "amount": "10.00", "at": "2026-01-01T00:00:00Z", "reference": "bank-1" }),
    )
    .await?;
    Ok(())
}

/// What is to be erased.
const SUBJECTS: [&str; 4] = [
    "identity/users/ada",
    "identity/users/ext-7",
    "invoicing/customers/7",
    "invoicing/invoices/one",
];

#[tokio::test]
async fn whoever_is_forgotten_is_found_nowhere() -> Result<()> {
    let mut platform = own_platform()?;
    let client = platform.client("acme").await?;
    tell(&client).await?;
    platform.settled().await?;
    let mails: BTreeSet<String> =
        found(&platform)?.into_iter().filter(|name| name.starts_with("outbox/")).collect();
    assert_eq!(mails.len(), 1, "the mail was delivered");
    // Rows alone tell of the person: no log, no record of a stream, no object.
    let and = |names: &[&str]| {
        names.iter().map(|name| (*name).to_owned()).chain(mails.clone()).collect::<BTreeSet<_>>()
    };
    assert_eq!(found(&platform)?, and(&["dynamodb.sqlite"]));
    let folder = tempdir()?;
    let dump = |name: &str| folder.path().join(name);
    headwater::<Value>(&platform, &format!("dump -o {}", dump("before").display())).await?;

    for subject in SUBJECTS {
        client.post(&format!("/{subject}/erase"), &json!({})).await?.expect(200)?;
    }
    platform.settled().await?;
    for subject in SUBJECTS {
        let certificate = client.get(&format!("/{subject}/certificate")).await?.expect(200)?.body;
        assert_eq!(
            [
                &certificate["keyIsDestroyed"],
                &certificate["rowsArePurged"],
                &certificate["plainEvents"]
            ],
            [&json!(true), &json!(true), &json!(0)],
            "{certificate}"
        );
    }
    assert_eq!(found(&platform)?, and(&[]));

    // Processes that were warm have forgotten the keys by then.
    platform.kill()?;
    platform.restart()?;
    let client = platform.client("acme").await?;
    for subject in SUBJECTS {
        let export = format!("/{subject}/export");
        let export = if subject.starts_with("invoicing/i") { INVOICE.to_owned() } else { export };
        for path in [format!("/events/{subject}"), format!("/states/{subject}?version=1"), export] {
            let shown = client.get(&path).await?.body.to_string();
            assert!(CANARIES.iter().all(|canary| !shown.contains(canary)), "{path}: {shown}");
        }
    }
    let events = client.get(&format!("/events{ADA}")).await?.body;
    assert_eq!(events["items"][1]["data"], json!({ "userName": { "$erased": true } }));
    let audit = client.get(&format!("{ADA}/audit")).await?.body;
    assert_eq!(audit["items"][0]["to"], "erased");
    client.call("GET", ADA).send().await?.problem(404, "not-found")?;
    let invoice = client.get(INVOICE).await?.body;
    assert_eq!((&invoice["customer"], &invoice["totals"]["due"]), (&Value::Null, &json!("0.00")));
    let told = client.all("/identity/changes").await?;
    assert!(told.iter().any(|commit| commit["events"][0]["type"] == "UserErased"), "{told:?}");

    // Rows are as a rebuild would make them, and a backup from before brings nothing back.
    assert_eq!(headwater::<Value>(&platform, "verify --pause 1").await?, [Value::Null; 0]);
    let restore = format!("restore {}", dump("before").display());
    let restored = headwater::<Value>(&platform, &restore).await?;
    assert_eq!((&restored[0]["written"], &restored[0]["forgotten"]), (&json!(0), &json!(0)));
    headwater::<Value>(&platform, &format!("dump -o {}", dump("after").display())).await?;
    assert_eq!(found(&platform)?, and(&[]));
    for name in ["before", "after"] {
        let bytes = fs::read(dump(name))?;
        assert!(needles().iter().all(|needle| !has(&bytes, needle)), "the dump {name}");
    }

    // The name is free, the id is not.
    create_user(&client, CANARIES[0]).await?;
    let again = json!({ "id": "ada", "userName": "ada", "displayName": "A", "email": "a@b.com" });
    client.post("/identity/users", &again).await?.problem(409, "user-exists")?;
    Ok(())
}

/// Whatever is killed on the way: either the person is there, or forgotten everywhere.
#[tokio::test]
async fn whoever_is_being_forgotten_while_processes_are_killed_is_forgotten() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("killed").await?;
    let mut erased = 0;
    for (number, pause) in [0, 5, 10, 15, 20, 30, 50, 80, 200, 1_000].into_iter().enumerate() {
        let user = create_user(&client, &format!("user{number}")).await?;
        let path = format!("/identity/users/{}", user.id());
        let erase = client.call("POST", &format!("{path}/erase")).send();
        let kill = async {
            sleep(Duration::from_millis(pause)).await;
            let function = platform.kill_function("identity-erase-user").await?;
            sleep(Duration::from_millis(pause)).await;
            anyhow::Ok(function + platform.kill_function("identity-project").await?)
        };
        let (_, killed) = tokio::join!(erase, kill);
        killed?;
        platform.settled().await?;
        let events = client.all(&format!("/events{path}")).await?;
        if events.iter().all(|event| event["type"] != "UserErased") {
            client.get(&path).await?.expect(200)?;
            continue;
        }
        erased += 1;
        let certificate = client.get(&format!("{path}/certificate")).await?.expect(200)?.body;
        assert!(
            certificate["keyIsDestroyed"] == true && certificate["rowsArePurged"] == true,
            "after {pause} ms: {certificate}"
        );
    }
    assert!(erased >= 1, "{erased} were erased");
    assert_eq!(headwater::<Value>(&platform, "verify --pause 1").await?, [Value::Null; 0]);
    Ok(())
}
