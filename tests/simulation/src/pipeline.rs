//! The event source mappings: they carry records from the table's stream to the relay, and from the
//! commits stream to the projector; again where that fails, twice now and then, and for good to a
//! place from where they are put back.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::kinesis::KinesisEvent;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use headwater_dynamodb::Projector;
use headwater_functions::{project_batch, relay_batch};
use headwater_kinesis::Record as Published;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::cloud::{Cloud, Reader, Record, StreamRecord};
use crate::domain::{DOMAIN, projections};
use crate::mail::{self, Post};
use crate::plan::Trouble;
use crate::processes::{Pool, Process};

/// How often a batch of the commits stream is tried before its records are given up on.
const TRIES: u32 = 4;

/// How long a function has for a batch.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a mapping waits at the most before it looks again or tries again, in milliseconds.
const PAUSE: u64 = 120;

/// How long a mapping waits at the most where a mail has to be tried again, in milliseconds.
const LONGEST_BUSY: u64 = 1_000;

/// How long a schedule waits at the most until it sweeps again, in milliseconds.
const SWEEP: u64 = 20_000;

/// How many times in a row that doubles where there was nothing.
const MOST_DOUBLINGS: u32 = 5;

/// The functions behind the streams.
pub(crate) struct Pipeline {
    pub(crate) cloud: Cloud,
    pub(crate) relays: Pool,
    pub(crate) projectors: Pool,
    pub(crate) mailers: Pool,
    pub(crate) post: Post,
}

impl Pipeline {
    /// Begins to carry records, until the run ends.
    pub(crate) fn start(self: &Arc<Self>) {
        for shard in 0..2 {
            tokio::spawn(Arc::clone(self).relay(shard));
            for reader in Reader::ALL {
                tokio::spawn(Arc::clone(self).read(shard, reader));
            }
        }
        tokio::spawn(Arc::clone(self).sweep());
    }

    /// Sweeps now and then, as a schedule does.
    async fn sweep(self: Arc<Self>) {
        loop {
            sleep(self.cloud.chance().millis(SWEEP)).await;
            // It fails where the tables do, and comes again.
            self.projectors
                .invoke(async |process: Arc<Process>| projector(&process).sweep().await.is_ok())
                .await
                .ok();
        }
    }

    async fn pause(&self, in_vain: u32) {
        sleep(self.cloud.chance().millis(PAUSE << in_vain.min(MOST_DOUBLINGS))).await;
    }

    /// Carries one shard of the table's stream. What fails comes again, for as long as it takes.
    async fn relay(self: Arc<Self>, shard: usize) {
        let mut in_vain = 0;
        loop {
            self.pause(in_vain).await;
            let batch: Vec<StreamRecord> = {
                let most = self.cloud.chance().between(1, 10);
                self.cloud.state().stream.shards[shard].iter().take(most).cloned().collect()
            };
            in_vain = if batch.is_empty() { in_vain + 1 } else { 0 };
            if batch.is_empty() {
                continue;
            }
            let done = self
                .relays
                .invoke(async |process: Arc<Process>| relay(&process, &batch).await)
                .await;
            let done = done.unwrap_or(0);
            if self.cloud.strikes(Trouble::Duplicates, 0.1) {
                continue;
            }
            self.cloud.state().stream.shards[shard].drain(..done);
        }
    }

