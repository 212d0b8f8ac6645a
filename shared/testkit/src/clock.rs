use jiff::{SignedDuration, Timestamp};

/// When simulated time begins: 2026-01-01T00:00:00Z, in seconds since the epoch.
const BEGINNING: i64 = 1_767_225_600;

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
