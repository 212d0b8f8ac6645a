//! A thing as queries show it.

use std::collections::BTreeSet;

use headwater::{IndexKey, Projection, StreamName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::thing::{self, ThingEvent};

/// The list of all things, the newest first.
pub const THINGS: &str = "things";

/// A thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThingRow {
    /// What it is called.
    pub name: String,
    /// When it was created.
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
}

impl Projection for ThingRow {
    type Event = ThingEvent;
    const CATEGORY: &'static str = thing::CATEGORY;
    // Raise it with every change of the row, of `evolve` or of the index keys.
    const REVISION: u32 = 1;

    fn evolve(&mut self, event: &ThingEvent, at: Timestamp) {
        match event {
            ThingEvent::ThingCreated { name } => {
                self.name.clone_from(name);
                self.created_at = at;
            }
        }
    }

    fn is_deleted(&self) -> bool {
        false
    }

    fn index_keys(&self, stream: &StreamName) -> BTreeSet<IndexKey> {
        let order = IndexKey::newest_first(self.created_at);
        BTreeSet::from([IndexKey::new(THINGS, &order, stream.id())])
    }
}
