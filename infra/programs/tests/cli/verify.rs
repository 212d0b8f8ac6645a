//! Everything that `verify` finds, each made wrong by hand; and what it finds nothing in.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use headwater::{Commit, RecordedEvent, Snapshot, StreamName, UniqueEvent, encode};
use headwater_dynamodb::Item;
use serde_json::{Value, json};

use crate::support::{GOLDEN_NUMBER, Machine, SECRET, history};

/// What it found, as (kind, stream).
async fn found(machine: &Machine) -> BTreeSet<(String, String)> {
    let answer = machine.run("verify --pause 0 --json").await;
    let findings: Vec<Value> =
        answer.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    assert_eq!(answer.code, u8::from(!findings.is_empty()), "{answer:?}");
    assert!(findings.iter().all(|finding| !text(finding, "what").is_empty()));
    findings.iter().map(|finding| (text(finding, "kind"), text(finding, "stream"))).collect()
}

/// Finds this, and nothing else.
async fn finds(machine: &Machine, expected: &[(&str, &str)]) {
    let expected: BTreeSet<_> =
        expected.iter().map(|(kind, stream)| ((*kind).to_owned(), (*stream).to_owned())).collect();
    assert_eq!(found(machine).await, expected);
}

impl Machine {
    async fn get(&self, table: &str, key: [(&str, AttributeValue); 2]) -> Item {
        let key = key.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        self.client
            .get_item()
            .table_name(table)
            .set_key(Some(key))
            .send()
            .await
            .unwrap()
            .item
            .unwrap()
    }

    async fn put(&self, table: &str, item: Item) {
        self.client.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    }

    /// The only item of these that a test wants.
    async fn view(&self, is_it: impl Fn(&str, &str) -> bool) -> Item {
        let items = self.items("views").await;
        let item = items
            .into_iter()
            .find(|item| is_it(item["pk"].as_s().unwrap(), item["sk"].as_s().unwrap()));
        item.expect("an item").into_iter().collect()
    }

