//! A cache whose size is a weight, not a count: what it keeps may be a hundred bytes or 400 KB.

use std::borrow::Borrow;
use std::hash::Hash;

use lru::LruCache;

use crate::size::json_size;

/// What an entry weighs besides its value: its key, and what the map needs for it.
const ENTRY: usize = 256;

/// Values by keys. Once they weigh too much together those go that were not used for longest.
///
/// ```
/// use headwater_dynamodb::WeighedCache;
///
/// let mut cache = WeighedCache::new(1_000);
/// cache.put("front", 50, &50);
/// assert_eq!(cache.get("front"), Some(&50));
/// cache.put("back", 70, &"x".repeat(2_000));
/// assert_eq!(cache.get("back"), None, "it would fill the cache alone");
/// ```
pub struct WeighedCache<K: Hash + Eq, V> {
    entries: LruCache<K, Weighed<V>>,
    weight: usize,
    most: usize,
}

struct Weighed<V> {
    value: V,
    weight: usize,
}

impl<K: Hash + Eq, V> WeighedCache<K, V> {
    /// One whose values have at most so many bytes as JSON. In memory a value takes up to some four
    /// times that.
    pub fn new(most: usize) -> Self {
        Self { entries: LruCache::unbounded(), weight: 0, most }
    }

    /// A value, which is used by that.
    pub fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// A value, without counting as a use.
    pub fn peek<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.peek(key).map(|entry| &entry.value)
    }

    /// Keeps a value that weighs as much as `weighed` has bytes as JSON. One that would fill the
    /// cache alone is not kept.
    pub fn put(&mut self, key: K, value: V, weighed: &impl serde::Serialize) {
        self.remove(&key);
        let weight = ENTRY + json_size(weighed);
        if weight > self.most {
            return;
        }
        self.entries.put(key, Weighed { value, weight });
        self.weight += weight;
        while self.weight > self.most
            && let Some((_, oldest)) = self.entries.pop_lru()
        {
            self.weight -= oldest.weight;
        }
    }

    /// Forgets a value.
    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.weight -= self.entries.pop(key).map_or(0, |entry| entry.weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_makes_room_by_weight() {
        let mut cache = WeighedCache::new(10 * (ENTRY + 102));
        let put = |cache: &mut WeighedCache<u32, usize>, key, bytes| {
            cache.put(key, bytes, &"x".repeat(bytes))
        };
        for key in 0..12 {
            put(&mut cache, key, 100);
            cache.get(&0);
        }
        let kept = |cache: &WeighedCache<u32, usize>| {
            (0..12).filter(|key| cache.peek(key).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(kept(&cache), [0, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        put(&mut cache, 3, 2_000);
        assert_eq!(kept(&cache), [0, 3, 10, 11], "a large one takes the room of many");
        put(&mut cache, 3, 1);
        put(&mut cache, 4, 10_000);
        assert_eq!(kept(&cache), [0, 3, 10, 11], "what would fill it alone is not kept");
        put(&mut cache, 3, 10_000);
        assert_eq!(kept(&cache), [0, 10, 11], "and what it was before is over");
        for key in [0, 10, 11, 99] {
            cache.remove(&key);
        }
        assert_eq!(cache.weight, 0);
    }
}
