use std::collections::BTreeMap;

use headwater::StreamName;

/// Which of two streams, that were written together, says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// That of the unique value, or of the sequence.
    Value,
    /// That of the thing which has the value, or the number.
    Thing,
}

/// What one side says: who has a value or a number.
pub(super) struct Said<K> {
    pub(super) what: K,
    pub(super) side: Side,
    /// The thing.
    pub(super) who: StreamName,
}

/// What two sides say. Where they agree nothing is kept, so it grows no larger than what is still
/// open.
pub(super) struct Pairs<K> {
    open: BTreeMap<K, Open>,
}

/// Who has a value, by what each side says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) by_value: Option<StreamName>,
    pub(super) by_thing: Option<StreamName>,
}

impl<K: Ord> Default for Pairs<K> {
    fn default() -> Self {
        Self { open: BTreeMap::new() }
    }
}

impl<K: Ord + Clone> Pairs<K> {
    pub(super) fn take(&mut self, Said { what, side, who }: Said<K>) {
        let open = self.open.entry(what.clone()).or_default();
        match side {
            Side::Value => open.by_value = Some(who),
            Side::Thing => open.by_thing = Some(who),
        }
        if open.by_value == open.by_thing {
            self.open.remove(&what);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// What the two sides do not agree on.
    pub(super) fn take_open(&mut self) -> BTreeMap<K, Open> {
        std::mem::take(&mut self.open)
    }
}
