//! Which records a function is invoked with, and what happens to those that fail: batches, retries,
//! bisecting, partial answers and age, as Lambda's event source mappings have them. Pure: time
//! comes in, decisions come out.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use crate::template::EventSource;

/// Milliseconds since the epoch.
pub(super) type Millis = i64;

/// Lambda's bound on an event is 6 MB; the rest is for what surrounds the records.
const MAXIMUM_BATCH_BYTES: usize = 6 * 1024 * 1024 - 64 * 1024;
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

/// A record of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    /// Its place in the shard.
    pub(super) sequence_number: String,
    /// Records of one key stay in order.
    pub(super) key: String,
    /// When it was written to the stream.
    pub(super) arrived_at: Millis,
    /// When it was read from the stream.
    pub(super) read_at: Millis,
    /// As the function sees it.
    pub(super) event: Value,
    /// The size of `event` in bytes, roughly.
    pub(super) bytes: usize,
}

/// The template's settings that decide on batches.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    batch_size: usize,
    window: Millis,
    retries: Option<u32>,
    maximum_age: Option<Millis>,
    bisect: bool,
}

impl From<&EventSource> for Policy {
    fn from(source: &EventSource) -> Self {
        Self {
            batch_size: source.batch_size,
            window: millis(source.batching_window),
            retries: source.retries,
            maximum_age: source.maximum_record_age.map(millis),
            bisect: source.bisect,
        }
    }
}

/// Records that are invoked together, oldest first; never empty.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Batch {
    pub(super) records: Vec<Record>,
    /// How often it has failed as it is.
    pub(super) failures: u32,
}

/// How an invocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Every record is done.
    Done,
    /// The record at this place failed; those before it are done. 0 where the whole batch failed.
    FailedAt(usize),
    /// The function had no concurrency left, so it never saw the batch. Lambda counts that as no
    /// try.
    Throttled,
}

/// Why a batch is given up, in the words of Lambda's failure records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    RetryAttemptsExhausted,
    RecordAgeExceeded,
}

/// What to do now.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// Nothing is there.
    Idle,
    /// Nothing is due before then.
    WaitUntil(Millis),
    /// Invoke the function, then tell [`Lane::finished`].
    Invoke(Batch),
    /// Send the batch to the failure destination; it is done then.
    GiveUp(Batch, Condition),
}

/// The records of one lane: a shard, or the part of its keys that runs one after the other.
#[derive(Debug)]
pub(super) struct Lane {
    policy: Policy,
    /// Never invoked so far.
    fresh: VecDeque<Record>,
    /// Failed before, and older than all that is fresh; with the time before which they are not
    /// due.
    failed: VecDeque<(Millis, Batch)>,
}

impl Lane {
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy, fresh: VecDeque::new(), failed: VecDeque::new() }
    }

    /// Adds a record, newer than all before.
    pub(super) fn push(&mut self, record: Record) {
        self.fresh.push_back(record);
    }

    /// The next thing to do. A batch that it hands out is the caller's until `finished`; one at a
    /// time.
    pub(super) fn next(&mut self, now: Millis) -> Next {
        if let Some((due, batch)) = self.failed.pop_front() {
            return self.decide(now, due, batch);
        }
        let Some(oldest) = self.fresh.front() else { return Next::Idle };
        let closes = oldest.read_at + self.policy.window;
        if self.fresh.len() < self.policy.batch_size && now < closes {
            return Next::WaitUntil(closes);
        }
        let records = self.take_fresh();
        self.decide(now, now, Batch { records, failures: 0 })
    }

    /// Takes the outcome of a batch; the answer is how many of its first records are done.
    pub(super) fn finished(&mut self, now: Millis, mut batch: Batch, verdict: Verdict) -> usize {
        let done = match verdict {
            Verdict::Done => return batch.records.len(),
            Verdict::Throttled => {
                self.failed.push_front((now + millis(FIRST_BACKOFF), batch));
                return 0;
            }
            Verdict::FailedAt(place) => place.min(batch.records.len() - 1),
        };
        if done > 0 {
            // It got on: what is left starts afresh from the record that failed.
            let records = batch.records.split_off(done);
            self.failed.push_front((now, Batch { records, failures: 0 }));
        } else if self.policy.bisect && batch.records.len() > 1 {
            // Halving doesn't count as a try.
            let newer = batch.records.split_off(batch.records.len().div_ceil(2));
            self.failed.push_front((now, Batch { records: newer, failures: batch.failures }));
            self.failed.push_front((now, batch));
        } else {
            batch.failures += 1;
            self.failed.push_front((now + backoff(batch.failures), batch));
        }
        done
    }

    fn decide(&mut self, now: Millis, due: Millis, mut batch: Batch) -> Next {
        let failures = batch.failures;
        if self.policy.retries.is_some_and(|retries| failures > retries) {
            return Next::GiveUp(batch, Condition::RetryAttemptsExhausted);
        }
        let expired = self.take_expired(now, &mut batch);
        if expired.is_empty() && now >= due {
            return Next::Invoke(batch);
        }
        if !batch.records.is_empty() {
            self.failed.push_front((due, batch));
        }
        match expired.is_empty() {
            true => Next::WaitUntil(due),
            false => {
                Next::GiveUp(Batch { records: expired, failures }, Condition::RecordAgeExceeded)
            }
        }
    }

    /// The oldest records of a batch, as far as they are too old.
    fn take_expired(&self, now: Millis, batch: &mut Batch) -> Vec<Record> {
        let too_old = |record: &&Record| {
            self.policy.maximum_age.is_some_and(|maximum| now - record.arrived_at > maximum)
        };
        let expired = batch.records.iter().take_while(too_old).count();
        batch.records.drain(..expired).collect()
    }

    /// At least one record, at most a batch.
    fn take_fresh(&mut self) -> Vec<Record> {
        let mut bytes = 0;
        let fitting = self.fresh.iter().take(self.policy.batch_size).take_while(|record| {
            bytes += record.bytes;
            bytes <= MAXIMUM_BATCH_BYTES
        });
        let count = fitting.count().max(1);
        self.fresh.drain(..count).collect()
    }
}

/// How long to wait after so many failures in a row.
fn backoff(failures: u32) -> Millis {
    let doubled = FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(failures - 1));
    millis(doubled.min(LONGEST_BACKOFF))
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

#[cfg(test)]
mod tests;
