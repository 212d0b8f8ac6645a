//! How long things count. Every window is half-open, to the millisecond: its last millisecond is
//! the one before it is over.

use jiff::{SignedDuration, Timestamp};

/// The year of the yearly limits: always 365 × 24 hours, leap days change nothing.
pub const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);

/// How long a licence stays in the state after its end, and how late playback of it may be
/// reported.
pub const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Whether what happened at `then`, in milliseconds since the epoch, still counts towards a yearly
/// limit.
pub(crate) fn counts(then: i64, now: Timestamp) -> bool {
    now.as_millisecond() - then < YEAR.as_millis() as i64
}

/// So many days later; at the end of time where that is beyond it.
pub(crate) fn days_after(time: Timestamp, days: u32) -> Timestamp {
    later(time, SignedDuration::from_hours(i64::from(days) * 24))
}

/// So much later; at the end of time where that is beyond it.
pub(crate) fn later(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// Times are stored to the millisecond.
pub(crate) fn to_the_millisecond(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}
