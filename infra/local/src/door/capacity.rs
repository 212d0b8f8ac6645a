//! What a call to DynamoDB costs.
//!
//! DynamoDB says so itself when it is asked: a strong read costs a unit for every 4 KB begun, and
//! an eventual one half of it. A write costs a unit for every KB begun, and twice that in a
//! transaction. The door asks on behalf of callers that don't, and takes out of the answer what
//! they hadn't asked for. Only a write whose condition fails is not accounted for in DynamoDB's
//! answer though it is billed like one that succeeds; its cost is worked out here from the item
//! that was to be written and the one that stood in its way.

use std::ops::AddAssign;

use dynoxide::types::{Item, item_size};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::{AwsCall, Service};
use super::forward::Reply;

const READS: [&str; 5] = ["GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"];
const WRITES: [&str; 5] =
    ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"];

const CAPACITY: &str = "ReturnConsumedCapacity";
const OLD_ITEM: &str = "ReturnValuesOnConditionCheckFailure";

/// Bytes in a write unit.
const WRITE_UNIT: usize = 1024;

/// Capacity units.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Units {
    read_units: f64,
    write_units: f64,
}

impl AddAssign for Units {
    fn add_assign(&mut self, other: Self) {
        self.read_units += other.read_units;
        self.write_units += other.write_units;
    }
}

/// What the door asked in a call without its caller wanting to know.
#[derive(Debug, Default)]
pub(super) struct Asked {
    capacity: bool,
    /// Which items of a transaction (or the one item of a write) are to be shown if their condition
    /// fails.
    old_items: Vec<usize>,
}

/// Asks for all that metering needs; `None` for a call that has no cost.
pub(super) fn ask(call: &mut AwsCall) -> Option<Asked> {
    let operation = call.operation.as_str();
    if call.service != Service::DynamoDb
        || !(READS.contains(&operation) || WRITES.contains(&operation))
    {
        return None;
    }
    let mut asked = Asked { capacity: wants_nothing(&call.input[CAPACITY]), old_items: Vec::new() };
    let parts = written_parts(operation, &call.input);
    let silent =
        |part: &Value| part.get("ConditionExpression").is_some() && wants_nothing(&part[OLD_ITEM]);
    asked
        .old_items
        .extend(parts.iter().enumerate().filter(|(_, part)| silent(part)).map(|(index, _)| index));
    if asked.capacity || !asked.old_items.is_empty() {
        let mut input = call.input.take();
        put_questions(&asked, operation, &mut input);
        call.set_input(input);
    }
    Some(asked)
}

fn put_questions(asked: &Asked, operation: &str, input: &mut Value) {
    if asked.capacity {
        input[CAPACITY] = json!("TOTAL");
    }
    for &index in &asked.old_items {
        match operation {
            "TransactWriteItems" => {
                let parts = input["TransactItems"][index].as_object_mut().into_iter().flatten();
                parts.for_each(|(_, part)| part[OLD_ITEM] = json!("ALL_OLD"));
            }
            _ => input[OLD_ITEM] = json!("ALL_OLD"),
        }
    }
}

fn wants_nothing(mode: &Value) -> bool {
    matches!(mode.as_str(), None | Some("NONE"))
}

/// The writes that a call consists of.
fn written_parts<'a>(operation: &str, input: &'a Value) -> Vec<&'a Value> {
    match operation {
        "TransactWriteItems" => {
            let items = input["TransactItems"].as_array().into_iter().flatten();
            items
                .map(|item| {
                    item.as_object().and_then(|item| item.values().next()).unwrap_or(&Value::Null)
                })
                .collect()
        }
        "PutItem" | "UpdateItem" | "DeleteItem" => vec![input],
        _ => Vec::new(),
    }
}

/// Reads the cost from an answer, and takes out of it what the caller hadn't asked for.
pub(super) fn settle(asked: &Asked, call: &AwsCall, reply: &mut Reply) -> Units {
    if !reply.status.is_success() {
        return settle_failure(asked, call, reply);
    }
    let Ok(output) = serde_json::from_slice::<Output>(&reply.body) else { return Units::default() };
    if asked.capacity {
        strip(reply, |output| {
            output.remove("ConsumedCapacity");
        });
    }
    output.units(READS.contains(&call.operation.as_str()))
}

/// The part of an output that is about its cost.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    consumed_capacity: Option<OneOrMany>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(Consumed),
    Many(Vec<Consumed>),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Consumed {
    capacity_units: f64,
    /// Only transactions tell reads from writes: one repeated with its token is billed as a read.
    read_capacity_units: Option<f64>,
}

impl Output {
    fn units(self, reads: bool) -> Units {
        let tables = match self.consumed_capacity {
            None => Vec::new(),
            Some(OneOrMany::One(table)) => vec![table],
            Some(OneOrMany::Many(tables)) => tables,
        };
        let mut units = Units::default();
        for table in tables {
            match table.read_capacity_units {
                Some(read) => units.read_units += read,
                None if reads => units.read_units += table.capacity_units,
                None => units.write_units += table.capacity_units,
            }
        }
        units
    }
}

/// The cost of a write whose condition failed; no other failure costs anything.
fn settle_failure(asked: &Asked, call: &AwsCall, reply: &mut Reply) -> Units {
    let Ok(error) = serde_json::from_slice::<Value>(&reply.body) else { return Units::default() };
    let kind = error["__type"].as_str().unwrap_or_default();
    let (factor, reasons) = if kind.ends_with("#ConditionalCheckFailedException") {
        (1, vec![&error])
    } else if kind.ends_with("#TransactionCanceledException") && has_failed_condition(&error) {
        (2, error["CancellationReasons"].as_array().into_iter().flatten().collect())
    } else {
        return Units::default();
    };
    let parts = written_parts(&call.operation, &call.input);
    let units = parts
        .iter()
        .zip(&reasons)
        .map(|(part, reason)| factor * write_units(&part["Item"], &reason["Item"]));
    let write_units = units.sum::<u32>().into();
    if !asked.old_items.is_empty() {
        strip(reply, |error| remove_items(asked, error));
    }
    Units { read_units: 0.0, write_units }
}

fn has_failed_condition(error: &Value) -> bool {
    error["CancellationReasons"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|reason| reason["Code"] == "ConditionalCheckFailed")
}

/// A write is billed by the larger of the item before and the item after. Of an item that is not
/// known, as that of an update, one KB is assumed.
fn write_units(new: &Value, old: &Value) -> u32 {
    let size = |item: &Value| Item::deserialize(item).map_or(0, |item| item_size(&item));
    let units = size(new).max(size(old)).div_ceil(WRITE_UNIT).max(1);
    u32::try_from(units).unwrap_or(u32::MAX)
}

fn remove_items(asked: &Asked, error: &mut serde_json::Map<String, Value>) {
    let Some(reasons) = error.get_mut("CancellationReasons").and_then(Value::as_array_mut) else {
        error.remove("Item");
        return;
    };
    for &index in &asked.old_items {
        if let Some(reason) = reasons.get_mut(index).and_then(Value::as_object_mut) {
            reason.remove("Item");
        }
    }
}

fn strip(reply: &mut Reply, change: impl FnOnce(&mut serde_json::Map<String, Value>)) {
    if let Ok(Value::Object(mut body)) = serde_json::from_slice(&reply.body) {
        change(&mut body);
        reply.set_body(&body.into());
    }
}
