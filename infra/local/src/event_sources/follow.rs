//! Keeps an event source mapping going: a reader and workers for each shard, and the checkpoints.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::lane::Policy;
use super::mapping::Mapping;
use super::shard::Shard;
use super::source::{ShardInfo, Source};
use super::{reader, worker};

/// How often the list of shards is read again.
const RELIST: Duration = Duration::from_secs(10);
/// Checkpoints are kept at most so often.
const SAVE_PAUSE: Duration = Duration::from_millis(100);

/// Starts reading.
pub(super) fn start<S: Source>(mapping: Mapping<S>) -> Arc<Mapping<S>> {
    let mapping = Arc::new(mapping);
    tokio::spawn(follow_shards(mapping.clone()));
    tokio::spawn(keep_checkpoints(mapping.clone()));
    mapping
}

async fn keep_checkpoints<S: Source>(mapping: Arc<Mapping<S>>) {
    loop {
        mapping.progressed.notified().await;
        if let Err(error) = mapping.save() {
            tracing::error!(function = mapping.function, %error, "the checkpoints can't be kept");
        }
        sleep(SAVE_PAUSE).await;
    }
}

/// Starts a reader and workers for every shard whose parent is done.
async fn follow_shards<S: Source>(mapping: Arc<Mapping<S>>) {
    loop {
        match mapping.stream.shards().await {
            Ok(shards) => shards.iter().for_each(|shard| start_shard(&mapping, shard, &shards)),
            Err(error) => tracing::warn!(function = mapping.function, %error, "no list of shards"),
        }
        let pause = if mapping.shards().is_empty() { RELIST / 50 } else { RELIST };
        let _ = timeout(pause, mapping.shards_changed.notified()).await;
    }
}

fn start_shard<S: Source>(mapping: &Arc<Mapping<S>>, info: &ShardInfo, all: &[ShardInfo]) {
    let parent = info.parent.as_ref().filter(|parent| all.iter().any(|s| s.id == **parent));
    let waits = parent.is_some_and(|parent| !mapping.checkpoint(parent).finished);
    let own = mapping.checkpoint(&info.id);
    if waits || own.finished || mapping.shards().contains_key(&info.id) {
        return;
    }
    let lanes = mapping.source.parallelization_factor;
    let policy = Policy::from(&mapping.source);
    let shard = Arc::new(Shard::new(info.id.clone(), &own, lanes, &policy));
    mapping.shards().insert(info.id.clone(), shard.clone());
    tokio::spawn(reader::read(mapping.clone(), shard.clone()));
    for lane in 0..lanes {
        tokio::spawn(worker::run_lane(mapping.clone(), shard.clone(), lane));
    }
}
