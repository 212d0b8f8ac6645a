//! A user's membership in a group: a stream of its own below the group's.

use headwater::{
    Aggregate, Command, Context, Event, InvalidStreamName, Rejection, Rule, StreamName, Verdict,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::DOMAIN;
use crate::fields::{GroupId, UserId};
use crate::group::{self, Group};
use crate::user::{User, UserStatus};

/// The categories of the streams of memberships.
pub const CATEGORY: &str = "groups/members";

/// The stream of a membership: `<tenant>/identity/groups/<group id>/members/<user id>`.
///
/// ```
/// use identity::{GroupId, UserId, membership};
///
/// let (group_id, user_id) = (GroupId::from("7"), UserId::from("4"));
/// let stream = membership::stream("acme", &group_id, &user_id).unwrap();
/// assert_eq!(stream.as_str(), "acme/identity/groups/7/members/4");
/// ```
///
/// One does not stand in the other's place:
///
/// ```compile_fail,E0277
/// # use identity::{GroupId, UserId, membership};
/// # let (group_id, user_id) = (GroupId::from("7"), UserId::from("4"));
/// membership::stream("acme", &user_id, &group_id).unwrap();
/// ```
///
/// # Errors
/// [`InvalidStreamName`] if tenant or an id is no segment.
pub fn stream(
    tenant: &str,
    group_id: impl Into<GroupId>,
    user_id: impl Into<UserId>,
) -> Result<StreamName, InvalidStreamName> {
    group::stream(tenant, group_id)?.child("members", &user_id.into())
}

// ---- events -------------------------------------------------------------------------------------

/// What can have happened to a membership; the stream's name says whose it is and where.
///
/// **The names of variants and fields are the storage format.** Never rename one: write an
/// upcaster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum MembershipEvent {
    /// The user is a member, for the first time or again.
    MemberAdded {},
    /// The user is a member no more.
    MemberRemoved {},
}

impl Event for MembershipEvent {}

// ---- state --------------------------------------------------------------------------------------

/// What the rules about a membership need to know: some 20 bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    /// Whether the user is a member.
    pub status: MembershipStatus,
}

/// Whether a user is a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MembershipStatus {
    /// Never was.
    #[default]
    Absent,
    /// Is.
    Active,
    /// Was.
    Removed,
}

impl Aggregate for Membership {
    type Event = MembershipEvent;
    const DOMAIN: &'static str = DOMAIN;
    const CATEGORY: &'static str = CATEGORY;
    const REVISION: u32 = 1;

    fn is_there(&self) -> bool {
        self.status == MembershipStatus::Active
    }

    fn evolve(&mut self, event: &MembershipEvent, _: Timestamp) {
        self.status = match event {
            MembershipEvent::MemberAdded {} => MembershipStatus::Active,
            MembershipEvent::MemberRemoved {} => MembershipStatus::Removed,
        };
    }
}

// ---- rules --------------------------------------------------------------------------------------

/// Only active users join groups.
pub static USER_INACTIVE: Rule = Rule {
    name: "user-inactive",
    title: "This user is not active",
    help: "A deactivated user cannot be added to a group. Reactivate the user first. Memberships \
           from before the deactivation stay.",
};

// ---- commands -----------------------------------------------------------------------------------

/// `PUT /identity/groups/{id}/members/{userId}`: the user becomes a member, or stays one.
///
/// Group and user are read before, up to the request's tokens, and are not locked: as nothing keeps
/// them from being deleted a moment later, nothing would be gained; the views hide memberships of
/// what is deleted. Refused: [`USER_INACTIVE`].
#[derive(Clone, Debug)]
pub struct AddMember {
    /// The id of the group; the user's is the membership's own.
    pub group_id: GroupId,
    /// The group as it was read.
    pub group: Group,
    /// The user as it was read.
    pub user: User,
}

impl Command for AddMember {
    type Aggregate = Membership;
    const NAME: &'static str = "AddMember";
    const RULES: &'static [&'static Rule] = &[&USER_INACTIVE];

    fn decide(&self, membership: &Membership, context: &Context) -> Verdict<Membership> {
        self.group.known(&self.group_id)?;
        self.user.known(&context.id)?;
        if membership.status == MembershipStatus::Active {
            return Ok(vec![]);
        }
        if self.user.status == UserStatus::Inactive {
            return Err(Rejection::refused(
                &USER_INACTIVE,
                format!("User {} is deactivated.", context.id),
            ));
        }
        Ok(vec![MembershipEvent::MemberAdded {}])
    }
}

/// `DELETE /identity/groups/{id}/members/{userId}`: the user is a member no more. One that never
/// was is unknown.
#[derive(Clone, Debug)]
pub struct RemoveMember {
    /// The id of the group.
    pub group_id: GroupId,
    /// The group as it was read.
    pub group: Group,
}

impl Command for RemoveMember {
    type Aggregate = Membership;
    const NAME: &'static str = "RemoveMember";

    fn decide(&self, membership: &Membership, context: &Context) -> Verdict<Membership> {
        self.group.known(&self.group_id)?;
        match membership.status {
            MembershipStatus::Absent => Err(Rejection::unknown("member", &context.id)),
            MembershipStatus::Active => Ok(vec![MembershipEvent::MemberRemoved {}]),
            MembershipStatus::Removed => Ok(vec![]),
        }
    }
}

#[cfg(test)]
mod tests;
