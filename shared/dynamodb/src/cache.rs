//! The states that this process has seen last, so that a warm Lambda appends without a read. A stale one can only lose the
//! check-and-set.

use std::any::Any;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headwater::{Aggregate, Folded, StreamName};
use lru::LruCache;

/// How many states are kept. At a few hundred bytes to a few KB each they fit the smallest Lambda.
const CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

type Entry = Arc<dyn Any + Send + Sync>;

pub(crate) struct Cache {
    states: Mutex<LruCache<StreamName, Entry>>,
}

impl Default for Cache {
    fn default() -> Self {
        Self { states: Mutex::new(LruCache::new(CAPACITY)) }
    }
}

impl Cache {
    /// The state last seen of a stream.
    pub(crate) fn get<A: Aggregate>(&self, stream: &StreamName) -> Option<Folded<A>> {
        let entry = self.lock().get(stream).cloned()?;
        entry.downcast_ref().cloned()
    }

    /// Keeps a state, unless a later one is there already: of two tasks the slower one must not put the clock back.
    pub(crate) fn put<A: Aggregate>(&self, stream: &StreamName, folded: &Folded<A>) {
        let mut states = self.lock();
        let known = states.peek(stream).and_then(|entry| entry.downcast_ref::<Folded<A>>()).map_or(0, |known| known.version);
        if folded.version > known {
            states.put(stream.clone(), Arc::new(folded.clone()));
        }
    }

    /// Forgets a stream of which nobody knows how far it has got.
    pub(crate) fn evict(&self, stream: &StreamName) {
        self.lock().pop(stream);
    }

    // A panic elsewhere cannot leave a map of whole entries half changed.
    fn lock(&self) -> MutexGuard<'_, LruCache<StreamName, Entry>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
