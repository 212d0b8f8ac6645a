//! What goes wrong behind the commands: an event that cannot be folded, a projector that gives up,
//! users of another system.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use headwater_tests::operator::headwater;
use headwater_tests::{Client, Platform};
use serde_json::{Value, json};

use crate::support::{
    create_user, eventually, own_platform, platform_that_gives_up_soon, shared_platform,
};

#[tokio::test]
async fn an_event_that_cannot_be_folded_parks_its_stream_and_no_other() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("poison").await?;
    let (ada, bob) = (create_user(&client, "ada").await?, create_user(&client, "bob").await?);
    platform.settled().await?;
    put_poison(&platform, &format!("poison/identity/users/{}", ada.id()), ada.version() + 1)
        .await?;
    client
        .patch(&format!("/identity/users/{}", bob.id()), &json!({ "displayName": "Bob" }))
        .await?
        .expect(200)?;
    platform.settled().await?;

    assert_eq!(
        client.get(&format!("/identity/users/{}", bob.id())).await?.body["displayName"],
        "Bob",
        "the others go on"
    );
    let path = format!("/identity/users/{}", ada.id());
    assert_eq!(client.get(&path).await?.body["version"], ada.version(), "its row stays as it was");
    let token = format!("\"poison/identity/users/{}@{}\"", ada.id(), ada.version() + 1);
    client
        .call("GET", &path)
        .header("consistency-token", &token)
        .send()
        .await?
        .problem(503, "stream-parked")?;
    for list in ["/identity/users", "/identity/users?userName=ada"] {
        client
            .call("GET", list)
            .header("consistency-token", &token)
            .send()
            .await?
            .problem(503, "stream-parked")?;
    }
    assert_eq!(platform.metric("identity-project", "ParkedStreams")?, 1.0);
    // A place in the feed stands for rows that can be read, so it goes on without this commit.
    assert_eq!(client.all("/identity/changes").await?.len(), 3);
    let listed = client.call("GET", "/identity/users").header("consistency-token", bob.token());
    let listed = listed.send().await?.expect(200)?;
    let changes = format!("/identity/changes?after={}", listed.token().trim_matches('"'));
    let since = client.get(&changes).await?;
    assert_eq!(since.expect(200)?.body["items"], json!([]));

    // Repaired and resumed, it is told of behind that place.
    let repaired = json!({ "t": "UserNameSet", "d": { "userName": "countess" } });
    let stream = format!("poison/identity/users/{}", ada.id());
    put_event(&platform, &stream, ada.version() + 1, &repaired).await?;
    headwater::<Value>(&platform, &format!("parked retry {stream}")).await?;
    let since = client.get(&changes).await?;
    let items = since.expect(200)?.body["items"].clone();
    assert_eq!(items[0]["stream"], format!("identity/users/{}", ada.id()).as_str());
    assert_eq!(items[0]["events"][0]["data"]["userName"], "countess");
    client.call("GET", &path).header("consistency-token", &token).send().await?.expect(200)?;
    Ok(())
}

/// Puts a commit whose event no build can read.
async fn put_poison(platform: &Platform, stream: &str, seq: u64) -> Result<()> {
    put_event(platform, stream, seq, &json!({ "t": "UserNameSet", "d": {} })).await
}

/// Puts a commit with one event straight into the table.
pub(crate) async fn put_event(
    platform: &Platform,
    stream: &str,
    seq: u64,
    event: &Value,
) -> Result<()> {
    let item = json!({
        "stream": stream, "seq": seq, "n": 1, "at": 1_800_000_000_000_i64,
        "e": [event],
        "m": {
            "i": "01936f0e-0000-7000-8000-000000000000", "c": "Teleport", "a": "future", "r": "r",
        },
    });
    let item: std::collections::HashMap<String, AttributeValue> = serde_dynamo::to_item(item)?;
    platform
        .dynamodb()
        .await?
        .put_item()
        .table_name(platform.table("EventsTable").await?)
        .set_item(Some(item))
        .send()
        .await?;
    Ok(())
}

