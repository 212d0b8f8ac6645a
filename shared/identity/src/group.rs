//! A group of users. Its members are streams of their own (see [`membership`](crate::membership)),
//! so that a group of a million has no hot spot.

use garde::Validate;
use headwater::field::given;
use headwater::{
    Aggregate, Command, Context, Event, InvalidStreamName, Rejection, Rule, StreamName, Verdict,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::DOMAIN;
use crate::fields::{GroupDescription, GroupId, GroupName};

/// The category of the streams of groups.
pub const CATEGORY: &str = "groups";

/// The stream of a group: `<tenant>/identity/groups/<id>`.
///
/// # Errors
/// [`InvalidStreamName`] if tenant or id is no segment.
pub fn stream(tenant: &str, id: impl Into<GroupId>) -> Result<StreamName, InvalidStreamName> {
    StreamName::new(tenant, DOMAIN, CATEGORY, &id.into())
}

// ---- events -------------------------------------------------------------------------------------

/// What can have happened to a group.
///
/// **The names of variants and fields are the storage format.** Never rename one: write an
/// upcaster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum GroupEvent {
    /// The group came to be. The events that follow in the same commit say the rest.
    GroupCreated {},
    /// What it is called; groups may share a name.
    GroupNameSet {
        /// As it was written.
        name: String,
    },
    /// What it is for.
    GroupDescriptionSet {
        /// Null if there is none any more.
        description: Option<String>,
    },
    /// The group is gone for good.
    GroupDeleted {},
}

impl Event for GroupEvent {}

// ---- state --------------------------------------------------------------------------------------

/// What the rules about a group need to know. Mostly some 100 bytes; at its largest 9 KB, where the
/// description has the most characters and each takes 4 bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Whether there is such a group.
    pub status: GroupStatus,
    /// Empty if there is no group.
    pub name: String,
    /// What it is for, if anybody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Whether there is such a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GroupStatus {
    /// Never created.
    #[default]
    Absent,
    /// There it is.
    Active,
    /// Was, and never comes back.
    Deleted,
}

impl Aggregate for Group {
    type Event = GroupEvent;
    const DOMAIN: &'static str = DOMAIN;
    const CATEGORY: &'static str = CATEGORY;
    const REVISION: u32 = 1;

    fn is_there(&self) -> bool {
        self.exists()
    }

    fn evolve(&mut self, event: &GroupEvent, _: Timestamp) {
        match event {
            GroupEvent::GroupCreated {} => self.status = GroupStatus::Active,
            GroupEvent::GroupNameSet { name } => self.name.clone_from(name),
            GroupEvent::GroupDescriptionSet { description } => {
                self.description.clone_from(description)
            }
            GroupEvent::GroupDeleted {} => {
                *self = Self { status: GroupStatus::Deleted, ..Self::default() }
            }
        }
    }
}

impl Group {
    /// Whether there is such a group.
    pub fn exists(&self) -> bool {
        self.status == GroupStatus::Active
    }

    /// Refuses what is meant for a group that is not there.
    ///
    /// # Errors
    /// [`Rejection::Unknown`] if it was never created or is deleted.
    pub fn known(&self, id: &str) -> Result<(), Rejection> {
        if self.exists() { Ok(()) } else { Err(Rejection::unknown("group", id)) }
    }

    fn set(&self, name: Option<&str>, description: Option<Option<&str>>) -> Vec<GroupEvent> {
        let name = name.filter(|new| *new != self.name);
        let description = description.filter(|new| *new != self.description.as_deref());
        let name_set = name.map(|new| GroupEvent::GroupNameSet { name: new.to_owned() });
        let description_set = description
            .map(|new| GroupEvent::GroupDescriptionSet { description: new.map(str::to_owned) });
        name_set.into_iter().chain(description_set).collect()
    }
}

// ---- rules --------------------------------------------------------------------------------------

/// An id is used once.
pub static GROUP_EXISTS: Rule = Rule {
    name: "group-exists",
    title: "This group id is in use",
    help: "A group with this id exists, or existed: an id is never used twice, not even after a \
           delete. Leave `id` out to be given a fresh one, or change the existing group with \
           PATCH.",
};

// ---- commands -----------------------------------------------------------------------------------

/// `POST /identity/groups`: a new group without members. Refused: [`GROUP_EXISTS`].
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateGroup {
    /// A UUID v7 is made if it is left out.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<GroupId>,
    /// Groups may share a name.
    #[garde(dive)]
    pub name: GroupName,
    /// What it is for.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<GroupDescription>,
}

impl Command for CreateGroup {
    type Aggregate = Group;
    const NAME: &'static str = "CreateGroup";
    const RULES: &'static [&'static Rule] = &[&GROUP_EXISTS];

    fn decide(&self, group: &Group, context: &Context) -> Verdict<Group> {
        if group.status != GroupStatus::Absent {
            return Err(Rejection::refused(
                &GROUP_EXISTS,
                format!("There is or was a group {}.", context.id),
            ));
        }
        let mut events = vec![GroupEvent::GroupCreated {}];
        events.extend(group.set(Some(&self.name), Some(self.description.as_deref())));
        Ok(events)
    }
}

/// `PATCH /identity/groups/{id}`: sets the fields that are given.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchGroup {
    /// It can't be null.
    #[garde(dive)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<GroupName>,
    /// What it is for; null clears it.
    #[garde(dive)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<GroupDescription>)]
    pub description: Option<Option<GroupDescription>>,
}

impl Command for PatchGroup {
    type Aggregate = Group;
    const NAME: &'static str = "PatchGroup";

    fn decide(&self, group: &Group, context: &Context) -> Verdict<Group> {
        group.known(&context.id)?;
        let description = self.description.as_ref().map(Option::as_deref);
        Ok(group.set(self.name.as_deref(), description))
    }
}

/// `DELETE /identity/groups/{id}`: for good; the views hide its memberships. A second delete finds
/// no group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteGroup {}

impl Command for DeleteGroup {
    type Aggregate = Group;
    const NAME: &'static str = "DeleteGroup";

    fn decide(&self, group: &Group, context: &Context) -> Verdict<Group> {
        group.known(&context.id)?;
        Ok(vec![GroupEvent::GroupDeleted {}])
    }
}

#[cfg(test)]
mod tests;
