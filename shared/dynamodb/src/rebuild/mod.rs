//! Rebuilding a domain's rows beside the old ones: without downtime, beside live traffic, and
//! without an effect outside.
//!
//! Which generations there are is told by one item, the [`Pointer`], and each change of it is
//! conditional on what was read:
//!
//! | step | the pointer then | what is read | what the projectors write |
//! |---|---|---|---|
//! | | `generation: 1` | g1 | g1 |
//! | [`Rebuild::build`] begins | `generation: 1, building: 2` and a lease | g1 | g1, g2 |
//! | … has scanned all events | the lease is gone | g1 | g1, g2 |
//! | [`Rebuild::switch`], after [`Rebuild::check`] | `generation: 2, previous: 1` | g2 | g2, g1 |
//! | [`Rebuild::switch_back`] | `generation: 1, previous: 2` | g1 | g1, g2 |
//! | [`Rebuild::discard`] of what is not read | `generation: 2, dropping: 1` | g2 | g2 |
//! | … has deleted it | `generation: 2` | g2 | g2 |
//!
//! Why no row is missing from the new generation: a process may go on for a while with the pointer
//! that it has read, so each step first waits out the last change ([`Pace::settle`]). When the scan
//! begins, every projector writes both. So what was committed before is found by the scan, which
//! reads strongly, and what comes later is brought by the projectors. Where both bring the same, a
//! row's version decides, as it does between two projectors: the scan folds with their code
//! ([`crate::projector`]), and stops before the feed.
//!
//! Why it may die at any time: a segment of the scan first writes the rows and then notes how far
//! it has got. Deleting what is deleted does no harm. Whoever calls the same step again goes on
//! there. A second scan is refused as long as the first one renews its lease; if both do run, only
//! work is lost.
//!
//! | item of the views table | `pk` | `sk` | attributes |
//! |---|---|---|---|
//! | how far a scan has got | `generations/identity` | `g2/segment/00003` | `next` where to go on, absent at the end; `scanned` items, `streams` and `units` so far |

mod build;
mod check;
mod discard;
mod lease;
mod progress;
mod segment;
mod switch;

use std::time::Duration;

use headwater::ProjectionFn;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep};

pub use self::check::{Check, Lacking, Why};
pub use self::progress::{Progress, Progressed};
pub use self::switch::Switched;
use crate::projector::Upkeep;
use crate::table::Table;
use crate::views::{Generation, Generations, Pointer, REMEMBERED, Rows};
use crate::{EventStore, StoreError};

/// The longest that an invocation which reads or writes rows may last: the timeout of the
/// projectors. `cargo xtask check-template` holds the template to it.
const LONGEST_INVOCATION: Duration = Duration::from_secs(60);

/// By how much the clocks of those who take the steps may differ.
const CLOCKS: Duration = Duration::from_secs(10);

/// How long a page of a scan may take, the store being out of reach meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);

/// Into how many segments the views table is divided where all of it is read.
const VIEWS_SEGMENTS: u32 = 64;

/// How many segments of a table are read at a time.
const SEGMENTS_AT_ONCE: usize = 16;

/// Takes the steps of a rebuild of one domain's rows.
///
/// ```no_run
/// # mod till {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater::{ProjectionFn, projection_fn};
/// use headwater_dynamodb::{EventStore, Progress, Rebuild, RebuildError};
///
/// static ROWS: [ProjectionFn; 1] = [projection_fn::<TillRow>()];
///
/// # async fn test(store: EventStore, now: jiff::Timestamp) -> Result<(), RebuildError> {
/// let rebuild = Rebuild::new(store, "views", "shop", &ROWS, "this process", now);
/// rebuild.build(16, &Progress::default()).await?;
/// rebuild.switch(false).await?;
/// # Ok(())
/// # }
/// ```
pub struct Rebuild {
    domain: String,
    upkeep: Upkeep,
    events: EventStore,
    views: Table,
    generations: Generations,
    owner: String,
    pace: Pace,
    clock: Clock,
}

/// How long things take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long after a change of the pointer a process may still act on the one before. It has
    /// read it at most 30 seconds ago when it begins its last invocation with it, and that lasts a
    /// minute at most; the rest is for clocks that differ.
    pub settle: Duration,
    /// How long a scan's lease lasts. It is renewed three times as often.
    pub lease: Duration,
}

