//! One shard of one event source: a reader fills lanes, and each lane invokes the function batch by
//! batch.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::checkpoints::Checkpoint;
use super::failure::{Failure, payload};
use super::lane::{Batch, Condition, Lane, Next, Policy, Record};
use super::mapping::Mapping;
use super::progress::Progress;
use super::source::{Page, Position, Source, now};
use super::verdict::verdict;
use crate::template::StartingPosition;

/// Between two reads that found nothing. Only what is written past the door waits for it: whoever
/// writes through the door wakes the readers.
const PAUSE: Duration = Duration::from_secs(1);
/// After a write, for more that comes with it.
const GATHERING: Duration = Duration::from_millis(10);
/// After a failed read.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// No more is read ahead than so many records.
const READ_AHEAD: usize = 50_000;

/// A shard that is being read.
pub(super) struct Shard {
    pub(super) id: String,
    state: Mutex<State>,
    /// One for each lane: there are new records.
    wake: Vec<Notify>,
    /// The last request for a look at the tip that was served.
    looked: watch::Sender<u64>,
}

struct State {
    progress: Progress,
    lanes: Vec<Lane>,
    /// The shard is closed and was read to its end.
    ended: bool,
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

    fn is_full(&self) -> bool {
        self.lock().progress.waiting() >= READ_AHEAD
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the records of a page.
    fn take(&self, page: Vec<Record>) {
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

/// Reads a shard to its end, which comes only when it is closed.
pub(super) async fn read<S: Source>(mapping: Arc<Mapping<S>>, shard: Arc<Shard>) {
    let mut requests = mapping.look.subscribe();
    let mut written = mapping.written.clone();
    let mut position = start(&mapping, &shard);
    let mut iterator = None;
    loop {
        if shard.is_full() {
            sleep(PAUSE).await;
            continue;
        }
        let mut pause = PAUSE;
        written.mark_unchanged();
        let request = *requests.borrow_and_update();
        match read_page(&mapping, &shard, &position, iterator.take()).await {
            Ok(page) => {
                if let Some(last) = page.records.last() {
                    position = Position::After(last.sequence_number.clone());
                }
                shard.take(page.records);
                if page.at_tip || page.next.is_none() {
                    shard.looked.send_replace(request);
                }
                let Some(next) = page.next else { break };
                iterator = Some(next);
                if !page.at_tip {
                    continue;
                }
            }
            Err(Lost::Position) => {
                (position, pause) = (Position::Start(StartingPosition::TrimHorizon), GATHERING);
            }
            Err(Lost::Iterator) => pause = GATHERING,
            Err(Lost::Contact) => pause = RETRY_PAUSE,
        }
        tokio::select! {
            () = sleep(pause) => {}
            Ok(()) = written.changed() => sleep(GATHERING).await,
            _ = requests.changed() => {}
        }
    }
    shard.looked.send_replace(u64::MAX);
    shard.lock().ended = true;
    mapping.shards_changed.notify_one();
}

/// What a failed read means for the next.
enum Lost {
    /// The iterator is no good any more; the position is.
    Iterator,
    /// The stream no longer has, or never had, the position: begin at its oldest record, so that
    /// nothing is skipped.
    Position,
    /// The server can't be reached.
    Contact,
}

async fn read_page<S: Source>(
    mapping: &Mapping<S>,
    shard: &Shard,
    position: &Position,
    iterator: Option<String>,
) -> Result<Page, Lost> {
    let iterator = match iterator {
        Some(iterator) => iterator,
        None => match mapping.stream.iterator(&shard.id, position).await {
            Ok(iterator) => iterator,
            Err(error) => {
                tracing::warn!(
                    function = mapping.function,
                    shard = shard.id,
                    ?position,
                    %error,
                    "no iterator",
                );
                let unknown = [
                    "InvalidArgumentException",
                    "TrimmedDataAccessException",
                    "ValidationException",
                ];
                return Err(match unknown.iter().any(|exception| error.is(exception)) {
                    true => Lost::Position,
                    false => Lost::Contact,
                });
            }
        },
    };
    mapping.stream.read(&shard.id, &iterator).await.map_err(|error| {
        if error.is("ExpiredIteratorException") {
            return Lost::Iterator;
        }
        tracing::warn!(function = mapping.function, shard = shard.id, %error, "a read failed");
        match error.is("TrimmedDataAccessException") {
            true => Lost::Position,
            false => Lost::Contact,
        }
    })
}

fn start<S>(mapping: &Mapping<S>, shard: &Shard) -> Position {
    match shard.lock().progress.checkpoint() {
        Some(number) => Position::After(number.to_owned()),
        None => Position::Start(mapping.source.starting_position),
    }
}

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

/// Records of one key go to one lane.
fn lane_of(key: &str, lanes: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    (hasher.finish() % lanes as u64) as usize
}
