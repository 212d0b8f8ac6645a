use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The progress of a scan, for display. What was done before it was interrupted counts.
#[derive(Debug, Default)]
pub struct Progress {
    segments: AtomicU64,
    segments_done: AtomicU64,
    scanned: AtomicU64,
    streams: AtomicU64,
    units: AtomicU64,
}

/// How far a scan had got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progressed {
    /// How many segments there are, 0 before the scan begins.
    pub segments: u64,
    /// How many of them were scanned to the end.
    pub segments_done: u64,
    /// How many items of the events table were looked at, those of other domains included.
    pub scanned: u64,
    /// How many of the domain's streams were found.
    pub streams: u64,
    /// How many read units the scan was billed: one for each 4 KB.
    pub units: u64,
}

impl Progress {
    /// How far it has got.
    pub fn now(&self) -> Progressed {
        Progressed {
            segments: self.segments.load(Relaxed),
            segments_done: self.segments_done.load(Relaxed),
            scanned: self.scanned.load(Relaxed),
            streams: self.streams.load(Relaxed),
            units: self.units.load(Relaxed),
        }
    }

    pub(super) fn begin(&self, segments: u32) {
        self.segments.store(segments.into(), Relaxed);
    }

    pub(super) fn advance(&self, scanned: u64, streams: u64, units: u64) {
        self.scanned.fetch_add(scanned, Relaxed);
        self.streams.fetch_add(streams, Relaxed);
        self.units.fetch_add(units, Relaxed);
    }

    pub(super) fn end_segment(&self) {
        self.segments_done.fetch_add(1, Relaxed);
    }
}
