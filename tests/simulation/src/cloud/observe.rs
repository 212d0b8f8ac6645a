//! An eye on what is written.

use std::time::Duration;

use headwater::{Commit, Row, StreamName};
use headwater_dynamodb::{CommitItem, Item};
use serde_json::Value;

use super::tables::{TableStream, Tables, Written, is_key};
use crate::archive::notes;
use crate::chance::Chance;
use crate::domain::THINGS;
use crate::history::History;
use crate::service::keys;

/// Takes note of what was written for good, whether it can be seen yet or not.
pub(super) fn decided(written: Written, now: Duration, tables: &Tables, history: &mut History) {
    let mut commits = Vec::new();
    for (table, item) in written {
        match table.as_str() {
            "events" if is_key(&table, &item) => {}
            "events" => commits.push(opened(commit(&item), tables, history)),
            "views" => observe_row(&item, history),
            "feed" => observe_page(&item, now, history),
            _ => {}
        }
    }
    if !commits.is_empty() {
        history.append(commits);
    }
}

/// Sees that commits are removed only once the archive has them, and the first of a stream never.
pub(super) fn removed(written: &Written, tables: &Tables, history: &mut History) {
    for (_, key) in written.iter().filter(|(table, item)| table == "events" && is_key(table, item))
    {
        let (stream, first) = (name(key), number(&key["seq"]));
        let notes = notes(tables.items("archive"));
        if first == 1
            || !notes.iter().any(|note| note.stream == stream && note.events.contains(&first))
        {
            history.violated(format!("{stream}@{first} was removed, and the archive lacks it"));
        }
    }
}

/// Takes note of what can be seen from now on, and puts commits on the table's stream.
pub(super) fn visible(
    visible: Written,
    stream: &mut TableStream,
    history: &mut History,
    chance: &Chance,
) {
    let events = visible.into_iter().filter(|(table, _)| table == "events");
    let (removed, records): (Vec<Value>, Vec<Value>) =
        events.map(|(_, item)| item).partition(|item| is_key("events", item));
    for key in removed {
        // Nothing is told of an item that was not there.
        if let Some(commit) = history.remove(&name(&key), number(&key["seq"])) {
            let item: serde_dynamo::Item = serde_dynamo::to_item(CommitItem::from(commit)).unwrap();
            stream.remove(serde_json::to_value(item).unwrap());
        }
    }
    if !records.is_empty() {
        history.show(records.iter().map(commit).collect());
        stream.put(records, chance);
    }
}

/// A commit as whoever has the keys reads it, and as it is stored.
fn opened(stored: Commit, tables: &Tables, history: &mut History) -> (Commit, Commit) {
    let named = stored.events.iter().map(|event| &event.data["name"]);
    if stored.stream.category() == THINGS && named.clone().any(Value::is_string) {
        history.violated(format!("a name is stored as it is: {stored:?}"));
    }
    let mut commit = stored.clone();
    let is_its = |key: &Item| key["pk"].as_s().is_ok_and(|pk| *pk == stored.stream.to_string());
    let mut keys_of_all = tables.items("keys").into_iter().map(Item::from);
    if let Some(key) = keys_of_all.find(is_its)
        && let Err(error) = keys().open_by(&key, &mut commit)
    {
        history.violated(format!("{stored:?} cannot be opened: {error}"));
    }
    (commit, stored)
}

fn commit(item: &Value) -> Commit {
    let item: serde_dynamo::Item = serde_json::from_value(item.clone()).unwrap();
    serde_dynamo::from_item::<_, CommitItem>(item).unwrap().try_into().unwrap()
}

/// The stream of an item of the events table.
fn name(item: &Value) -> StreamName {
    item["stream"]["S"].as_str().unwrap().parse().unwrap()
}

fn number(attribute: &Value) -> u64 {
    attribute["N"].as_str().unwrap().parse().unwrap()
}

/// A primary row is `<generation>/<name>`, `row`.
fn observe_row(item: &Value, history: &mut History) {
    if item["sk"]["S"] != "row" {
        return;
    }
    let partition = item["pk"]["S"].as_str().unwrap();
    let Some(name) =
        partition.split_once('/').and_then(|(_, name)| name.parse::<StreamName>().ok())
    else {
        return;
    };
    let Some(data) = item.get("d") else { return history.forget_row(partition) };
    let number = |name: &str| {
        item[name]["N"].as_str().and_then(|number| number.parse::<u64>().ok()).unwrap_or_default()
    };
    let data: serde_dynamo::AttributeValue = serde_json::from_value(data.clone()).unwrap();
    let row = Row {
        version: number("v"),
        revision: u32::try_from(number("r")).unwrap(),
        deleted: item["x"]["BOOL"] == true,
        data: serde_dynamo::from_attribute_value(data).unwrap(),
    };
    history.row(partition, &name, &row);
}

/// A page of the feed lists its commits: stream, first event, count of events.
fn observe_page(item: &Value, now: Duration, history: &mut History) {
    let (Some(listed), Some(first)) = (item["l"]["L"].as_array(), item["sk"]["S"].as_str()) else {
        return;
    };
    let entries = listed.iter().map(|entry| &entry["M"]).map(|entry| {
        let first = number(&entry["f"]);
        (entry["s"]["S"].as_str().unwrap().parse().unwrap(), first, first + number(&entry["n"]) - 1)
    });
    history.feed(now, first.parse().unwrap(), entries.collect());
}