    /// Carries one shard of the commits stream to a reader, and those that it splits into.
    fn read(
        self: Arc<Self>,
        shard: usize,
        reader: Reader,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.carry(shard, reader))
    }

    async fn carry(self: Arc<Self>, shard: usize, reader: Reader) {
        let mut in_vain = 0;
        loop {
            self.pause(in_vain).await;
            if self.cloud.strikes(Trouble::Splits, 0.02)
                && let Some(children) = self.cloud.split_shard(shard)
            {
                for child in children {
                    // Sooner than the parent has been read to its end: nothing may rely on that.
                    for reader in Reader::ALL {
                        tokio::spawn(Arc::clone(&self).read(child, reader));
                    }
                }
            }
            let batch = {
                let most = self.cloud.chance().between(1, 12);
                let mut state = self.cloud.state();
                let queue = state.queue(shard, reader);
                let batch: Vec<Record> =
                    queue.records.drain(..most.min(queue.records.len())).collect();
                queue.in_hand += usize::from(!batch.is_empty());
                batch
            };
            in_vain = if batch.is_empty() { in_vain + 1 } else { 0 };
            if batch.is_empty() {
                continue;
            }
            if self.cloud.strikes(Trouble::Duplicates, 0.15) {
                let twin = Arc::clone(&self);
                let batch = batch.clone();
                self.cloud.state().queue(shard, reader).in_hand += 1;
                tokio::spawn(async move { twin.deliver(shard, reader, batch).await });
            }
            self.deliver(shard, reader, batch).await;
        }
    }

    /// Delivers a batch until it is done with, or given up on: then its records are put back some
    /// time later.
    async fn deliver(&self, shard: usize, reader: Reader, mut batch: Vec<Record>) {
        let mut tries = 0;
        while !batch.is_empty() {
            tries += 1;
            let done = match reader {
                Reader::Projector => self.project(&batch).await,
                Reader::Mailer => self.mail(&batch).await,
            };
            batch.drain(..done);
            if !batch.is_empty() && tries >= TRIES {
                self.cloud.log(|| format!("given up on {} records", batch.len()));
                sleep(self.cloud.chance().millis(2_000)).await;
                if self.redrive(&batch).await {
                    break;
                }
            }
            if !batch.is_empty() {
                self.pause(0).await;
            }
        }
        self.cloud.state().queue(shard, reader).in_hand -= 1;
    }

    /// Lets a projector work off a batch, and says how many of its records need not come again.
    async fn project(&self, batch: &[Record]) -> usize {
        let work = async |process: Arc<Process>| project(&process, batch).await;
        self.projectors.invoke(work).await.unwrap_or(0)
    }

    /// Has the mails of a batch sent, and says how many of its records need not come again.
    async fn mail(&self, batch: &[Record]) -> usize {
        // These clocks disagree by less than a lease lasts.
        let now = self.cloud.now() + self.cloud.skew() / 5;
        let work = async |process: Arc<Process>| {
            // No function lives longer.
            timeout(mail::PATIENCE, mail::send(&process, batch, &self.post, now)).await
        };
        match self.mailers.invoke(work).await {
            Ok(Ok(None)) => batch.len(),
            Ok(Ok(Some(first))) => {
                // What is another's to do, or failed just now, is left alone for a while.
                sleep(self.cloud.chance().millis(LONGEST_BUSY)).await;
                first
            }
            _ => 0,
        }
    }

    /// Puts records back where they came from, and says whether all got there.
    async fn redrive(&self, batch: &[Record]) -> bool {
        let records: Vec<Published> = batch
            .iter()
            .map(|record| Published {
                key: record.key.clone(),
                data: STANDARD.decode(&record.data).unwrap(),
            })
            .collect();
        let put = async |process: Arc<Process>| {
            process.app.publisher("COMMITS_STREAM").unwrap().publish(&records).await.is_empty()
        };
        self.relays.invoke(put).await.unwrap_or(false)
    }
}

/// Relays a batch, and says how many of its records need not come again.
async fn relay(process: &Process, batch: &[StreamRecord]) -> usize {
    let records: Vec<Value> = batch
        .iter()
        .map(|StreamRecord { sequence, item, is_removed }| {
            let (event, image) =
                if *is_removed { ("REMOVE", "OldImage") } else { ("INSERT", "NewImage") };
            json!({
                "eventID": sequence.to_string(), "eventName": event,
                "eventSource": "aws:dynamodb", "eventVersion": "1.1", "awsRegion": "r",
                "dynamodb": {
                    "ApproximateCreationDateTime": 0,
                    "Keys": { "stream": item["stream"], "seq": item["seq"] }, image: item,
                    "SequenceNumber": sequence.to_string(), "SizeBytes": 1,
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
            })
        })
        .collect();
    let event: Event = serde_json::from_value(json!({ "Records": records })).unwrap();
    let store = process.app.whole_store().unwrap();
    let publisher = process.app.publisher("COMMITS_STREAM").unwrap();
    let answer = relay_batch(publisher, &store, &event).await;
    // Lambda begins again with the first that failed.
    let failed =
        answer.batch_item_failures.iter().filter_map(|failure| failure.item_identifier.clone());
    first_of(failed, batch.iter().map(|record| record.sequence))
}

/// Projects a batch, and says how many of its records need not come again.
async fn project(process: &Process, batch: &[Record]) -> usize {
    let records: Vec<Value> = batch
        .iter()
        .map(|Record { sequence, key, data }| {
            json!({
                "eventID": sequence.to_string(), "eventName": "aws:kinesis:record",
                "eventSource": "aws:kinesis", "eventVersion": "1.0",
                "awsRegion": "r", "eventSourceARN": "arn", "invokeIdentityArn": "arn",
                "kinesis": {
                    "kinesisSchemaVersion": "1.0", "partitionKey": key,
                    "sequenceNumber": sequence.to_string(), "data": data,
                    "approximateArrivalTimestamp": 0.0,
                },
            })
        })
        .collect();
    let event: KinesisEvent = serde_json::from_value(json!({ "Records": records })).unwrap();
    let (answer, _) = project_batch(&projector(process), DOMAIN, &event).await;
    let failed =
        answer.batch_item_failures.iter().filter_map(|failure| failure.item_identifier.clone());
    first_of(failed, batch.iter().map(|record| record.sequence))
}

/// The projector of a process, for one invocation.
fn projector(process: &Process) -> Projector {
    let projector = process.app.projector(DOMAIN, projections(process.build)).unwrap();
    projector.within((Instant::now() + PATIENCE).into_std())
}

/// The place in a batch of the first record that failed; behind its end if none did.
fn first_of(
    failed: impl Iterator<Item = String>,
    sequences: impl Iterator<Item = u64> + Clone,
) -> usize {
    let all = sequences.clone().count();
    let places = failed
        .filter_map(|number| sequences.clone().position(|sequence| sequence.to_string() == number));
    places.min().unwrap_or(all)
}