    async fn delete(&self, table: &str, item: &Item, names: [&str; 2]) {
        let key = names.into_iter().map(|name| (name.to_owned(), item[name].clone())).collect();
        self.client.delete_item().table_name(table).set_key(Some(key)).send().await.unwrap();
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

const USER: &str = "acme/identity/users/ext-7";
const CUSTOMER: &str = "acme/invoicing/customers/acme";
const GROUP: &str = "acme/identity/groups/crew";
const POLICY: &str = "acme/licensing/policy";
const INVOICE: &str = "acme/invoicing/invoices/1";
const NUMBERS: &str = "acme/invoicing/invoice-numbers";

/// The commits of a golden history up to the last, and that.
fn split(name: &str) -> (Vec<Commit>, Commit) {
    let mut commits = history(name);
    let last = commits.pop().unwrap();
    (commits, last)
}

#[tokio::test]
async fn where_nothing_is_wrong_nothing_is_found() {
    let machine = Machine::with_everything().await;
    let answer = machine.run("verify --pause 0").await;
    assert_eq!((answer.out.as_str(), answer.code), ("", 0), "{}", answer.err);
    let events = machine.items("events").await;
    let streams: BTreeSet<&String> =
        events.iter().map(|item| item["stream"].as_s().unwrap()).collect();
    assert!(
        streams.iter().any(|stream| stream.contains("/customer-emails/")) && streams.len() > 20,
        "{streams:?}"
    );
    assert_eq!(
        answer.err,
        format!("streams: {}, commits: {}, and nothing is wrong\n", streams.len(), events.len())
    );
    // Nor in rows that were built anew.
    for line in ["views rebuild licensing --settle 0", "views switch licensing --settle 0"] {
        assert_eq!(machine.run(line).await.code, 0);
    }
    finds(&machine, &[]).await;
}

#[tokio::test]
async fn events_that_are_missing_or_cannot_be_read() {
    let machine = Machine::with_everything().await;
    let gone = machine
        .get(
            "events",
            [("stream", text(GROUP)), ("seq", number(history("identity/group")[1].first))],
        )
        .await;
    machine.delete("events", &gone, ["stream", "seq"]).await;
    finds(&machine, &[("gap", GROUP)]).await;

    let machine = Machine::with_everything().await;
    let mut damaged = gone.clone();
    damaged.remove("e");
    machine.put("events", damaged).await;
    let nobody =
        Item::from([("stream".to_owned(), text("nobody's")), ("seq".to_owned(), number(1))]);
    machine.put("events", nobody).await;
    finds(&machine, &[("commit", GROUP), ("commit", "nobody's")]).await;

    let machine = Machine::with_everything().await;
    let (_, last) = split("identity/group");
    let broken = RecordedEvent {
        number: last.last() + 1,
        data: json!("Nonsense"),
        ..last.events[0].clone()
    };
    machine
        .append(&[Commit { first: last.last() + 1, events: vec![broken], ..last.clone() }])
        .await;
    machine
        .append(&[Commit {
            stream: "acme/billing/bills/1".parse().unwrap(),
            first: 1,
            ..last.clone()
        }])
        .await;
    let found = found(&machine).await;
    assert!(
        found.contains(&("event".to_owned(), GROUP.to_owned()))
            && found.contains(&("stream".to_owned(), "acme/billing/bills/1".to_owned())),
        "{found:?}"
    );
}

#[tokio::test]
async fn times_that_go_back_and_snapshots_that_are_wrong() {
    let machine = Machine::with_everything().await;
    let (before, last) = split("licensing/policy");
    machine
        .append(&[Commit { at: before[0].at - jiff::SignedDuration::from_secs(1), ..last.clone() }])
        .await;
    finds(&machine, &[("time", POLICY)]).await;

    let state = machine.run(&format!("state {POLICY} --json")).await;
    let state = serde_json::from_str::<Value>(&state.out).unwrap()["state"].clone();
    // Snapshots of other revisions are nobody's concern.
    for (revision, state, is_wrong) in
        [(1, state, false), (1, json!({}), true), (99, json!({}), false)]
    {
        machine
            .append(&[Commit { snapshot: Some(Snapshot { revision, state }), ..last.clone() }])
            .await;
        finds(&machine, if is_wrong { &[("snapshot", POLICY)] } else { &[] }).await;
    }
}

#[tokio::test]
async fn rows_that_are_not_what_the_events_say() {
    let machine = Machine::with_everything().await;
    let row =
        machine.get("views", [("pk", text(&format!("g1/{USER}"))), ("sk", text("row"))]).await;
    let AttributeValue::M(mut data) = row["d"].clone() else { panic!("{row:?}") };
    data.insert("displayName".to_owned(), text("Somebody else"));
    let changed =
        row.clone().into_iter().chain([("d".to_owned(), AttributeValue::M(data))]).collect();
    machine.put("views", changed).await;
    finds(&machine, &[("row", USER)]).await;
    machine.put("views", row.clone()).await;

    // One of a part, and one of nothing.
    let part = machine
        .view(|pk, sk| pk.starts_with("g1/acme/licensing/customers/7/licenses/") && sk == "row")
        .await;
    let name = part["pk"].as_s().unwrap().trim_start_matches("g1/").to_owned();
    machine
        .put(
            "views",
            part.clone()
                .into_iter()
                .chain([("x".to_owned(), AttributeValue::Bool(true))])
                .collect(),
        )
        .await;
    finds(&machine, &[("row", name.as_str())]).await;
    machine.put("views", part).await;
    machine
        .put(
            "views",
            row.into_iter()
                .chain([("pk".to_owned(), text("g1/acme/identity/users/ghost"))])
                .collect(),
        )
        .await;
    finds(&machine, &[("row", "acme/identity/users/ghost")]).await;
}

#[tokio::test]
async fn lists_and_sums_that_are_not_what_the_rows_say() {
    let machine = Machine::with_everything().await;
    let place = machine
        .view(|pk, sk| {
            pk.starts_with("g1/acme/invoicing/") && sk.contains('\0') && !sk.ends_with('\0')
        })
        .await;
    let stream = place["s"].as_s().unwrap().clone();
    machine.delete("views", &place, ["pk", "sk"]).await;
    finds(&machine, &[("list", &stream)]).await;
    machine.put("views", place.clone()).await;
    let elsewhere: Item =
        place.into_iter().chain([("sk".to_owned(), text("elsewhere\x001"))]).collect();
    machine.put("views", elsewhere.clone()).await;
    finds(&machine, &[("list", &stream)]).await;
    // Of a version that is over it is what an overtaken worker leaves: told, and no damage.
    machine
        .put(
            "views",
            elsewhere
                .into_iter()
                .chain([("v".to_owned(), number(1)), ("r".to_owned(), number(0))])
                .collect(),
        )
        .await;
    finds(&machine, &[]).await;
    let told = machine.run("verify --pause 0").await;
    assert!(
        told.err.contains("lead nowhere, which no reader sees and a rebuild leaves behind: 1"),
        "{}",
        told.err
    );

    let machine = Machine::with_everything().await;
    let key = [("pk", text("g1/acme/invoicing/revenue/EUR")), ("sk", text("2026-01-01\0"))];
    let line: Item = key
        .into_iter()
        .chain([("net", number(1))])
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    machine.put("views", line).await;
    finds(&machine, &[("sum", "acme/revenue/EUR")]).await;
}

#[tokio::test]
async fn sums_to_which_rows_have_added_something_else() {
    let machine = Machine::start().await;
    // It is paid, and not yet deleted. The number that it bears is of no sequence here, which is
    // found as well.
    let (invoice, _) = split("invoicing/invoice");
    machine.append(&invoice).await;
    machine.project(&invoice).await;
    let is_sum =
        async || found(&machine).await.contains(&("sum".to_owned(), "acme/revenue".to_owned()));
    assert!(!is_sum().await);
    let line = machine.view(|pk, sk| pk == "g1/acme/invoicing/revenue" && sk.ends_with('\0')).await;
    machine.put("views", line.into_iter().filter(|(name, _)| name != "net").collect()).await;
    assert!(is_sum().await);
}

#[tokio::test]
async fn rows_and_feeds_that_are_late_or_wrong() {
    let machine = Machine::with_everything().await;
    let (_, last) = split("licensing/policy");
    let more = Commit {
        first: last.last() + 1,
        events: vec![RecordedEvent { number: last.last() + 1, ..last.events[0].clone() }],
        ..last
    };
    machine.append(std::slice::from_ref(&more)).await;
    finds(&machine, &[("late", POLICY), ("feed", POLICY)]).await;
    machine.project(&[more]).await;
    finds(&machine, &[]).await;

    let pages: Vec<Item> =
        machine.items("feed").await.into_iter().map(|item| item.into_iter().collect()).collect();
    let page = pages
        .iter()
        .find(|item: &&Item| item["pk"] == text("acme/licensing") && item.contains_key("l"))
        .unwrap();
    machine.delete("feed", page, ["pk", "sk"]).await;
    let found = found(&machine).await;
    assert!(found.contains(&("feed".to_owned(), "acme/licensing".to_owned())), "{found:?}");
}

#[tokio::test]
async fn parked_streams() {
    let machine = Machine::with_everything().await;
    let (_, last) = split("identity/group");
    let broken = RecordedEvent {
        number: last.last() + 1,
        data: json!("Nonsense"),
        ..last.events[0].clone()
    };
    let poison = Commit { first: last.last() + 1, events: vec![broken], ..last.clone() };
    machine.append(std::slice::from_ref(&poison)).await;
    assert_eq!(machine.project(std::slice::from_ref(&poison)).await.len(), 1);
    // It can be read again, but nobody has retried.
    machine
        .append(&[Commit {
            events: vec![RecordedEvent { number: poison.first, ..last.events[0].clone() }],
            ..poison
        }])
        .await;
    finds(&machine, &[("parked", GROUP)]).await;
}

/// Nothing is wrong with them, nor with what belongs to them; but only a newer build can say so.
#[tokio::test]
async fn streams_of_a_newer_build_are_told_from_damage() {
    let machine = Machine::with_everything().await;
    let events = machine.items("events").await;
    let value = events
        .iter()
        .find_map(|item| {
            item["stream"].as_s().ok().filter(|stream| stream.contains("/customer-emails/"))
        })
        .unwrap();
    let (_, last) = split("identity/group");
    for stream in [GROUP, INVOICE, NUMBERS, value] {
        let number = |value: &AttributeValue| value.as_n().unwrap().parse::<u64>().unwrap();
        let commits = events.iter().filter(|item| item["stream"] == text(stream));
        let version =
            commits.map(|item| number(&item["seq"]) + number(&item["n"]) - 1).max().unwrap();
        let newer = RecordedEvent {
            number: version + 1,
            event_type: "Promoted".to_owned(),
            version: 1,
            data: json!({}),
        };
        let (stream, at) = (stream.parse().unwrap(), "2100-01-01T00:00:00Z".parse().unwrap());
        let commit = Commit { stream, at, first: version + 1, events: vec![newer], ..last.clone() };
        machine.append(std::slice::from_ref(&commit)).await;
        machine.project(&[commit]).await;
    }
    finds(&machine, &[("newer", GROUP), ("newer", value), ("newer", NUMBERS), ("newer", INVOICE)])
        .await;
}

#[tokio::test]
async fn unique_values_and_numbers_that_two_sides_tell_otherwise() {
    let machine = Machine::with_everything().await;
    let events = machine.items("events").await;
    let value = events
        .iter()
        .find_map(|item| {
            item["stream"].as_s().ok().filter(|stream| stream.contains("/customer-emails/"))
        })
        .unwrap();
    let (user, _) = split("identity/user");
    let claimed = |holder: &str| Commit {
        stream: value.parse().unwrap(),
        first: 1,
        events: vec![
            encode(1, &UniqueEvent::UniqueValueClaimed { holder: holder.to_owned() }).unwrap(),
        ],
        ..user[0].clone()
    };
    machine.append(&[claimed("invoicing/customers/other")]).await;
    finds(&machine, &[("unique", CUSTOMER), ("unique", value)]).await;
    let claim = machine.get("events", [("stream", text(value)), ("seq", number(1))]).await;
    machine.delete("events", &claim, ["stream", "seq"]).await;
    finds(&machine, &[("unique", CUSTOMER)]).await;
    machine.append(&[claimed("invoicing/customers/acme")]).await;
    finds(&machine, &[]).await;

    let taken =
        machine.get("events", [("stream", text(NUMBERS)), ("seq", number(GOLDEN_NUMBER))]).await;
    machine.delete("events", &taken, ["stream", "seq"]).await;
    finds(&machine, &[("number", INVOICE)]).await;
    let other = headwater::SequenceEvent::NumberTaken { taker: "invoicing/invoices/2".to_owned() };
    let stream: StreamName = NUMBERS.parse().unwrap();
    machine
        .append(&[Commit {
            stream,
            first: GOLDEN_NUMBER,
            events: vec![encode(GOLDEN_NUMBER, &other).unwrap()],
            ..user[0].clone()
        }])
        .await;
    finds(&machine, &[("number", INVOICE), ("number", NUMBERS)]).await;
}

/// For longer than a command of a service would wait: the tries alone take some eight seconds a
/// table.
#[tokio::test]
async fn tables_that_are_throttled_for_a_while_end_nothing() {
    let (rows, feed) = (Machine::start().await, Machine::start().await);
    for (machine, table) in [(&rows, "views"), (&feed, "feed")] {
        let policy = history("licensing/policy");
        machine.append(&policy).await;
        machine.project(&policy).await;
        machine.door.throttle_table(&format!("\"{table}\""), 40);
    }
    let line = "verify --domain licensing --segments 1 --json";
    let (rows, feed) = tokio::join!(rows.run(line), feed.run(line));
    assert_eq!((rows.code, feed.code), (0, 0), "{rows:?} {feed:?}");
}

#[tokio::test]
async fn the_unique_key_is_no_stray_stream_and_another_one_is_refused() {
    let machine = Machine::with_everything().await;
    machine.adopt(SECRET).await;
    finds(&machine, &[]).await;
    let machine = machine.with_secret("another secret, as long as that.").await;
    let answer = machine.run("verify --pause 0").await;
    assert!(answer.code == 2 && answer.err.contains("UNIQUE_KEY is not the key"), "{answer:?}");
}
