//! The commits stream: shards that hold records in order, and that split.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Value, json};

use super::weather::Weather;
use crate::mail;

/// How many shards there are at most, those that have split included.
const MOST_SHARDS: usize = 8;

/// A record on a shard.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Its place, which grows over all shards.
    pub(crate) sequence: u64,
    /// The partition key.
    pub(crate) key: String,
    /// Base64.
    pub(crate) data: String,
}

/// Who reads the stream: each reads all of it, at its own pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// The projector.
    Projector,
    /// The function of the mails. Its filter lets only those records pass that may ask for one.
    Mailer,
}

impl Reader {
    pub(crate) const ALL: [Self; 2] = [Self::Projector, Self::Mailer];
}

/// What lies on a shard that a reader has not taken yet.
#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) records: VecDeque<Record>,
    /// How many batches of it are being worked on.
    pub(crate) in_hand: usize,
}

#[derive(Default)]
struct Shard {
    queues: [Queue; Reader::ALL.len()],
    /// From which hash of a key, and up to which; nothing once it has split.
    range: Option<(u64, u64)>,
}

pub(super) struct Kinesis {
    shards: Vec<Shard>,
    sequence: u64,
}

impl Kinesis {
    pub(super) fn new() -> Self {
        let half = u64::MAX / 2;
        let shard = |range| Shard { range: Some(range), ..Shard::default() };
        Self { shards: vec![shard((0, half)), shard((half + 1, u64::MAX))], sequence: 0 }
    }

    pub(super) fn queue(&mut self, shard: usize, reader: Reader) -> &mut Queue {
        &mut self.shards[shard].queues[reader as usize]
    }

    pub(super) fn is_drained(&self) -> bool {
        let mut queues = self.shards.iter().flat_map(|shard| &shard.queues);
        queues.all(|queue| queue.records.is_empty() && queue.in_hand == 0)
    }

    /// Two shards take the place of one, unless it has split before or there are enough.
    pub(super) fn split(&mut self, shard: usize) -> Option<[usize; 2]> {
        if self.shards.len() >= MOST_SHARDS {
            return None;
        }
        let (first, last) = self.shards[shard].range.take()?;
        let middle = first + (last - first) / 2;
        for range in [(first, middle), (middle + 1, last)] {
            self.shards.push(Shard { range: Some(range), ..Shard::default() });
        }
        Some([self.shards.len() - 2, self.shards.len() - 1])
    }

    /// The answer to `PutRecords`.
    pub(super) fn put_records(&mut self, request: &Value, weather: &Weather) -> Value {
        let records = request["Records"].as_array().map_or(&[][..], Vec::as_slice);
        let results: Vec<Value> = records.iter().map(|record| self.put(record, weather)).collect();
        let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
        json!({ "FailedRecordCount": failed, "Records": results })
    }

    fn put(&mut self, record: &Value, weather: &Weather) -> Value {
        let fails = weather.fails_record();
        if fails && !weather.lies() {
            return json!({
                "ErrorCode": "ProvisionedThroughputExceededException",
                "ErrorMessage": "",
            });
        }
        self.sequence += 1;
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let record =
            Record { sequence: self.sequence, key: text("PartitionKey"), data: text("Data") };
        let hash = hash(&record.key);
        let takes = |shard: &&mut Shard| {
            shard.range.is_some_and(|(first, last)| (first..=last).contains(&hash))
        };
        let shard = self.shards.iter_mut().find(takes).unwrap();
        if mail::concerns(&record.data) {
            shard.queues[Reader::Mailer as usize].records.push_back(record.clone());
        }
        shard.queues[Reader::Projector as usize].records.push_back(record);
        if fails {
            json!({ "ErrorCode": "InternalFailure", "ErrorMessage": "" })
        } else {
            json!({ "SequenceNumber": self.sequence.to_string(), "ShardId": "s" })
        }
    }
}

/// The same in every run.
pub(super) fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
