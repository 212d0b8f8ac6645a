//! Wakes the readers of a stream when it is written to, so that they need not poll.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

use super::call::{AwsCall, Service};

/// The readers that wait for writes.
#[derive(Debug, Default)]
pub struct Writes(Mutex<HashMap<String, watch::Sender<()>>>);

impl Writes {
    /// Changes whenever a call that may have written to this table or stream is over. What is
    /// written past the door changes nothing.
    pub fn to(&self, name: &str) -> watch::Receiver<()> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entry(name.to_owned()).or_insert_with(|| watch::channel(()).0).subscribe()
    }

    /// The call to these is over, however it ended.
    pub(super) fn tell(&self, written: &[String]) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for reader in written.iter().filter_map(|name| waiting.get(name)) {
            reader.send_replace(());
        }
    }
}

/// The tables or streams that a call writes to.
pub(super) fn written(call: &AwsCall) -> Vec<String> {
    let input = &call.input;
    match (call.service, call.operation.as_str()) {
        (Service::DynamoDb, "PutItem" | "UpdateItem" | "DeleteItem") => {
            name(&input["TableName"]).into_iter().collect()
        }
        (Service::DynamoDb, "BatchWriteItem") => {
            let tables = input["RequestItems"].as_object().into_iter().flatten();
            tables.map(|(table, _)| last(table)).collect()
        }
        (Service::DynamoDb, "TransactWriteItems") => {
            let items = input["TransactItems"].as_array().into_iter().flatten();
            let parts = items.filter_map(Value::as_object).flatten();
            let mut tables: Vec<String> =
                parts.filter_map(|(_, part)| name(&part["TableName"])).collect();
            tables.dedup();
            tables
        }
        (Service::Kinesis, "PutRecord" | "PutRecords") => {
            name(&input["StreamName"]).or_else(|| name(&input["StreamARN"])).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn name(name_or_arn: &Value) -> Option<String> {
    name_or_arn.as_str().map(last)
}

/// The name at the end of an ARN; anything else is a name already.
fn last(name_or_arn: &str) -> String {
    name_or_arn.rsplit('/').next().unwrap_or_default().to_owned()
}
