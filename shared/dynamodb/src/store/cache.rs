//! The states that this process has seen last, so that a warm Lambda appends without a read. A
//! stale one can only lose the check-and-set.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headwater::{Aggregate, Folded, StreamName};

use crate::WeighedCache;

/// How much is kept, in bytes of JSON: some 20,000 small states, or 60 of the largest. In memory
/// that is 100 MB at the most, and the smallest function has 256.
const MOST_BYTES: usize = 24 * 1024 * 1024;

type Entry = Arc<dyn Any + Send + Sync>;

pub(crate) struct Cache {
    states: Mutex<WeighedCache<StreamName, Entry>>,
}

impl Default for Cache {
    fn default() -> Self {
        Self { states: Mutex::new(WeighedCache::new(MOST_BYTES)) }
    }
}

impl Cache {
    /// The state last seen of a stream.
    pub(crate) fn get<A: Aggregate>(&self, stream: &StreamName) -> Option<Folded<A>> {
        let entry = self.lock().get(stream).cloned()?;
        entry.downcast_ref().cloned()
    }

    /// Keeps a state, unless a later one is there already: of two tasks the slower one must not put
    /// the clock back.
    pub(crate) fn put<A: Aggregate>(&self, stream: &StreamName, folded: &Folded<A>) {
        let mut states = self.lock();
        let known = states
            .peek(stream)
            .and_then(|entry| entry.downcast_ref::<Folded<A>>())
            .map_or(0, |known| known.version);
        if folded.version > known {
            states.put(stream.clone(), Arc::new(folded.clone()), &folded.state);
        }
    }

    /// Forgets a stream whose version is unknown.
    pub(crate) fn evict(&self, stream: &StreamName) {
        self.lock().remove(stream);
    }

    // A panic elsewhere cannot leave a map of whole entries half changed.
    fn lock(&self) -> MutexGuard<'_, WeighedCache<StreamName, Entry>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use headwater::Event;
    use jiff::Timestamp;
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Counter(u64);

    #[derive(Clone, Serialize, Deserialize)]
    #[serde(tag = "type", content = "data")]
    enum Never {}

    impl Event for Never {}

    impl Aggregate for Counter {
        type Event = Never;
        const DOMAIN: &'static str = "test";
        const CATEGORY: &'static str = "counters";
        const REVISION: u32 = 1;

        fn evolve(&mut self, event: &Never, _: Timestamp) {
            match *event {}
        }
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Text(String);

    impl Aggregate for Text {
        type Event = Never;
        const DOMAIN: &'static str = "test";
        const CATEGORY: &'static str = "texts";
        const REVISION: u32 = 1;

        fn evolve(&mut self, event: &Never, _: Timestamp) {
            match *event {}
        }
    }

    fn stream(id: usize) -> StreamName {
        StreamName::new("acme", "test", "counters", &id.to_string()).unwrap()
    }

    fn counter(version: u64) -> Folded<Counter> {
        Folded { version, ..Folded::default() }
    }

    #[test]
    fn the_latest_state_is_kept_until_it_is_evicted() {
        let cache = Cache::default();
        for (put, kept) in [(2, 2), (1, 2), (3, 3), (3, 3)] {
            cache.put(&stream(1), &counter(put));
            assert_eq!(cache.get::<Counter>(&stream(1)), Some(counter(kept)));
        }
        cache.evict(&stream(1));
        assert_eq!(cache.get::<Counter>(&stream(1)), None);
    }

    #[test]
    fn states_are_kept_by_what_they_weigh() {
        let cache = Cache::default();
        for id in 0..200 {
            cache.put(
                &stream(id),
                &Folded { version: 1, state: Text("x".repeat(225_000)), ..Folded::default() },
            );
        }
        let kept = (0..200).filter(|id| cache.get::<Text>(&stream(*id)).is_some()).count();
        assert!((90..=MOST_BYTES / 225_000).contains(&kept), "{kept} of 225 KB each");
    }
}
