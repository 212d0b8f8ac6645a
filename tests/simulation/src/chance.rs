//! The one source of everything that is not determined otherwise.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Random choices that follow from a seed. Clones share their course.
#[derive(Clone, Debug)]
pub(crate) struct Chance(Arc<Mutex<fastrand::Rng>>);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))))
    }

    /// Whether something happens that is likely by this much, from 0 to 1.
    pub(crate) fn happens(&self, likely: f64) -> bool {
        self.rng().f64() < likely
    }

    /// A number from `first` to `last`.
    pub(crate) fn between(&self, first: usize, last: usize) -> usize {
        self.rng().usize(first..=last)
    }

    /// One of some things.
    pub(crate) fn pick<T: Clone>(&self, things: &[T]) -> T {
        things[self.rng().usize(..things.len())].clone()
    }

    /// Up to so many milliseconds.
    pub(crate) fn millis(&self, most: u64) -> Duration {
        Duration::from_micros(self.rng().u64(..=most * 1_000))
    }

    pub(crate) fn shuffle<T>(&self, things: &mut [T]) {
        self.rng().shuffle(things);
    }

    fn rng(&self) -> MutexGuard<'_, fastrand::Rng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
