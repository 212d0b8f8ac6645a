//! A membership as queries show it: from the group's side and from the user's.

use std::collections::BTreeSet;

use headwater::{IndexKey, Projection, StreamName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fields::{GroupId, UserId};
use crate::membership::{self, MembershipEvent, MembershipStatus};

/// A membership as queries show it; its stream's name says whose it is ([`StreamName::id`]) and
/// where ([`StreamName::parent_id`]).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberRow {
    /// Whether the user is a member.
    pub status: MembershipStatus,
    /// When the user was last added.
    pub since: Timestamp,
}

impl Projection for MemberRow {
    type Event = MembershipEvent;
    const CATEGORY: &'static str = membership::CATEGORY;
    const REVISION: u32 = 1;

    fn evolve(&mut self, event: &MembershipEvent, at: Timestamp) {
        match event {
            MembershipEvent::MemberAdded {} => {
                *self = Self { status: MembershipStatus::Active, since: at }
            }
            MembershipEvent::MemberRemoved {} => self.status = MembershipStatus::Removed,
        }
    }

    fn is_deleted(&self) -> bool {
        self.status != MembershipStatus::Active
    }

    fn index_keys(&self, stream: &StreamName) -> BTreeSet<IndexKey> {
        let (group_id, user_id) = (stream.parent_id().unwrap_or_default(), stream.id());
        let order = IndexKey::newest_first(self.since);
        BTreeSet::from([
            IndexKey::new(members_of(group_id), &order, user_id),
            IndexKey::new(groups_of(user_id), &order, group_id),
        ])
    }
}

/// The index of a group's members, newest first.
pub fn members_of(group_id: impl Into<GroupId>) -> String {
    format!("members/{}", group_id.into())
}

/// The index of a user's groups, the newest membership first.
pub fn groups_of(user_id: impl Into<UserId>) -> String {
    format!("groups-of/{}", user_id.into())
}

#[cfg(test)]
mod tests;
