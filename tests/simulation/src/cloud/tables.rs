//! DynamoDB: an emulator that is called directly, replicas that lag behind it for reads that are not strong, and an eye on what is written.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use dynoxide::Database;
use headwater::{Commit, Row, StreamName};
use headwater_dynamodb::CommitItem;
use serde_json::{Value, json};

use super::kinesis::hash;
use super::weather::Weather;
use crate::chance::Chance;
use crate::history::History;

/// The tables and their keys.
const TABLES: [(&str, &str, &str, &str); 4] =
    [("events", "stream", "seq", "N"), ("views", "pk", "sk", "S"), ("feed", "pk", "sk", "S"), ("idempotency", "pk", "", "")];

/// A record of the events table's stream: an item as it was put.
#[derive(Clone, Debug)]
pub(crate) struct StreamRecord {
    pub(crate) sequence: u64,
    pub(crate) item: Value,
}

/// What the events table's stream holds that no relay has taken yet, by shard. A partition key is always in the same one.
#[derive(Default)]
pub(crate) struct TableStream {
    pub(crate) shards: [VecDeque<StreamRecord>; 2],
    sequence: u64,
}

impl TableStream {
    /// Puts the items of one write on the stream: only changes of the same item keep their order.
    fn put(&mut self, mut items: Vec<Value>, chance: &Chance) {
        chance.shuffle(&mut items);
        for item in items {
            let shard = usize::from(hash(item["stream"]["S"].as_str().unwrap()) % 2 == 1);
            self.sequence += 1;
            self.shards[shard].push_back(StreamRecord { sequence: self.sequence, item });
        }
    }
}

pub(super) struct Tables {
    primary: Database,
    /// What reads of the views see that are not strong.
    replica: Database,
    /// What the replica lacks, by the time at which it gets there. Each item's changes keep their order.
    lagging: BTreeMap<(Duration, u64), Value>,
    arrivals: BTreeMap<String, Duration>,
    count: u64,
    /// Tokens of transactions that were carried out.
    tokens: BTreeSet<String>,
}

/// What a request wrote: tables and items.
pub(super) type Written = Vec<(String, Value)>;

impl Tables {
    pub(super) fn new() -> Self {
        let database = || {
            let database = Database::memory().unwrap();
            for (table, hash, range, kind) in TABLES {
                let mut keys = vec![json!({ "AttributeName": hash, "KeyType": "HASH" })];
                let mut attributes = vec![json!({ "AttributeName": hash, "AttributeType": "S" })];
                if !range.is_empty() {
                    keys.push(json!({ "AttributeName": range, "KeyType": "RANGE" }));
                    attributes.push(json!({ "AttributeName": range, "AttributeType": kind }));
                }
                let request =
                    json!({ "TableName": table, "KeySchema": keys, "AttributeDefinitions": attributes, "BillingMode": "PAY_PER_REQUEST" });
                database.create_table(serde_json::from_value(request).unwrap()).unwrap();
            }
            database
        };
        let (primary, replica) = (database(), database());
        Self { primary, replica, lagging: BTreeMap::new(), arrivals: BTreeMap::new(), count: 0, tokens: BTreeSet::new() }
    }

    /// Carries a request out; gives status and body of the answer, and what was written.
    pub(super) fn carry_out(&mut self, operation: &str, mut request: Value, now: Duration, weather: &Weather) -> (u16, String, Written) {
        self.catch_up(now);
        if operation == "BatchGetItem" {
            return (200, self.batch_get(request, weather).to_string(), Vec::new());
        }
        let database = if is_stale(operation, &request) { &self.replica } else { &self.primary };
        let token = request["ClientRequestToken"].as_str().map(str::to_owned);
        if token.is_none()
            && let Some(request) = request.as_object_mut()
        {
            request.remove("ClientRequestToken");
        }
        match call(database, operation, &request) {
            Err(error) => (error.status_code(), error.to_json(), Vec::new()),
            Ok(answer) => {
                let is_repeated = token.is_some_and(|token| !self.tokens.insert(token));
                let written = if is_repeated { Vec::new() } else { self.written(operation, &request) };
                self.replicate(&written, now, weather);
                (200, answer, written)
            }
        }
    }

