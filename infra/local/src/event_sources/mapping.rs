//! One event source: a stream, its shards and the function that consumes them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use tokio::sync::{Notify, RwLock, RwLockReadGuard, watch};

use super::Lag;
use super::checkpoints::{Checkpoint, CheckpointFile, Checkpoints};
use super::objects::ObjectStore;
use super::shard::Shard;
use super::source::{Source, now};
use crate::host::Host;
use crate::template::{EventSource, Function};

/// A running event source mapping.
pub(super) struct Mapping<S> {
    pub(super) stream: S,
    pub(super) source: EventSource,
    pub(super) function: String,
    pub(super) function_arn: String,
    pub(super) host: Host,
    pub(super) objects: ObjectStore,
    /// Changes when something may be new in the stream.
    pub(super) written: watch::Receiver<()>,
    /// Rises with every request to look at the tip of the shards.
    pub(super) look: watch::Sender<u64>,
    /// A shard has ended: its children may be read.
    pub(super) shards_changed: Notify,
    /// Something was done since the checkpoints were kept.
    pub(super) progressed: Notify,
    /// Whether the function is invoked; read-locked during every invocation.
    enabled: RwLock<bool>,
    resumed: watch::Sender<()>,
    file: CheckpointFile,
    /// The checkpoint, as it is stored on disk.
    kept: Mutex<Checkpoints>,
    shards: Mutex<BTreeMap<String, Arc<Shard>>>,
}

impl<S: Source> Mapping<S> {
    /// A mapping with the checkpoints that were kept; nothing is read yet.
    pub(super) fn load(
        stream: S,
        source: &EventSource,
        function: &Function,
        host: Host,
        objects: ObjectStore,
        written: watch::Receiver<()>,
        file: CheckpointFile,
    ) -> Result<Self> {
        Ok(Self {
            stream,
            source: source.clone(),
            function: function.name.clone(),
            function_arn: function.arn.clone(),
            host,
            objects,
            written,
            look: watch::channel(0).0,
            shards_changed: Notify::new(),
            progressed: Notify::new(),
            enabled: RwLock::new(source.enabled),
            resumed: watch::channel(()).0,
            kept: Mutex::new(file.load()?),
            file,
            shards: Mutex::default(),
        })
    }

    /// Waits until the function may be invoked; the guard keeps it so.
    pub(super) async fn open_gate(&self) -> RwLockReadGuard<'_, bool> {
        let mut resumed = self.resumed.subscribe();
        loop {
            let enabled = self.enabled.read().await;
            if *enabled {
                return enabled;
            }
            drop(enabled);
            let _ = resumed.changed().await;
        }
    }

    /// Starts or stops invoking the function. Once it has stopped no invocation is running.
    pub(super) async fn enable(&self, enabled: bool) {
        *self.enabled.write().await = enabled;
        self.resumed.send_replace(());
    }

    /// Reads every shard to its tip and counts what isn't done; the second number is how many
    /// records were ever read.
    pub(super) async fn lag(&self) -> (Lag, u64) {
        let mut request = 0;
        self.look.send_modify(|latest| {
            *latest += 1;
            request = *latest;
        });
        let (mut lag, mut seen) = (Lag::default(), 0);
        let shards: Vec<_> = self.shards().values().cloned().collect();
        // Before the first list of shards nothing is known.
        let mut known = !shards.is_empty();
        for shard in shards {
            known &= shard.look_at_tip(request).await;
            let (waiting, oldest, read) = shard.backlog();
            lag.records += waiting;
            lag.millis = lag.millis.max(oldest.map_or(0, |oldest| (now() - oldest).max(0)));
            seen += read;
        }
        if !known {
            lag.records = lag.records.max(1);
        }
        (lag, seen)
    }

    /// Keeps the checkpoints if they moved.
    pub(super) fn save(&self) -> Result<()> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut present = kept.clone();
        for (id, shard) in self.shards().iter() {
            present.insert(id.clone(), shard.checkpoint());
        }
        if present != *kept {
            self.file.save(&present)?;
            *kept = present;
        }
        Ok(())
    }

    /// How far a shard was read: as it is being read, else as it was kept.
    pub(super) fn checkpoint(&self, id: &str) -> Checkpoint {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        self.shards()
            .get(id)
            .map(|shard| shard.checkpoint())
            .or(kept.get(id).cloned())
            .unwrap_or_default()
    }

    /// The shards that are being read.
    pub(super) fn shards(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Shard>>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
