//! What each function has used.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};

use super::call::AwsCall;
use super::capacity::Units;

/// Usage by function and operation.
#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<BTreeMap<String, BTreeMap<String, Usage>>>);

/// The use of one operation.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    calls: u64,
    #[serde(flatten)]
    units: Units,
}

impl Meter {
    pub(super) fn count_call(&self, call: &AwsCall) {
        self.change(call, |usage| usage.calls += 1);
    }

    pub(super) fn count_units(&self, call: &AwsCall, units: Units) {
        self.change(call, |usage| usage.units += units);
    }

    pub(super) fn read(&self) -> Value {
        json!(*self.lock())
    }

    pub(super) fn reset(&self) {
        self.lock().clear();
    }

    fn change(&self, call: &AwsCall, change: impl FnOnce(&mut Usage)) {
        let mut functions = self.lock();
        let operations = functions.entry(call.access_key.clone()).or_default();
        change(operations.entry(call.operation.clone()).or_default());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<String, Usage>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
