//! Whether a new generation has all that the one that is read has.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};
use headwater::{NewerEvent, StreamName};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::time::Instant;

use super::{Rebuild, RebuildError, SEGMENTS_AT_ONCE, VIEWS_SEGMENTS};
use crate::projector::{Doorbell, coalesce};
use crate::table::{Consistency, Filter, from_item};
use crate::views::{Generation, ParkedStream, Pointer, Rows, StoredRow, Until};
use crate::{Item, Segment, StoreError};

/// How many of the streams that lack something are listed.
const MOST_TOLD: usize = 100;

/// How many parked streams one read brings.
const PAGE: usize = 100;

/// What a comparison of two generations came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// How many streams were compared.
    pub streams: u64,
    /// How many of them the new generation lacks something of. It must not be read as long as there
    /// are any.
    pub lacking: u64,
    /// Some of these.
    pub examples: Vec<Lacking>,
}

/// A stream whose row in the new generation will not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// The stream, with its tenant.
    pub stream: StreamName,
    /// How far its row has got in the new generation.
    pub version: u64,
    /// How far in the one that is read.
    pub wanted: u64,
    /// What is wrong.
    pub why: Why,
}

/// Why a row will not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is parked, and in the generation that is read it is not, or got further: an event cannot
    /// be folded any more.
    Parked(String),
    /// Another build folded it, with this revision of the projection.
    Revision(u32),
    /// The event that it lacks is of a newer build than this one, which the generation that is read
    /// has folded.
    Newer(NewerEvent),
    /// It could not be brought up: the events are not there.
    Behind,
}

/// A comparison, and of what.
pub(super) struct Compared {
    /// The generation that is built.
    pub(super) new: Generation,
    /// The one that is read.
    pub(super) read: Generation,
    pub(super) check: Check,
    /// When the comparison began.
    pub(super) begun: Instant,
}

/// What is compared of a row of the generation that is read.
#[derive(Deserialize)]
struct Read {
    pk: String,
    v: u64,
    /// Why it is parked, if it is.
    p: Option<IgnoredAny>,
}

impl Rebuild {
    /// Compares the generation that is built with the one that is read: each stream's row must have
    /// got at least as far. What is behind, since it came just now or is parked, is brought up
    /// first, as a projector would. It scans the views table.
    ///
    /// # Errors
    /// [`RebuildError::NotBuilt`] if not all of a generation is built.
    pub async fn check(&self) -> Result<Check, RebuildError> {
        Ok(self.compare_built().await?.check)
    }

    /// As [`check`](Self::check), with the numbers of what was compared: whoever acts on it must
    /// find the same two still.
    pub(super) async fn compare_built(&self) -> Result<Compared, RebuildError> {
        let pointer = self.generations().read().await?;
        let new = built(&pointer)?;
        self.wait_out(&pointer).await;
        let begun = Instant::now();
        Ok(Compared {
            begun,
            new,
            read: pointer.generation,
            check: self.compare(new, pointer.generation).await?,
        })
    }

    async fn compare(&self, new: Generation, old: Generation) -> Result<Check, StoreError> {
        self.take_up_parked(new).await?;
        let mut check = Check::default();
        let segments: Vec<_> = Segment::all(VIEWS_SEGMENTS)
            .map(|segment| self.compare_segment(segment, new, old))
            .collect();
        let mut parts = futures::stream::iter(segments).buffer_unordered(SEGMENTS_AT_ONCE);
        while let Some(part) = parts.try_next().await? {
            check.take(part);
        }
        Ok(check)
    }

    async fn compare_segment(
        &self,
        segment: Segment,
        new: Generation,
        old: Generation,
    ) -> Result<Check, StoreError> {
        let prefix = old.prefix();
        let wanted = Filter { prefix: &prefix, sk: Some("row"), attributes: &["pk", "v", "p"] };
        let mut check = Check::default();
        let mut start = None;
        loop {
            let (items, next) = self.patient().1.scan(wanted, segment, start).await?;
            check.take(self.compare_page(items, &prefix, new).await?);
            start = next;
            if start.is_none() {
                return Ok(check);
            }
        }
    }