/// An alarm that watched only what begins to wait would be over before anybody looked.
#[tokio::test]
async fn what_waits_for_a_person_is_told_each_minute_for_as_long_as_it_waits() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("poison").await?;
    let ada = create_user(&client, "ada").await?;
    let update = json!({
        "externalId": "7",
        "revision": 1,
        "userName": "ada",
        "displayName": "Another",
        "email": "other@example.com",
        "active": true,
    });
    client.post("/identity/external-users", &update).await?.problem(409, "user-name-taken")?;
    put_poison(&platform, &format!("poison/identity/users/{}", ada.id()), ada.version() + 1)
        .await?;
    platform.settled().await?;
    for minute in 1..=2 {
        platform.schedule("sweep").await?;
        let told =
            |metric| platform.metric("sweep", metric).unwrap_or_default() >= f64::from(minute);
        eventually(Duration::from_secs(60), "what waits is told", || async {
            Ok(told("ParkedStreams") && told("ExternalUsersParked"))
        })
        .await?;
    }
    Ok(())
}

/// Sums cannot be folded for one request, so it waits for the feed; that will not come.
#[tokio::test]
async fn sums_that_lack_a_parked_invoice_say_so_to_its_token() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("poison").await?;
    let line =
        json!({ "description": "Hours", "quantity": "1", "unitPrice": "1.00", "taxRate": "0" });
    let customer = json!({ "name": "Ada", "email": "ada@example.com" });
    let invoice = json!({ "customer": customer, "currency": "EUR", "lineItems": [line] });
    let draft = client.post("/invoicing/invoices", &invoice).await?.expect(201)?;
    platform.settled().await?;
    let stream = format!("poison/invoicing/invoices/{}", draft.id());
    let broken = json!({ "t": "InvoiceNumberSet", "d": {} });
    put_event(&platform, &stream, draft.version() + 1, &broken).await?;
    platform.settled().await?;
    let report = |token: String| {
        client
            .call("GET", "/invoicing/reports/revenue")
            .header("consistency-token", &token)
            .header("prefer", "wait=1")
            .send()
    };
    let token = format!("\"{stream}@{}\"", draft.version() + 1);
    report(token).await?.problem(503, "stream-parked")?;
    report(draft.token().to_owned()).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn what_a_projector_gave_up_on_is_redriven() -> Result<()> {
    let platform = platform_that_gives_up_soon()?;
    given_up_and_redriven(&platform, || platform.schedule("redrive")).await
}

#[tokio::test]
#[ignore = "long: minutes until the template's projector gives up and its schedule comes round"]
async fn what_a_projector_gave_up_on_is_redriven_by_itself() -> Result<()> {
    given_up_and_redriven(&own_platform()?, || std::future::ready(Ok(()))).await
}

/// Has the projector give up, and `redrive` bring it back; what hastens that is done all the time.
async fn given_up_and_redriven<F>(platform: &Platform, hasten: impl Fn() -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let client = platform.client("redrive").await?;
    // What is no batch, before all others in every order: it holds up nothing, and is told of.
    for number in 0..FOREIGN {
        put_object(platform, &format!("0{number:03}"), "nonsense")?;
    }
    let out_of_reach = json!({
        "service": "dynamodb",
        "fault": "throttle",
        "rate": 1.0,
        "function": "identity-project",
    });
    platform.fault(out_of_reach).await?;
    let ada = create_user(&client, "ada").await?;
    // Given up: then nothing is waiting in the stream any more, though no row was written.
    platform.settled_within(Duration::from_secs(400)).await?;
    let path = format!("/identity/users/{}", ada.id());
    client.call("GET", &path).send().await?.problem(404, "not-found")?;
    platform.fault(json!({ "service": "dynamodb", "fault": "none" })).await?;
    eventually(Duration::from_secs(150), "what was given up", || async {
        hasten().await?;
        Ok(client.call("GET", &path).send().await?.status == 200)
    })
    .await?;
    assert_eq!(client.all("/identity/changes").await?.len(), 1);
    let listed: Vec<Value> = headwater(platform, "waiting").await?;
    let unreadable = listed.iter().filter(|waiting| waiting["kind"] == "unreadable").count();
    assert_eq!(unreadable, FOREIGN, "{listed:?}");
    let told = platform.metric("redrive", "UnreadableObjects")?;
    ensure!(told >= FOREIGN as f64, "the alarm's metric was {told} at most");
    Ok(())
}

/// More objects that are no batches than one list call for a handful would bring.
const FOREIGN: usize = 100;

