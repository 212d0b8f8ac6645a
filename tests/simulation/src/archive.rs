//! The archiver, while all goes on, and what it must leave behind.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use headwater::{AggregateFn, Commit, Domain, Domains, StreamName, aggregate_fn};
use headwater_dynamodb::{Archiver, Mode, Moved, Segment, StoreError};
use jiff::{SignedDuration, Timestamp};
use serde_dynamo::{AttributeValue, Item};
use tokio::time::{Duration, Instant, sleep};

use crate::cloud::{Cloud, State};
use crate::domain::{Crate, DOMAIN, Thing};
use crate::processes::{Died, Pool, Process};

/// The domain as the archiver knows it: with the smallest pages. So it leaves less in the table
/// than loads need, and streams are long enough for it soon.
static SIM: Domain = Domain::new(
    DOMAIN,
    &[
        AggregateFn { page: 1, ..aggregate_fn::<Thing<1>>() },
        AggregateFn { page: 1, ..aggregate_fn::<Crate<1>>() },
    ],
    &[],
);

/// Commits stay in the table for so long. It stands for the 30 days of a real domain: it is longer
/// than any request may be under way, twice over, and clocks disagree.
pub(crate) const RETENTION: SignedDuration = SignedDuration::from_secs(90);

/// How long the schedule waits at the most before it archives again, in milliseconds.
const PERIOD: u64 = 3_000;

/// How long a function has.
const PATIENCE: Duration = Duration::from_secs(60);

/// The function that archives.
pub(crate) struct Schedule {
    pub(crate) cloud: Cloud,
    pub(crate) archivers: Pool,
}

impl Schedule {
    /// Archives now and then, until nothing goes wrong any more.
    pub(crate) async fn run(self: Arc<Self>) {
        while !self.cloud.is_calm() {
            sleep(self.cloud.chance().millis(PERIOD)).await;
            let moved = self.archive(SignedDuration::ZERO).await;
            match moved {
                Ok(Err(StoreError::Unavailable(_))) | Err(_) => {}
                Ok(Ok(moved)) => self.cloud.log(|| format!("archived {moved:?}")),
                Ok(Err(error)) => self.fails(&error),
            }
        }
    }

    /// Completes whatever was begun, when nobody writes any more, and moves all that may move.
    /// After that, nothing is left to be done.
    pub(crate) async fn complete(&self) {
        for is_last in [false, true] {
            match self.archive(SignedDuration::from_hours(1)).await {
                Ok(Ok(moved)) if is_last && moved != Moved::default() => {
                    let what = format!("what was left by a whole pass: {moved:?}");
                    self.cloud.state().history.violated(what);
                }
                Ok(Ok(_)) | Err(_) => {}
                Ok(Err(error)) => self.fails(&error),
            }
        }
    }

    fn fails(&self, error: &StoreError) {
        self.cloud.state().history.violated(format!("the archiver: {error}"));
    }

    /// Moves what is old, or will be that much later; the process may die of it.
    async fn archive(&self, later: SignedDuration) -> Result<Result<Moved, StoreError>, Died> {
        let now = Timestamp::from_millisecond(self.cloud.now()).unwrap();
        let then = now + later;
        let archive = async |process: Arc<Process>| {
            let deadline = (Instant::now() + PATIENCE).into_std();
            let store = process.app.whole_store().unwrap().within(deadline);
            let archiver = Archiver::new(store, Domains::new([&SIM]), then).unwrap();
            let whole = Segment::all(1).next().unwrap();
            Ok(archiver.segment(Mode::Move, whole, None, deadline).await?.moved)
        };
        self.archivers.invoke(archive).await
    }
}

/// Which events of a stream an object has, and where.
pub(crate) struct Note {
    pub(crate) stream: StreamName,
    pub(crate) events: RangeInclusive<u64>,
    object: String,
    offset: u64,
    length: u64,
}

/// The notes among the items of the archive table.
pub(crate) fn notes(items: Vec<Item>) -> Vec<Note> {
    let text = |item: &Item, name: &str| match &item[name] {
        AttributeValue::S(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    let number = |item: &Item, name: &str| match &item[name] {
        AttributeValue::N(number) => number.parse().unwrap(),
        other => panic!("{other:?}"),
    };
    let note = |item: Item| Note {
        stream: text(&item, "pk").parse().unwrap(),
        events: text(&item, "sk").parse().unwrap()..=number(&item, "l"),
        object: text(&item, "o"),
        offset: number(&item, "b"),
        length: number(&item, "n"),
    };
    items.into_iter().map(note).collect()
}

/// What the archive holds, by stream and first event. A stream's runs follow each other.
///
/// # Errors
/// What is not as it should be.
pub(crate) fn archived(state: &State) -> Result<BTreeMap<(StreamName, u64), Commit>, String> {
    let mut commits = BTreeMap::new();
    let mut ends: BTreeMap<StreamName, u64> = BTreeMap::new();
    let mut notes = notes(state.items("archive"));
    notes.sort_by_key(|note| *note.events.start());
    for Note { stream, events, object, offset, length } in notes {
        let end = ends.entry(stream.clone()).or_default();
        if *events.start() != *end + 1 {
            return Err(format!("the runs of {stream} end at {end} and go on at {events:?}"));
        }
        *end = *events.end();
        let frame = state.part(&object, offset as usize, length as usize);
        let frame = frame.ok_or_else(|| format!("there is no object {object}"))?;
        let lines = zstd::stream::decode_all(frame).map_err(|error| error.to_string())?;
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let commit: Commit = serde_json::from_slice(line).map_err(|error| error.to_string())?;
            commits.insert((commit.stream.clone(), commit.first), commit);
        }
    }
    Ok(commits)
}