/// The time, as it was said to be and has passed since.
struct Clock {
    said: Timestamp,
    read: Instant,
}

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// Another process scans.
    #[error("another rebuild is at work; it may be taken over after {until}, unless it goes on")]
    Held {
        /// When its lease ends.
        until: Timestamp,
    },
    /// Another process has taken the scan over, or the generation was dropped.
    #[error("another has taken the rebuild over, or dropped what it built")]
    TakenOver,
    /// A generation that is not read is there already.
    #[error("generation {} is in the way: it has to be dropped first", .0.0)]
    InTheWay(Generation),
    /// There is no generation beside the one that is read, or not all of it is built.
    #[error("no generation is built that could be switched to: generation {} is read", .read.0)]
    NotBuilt {
        /// The one that is read.
        read: Generation,
    },
    /// Another process changed the generations while two of them were compared.
    #[error(
        "generation {} was compared and not switched to: meanwhile somebody else changed the \
         generations, and {} is read",
        .compared.0,
        .read.0
    )]
    Overtaken {
        /// The one that was to be read.
        compared: Generation,
        /// The one that is read.
        read: Generation,
    },
    /// There is no generation that was read before.
    #[error("there is no generation to go back to")]
    NoPrevious,
    /// There is no generation beside the one that is read.
    #[error("there is no generation that could be dropped")]
    NothingToDrop,
    /// Something is missing in the new generation.
    #[error(
        "{} streams are not as far in the new generation as in the one that is read",
        .0.lacking
    )]
    Incomplete(Check),
    /// Another process changed the pointer at the same time.
    #[error("somebody else changed the generations at the same time")]
    Raced,
    /// A table could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Default for Pace {
    fn default() -> Self {
        Self { settle: REMEMBERED + LONGEST_INVOCATION + CLOCKS, lease: Duration::from_secs(60) }
    }
}

impl Rebuild {
    /// Rebuilds the rows of `domain` in the views table of this name with these projections.
    /// `owner` names this process and no other, `now` is the time.
    pub fn new(
        events: EventStore,
        views_table: &str,
        domain: &str,
        projections: &'static [ProjectionFn],
        owner: impl Into<String>,
        now: Timestamp,
    ) -> Self {
        Self {
            domain: domain.to_owned(),
            upkeep: Upkeep::new(events.clone(), domain, projections),
            views: Table::new(events.connection(), views_table),
            generations: Generations::new(events.connection(), views_table, domain),
            events,
            owner: owner.into(),
            pace: Pace::default(),
            clock: Clock { said: now, read: Instant::now() },
        }
    }

    /// The same rebuild at another pace than the default. One that is shorter than processes may
    /// live loses rows.
    #[must_use]
    pub fn at_pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// Which generations there are now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pointer(&self) -> Result<Pointer, StoreError> {
        self.generations().read().await
    }

    /// Reads and changes the pointer as patiently as a page is read.
    fn generations(&self) -> Generations {
        self.generations.with(self.patient().2.connection())
    }

    /// The same for as much work as should take a page's time.
    fn patient(&self) -> (Upkeep, Table, EventStore) {
        let events = self.events.within((Instant::now() + PATIENCE).into_std());
        (self.upkeep.with(events.clone()), self.views.with(events.connection()), events)
    }

    fn rows(&self, generation: Generation) -> Rows {
        let (_, views, _) = self.patient();
        Rows::new(views, generation)
    }

    /// Waits until no process acts any more on the pointer before this one.
    async fn wait_out(&self, pointer: &Pointer) {
        // A clock that is behind makes this wait no longer than the whole time.
        let passed =
            Duration::try_from(self.now().duration_since(pointer.since)).unwrap_or_default();
        sleep(self.pace.settle.saturating_sub(passed)).await;
    }

    async fn change(&self, old: &Pointer, new: Pointer) -> Result<(), RebuildError> {
        if self.generations().change(old, new).await? { Ok(()) } else { Err(RebuildError::Raced) }
    }

    fn now(&self) -> Timestamp {
        let passed =
            SignedDuration::try_from(self.clock.read.elapsed()).unwrap_or(SignedDuration::ZERO);
        self.clock.said.saturating_add(passed).unwrap_or(self.clock.said)
    }
}