/// Puts an object into the failures bucket, as somebody may by hand.
fn put_object(platform: &Platform, key: &str, body: &str) -> Result<()> {
    let buckets =
        std::fs::read_dir(platform.folder().join("s3"))?.collect::<Result<Vec<_>, _>>()?;
    let bucket = buckets
        .iter()
        .find(|bucket| bucket.file_name().to_string_lossy().to_lowercase().contains("failures"));
    std::fs::write(bucket.context("no failures bucket")?.path().join(key), body)?;
    Ok(())
}

#[tokio::test]
async fn another_systems_users_come_in_by_their_stream() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("partner").await?;
    let update = |revision: u64, name: &str| {
        json!({
            "tenant": "partner", "externalId": "7", "revision": revision, "userName": name,
            "displayName": name,
            "email": format!("{name}@example.com"), "active": true,
        })
    };
    create_user(&client, "taken").await?;
    platform.put_record("ExternalUsersStream", "7", &update(2, "second").to_string()).await?;
    platform.put_record("ExternalUsersStream", "7", "not even JSON").await?;
    platform.put_record("ExternalUsersStream", "7", &update(1, "first").to_string()).await?;
    platform.put_record("ExternalUsersStream", "7", &update(2, "second").to_string()).await?;
    platform.put_record("ExternalUsersStream", "7", &update(3, "taken").to_string()).await?;
    platform.settled().await?;
    assert_eq!(read(&client, "ext-7").await?["userName"], "second");
    let audit = client.all("/identity/users/ext-7/audit").await?;
    assert_eq!(
        (&audit[0]["field"], &audit[0]["to"]["reason"]),
        (&json!("parkedUpdate"), &json!("user-name-taken"))
    );
    // What can never be taken over is in the list, with the reason.
    let listed: Vec<Value> = headwater(&platform, "failures ls").await?;
    let refused = |listed: &Value| {
        listed["function"] == "identity-transform-external-users" && listed["records"] == 1
    };
    let why: Vec<&str> = listed
        .iter()
        .filter(|listed| refused(listed))
        .filter_map(|listed| listed["why"].as_str())
        .collect();
    ensure!(why.iter().any(|why| why.starts_with("Refused: malformed")), "{listed:?}");
    Ok(())
}

/// Each wants what the other has, so neither can be first; both are listed with the reason, and a
/// person gets them there.
#[tokio::test]
async fn two_external_users_who_swap_their_names_are_both_listed_and_get_there() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("swap").await?;
    let update = |id: u64, revision: u64, name: &str| {
        json!({
            "externalId": id.to_string(),
            "revision": revision,
            "userName": name,
            "displayName": name,
            "email": format!("{id}@example.com"),
            "active": true,
        })
    };
    let send = async |id, revision, name| {
        client.post("/identity/external-users", &update(id, revision, name)).await
    };
    send(1, 1, "one").await?.expect(200)?;
    send(2, 1, "two").await?.expect(200)?;
    for (id, name) in [(1, "two"), (2, "one")] {
        let key = format!("swap-{id}");
        for _ in 0..2 {
            let call =
                client.call("POST", "/identity/external-users").header("idempotency-key", &key);
            call.json(&update(id, 2, name)).send().await?.problem(409, "user-name-taken")?;
        }
    }
    platform.settled().await?;
    let waiting = async || headwater::<Value>(&platform, "parked ls --tenant swap").await;
    let listed = waiting().await?;
    let items: Vec<_> = listed
        .iter()
        .map(|update| (&update["kind"], &update["stream"], &update["error"]))
        .collect();
    let (kind, why) = (json!("update"), json!("user-name-taken"));
    let streams =
        ["swap/identity/users/ext-1", "swap/identity/users/ext-2"].map(|stream| json!(stream));
    assert_eq!(items, [(&kind, &streams[0], &why), (&kind, &streams[1], &why)]);

    // The way out: one gives up its name for a while; then each takes what it is to have.
    client
        .patch("/identity/users/ext-1", &json!({ "userName": "one-for-a-while" }))
        .await?
        .expect(200)?;
    for id in [2, 1] {
        headwater::<Value>(&platform, &format!("parked retry swap/identity/users/ext-{id}"))
            .await?;
        platform.settled().await?;
    }
    assert_eq!(
        (&read(&client, "ext-1").await?["userName"], &read(&client, "ext-2").await?["userName"]),
        (&json!("two"), &json!("one"))
    );
    assert_eq!(waiting().await?, [Value::Null; 0]);
    Ok(())
}

async fn read(client: &Client, id: &str) -> Result<Value> {
    Ok(client.get(&format!("/identity/users/{id}")).await?.body)
}