    /// Every item of a table.
    pub(super) fn items(&self, table: &str) -> Vec<serde_dynamo::Item> {
        let mut items = Vec::new();
        let mut request = json!({ "TableName": table });
        loop {
            let page: Value = serde_json::from_str(&call(&self.primary, "Scan", &request).unwrap()).unwrap();
            items.extend(page["Items"].as_array().unwrap().iter().map(|item| serde_json::from_value(item.clone()).unwrap()));
            match page.get("LastEvaluatedKey") {
                Some(key) => request["ExclusiveStartKey"] = key.clone(),
                None => return items,
            }
        }
    }

    /// A batch of reads may leave keys out.
    fn batch_get(&self, request: Value, weather: &Weather) -> Value {
        let Some((table, wanted)) = request["RequestItems"].as_object().and_then(|tables| tables.iter().next()) else { return json!({}) };
        let keys = wanted["Keys"].as_array().cloned().unwrap_or_default();
        let (served, left) = keys.split_at(weather.served_keys(keys.len()));
        let database = if wanted["ConsistentRead"] == true { &self.primary } else { &self.replica };
        let mut answer = json!({ "Responses": { table: [] }, "UnprocessedKeys": {} });
        if !served.is_empty() {
            let mut wanted = wanted.clone();
            wanted["Keys"] = served.into();
            let request = json!({ "RequestItems": { table: wanted } });
            answer = serde_json::from_str(&call(database, "BatchGetItem", &request).unwrap()).unwrap();
        }
        if !left.is_empty() {
            let mut left_out = wanted.clone();
            left_out["Keys"] = left.into();
            answer["UnprocessedKeys"] = json!({ table: left_out });
        }
        answer
    }

    /// The items that a request has written, as they are now; of one that is gone its key.
    fn written(&self, operation: &str, request: &Value) -> Written {
        let changes: Vec<&Value> = match operation {
            "PutItem" | "UpdateItem" | "DeleteItem" => vec![request],
            "TransactWriteItems" => {
                let items = request["TransactItems"].as_array().map_or(&[][..], Vec::as_slice);
                items.iter().filter_map(|item| ["Put", "Update", "Delete"].iter().find_map(|kind| item.get(kind))).collect()
            }
            "BatchWriteItem" => return self.batch_written(request),
            _ => Vec::new(),
        };
        changes
            .into_iter()
            .map(|change| self.now_in(change["TableName"].as_str().unwrap(), change.get("Item").unwrap_or(&change["Key"])))
            .collect()
    }

    fn batch_written(&self, request: &Value) -> Written {
        let tables = request["RequestItems"].as_object().unwrap();
        let changes = tables.iter().flat_map(|(table, changes)| changes.as_array().unwrap().iter().map(move |change| (table, change)));
        changes
            .map(|(table, change)| {
                let put = change.get("PutRequest").map(|put| &put["Item"]);
                self.now_in(table, put.unwrap_or_else(|| &change["DeleteRequest"]["Key"]))
            })
            .collect()
    }

    /// An item of a table as it is now, found by those of its attributes that are the key.
    fn now_in(&self, table: &str, item: &Value) -> (String, Value) {
        let (_, hash, range, _) = TABLES.into_iter().find(|(name, ..)| *name == table).unwrap();
        let mut key = json!({ hash: item[hash] });
        if !range.is_empty() {
            key[range] = item[range].clone();
        }
        let request = json!({ "TableName": table, "Key": key, "ConsistentRead": true });
        let answer: Value = serde_json::from_str(&call(&self.primary, "GetItem", &request).unwrap()).unwrap();
        (table.to_owned(), answer.get("Item").cloned().unwrap_or(key))
    }

