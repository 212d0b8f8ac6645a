//! What a warm process remembers of the failures bucket from run to run. Without it all still
//! works: it is slower, and tells less.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use headwater_kinesis::Record;
use headwater_pipeline::{Failure, Kind, Stored};
use jiff::{SignedDuration, Timestamp};

/// A record that has not come back for so long was taken in the end.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// The most records that are remembered, of some 32 bytes each.
const MOST_RECORDS: usize = 100_000;

/// What is remembered.
#[derive(Default)]
pub(super) struct Memory {
    /// Objects that are no batches: they are not read again.
    unreadable: HashSet<Stored>,
    /// Objects that could not be put back in an earlier run: they come last, so that they hold up
    /// nothing.
    held_up: HashSet<Stored>,
    /// When each record that was put back was first given up, and last, by a digest.
    records: HashMap<u64, Recurring>,
}

/// How often a record was given up.
struct Recurring {
    first: Timestamp,
    last: Timestamp,
    times: u32,
}

impl Memory {
    /// What a run has to do, in order: what was never tried comes first, then what Lambda has put
    /// there, then the oldest. Refused records and what is known to be no batch are left out.
    pub(super) fn order(&mut self, found: &[Stored]) -> Vec<Stored> {
        let there: HashSet<&Stored> = found.iter().collect();
        self.unreadable.retain(|stored| there.contains(stored));
        self.held_up.retain(|stored| there.contains(stored));
        let mut queue: Vec<Stored> = found
            .iter()
            .filter(|stored| stored.kind() != Kind::Refused && !self.unreadable.contains(stored))
            .cloned()
            .collect();
        queue.sort_by_cached_key(|stored| {
            (self.held_up.contains(stored), stored.kind(), stored.at, stored.key.clone())
        });
        queue
    }

    /// Notes that an object is no batch.
    pub(super) fn unreadable(&mut self, stored: Stored) {
        self.unreadable.insert(stored);
    }

    /// Notes that an object could not be put back.
    pub(super) fn held_up(&mut self, stored: Stored) {
        self.held_up.insert(stored);
    }

    /// How many objects are known to be no batches.
    pub(super) fn count_unreadable(&self) -> usize {
        self.unreadable.len()
    }

    /// Notes that a batch was put back. Its records are known again if they are given up once more,
    /// in whatever batch.
    pub(super) fn put_back(&mut self, failure: &Failure) {
        let records = failure
            .records
            .iter()
            .flat_map(|(target, records)| records.iter().map(move |record| (target, record)));
        for (target, Record { key, data }) in records {
            let mut digest = DefaultHasher::new();
            (target, key, data).hash(&mut digest);
            let is_full = self.records.len() >= MOST_RECORDS;
            if let Some(recurring) = self.records.get_mut(&digest.finish()) {
                recurring.last = recurring.last.max(failure.at);
                recurring.times = recurring.times.saturating_add(1);
            } else if !is_full {
                self.records.insert(
                    digest.finish(),
                    Recurring { first: failure.at, last: failure.at, times: 1 },
                );
            }
        }
    }

    /// Since when there is a record that is given up again each time that it is put back.
    pub(super) fn recurring_since(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.records.retain(|_, recurring| now.duration_since(recurring.last) < FORGOTTEN_AFTER);
        self.records
            .values()
            .filter(|recurring| recurring.times > 1)
            .map(|recurring| recurring.first)
            .min()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use headwater_pipeline::Target;

    use super::*;

    fn stored(key: &str, second: i64) -> Stored {
        Stored { key: key.to_owned(), at: at(second) }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn order(memory: &mut Memory, found: &[Stored]) -> Vec<String> {
        memory.order(found).into_iter().map(|stored| stored.key).collect()
    }

    #[test]
    fn what_cannot_be_put_back_comes_after_all_that_can() {
        let mut memory = Memory::default();
        let found = [
            stored("0", 1),
            stored("aws/lambda/a", 9),
            stored("aws/lambda/b", 5),
            stored("refused/f/1", 1),
            stored("aws/lambda/c", 7),
        ];
        assert_eq!(
            order(&mut memory, &found),
            ["aws/lambda/b", "aws/lambda/c", "aws/lambda/a", "0"],
            "the oldest first"
        );
        memory.held_up(stored("aws/lambda/b", 5));
        memory.unreadable(stored("0", 1));
        assert_eq!(order(&mut memory, &found), ["aws/lambda/c", "aws/lambda/a", "aws/lambda/b"]);
        assert_eq!(memory.count_unreadable(), 1);
        // It was written anew meanwhile, so it is read again.
        assert_eq!(
            order(&mut memory, &[stored("0", 2), stored("aws/lambda/b", 5)]),
            ["0", "aws/lambda/b"]
        );
        assert_eq!(memory.count_unreadable(), 0);
    }

    #[test]
    fn a_record_that_comes_back_each_time_is_as_old_as_its_first_failure() {
        let failure = |second, data: &str| Failure {
            function: "identity-project".to_owned(),
            at: at(second),
            condition: "RetryAttemptsExhausted".to_owned(),
            tries: 6,
            records: BTreeMap::from([(
                Target::Commits,
                vec![Record { key: "k".to_owned(), data: data.into() }],
            )]),
            tampering: Vec::new(),
        };
        let mut memory = Memory::default();
        memory.put_back(&failure(100, "once"));
        memory.put_back(&failure(100, "again"));
        assert_eq!(memory.recurring_since(at(160)), None, "both may have been taken");
        memory.put_back(&failure(200, "again"));
        memory.put_back(&failure(300, "again"));
        assert_eq!(memory.recurring_since(at(360)), Some(at(100)));
        assert_eq!(memory.recurring_since(at(300 + 15 * 60)), None, "it was taken in the end");
    }
}
