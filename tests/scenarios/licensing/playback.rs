//! Playback, as devices report it that were offline for long.

use anyhow::Result;
use headwater_tests::{Client, Reply};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::support::{DAY, acquire, advance, download, dump_with, follow_up, licenses, types};
use crate::support::{at_once, count, own_platform, shared_platform};

const KINDS: [&str; 5] = ["START", "PAUSE", "RESUME", "KEEPALIVE", "STOP"];

/// The event of this number: a second after the one before.
fn event(number: usize) -> Value {
    let at = Timestamp::now().as_second() - 3600 + number as i64;
    json!({
        "eventId": format!("event-{number}"),
        "kind": KINDS[number % 5],
        "at": Timestamp::from_second(at).unwrap_or_default(),
    })
}

async fn report(client: &Client, license: &str, events: &[Value]) -> Result<Reply> {
    client.post(&format!("{}/{license}/sessions", licenses("ada")), &json!(events)).await
}

#[tokio::test]
async fn thousands_of_events_in_one_call_are_counted_once_each() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("playback").await?;
    let license = download(&client, "ada", "title").await?;
    // Backwards, each tenth twice.
    let mut events: Vec<Value> =
        (0..2_000).rev().flat_map(|n| vec![event(n); if n % 10 == 0 { 2 } else { 1 }]).collect();
    let first = report(&client, &license, &events).await?.expect(200)?;
    assert_eq!(first.version(), 1);
    events.reverse();
    let replies = at_once(4, |_| {
        let (client, license, events) = (client.clone(), license.clone(), events.clone());
        async move { report(&client, &license, &events[..500]).await }
    })
    .await?;
    assert_eq!(count(&replies, 200), 4);
    assert!(replies.iter().all(|reply| reply.version() == 1), "nothing new");
    let more: Vec<Value> = (1_990..2_010).map(event).collect();
    let last = report(&client, &license, &more).await?.expect(200)?;
    assert_eq!(last.version(), 2);

    let sessions = client
        .call("GET", &format!("{}/{license}/sessions", licenses("ada")))
        .header("consistency-token", last.token());
    let sessions = sessions.send().await?.expect(200)?.body;
    assert_eq!(sessions["events"], 2_010, "{sessions}");
    let of_each_kind: serde_json::Map<String, Value> =
        KINDS.iter().map(|kind| ((*kind).to_owned(), json!(402))).collect();
    assert_eq!(sessions["byKind"], json!(of_each_kind));
    let dumped = dump_with(&client, "ada", last.token()).await?;
    assert_eq!(
        types(&dumped),
        ["LicenseAcquired", "LicenseDownloaded", "PlaybackRecorded", "PlaybackRecorded"]
    );
    let recorded: usize = dumped[2..]
        .iter()
        .filter_map(|event| event["data"]["events"].as_array())
        .map(Vec::len)
        .sum();
    assert_eq!(recorded, 2_010);
    Ok(())
}

#[tokio::test]
async fn the_same_ids_on_another_license_are_other_events() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("two").await?;
    for title in ["a", "b"] {
        let license = acquire(&client, "ada", title, "tablet").await?.id().to_owned();
        assert_eq!(
            report(&client, &license, &[event(1), event(2)]).await?.expect(200)?.version(),
            1
        );
    }
    Ok(())
}

#[tokio::test]
async fn playback_is_refused_when_it_comes_too_late_or_from_the_future() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("late").await?;
    let (expired, released) =
        (download(&client, "ada", "a").await?, download(&client, "ada", "b").await?);
    follow_up(&client, "ada", &released, "release").await?.expect(200)?;
    let mut ahead = event(2);
    ahead["at"] = json!(Timestamp::from_second(Timestamp::now().as_second() + 2 * DAY)?);
    let pointers = |reply: Reply| -> Vec<Value> {
        reply.body["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|error| error["pointer"].clone())
            .collect()
    };
    let refused = report(&client, &expired, &[event(1), ahead, event(3)])
        .await?
        .problem(422, "invalid-request")?;
    assert_eq!(pointers(refused), ["/1/at"]);

    advance(&platform, 29 * DAY).await?;
    report(&client, &released, &[event(1)]).await?.expect(200)?;
    advance(&platform, 2 * DAY).await?;
    assert_eq!(
        pointers(report(&client, &released, &[event(2)]).await?.problem(422, "invalid-request")?),
        [""]
    );
    let last = report(&client, &expired, &[event(1)]).await?.expect(200)?;
    advance(&platform, 30 * DAY).await?;
    assert_eq!(
        pointers(report(&client, &expired, &[event(2)]).await?.problem(422, "invalid-request")?),
        [""]
    );
    assert_eq!(
        types(&dump_with(&client, "ada", last.token()).await?)
            .iter()
            .filter(|name| **name == "PlaybackRecorded")
            .count(),
        2
    );
    Ok(())
}

#[tokio::test]
async fn malformed_playback_is_named_by_its_pointer() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("malformed").await?;
    let license = download(&client, "ada", "title").await?;
    for (events, pointer) in [
        (json!([]), ""),
        (
            json!([event(1), { "eventId": "e", "kind": "JUMP", "at": "2026-01-01T00:00:00Z" }]),
            "/1/kind",
        ),
        (json!([{ "eventId": "e f", "kind": "STOP", "at": "2026-01-01T00:00:00Z" }]), "/0/eventId"),
        (json!([{ "eventId": "e", "kind": "STOP", "at": "yesterday" }]), "/0/at"),
        (
            json!([{ "eventId": "e", "kind": "STOP", "at": "2026-01-01T00:00:00Z", "more": 1 }]),
            "/0/more",
        ),
    ] {
        let refused = client
            .post(&format!("{}/{license}/sessions", licenses("ada")), &events)
            .await?
            .problem(422, "invalid-request")?;
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{events}");
    }
    report(&client, "never-granted", &[event(1)]).await?.problem(404, "not-found")?;
    Ok(())
}
