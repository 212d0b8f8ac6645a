//! Which items are being written, and which belong to a transaction that is under way.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::door::call::{AwsCall, Service};
use crate::door::{Answer, refusals};
use crate::template::Table;

/// An item's table and key, as text.
type Place = String;

/// The places of all items, by the keys of their tables.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// The key attributes of each table.
    keys: Arc<HashMap<String, Vec<String>>>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// How many calls are on their way that write here.
    written: HashMap<Place, usize>,
    locked: HashSet<Place>,
    /// Tokens of transactions that are under way.
    in_progress: HashSet<String>,
    /// Tokens of transactions that were carried out here: the server does not know them.
    done: HashSet<String>,
}

/// What a call writes while it is on its way.
#[derive(Debug)]
pub(in crate::door) struct Writing {
    places: Places,
    written: Vec<Place>,
}

/// The items of a transaction that is under way.
#[derive(Debug)]
pub(super) struct Locked {
    places: Places,
    locked: Vec<Place>,
    token: Option<String>,
}

impl Places {
    pub(super) fn of(tables: &[Table]) -> Self {
        let names = |table: &Table| {
            let keys = std::iter::once(&table.partition_key).chain(&table.sort_key);
            keys.map(|key| key.name.clone()).collect()
        };
        let keys = tables.iter().map(|table| (table.name.clone(), names(table))).collect();
        Self { keys: Arc::new(keys), state: Arc::default() }
    }

    pub(super) fn enter(&self, call: &AwsCall) -> Result<Writing, Box<Answer>> {
        let touched =
            if call.service == Service::DynamoDb { self.touched(call) } else { Vec::new() };
        let mut state = self.lock_state();
        if let Some(token) = call.input["ClientRequestToken"].as_str() {
            if state.in_progress.contains(token) {
                return Err(refusals::in_progress(call).into());
            }
            if state.done.contains(token) {
                return Err(refusals::done_already().into());
            }
        }
        if touched.iter().any(|place| state.locked.contains(place)) {
            let is_met =
                |index| touched.get(index).is_some_and(|place| state.locked.contains(place));
            return Err(refusals::meeting(call, is_met).into());
        }
        let written = if call.operation == "TransactGetItems" { Vec::new() } else { touched };
        for place in &written {
            *state.written.entry(place.clone()).or_default() += 1;
        }
        Ok(Writing { places: self.clone(), written })
    }

    /// Locks the items of a transaction, unless one is locked or being written.
    pub(super) fn lock(&self, call: &AwsCall) -> Option<Locked> {
        let locked = self.touched(call);
        let token = call.input["ClientRequestToken"].as_str().map(str::to_owned);
        let mut state = self.lock_state();
        if locked
            .iter()
            .any(|place| state.locked.contains(place) || state.written.contains_key(place))
        {
            return None;
        }
        state.locked.extend(locked.iter().cloned());
        state.in_progress.extend(token.clone());
        Some(Locked { places: self.clone(), locked, token })
    }

    /// The items that a call writes, checks, or reads all or nothing of; in a transaction's order.
    fn touched(&self, call: &AwsCall) -> Vec<Place> {
        let input = &call.input;
        match call.operation.as_str() {
            "PutItem" | "UpdateItem" | "DeleteItem" => vec![self.place(&input["TableName"], input)],
            "TransactWriteItems" | "TransactGetItems" => {
                let members = input["TransactItems"].as_array().into_iter().flatten();
                let actions = members.filter_map(|member| member.as_object()?.values().next());
                actions.map(|action| self.place(&action["TableName"], action)).collect()
            }
            "BatchWriteItem" => {
                let tables = input["RequestItems"].as_object().into_iter().flatten();
                let changes = tables.flat_map(|(table, changes)| {
                    changes.as_array().into_iter().flatten().map(move |change| (table, change))
                });
                let changes = changes.filter_map(|(table, change)| {
                    Some((table, change.as_object()?.values().next()?))
                });
                changes
                    .map(|(table, change)| self.place(&Value::from(table.as_str()), change))
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn place(&self, table: &Value, action: &Value) -> Place {
        let table = table.as_str().unwrap_or_default();
        let item = action.get("Item").unwrap_or(&action["Key"]);
        let keys = self.keys.get(table).into_iter().flatten();
        keys.fold(table.to_owned(), |place, name| format!("{place} {}", item[name]))
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let mut state = self.places.lock_state();
        for place in &self.written {
            if let Some(count) = state.written.get_mut(place) {
                *count -= 1;
                if *count == 0 {
                    state.written.remove(place);
                }
            }
        }
    }
}

impl Locked {
    /// The transaction was carried out.
    pub(super) fn end(self) {
        let token = self.token.clone();
        self.places.lock_state().done.extend(token);
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let mut state = self.places.lock_state();
        for place in &self.locked {
            state.locked.remove(place);
        }
        if let Some(token) = &self.token {
            state.in_progress.remove(token);
        }
    }
}
