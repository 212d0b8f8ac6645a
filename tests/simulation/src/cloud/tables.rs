//! DynamoDB: an emulator that is called directly, replicas that lag behind it for reads that are
//! not strong, and an eye on what is written.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use dynoxide::Database;
use serde_json::{Value, json};

use super::kinesis::hash;
use super::torn::{self, Place, Step, UnderWay};
use super::weather::Weather;
use crate::chance::Chance;

/// The tables and their keys.
const TABLES: [(&str, &str, &str, &str); 7] = [
    ("events", "stream", "seq", "N"),
    ("views", "pk", "sk", "S"),
    ("feed", "pk", "sk", "S"),
    ("idempotency", "pk", "", ""),
    ("effects", "pk", "sk", "S"),
    ("archive", "pk", "sk", "S"),
    ("keys", "pk", "sk", "S"),
];

/// A record of the events table's stream: an item as it was put, or as it was when it was removed.
#[derive(Clone, Debug)]
pub(crate) struct StreamRecord {
    pub(crate) sequence: u64,
    pub(crate) item: Value,
    pub(crate) is_removed: bool,
}

/// What the events table's stream holds that no relay has taken yet, by shard. A partition key is
/// always in the same one.
#[derive(Default)]
pub(crate) struct TableStream {
    pub(crate) shards: [VecDeque<StreamRecord>; 2],
    sequence: u64,
}

impl TableStream {
    /// Puts the items of one write on the stream: only changes of the same item keep their order.
    pub(super) fn put(&mut self, mut items: Vec<Value>, chance: &Chance) {
        chance.shuffle(&mut items);
        for item in items {
            self.push(item, false);
        }
    }

    /// Puts an item that was removed on the stream, as it was.
    pub(super) fn remove(&mut self, item: Value) {
        self.push(item, true);
    }

    fn push(&mut self, item: Value, is_removed: bool) {
        let shard = usize::from(hash(item["stream"]["S"].as_str().unwrap()) % 2 == 1);
        self.sequence += 1;
        let record = StreamRecord { sequence: self.sequence, item, is_removed };
        self.shards[shard].push_back(record);
    }
}

pub(super) struct Tables {
    primary: Database,
    /// What reads of the views see that are not strong.
    replica: Database,
    /// What the replica lacks, by the time at which it gets there. Each item's changes keep their
    /// order.
    lagging: BTreeMap<(Duration, u64), Value>,
    arrivals: BTreeMap<String, Duration>,
    count: u64,
    /// Tokens of transactions that were carried out.
    tokens: BTreeSet<String>,
    under_way: UnderWay,
}

/// What a request wrote: tables and items.
pub(super) type Written = Vec<(String, Value)>;

/// What became of a request.
pub(super) struct CarriedOut {
    pub(super) status: u16,
    pub(super) body: String,
    /// What it has written for good, as it will be when all of it is visible.
    pub(super) written: Written,
    /// What of that is visible at once.
    pub(super) visible: Written,
    /// What happens until the rest is. The answer comes after that.
    pub(super) steps: Vec<Step>,
}

impl CarriedOut {
    fn nothing((status, body): (u16, String)) -> Self {
        Self { status, body, written: Vec::new(), visible: Vec::new(), steps: Vec::new() }
    }
}

