//! How far a shard is done: everything up to the checkpoint, and what of the rest is still to do.

use std::collections::VecDeque;

use super::lane::{Millis, Record};

/// The records of a shard from the oldest that isn't done.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// In the order of the shard.
    entries: VecDeque<Entry>,
    /// The number of `entries[0]`, counted since the start.
    first: u64,
    checkpoint: Option<String>,
    waiting: usize,
}

#[derive(Debug)]
struct Entry {
    sequence_number: String,
    arrived_at: Millis,
    done: bool,
}

impl Progress {
    /// Begins after this record, if any.
    pub(super) fn after(checkpoint: Option<String>) -> Self {
        Self { checkpoint, ..Self::default() }
    }

    /// A record was read.
    pub(super) fn read(&mut self, record: &Record) {
        let (sequence_number, arrived_at) = (record.sequence_number.clone(), record.arrived_at);
        self.entries.push_back(Entry { sequence_number, arrived_at, done: false });
        self.waiting += 1;
    }

    /// Records are done: they succeeded or were given up.
    pub(super) fn done<'a>(&mut self, records: impl IntoIterator<Item = &'a Record>) {
        let mut places = records.into_iter().map(|record| record.sequence_number.as_str());
        let mut next = places.next();
        // Both are in the order of the shard, so one pass finds all.
        for entry in &mut self.entries {
            let Some(number) = next else { break };
            if !entry.done && entry.sequence_number == number {
                entry.done = true;
                self.waiting -= 1;
                next = places.next();
            }
        }
        while self.entries.front().is_some_and(|entry| entry.done) {
            self.checkpoint = self.entries.pop_front().map(|entry| entry.sequence_number);
            self.first += 1;
        }
    }

    /// The last record before which, and with which, all is done: where to go on after a restart.
    pub(super) fn checkpoint(&self) -> Option<&str> {
        self.checkpoint.as_deref()
    }

    /// How many records were read and are not done.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many records were ever read.
    pub(super) fn seen(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// When the oldest record that isn't done was written.
    pub(super) fn oldest(&self) -> Option<Millis> {
        self.entries.front().map(|entry| entry.arrived_at)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn record(number: u32) -> Record {
        Record {
            sequence_number: number.to_string(),
            key: String::new(),
            arrived_at: i64::from(number) * 10,
            read_at: 0,
            event: Value::Null,
            bytes: 0,
        }
    }

    #[test]
    fn the_checkpoint_never_passes_what_is_not_done() {
        let mut progress = Progress::after(Some("0".into()));
        let records: Vec<_> = (1..=5).map(record).collect();
        records.iter().for_each(|record| progress.read(record));
        for (done, checkpoint, waiting, oldest) in [
            (&[2, 4][..], "0", 3, Some(10)),
            (&[1], "2", 2, Some(30)),
            (&[5], "2", 1, Some(30)),
            (&[3], "5", 0, None),
        ] {
            progress.done(done.iter().map(|n| &records[*n - 1]));
            assert_eq!(progress.checkpoint(), Some(checkpoint), "after {done:?}");
            assert_eq!(
                (progress.waiting(), progress.oldest()),
                (waiting, oldest),
                "after {done:?}"
            );
        }
        assert_eq!(progress.seen(), 5);
    }
}
