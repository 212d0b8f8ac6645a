//! The gateway's clock, which tests may advance. Commands take their time from it; tokens expire by
//! the real one.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// The real time and what it was advanced by. Clones share the advance.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// The time that requests are stamped with.
    pub fn now(&self) -> Timestamp {
        let ahead = jiff::SignedDuration::from_secs(self.0.load(Ordering::Relaxed));
        Timestamp::now().saturating_add(ahead).unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock by this many seconds, back too.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_advance() {
        let clock = Clock::default();
        clock.clone().advance(86_400);
        let ahead = clock.now().as_second() - Timestamp::now().as_second();
        assert!((86_399..=86_401).contains(&ahead), "{ahead}");
    }
}