    /// Compares rows of the generation that is read with those of the new one. One may be parked in
    /// the new generation only if the one that is read got no further, and is parked too.
    async fn compare_page(
        &self,
        items: Vec<Item>,
        prefix: &str,
        new: Generation,
    ) -> Result<Check, StoreError> {
        let mut wanted: BTreeMap<StreamName, (u64, bool)> = BTreeMap::new();
        for item in items {
            let Read { pk, v, p } = from_item(item)?;
            let stream = pk.strip_prefix(prefix).and_then(|name| name.parse().ok());
            wanted.extend(
                stream
                    .filter(|stream| self.upkeep.keeps(stream))
                    .map(|stream| (stream, (v, p.is_some()))),
            );
        }
        let mut check = Check { streams: wanted.len() as u64, ..Check::default() };
        let rows = self.rows(new);
        for (stream, row) in
            rows.get_many(wanted.keys().cloned().collect(), Consistency::Strong).await?
        {
            let (version, is_parked) = wanted.get(&stream).copied().unwrap_or_default();
            let mut fault = self.fault(&stream, &row, version);
            if row.parked.is_none() && fault.is_some() {
                fault = self.repair(&rows, &stream, version, version).await?;
            }
            check.tell(fault.filter(|fault| match fault.why {
                Why::Parked(_) => !is_parked || fault.version < version,
                _ => true,
            }));
        }
        Ok(check)
    }

    /// Takes up once more what is parked in the new generation: it may have been repaired.
    async fn take_up_parked(&self, new: Generation) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let parked = self.rows(new).parked(&self.domain, "", after.as_ref(), PAGE).await?;
            let Some(last) = parked.last() else { return Ok(()) };
            after = Some(last.stream.clone());
            for ParkedStream { stream, .. } in parked {
                let rows = self.rows(new);
                rows.unpark(&stream).await?;
                let head = self.events.head(&stream).await?;
                self.repair(&rows, &stream, head, head).await?;
                let reached = rows.get(&stream, Consistency::Strong).await?.row.version;
                rows.forget(&stream, head.min(reached)).await?;
            }
        }
    }

    /// Brings a stream's row to a version, if it can be. Returns what is wrong with the row if it
    /// has not got as far as is wanted.
    async fn repair(
        &self,
        rows: &Rows,
        stream: &StreamName,
        version: u64,
        wanted: u64,
    ) -> Result<Option<Lacking>, StoreError> {
        let (upkeep, ..) = self.patient();
        for task in coalesce(vec![Doorbell { stream: stream.clone(), version, commit: None }]) {
            upkeep.bring_up(rows, &task).await?;
        }
        let row = rows.get(stream, Consistency::Strong).await?;
        let Some(mut lacking) = self.fault(stream, &row, wanted) else { return Ok(None) };
        if lacking.why == Why::Behind
            && let Some(Until::Known(newer)) =
                rows.parked_one(stream).await?.map(|parked| parked.until)
        {
            lacking.why = Why::Newer(newer);
        }
        Ok(Some(lacking))
    }

    /// What is wrong with a row that should have got to a version, if anything is.
    fn fault(&self, stream: &StreamName, stored: &StoredRow, wanted: u64) -> Option<Lacking> {
        let StoredRow { row, parked, .. } = stored;
        let why = match parked {
            Some(parked) => Why::Parked(parked.error.clone()),
            None if row.version < wanted => Why::Behind,
            None if row.version > 0 && self.upkeep.own_row(stream)?.revision != row.revision => {
                Why::Revision(row.revision)
            }
            None => return None,
        };
        Some(Lacking { stream: stream.clone(), version: row.version, wanted, why })
    }
}

impl Check {
    fn tell(&mut self, lacking: Option<Lacking>) {
        self.lacking += u64::from(lacking.is_some());
        self.examples.extend(lacking);
        self.examples.truncate(MOST_TOLD);
    }

    fn take(&mut self, other: Self) {
        self.streams += other.streams;
        self.lacking += other.lacking;
        self.examples.extend(other.examples);
        self.examples.truncate(MOST_TOLD);
    }
}

/// The generation that is built, if all of it is.
pub(super) fn built(pointer: &Pointer) -> Result<Generation, RebuildError> {
    let whole = pointer.building.as_ref().filter(|building| building.lease.is_none());
    whole
        .map(|building| building.generation)
        .ok_or(RebuildError::NotBuilt { read: pointer.generation })
}