/// An item that a request writes, checks or reads: its table, and the item or its key.
type Target<'a> = (&'a str, &'a Value);

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
                let request = json!({
                    "TableName": table,
                    "KeySchema": keys,
                    "AttributeDefinitions": attributes,
                    "BillingMode": "PAY_PER_REQUEST",
                });
                database.create_table(serde_json::from_value(request).unwrap()).unwrap();
            }
            database
        };
        let (primary, replica) = (database(), database());
        Self {
            primary,
            replica,
            lagging: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            count: 0,
            tokens: BTreeSet::new(),
            under_way: UnderWay::default(),
        }
    }

    /// Carries a request out.
    pub(super) fn carry_out(
        &mut self,
        operation: &str,
        mut request: Value,
        now: Duration,
        weather: &Weather,
    ) -> CarriedOut {
        self.catch_up(now);
        if operation == "BatchGetItem" {
            return CarriedOut::nothing((200, self.batch_get(request, weather).to_string()));
        }
        if let Some(refusal) = self.refuse(operation, &request) {
            return CarriedOut::nothing(refusal);
        }
        let token = request["ClientRequestToken"].as_str().map(str::to_owned);
        if token.is_none()
            && let Some(request) = request.as_object_mut()
        {
            request.remove("ClientRequestToken");
        }
        let is_repeated = token.as_ref().is_some_and(|token| self.tokens.contains(token));
        let before = (operation == "TransactWriteItems" && !is_repeated && weather.tears())
            .then(|| self.written(operation, &request));
        let database = if is_stale(operation, &request) { &self.replica } else { &self.primary };
        let body = match call(database, operation, &request) {
            Err(error) => return CarriedOut::nothing((error.status_code(), error.to_json())),
            Ok(body) => body,
        };
        self.tokens.extend(token.clone());
        let written = if is_repeated { Vec::new() } else { self.written(operation, &request) };
        let mut steps = Vec::new();
        if let Some(before) = before {
            let places: Vec<Place> = targets(operation, &request).into_iter().map(place).collect();
            let places_written = written.iter().map(|(table, item)| place((table, item)));
            let placed: Vec<_> = places_written.zip(written.iter().cloned()).collect();
            let checked = places
                .into_iter()
                .filter(|checked| placed.iter().all(|(place, _)| place != checked))
                .collect();
            steps = self.under_way.begin(weather, token, placed, checked);
            self.hide(&before, &steps);
        }
        let visible: Written = match steps.is_empty() {
            true => written.clone(),
            false => self.take_due(&mut steps),
        };
        self.replicate(&visible, now, weather);
        CarriedOut { status: 200, body, written, visible, steps }
    }

    /// Puts the items that are not to be seen yet back to what they were.
    fn hide(&self, before: &Written, steps: &[Step]) {
        for (table, item) in
            steps.iter().filter(|step| !step.after.is_zero()).filter_map(|step| step.shows.as_ref())
        {
            let is_same = |old: &&(String, Value)| {
                old.0 == *table && key_of(table, &old.1) == key_of(table, item)
            };
            self.set(before.iter().find(is_same).unwrap());
        }
    }

    /// Takes the steps that are taken at once, and gives what they show.
    fn take_due(&mut self, steps: &mut Vec<Step>) -> Written {
        let due = steps.iter().take_while(|step| step.after.is_zero()).count();
        steps.drain(..due).collect::<Vec<_>>().iter().flat_map(|step| self.take(step)).collect()
    }

    /// Takes the next step of a transaction that is under way, and gives what it shows.
    pub(super) fn advance(&mut self, step: &Step, now: Duration, weather: &Weather) -> Written {
        self.catch_up(now);
        let visible = self.take(step);
        visible.iter().for_each(|item| self.set(item));
        self.replicate(&visible, now, weather);
        visible
    }

    fn take(&mut self, step: &Step) -> Written {
        self.under_way.take(step);
        step.shows.iter().cloned().collect()
    }

    /// Makes an item be this one, or not be where only its key is given.
    fn set(&self, (table, item): &(String, Value)) {
        let is_gone = is_key(table, item);
        let (operation, name) = if is_gone { ("DeleteItem", "Key") } else { ("PutItem", "Item") };
        call(&self.primary, operation, &json!({ "TableName": table, name: item })).unwrap();
    }

    /// The answer to what meets a transaction that is under way.
    fn refuse(&self, operation: &str, request: &Value) -> Option<(u16, String)> {
        if request["ClientRequestToken"]
            .as_str()
            .is_some_and(|token| self.under_way.is_in_progress(token))
        {
            return Some(torn::in_progress());
        }
        let places: Vec<Place> = targets(operation, request).into_iter().map(place).collect();
        let is_locked: Vec<bool> =
            places.iter().map(|place| self.under_way.is_locked(place)).collect();
        match operation {
            _ if !is_locked.contains(&true) => None,
            "TransactWriteItems" => {
                // All its items are looked at: of the others some conditions may fail.
                let conflict = json!({ "Code": "TransactionConflict", "Message": "" });
                let mut others = self.conditions(request, &is_locked).into_iter();
                let reasons: Vec<Value> = is_locked
                    .iter()
                    .map(
                        |is_locked| {
                            if *is_locked { conflict.clone() } else { others.next().unwrap() }
                        },
                    )
                    .collect();
                Some(torn::cancelled(&reasons))
            }
            "TransactGetItems" => {
                let code = |is_locked: &bool| {
                    json!({
                        "Code": if *is_locked { "TransactionConflict" } else { "None" }
                    })
                };
                Some(torn::cancelled(&is_locked.iter().map(code).collect::<Vec<_>>()))
            }
            "BatchWriteItem" => {
                Some((200, json!({ "UnprocessedItems": request["RequestItems"] }).to_string()))
            }
            _ => Some(torn::conflict()),
        }
    }

    /// What the conditions of those items of a transaction come to that are not locked: a reason
    /// for each.
    fn conditions(&self, request: &Value, is_locked: &[bool]) -> Vec<Value> {
        let all = request["TransactItems"].as_array().unwrap();
        let mut open: Vec<Value> = all
            .iter()
            .zip(is_locked)
            .filter(|(_, is_locked)| !**is_locked)
            .map(|(item, _)| item.clone())
            .collect();
        let count = open.len();
        // With this one it is never carried out.
        let never = json!({
            "TableName": "idempotency",
            "Key": { "pk": { "S": "never" } },
            "ConditionExpression": "attribute_exists(pk)",
        });
        open.push(json!({ "ConditionCheck": never }));
        let error = call(&self.primary, "TransactWriteItems", &json!({ "TransactItems": open }))
            .unwrap_err()
            .to_json();
        let error: Value = serde_json::from_str(&error).unwrap();
        error["CancellationReasons"].as_array().unwrap()[..count].to_vec()
    }

    /// Every item of a table.
    pub(super) fn items(&self, table: &str) -> Vec<serde_dynamo::Item> {
        let mut items = Vec::new();
        let mut request = json!({ "TableName": table });
        loop {
            let page: Value =
                serde_json::from_str(&call(&self.primary, "Scan", &request).unwrap()).unwrap();
            items.extend(
                page["Items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| serde_json::from_value(item.clone()).unwrap()),
            );
            match page.get("LastEvaluatedKey") {
                Some(key) => request["ExclusiveStartKey"] = key.clone(),
                None => return items,
            }
        }
    }

    /// A batch of reads may leave keys out.
    fn batch_get(&self, request: Value, weather: &Weather) -> Value {
        let Some((table, wanted)) =
            request["RequestItems"].as_object().and_then(|tables| tables.iter().next())
        else {
            return json!({});
        };
        let keys = wanted["Keys"].as_array().cloned().unwrap_or_default();
        let (served, left) = keys.split_at(weather.served_keys(keys.len()));
        let database = if wanted["ConsistentRead"] == true { &self.primary } else { &self.replica };
        let mut answer = json!({ "Responses": { table: [] }, "UnprocessedKeys": {} });
        if !served.is_empty() {
            let mut wanted = wanted.clone();
            wanted["Keys"] = served.into();
            let request = json!({ "RequestItems": { table: wanted } });
            answer =
                serde_json::from_str(&call(database, "BatchGetItem", &request).unwrap()).unwrap();
        }
        if !left.is_empty() {
            let mut left_out = wanted.clone();
            left_out["Keys"] = left.into();
            answer["UnprocessedKeys"] = json!({ table: left_out });
        }
        answer
    }

    /// The items that a request writes, as they are now; of one that is not there its key.
    fn written(&self, operation: &str, request: &Value) -> Written {
        let is_read = |item: &Value| item.get("ConditionCheck").is_some();
        let targets = match operation {
            "TransactWriteItems" => {
                members(request).filter(|item| !is_read(item)).map(target).collect()
            }
            "TransactGetItems" => Vec::new(),
            _ => targets(operation, request),
        };
        targets.into_iter().map(|(table, item)| self.now_in(table, item)).collect()
    }

    /// An item of a table as it is now, found by those of its attributes that are the key.
    fn now_in(&self, table: &str, item: &Value) -> (String, Value) {
        let key = key_of(table, item);
        let request = json!({ "TableName": table, "Key": key, "ConsistentRead": true });
        let answer: Value =
            serde_json::from_str(&call(&self.primary, "GetItem", &request).unwrap()).unwrap();
        (table.to_owned(), answer.get("Item").cloned().unwrap_or(key))
    }

    fn replicate(&mut self, written: &Written, now: Duration, weather: &Weather) {
        for (_, item) in written.iter().filter(|(table, _)| table == "views") {
            let key = format!("{} {}", item["pk"], item["sk"]);
            let arrival =
                (now + weather.lag()).max(self.arrivals.get(&key).copied().unwrap_or_default());
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
            let (operation, name) =
                if is_gone { ("DeleteItem", "Key") } else { ("PutItem", "Item") };
            call(&self.replica, operation, &json!({ "TableName": "views", name: item })).unwrap();
        }
    }
}

