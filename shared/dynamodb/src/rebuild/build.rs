use futures::{StreamExt, TryStreamExt};

use super::{Progress, Rebuild, RebuildError, SEGMENTS_AT_ONCE};
use crate::views::{Building, Generation, Pointer};
use crate::{Segment, StoreError};

impl Rebuild {
    /// Builds a new generation from so many segments of the events table, some of them at a time.
    /// It goes on with one that was begun; then all of its events have been folded, and the
    /// projectors keep it up to date. One that is built already is left as it is. It scans the
    /// whole events table: a read unit for each 4 KB.
    ///
    /// # Errors
    /// [`RebuildError::Held`] while another scans, [`RebuildError::InTheWay`] if a generation
    /// beside the active one has to be dropped first.
    pub async fn build(
        &self,
        segments: u32,
        progress: &Progress,
    ) -> Result<Generation, RebuildError> {
        let (pointer, building) = self.begin(segments).await?;
        if building.lease.is_none() {
            return Ok(building.generation);
        }
        let scan = async {
            self.wait_out(&pointer).await;
            self.scan(&building, progress).await
        };
        tokio::select! {
            biased;
            error = self.keep_lease(building.generation) => return Err(error),
            scanned = scan => scanned?,
        }
        self.give_back(building.generation).await?;
        Ok(building.generation)
    }

    /// Makes the pointer name a new generation, or takes over the scan of the one that it names.
    async fn begin(&self, segments: u32) -> Result<(Pointer, Building), RebuildError> {
        let old = self.generations().read().await?;
        let mut new = old.clone();
        let building = match &old.building {
            Some(building) if building.lease.is_none() => {
                return Ok((old.clone(), building.clone()));
            }
            Some(building) => Building {
                lease: Some(self.lease_after(building.lease.as_ref())?),
                ..building.clone()
            },
            None => {
                if let Some(other) = old.previous.or(old.dropping) {
                    return Err(RebuildError::InTheWay(other));
                }
                new.last = Generation(old.last.0 + 1);
                new.since = self.now();
                Building {
                    generation: new.last,
                    segments: segments.max(1),
                    lease: Some(self.lease_after(None)?),
                }
            }
        };
        new.building = Some(building.clone());
        self.change(&old, new.clone()).await?;
        Ok((new, building))
    }

    async fn scan(&self, building: &Building, progress: &Progress) -> Result<(), StoreError> {
        progress.begin(building.segments);
        let segments = Segment::all(building.segments)
            .map(|segment| self.scan_segment(building.generation, segment, progress));
        // Collected, or the compiler cannot tell that the whole may move between threads.
        let segments: Vec<_> = segments.collect();
        futures::stream::iter(segments)
            .buffer_unordered(SEGMENTS_AT_ONCE)
            .try_for_each(async |()| Ok(()))
            .await
    }
}