    fn replicate(&mut self, written: &Written, now: Duration, weather: &Weather) {
        for (_, item) in written.iter().filter(|(table, _)| table == "views") {
            let key = format!("{} {}", item["pk"], item["sk"]);
            let arrival = (now + weather.lag()).max(self.arrivals.get(&key).copied().unwrap_or_default());
            self.arrivals.insert(key, arrival);
            self.count += 1;
            self.lagging.insert((arrival, self.count), item.clone());
        }
        self.catch_up(now);
    }

    /// Lets the replica have what has arrived by now.
    fn catch_up(&mut self, now: Duration) {
        while let Some(entry) = self.lagging.first_entry().filter(|entry| entry.key().0 <= now) {
            let item = entry.remove();
            let is_gone = item.as_object().is_some_and(|item| item.len() == 2);
            let (operation, name) = if is_gone { ("DeleteItem", "Key") } else { ("PutItem", "Item") };
            call(&self.replica, operation, &json!({ "TableName": "views", name: item })).unwrap();
        }
    }
}

/// Whether a read of the views need not see all that was written.
fn is_stale(operation: &str, request: &Value) -> bool {
    matches!(operation, "GetItem" | "Query") && request["TableName"] == "views" && request["ConsistentRead"] != true
}

/// Calls the emulator as its server does.
fn call(database: &Database, operation: &str, request: &Value) -> Result<String, dynoxide::DynoxideError> {
    macro_rules! call {
        ($method:ident) => {{
            let answer = database.$method(serde_json::from_value(request.clone()).unwrap())?;
            Ok(serde_json::to_string(&answer).unwrap())
        }};
    }
    match operation {
        "PutItem" => call!(put_item),
        "GetItem" => call!(get_item),
        "UpdateItem" => call!(update_item),
        "DeleteItem" => call!(delete_item),
        "Query" => call!(query),
        "Scan" => call!(scan),
        "BatchGetItem" => call!(batch_get_item),
        "BatchWriteItem" => call!(batch_write_item),
        "TransactGetItems" => call!(transact_get_items),
        "TransactWriteItems" => call!(transact_write_items),
        other => panic!("nobody should ask for {other}"),
    }
}

/// Takes note of what was written, and puts commits on the table's stream.
pub(super) fn observe(written: Written, stream: &mut TableStream, history: &mut History, chance: &Chance) {
    let mut commits = Vec::new();
    let mut records = Vec::new();
    for (table, item) in written {
        match table.as_str() {
            "events" => {
                commits.push(commit(&item));
                records.push(item);
            }
            "views" => observe_row(&item, history),
            "feed" => observe_page(&item, history),
            _ => {}
        }
    }
    if !commits.is_empty() {
        history.append(commits);
        stream.put(records, chance);
    }
}

fn commit(item: &Value) -> Commit {
    let item: serde_dynamo::Item = serde_json::from_value(item.clone()).unwrap();
    serde_dynamo::from_item::<_, CommitItem>(item).unwrap().try_into().unwrap()
}

/// A primary row is `<generation>/<name>`, `row`.
fn observe_row(item: &Value, history: &mut History) {
    if item["sk"]["S"] != "row" {
        return;
    }
    let partition = item["pk"]["S"].as_str().unwrap();
    let Some(name) = partition.split_once('/').and_then(|(_, name)| name.parse::<StreamName>().ok()) else { return };
    let Some(data) = item.get("d") else { return history.forget_row(partition) };
    let number = |name: &str| item[name]["N"].as_str().and_then(|number| number.parse::<u64>().ok()).unwrap_or_default();
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
fn observe_page(item: &Value, history: &mut History) {
    let (Some(listed), Some(first)) = (item["l"]["L"].as_array(), item["sk"]["S"].as_str()) else { return };
    let number = |value: &Value| value["N"].as_str().unwrap().parse::<u64>().unwrap();
    let entries = listed.iter().map(|entry| &entry["M"]).map(|entry| {
        let first = number(&entry["f"]);
        (entry["s"]["S"].as_str().unwrap().parse().unwrap(), first, first + number(&entry["n"]) - 1)
    });
    history.feed(first.parse().unwrap(), entries.collect());
}