/// What a request writes, checks or reads all or nothing of.
fn targets<'a>(operation: &str, request: &'a Value) -> Vec<Target<'a>> {
    match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" => vec![written_item(request)],
        "TransactWriteItems" | "TransactGetItems" => members(request).map(target).collect(),
        "BatchWriteItem" => {
            let tables = request["RequestItems"].as_object().unwrap();
            let changes = tables.iter().flat_map(|(table, changes)| {
                changes.as_array().unwrap().iter().map(move |change| (table, change))
            });
            let item = |change: &'a Value| {
                change
                    .get("PutRequest")
                    .map_or_else(|| &change["DeleteRequest"]["Key"], |put| &put["Item"])
            };
            changes.map(|(table, change)| (table.as_str(), item(change))).collect()
        }
        _ => Vec::new(),
    }
}

fn members(transaction: &Value) -> impl Iterator<Item = &Value> {
    transaction["TransactItems"].as_array().into_iter().flatten()
}

/// What a member of a transaction is about.
fn target(member: &Value) -> Target<'_> {
    written_item(member.as_object().unwrap().values().next().unwrap())
}

fn written_item(action: &Value) -> Target<'_> {
    (action["TableName"].as_str().unwrap(), action.get("Item").unwrap_or(&action["Key"]))
}

/// Whether an item is only its key: it is not there.
pub(super) fn is_key(table: &str, item: &Value) -> bool {
    item.as_object().map(serde_json::Map::len)
        == key_of(table, item).as_object().map(serde_json::Map::len)
}

/// Those attributes of an item that are its key.
fn key_of(table: &str, item: &Value) -> Value {
    let (_, hash, range, _) = TABLES.into_iter().find(|(name, ..)| *name == table).unwrap();
    let mut key = json!({ hash: item[hash] });
    if !range.is_empty() {
        key[range] = item[range].clone();
    }
    key
}

fn place((table, item): Target<'_>) -> Place {
    format!("{table} {}", key_of(table, item))
}

/// Whether a read of the views need not see all that was written.
fn is_stale(operation: &str, request: &Value) -> bool {
    matches!(operation, "GetItem" | "Query")
        && request["TableName"] == "views"
        && request["ConsistentRead"] != true
}

/// Calls the emulator as its server does.
fn call(
    database: &Database,
    operation: &str,
    request: &Value,
) -> Result<String, dynoxide::DynoxideError> {
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
