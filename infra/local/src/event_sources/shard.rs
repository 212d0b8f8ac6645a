//! One shard of one event source: how far it was read, and the lanes that its records wait in.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::checkpoints::Checkpoint;
use super::lane::{Lane, Policy, Record};
use super::progress::Progress;

/// No more is read ahead than so many records.
const READ_AHEAD: usize = 50_000;

/// A shard that is being read.
pub(super) struct Shard {
    pub(super) id: String,
    state: Mutex<State>,
    /// One for each lane: there are new records.
    pub(super) wake: Vec<Notify>,
    /// The last request for a look at the tip that was served.
    pub(super) looked: watch::Sender<u64>,
}

pub(super) struct State {
    pub(super) progress: Progress,
    pub(super) lanes: Vec<Lane>,
    /// The shard is closed and was read to its end.
    pub(super) ended: bool,
}

impl Shard {
    pub(super) fn new(
        id: String,
        checkpoint: &Checkpoint,
        mapping_lanes: usize,
        policy: &Policy,
    ) -> Self {
        let lanes = (0..mapping_lanes).map(|_| Lane::new(policy.clone())).collect();
        let progress = Progress::after(checkpoint.after.clone());
        Self {
            id,
            state: Mutex::new(State { progress, lanes, ended: false }),
            wake: (0..mapping_lanes).map(|_| Notify::new()).collect(),
            looked: watch::channel(0).0,
        }
    }

    /// What to keep for a restart.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        let state = self.lock();
        let after = state.progress.checkpoint().map(str::to_owned);
        Checkpoint { after, finished: state.ended && state.progress.waiting() == 0 }
    }

    /// How many records were read and aren't done, when the oldest of them was written, and how
    /// many were read in all.
    pub(super) fn backlog(&self) -> (usize, Option<i64>, u64) {
        let progress = &self.lock().progress;
        (progress.waiting(), progress.oldest(), progress.seen())
    }

    /// Waits until a read that began after the request has found the tip; false if that takes too
    /// long. A shard that holds all that it may read ahead doesn't look further, and says so at
    /// once: its backlog tells enough.
    pub(super) async fn look_at_tip(&self, request: u64) -> bool {
        let mut looked = self.looked.subscribe();
        let seen = async { looked.wait_for(|done| *done >= request).await.is_ok() };
        self.is_full() || timeout(Duration::from_secs(5), seen).await.unwrap_or(false)
    }

    /// Whether it holds all that may be read ahead.
    pub(super) fn is_full(&self) -> bool {
        self.lock().progress.waiting() >= READ_AHEAD
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the records of a page.
    pub(super) fn take(&self, page: Vec<Record>) {
        let mut state = self.lock();
        for record in page {
            state.progress.read(&record);
            let lane = lane_of(&record.key, state.lanes.len());
            state.lanes[lane].push(record);
        }
        drop(state);
        self.wake.iter().for_each(Notify::notify_one);
    }
}

/// Records of one key go to one lane.
fn lane_of(key: &str, lanes: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    (hasher.finish() % lanes as u64) as usize
}
