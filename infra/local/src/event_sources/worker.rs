//! Invokes the function with the batches of one lane of a shard, one after the other.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::failure::{Failure, payload};
use super::lane::{Batch, Condition, Next};
use super::mapping::Mapping;
use super::shard::Shard;
use super::source::{Source, now};
use super::verdict::verdict;

/// After a failed write to the failure destination.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Runs one lane of a shard for as long as the platform runs.
pub(super) async fn run_lane<S: Source>(mapping: Arc<Mapping<S>>, shard: Arc<Shard>, lane: usize) {
    loop {
        let next = shard.lock().lanes[lane].next(now());
        match next {
            Next::Idle => shard.wake[lane].notified().await,
            Next::WaitUntil(due) => {
                let wait = u64::try_from(due - now()).unwrap_or(0);
                let _ = timeout(Duration::from_millis(wait), shard.wake[lane].notified()).await;
            }
            Next::Invoke(batch) => invoke(&mapping, &shard, lane, batch).await,
            Next::GiveUp(batch, condition) => {
                give_up(&mapping, &shard, &batch, condition).await;
                shard.lock().progress.done(&batch.records);
            }
        }
        mapping.progressed.notify_one();
    }
}

async fn invoke<S: Source>(mapping: &Mapping<S>, shard: &Shard, lane: usize, batch: Batch) {
    // Held until the function has answered: who disables the mapping waits for that.
    let gate = mapping.open_gate().await;
    let event = payload(&batch).to_string();
    let outcome = mapping.host.invoke(&mapping.function, event.into()).await;
    if let Err(error) = &outcome {
        tracing::warn!(
            function = mapping.function,
            records = batch.records.len(),
            %error,
            "a batch failed",
        );
    }
    let verdict = verdict(&outcome, &batch, mapping.source.reports_item_failures);
    let mut state = shard.lock();
    let mut records = batch.records.clone();
    let done = state.lanes[lane].finished(now(), batch, verdict);
    records.truncate(done);
    state.progress.done(&records);
    drop(gate);
}

/// Writes a batch to the failure destination, for as long as it takes.
async fn give_up<S: Source>(
    mapping: &Mapping<S>,
    shard: &Shard,
    batch: &Batch,
    condition: Condition,
) {
    tracing::error!(
        function = mapping.function,
        records = batch.records.len(),
        ?condition,
        "a batch is given up"
    );
    let Some(bucket) = &mapping.source.failure_bucket else { return };
    let failure = Failure {
        source: &mapping.source,
        function_arn: &mapping.function_arn,
        shard: &shard.id,
        batch,
        condition,
    };
    let at = Timestamp::now();
    let (key, body) = (failure.key(at, Uuid::new_v4()), failure.body(at).to_string());
    while let Err(error) = mapping.objects.put(bucket, &key, body.clone()).await {
        tracing::error!(
            function = mapping.function,
            bucket,
            %error,
            "the failure destination doesn't take it",
        );
        sleep(RETRY_PAUSE).await;
    }
}
