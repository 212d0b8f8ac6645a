//! A group as queries show it.

use std::collections::BTreeSet;

use headwater::{IndexKey, Projection, StreamName, folded};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::group::{self, GroupEvent, GroupStatus};

/// The index of all groups, in order of [`folded`] name.
pub const GROUPS: &str = "groups";

/// A group as queries show it. Of a deleted one only the status and the times are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupRow {
    /// Whether there is such a group.
    pub status: GroupStatus,
    /// What it is called.
    pub name: String,
    /// What it is for, if anybody said so.
    pub description: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When anything of the above last changed.
    pub updated_at: Timestamp,
}

impl Projection for GroupRow {
    type Event = GroupEvent;
    const CATEGORY: &'static str = group::CATEGORY;
    const REVISION: u32 = 1;

    fn evolve(&mut self, event: &GroupEvent, at: Timestamp) {
        match event {
            GroupEvent::GroupCreated {} => {
                self.status = GroupStatus::Active;
                self.created_at = at;
            }
            GroupEvent::GroupNameSet { name } => self.name.clone_from(name),
            GroupEvent::GroupDescriptionSet { description } => {
                self.description.clone_from(description)
            }
            GroupEvent::GroupDeleted {} => {
                *self = Self {
                    status: GroupStatus::Deleted,
                    created_at: self.created_at,
                    ..Self::default()
                };
            }
        }
        self.updated_at = at;
    }

    fn is_deleted(&self) -> bool {
        self.status != GroupStatus::Active
    }

    fn index_keys(&self, stream: &StreamName) -> BTreeSet<IndexKey> {
        BTreeSet::from([IndexKey::new(GROUPS, &folded(&self.name), stream.id())])
    }
}

#[cfg(test)]
mod tests;
