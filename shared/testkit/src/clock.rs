use jiff::{SignedDuration, Timestamp};

/// When simulated time begins: 2026-01-01T00:00:00Z, in seconds since the epoch.
const BEGINNING: i64 = 1_767_225_600;

/// A time so many days of 24 hours after that at which tests begin, or before it: for tables of
/// cases that tell of due dates and limits.
///
/// ```
/// use headwater_testkit::days_from_now;
///
/// assert_eq!(days_from_now(0).to_string(), "2026-01-01T00:00:00Z");
/// assert_eq!(days_from_now(31).to_string(), "2026-02-01T00:00:00Z");
/// assert_eq!(days_from_now(-1).to_string(), "2025-12-31T00:00:00Z");
/// ```
pub fn days_from_now(days: i32) -> Timestamp {
    Clock::default().now() + SignedDuration::from_hours(24) * days
}

/// A clock that stands still until it is moved. It begins at 2026-01-01T00:00:00Z.
#[derive(Clone, Debug)]
pub struct Clock(Timestamp);

impl Default for Clock {
    fn default() -> Self {
        Self(Timestamp::constant(BEGINNING, 0))
    }
}

impl Clock {
    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.0
    }

    /// Moves the clock, and says what time it is then.
    pub fn advance(&mut self, by: SignedDuration) -> Timestamp {
        self.0 += by;
        self.0
    }
}
