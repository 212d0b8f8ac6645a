//! What the store's requests came to: for metrics, and because cost is a contract.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use aws_sdk_dynamodb::types::ConsumedCapacity;

/// What was used since the last [`EventStore::take_usage`](crate::EventStore::take_usage).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Requests sent, repetitions included.
    pub calls: u64,
    /// Appends that lost to another writer.
    pub conflicts: u64,
    /// Requests repeated after a timeout, a lost reply, throttling or a TransactionConflict.
    pub retries: u64,
    /// Read units that DynamoDB reported.
    pub read_units: f64,
    /// Write units that DynamoDB reported. It bills failed conditions too, but does not report
    /// them.
    pub write_units: f64,
}

/// Counts without locks. Units come in halves, so halves are what is counted.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    calls: AtomicU64,
    conflicts: AtomicU64,
    retries: AtomicU64,
    read_halves: AtomicU64,
    write_halves: AtomicU64,
}

impl Meter {
    pub(crate) fn call(&self) {
        self.calls.fetch_add(1, Relaxed);
    }

    pub(crate) fn conflict(&self) {
        self.conflicts.fetch_add(1, Relaxed);
    }

    pub(crate) fn retry(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    pub(crate) fn read<'a>(&self, capacity: impl IntoIterator<Item = &'a ConsumedCapacity>) {
        self.read_halves.fetch_add(halves(capacity), Relaxed);
    }

    pub(crate) fn write<'a>(&self, capacity: impl IntoIterator<Item = &'a ConsumedCapacity>) {
        self.write_halves.fetch_add(halves(capacity), Relaxed);
    }

    /// The sums since the last time, which start again at zero.
    pub(crate) fn take(&self) -> Usage {
        let take = |counter: &AtomicU64| counter.swap(0, Relaxed);
        Usage {
            calls: take(&self.calls),
            conflicts: take(&self.conflicts),
            retries: take(&self.retries),
            read_units: take(&self.read_halves) as f64 / 2.0,
            write_units: take(&self.write_halves) as f64 / 2.0,
        }
    }
}

fn halves<'a>(capacity: impl IntoIterator<Item = &'a ConsumedCapacity>) -> u64 {
    let units: f64 = capacity.into_iter().filter_map(|capacity| capacity.capacity_units).sum();
    (units * 2.0).round() as u64
}
