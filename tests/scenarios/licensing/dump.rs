//! Everything that happened to a customer, by time: what was played stands between the customer's
//! own events, whoever has folded it.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use headwater_tests::{Client, Platform, Reply};
use serde_json::{Value, json};

use super::support::{acquire, advance, dump, dump_with, follow_up, licenses, types};
use crate::pipeline::put_event;
use crate::support::own_platform;

async fn play(client: &Client, license: &str, id: &str) -> Result<Reply> {
    let events = json!([{ "eventId": id, "kind": "START", "at": "2026-01-01T00:00:00Z" }]);
    client.post(&format!("{}/{license}/sessions", licenses("ada")), &events).await?.expect(200)
}

/// Two licences, played by turns, each in a second of its own, and released.
async fn a_life(platform: &Platform, client: &Client) -> Result<(Vec<String>, Reply)> {
    let mut ids = Vec::new();
    for title in ["a", "b"] {
        ids.push(acquire(client, "ada", title, "tablet").await?.id().to_owned());
    }
    let mut last = None;
    for round in 0..6 {
        advance(platform, 1).await?;
        last = Some(play(client, &ids[round % 2], &format!("e{round}")).await?);
    }
    follow_up(client, "ada", &ids[0], "release").await?.expect(200)?;
    Ok((ids, last.context("nothing was played")?))
}

const LIFE: [&str; 9] = [
    "LicenseAcquired",
    "LicenseAcquired",
    "PlaybackRecorded",
    "PlaybackRecorded",
    "PlaybackRecorded",
    "PlaybackRecorded",
    "PlaybackRecorded",
    "PlaybackRecorded",
    "LicenseReleased",
];

fn times(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["at"].as_str()).collect()
}

#[tokio::test]
async fn what_was_played_stands_between_what_else_happened_at_any_limit() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("dump").await?;
    a_life(&platform, &client).await?;
    platform.settled().await?;
    let whole = dump(&client, "ada").await?;
    assert_eq!(types(&whole), LIFE);
    assert!(times(&whole).is_sorted(), "{whole:?}");
    for limit in 1..=9 {
        let path = format!("/licensing/customers/ada/events?limit={limit}");
        assert_eq!(client.all(&path).await?, whole, "{limit} at a time");
    }
    Ok(())
}

/// With the projector stopped nothing gets into the log: what a token names comes from the events.
#[tokio::test]
async fn with_its_token_a_report_is_seen_at_once() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("dump").await?;
    let (ids, _) = a_life(&platform, &client).await?;
    platform.settled().await?;
    platform.event_source("licensing-project", false).await?;
    play(&client, &ids[0], "late-1").await?;
    let last = play(&client, &ids[0], "late-2").await?;
    assert_eq!(types(&dump(&client, "ada").await?), LIFE, "as far as the projector has got");
    let seen = dump_with(&client, "ada", last.token()).await?;
    assert_eq!(types(&seen)[..9], LIFE);
    assert_eq!(types(&seen)[9..], ["PlaybackRecorded"; 2]);
    let ahead = format!("\"dump/licensing/customers/ada/playback/{}@9\"", ids[0]);
    for ahead in [ahead.as_str(), "\"dump/licensing/customers/ada@9\""] {
        let call = client.call("GET", "/licensing/customers/ada/events");
        call.header("consistency-token", ahead).send().await?.problem(400, "token-ahead")?;
    }
    Ok(())
}

/// A build that keeps no logs leaves no note on the customer's row; then all streams are read. So
/// they are where one of them is parked, and its log ends too early.
#[tokio::test]
async fn where_the_log_lacks_something_the_dump_does_not() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("dump").await?;
    let (ids, last) = a_life(&platform, &client).await?;
    platform.settled().await?;
    let whole = dump(&client, "ada").await?;
    let first = client.get("/licensing/customers/ada/events?limit=4").await?.expect(200)?;

    let dynamodb = platform.dynamodb().await?;
    let views = platform.table("ViewsTable").await?;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let log = dynamodb
        .query()
        .table_name(&views)
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", text("g1/dump/licensing/log/customers/ada"))
        .send()
        .await?
        .items
        .unwrap_or_default();
    assert_eq!(log.len(), 6);
    let entry = |item: &std::collections::HashMap<String, AttributeValue>, name: &str| {
        item.get(name).cloned().context("no key")
    };
    // The two licences were played by turns. What the log has no entry of is not opened.
    for item in log.iter().step_by(2) {
        let (pk, sk) = (entry(item, "pk")?, entry(item, "sk")?);
        let delete = dynamodb.delete_item().table_name(&views).key("pk", pk).key("sk", sk);
        delete.send().await?;
    }
    assert_eq!(dump(&client, "ada").await?.len(), 6, "the log is what is read");
    let note = dynamodb.update_item().table_name(&views);
    let note = note.key("pk", text("g1/dump/licensing/customers/ada")).key("sk", text("row"));
    note.update_expression("REMOVE g").send().await?;
    assert_eq!(dump(&client, "ada").await?, whole, "an older build's row says nothing of a log");
    let next = first.body["next"].as_str().context("no next")?;
    let rest = client.get(&format!("/licensing/customers/ada/events?cursor={next}")).await?;
    assert_eq!(rest.expect(200)?.body["items"], json!(whole[4..]), "a page goes on in either way");

    let note = dynamodb.update_item().table_name(&views);
    let note = note.key("pk", text("g1/dump/licensing/customers/ada")).key("sk", text("row"));
    let yes = AttributeValue::Bool(true);
    note.update_expression("SET g = :g").expression_attribute_values(":g", yes).send().await?;
    let stream = format!("dump/licensing/customers/ada/playback/{}", ids[1]);
    let broken = json!({ "t": "PlaybackRecorded", "d": {} });
    put_event(&platform, &stream, last.version() + 1, &broken).await?;
    platform.settled().await?;
    assert_eq!(dump(&client, "ada").await?.len(), 10, "what is broken is shown as it is");
    Ok(())
}
