//! The policy as queries show it.

use std::collections::BTreeSet;

use headwater::{Aggregate, IndexKey, Projection, StreamName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::policy::{self, Policy, PolicyEvent};

/// The policy as queries show it: all of it, folded as the rules see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PolicyRow(pub Policy);

impl Projection for PolicyRow {
    type Event = PolicyEvent;
    const CATEGORY: &'static str = policy::CATEGORY;
    const REVISION: u32 = 1;

    fn evolve(&mut self, event: &PolicyEvent, at: Timestamp) {
        self.0.evolve(event, at);
    }

    fn is_deleted(&self) -> bool {
        false
    }

    /// It is found by its stream's name alone.
    fn index_keys(&self, _: &StreamName) -> BTreeSet<IndexKey> {
        BTreeSet::new()
    }
}
