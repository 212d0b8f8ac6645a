//! A user: who may sign in, under which name, reached at which address.

use garde::Validate;
use headwater::field::given;
use headwater::{
    Aggregate, Command, Context, Event, InvalidStreamName, Personal, Rejection, Rule, StreamName,
    UniqueValue, Upcaster, Verdict,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::DOMAIN;
use crate::fields::{ChosenUserId, DisplayName, Email, UserId, UserName};

/// The category of the streams of users.
pub const CATEGORY: &str = "users";

/// The stream of a user: `<tenant>/identity/users/<id>`.
///
/// # Errors
/// [`InvalidStreamName`] if tenant or id is no segment.
pub fn stream(tenant: &str, id: impl Into<UserId>) -> Result<StreamName, InvalidStreamName> {
    StreamName::new(tenant, DOMAIN, CATEGORY, &id.into())
}

// ---- events -------------------------------------------------------------------------------------

/// What can have happened to a user. Each field is set by one event of its own, which says only
/// what it is now.
///
/// **The names of variants and fields are the storage format.** Never rename one: write an
/// upcaster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum UserEvent {
    /// The user came to be, active. The events that follow in the same commit say the rest.
    UserCreated {},
    /// The name to sign in with, unique in the tenant.
    UserNameSet {
        /// As the user writes it.
        user_name: Personal<String>,
    },
    /// The name that others see.
    DisplayNameSet {
        /// As the user writes it.
        display_name: Personal<String>,
    },
    /// The address, unique in the tenant.
    EmailSet {
        /// As the user writes it.
        email: Personal<String>,
    },
    /// The user may do nothing until reactivated.
    UserDeactivated {},
    /// The user may act again.
    UserReactivated {},
    /// The user is gone for good; name and address are free for others.
    UserDeleted {},
    /// The person was forgotten: nobody can read any more what told of them. The user is gone for
    /// good, if there still was one.
    UserErased {},
    /// The owning system's data was taken over up to this revision.
    ExternalRevisionSet {
        /// The owning system's id.
        external_id: String,
        /// Counts the owning system's changes of this user.
        revision: u64,
    },
    /// The owning system's data could not be taken over and waits for a person, or for the next
    /// revision.
    ExternalUpdateParked {
        /// The owning system's id.
        external_id: String,
        /// The revision that could not be taken over.
        revision: u64,
        /// The name of the rule that said no, as `email-taken`.
        reason: String,
        /// What was to be taken over.
        update: ParkedUpdate,
    },
}

/// What an external update wanted, as it is stored while it is parked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParkedUpdate {
    /// The wanted user name.
    pub user_name: Personal<String>,
    /// The wanted display name.
    pub display_name: Personal<String>,
    /// The wanted address.
    pub email: Personal<String>,
    /// Whether the user was to be active.
    pub active: bool,
}

impl Event for UserEvent {
    /// Version 1 was written before the fields were personal. It is read as it is.
    const UPCASTERS: &'static [Upcaster] = &[
        Upcaster { event_type: "UserNameSet", from: 1, lift: |old| old },
        Upcaster { event_type: "DisplayNameSet", from: 1, lift: |old| old },
        Upcaster { event_type: "EmailSet", from: 1, lift: |old| old },
        Upcaster { event_type: "ExternalUpdateParked", from: 1, lift: |old| old },
    ];
    const FORGETS: Option<&'static str> = Some("UserErased");
}

// ---- state --------------------------------------------------------------------------------------

/// What the rules about a user need to know. Mostly some 250 bytes; at its largest 2 KB, where
/// names and address have the most characters and each takes 4 bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Whether there is such a user.
    pub status: UserStatus,
    /// Empty if there is no user.
    pub user_name: Personal<String>,
    /// Empty if there is no user.
    pub display_name: Personal<String>,
    /// Empty if there is no user.
    pub email: Personal<String>,
    /// The newest revision of the owning system's data that was taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_revision: Option<u64>,
    /// What could not be taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<Parked>,
}

/// Whether there is such a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UserStatus {
    /// Never created.
    #[default]
    Absent,
    /// May act.
    Active,
    /// Exists, but may not act.
    Inactive,
    /// Was, and never comes back.
    Deleted,
    /// Was, and is forgotten.
    Erased,
}

/// The newest revision that could not be taken over. Older ones are of no interest any more, which
/// keeps this small.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parked {
    /// Which revision.
    pub revision: u64,
    /// The rules that said no to it so far.
    pub reasons: Vec<String>,
}

impl Aggregate for User {
    type Event = UserEvent;
    const DOMAIN: &'static str = DOMAIN;
    const CATEGORY: &'static str = CATEGORY;
    const REVISION: u32 = 2;

    fn is_there(&self) -> bool {
        self.exists()
    }

    fn evolve(&mut self, event: &UserEvent, _: Timestamp) {
        match event {
            UserEvent::UserCreated {} | UserEvent::UserReactivated {} => {
                self.status = UserStatus::Active
            }
            UserEvent::UserNameSet { user_name } => self.user_name.clone_from(user_name),
            UserEvent::DisplayNameSet { display_name } => {
                self.display_name.clone_from(display_name)
            }
            UserEvent::EmailSet { email } => self.email.clone_from(email),
            UserEvent::UserDeactivated {} => self.status = UserStatus::Inactive,
            UserEvent::UserDeleted {} => {
                *self = Self { status: UserStatus::Deleted, ..Self::default() }
            }
            UserEvent::UserErased {} => {
                *self = Self { status: UserStatus::Erased, ..Self::default() }
            }
            UserEvent::ExternalRevisionSet { revision, .. } => {
                self.external_revision = Some(*revision);
                self.parked.take_if(|parked| parked.revision <= *revision);
            }
            UserEvent::ExternalUpdateParked { revision, reason, .. } => {
                self.park(*revision, reason)
            }
        }
    }

    fn unique_values(&self) -> Vec<UniqueValue> {
        if !self.exists() {
            return Vec::new();
        }
        let name = self.user_name.known();
        let name = name.map(|name| UniqueValue::new("user-names", name, &USER_NAME_TAKEN));
        let email = self.email.known();
        let email = email.map(|email| UniqueValue::new("user-emails", email, &EMAIL_TAKEN));
        name.into_iter().chain(email).collect()
    }

    /// A snapshot of revision 1 has the same fields, not yet sealed.
    fn lift(revision: u32, state: &Value) -> Option<Self> {
        Self::deserialize(state).ok().filter(|_| revision == 1)
    }
}

impl User {
    /// Whether there is such a user, active or not.
    pub fn exists(&self) -> bool {
        matches!(self.status, UserStatus::Active | UserStatus::Inactive)
    }

    /// Refuses what is meant for a user that is not there.
    ///
    /// # Errors
    /// [`Rejection::Unknown`] if it was never created or is deleted.
    pub fn known(&self, id: &str) -> Result<(), Rejection> {
        if self.exists() { Ok(()) } else { Err(Rejection::unknown("user", id)) }
    }

    /// The events that make a user's fields what they should be: one for each that is given and
    /// differs.
    pub(crate) fn set(
        &self,
        user_name: Option<&str>,
        display_name: Option<&str>,
        email: Option<&str>,
    ) -> Vec<UserEvent> {
        let differs = |new: Option<&str>, old: &Personal<String>| {
            new.map(Personal::from).filter(|new: &Personal<String>| new != old)
        };
        let user_name = differs(user_name, &self.user_name);
        let display_name = differs(display_name, &self.display_name);
        let email = differs(email, &self.email);
        [
            user_name.map(|user_name| UserEvent::UserNameSet { user_name }),
            display_name.map(|display_name| UserEvent::DisplayNameSet { display_name }),
            email.map(|email| UserEvent::EmailSet { email }),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn park(&mut self, revision: u64, reason: &str) {
        let parked = self.parked.get_or_insert_with(|| Parked { revision, reasons: Vec::new() });
        if parked.revision != revision {
            *parked = Parked { revision, reasons: Vec::new() };
        }
        parked.reasons.push(reason.to_owned());
    }
}

// ---- rules --------------------------------------------------------------------------------------

/// An id is used once.
pub static USER_EXISTS: Rule = Rule {
    name: "user-exists",
    title: "This user id is in use",
    help: "A user with this id exists, or existed: an id is never used twice, not even after a \
           delete. Leave `id` out to be given a fresh one, or change the existing user with PATCH.",
};

/// A user name has one holder in a tenant.
pub static USER_NAME_TAKEN: Rule = Rule {
    name: "user-name-taken",
    title: "This user name is taken",
    help: "Another user of the tenant has this user name. Names are the same if they differ only \
           in case, in Unicode form, or in invisible characters. Choose another. A name is free \
           again when its holder is renamed, deleted or erased.",
};

/// An address has one holder in a tenant.
pub static EMAIL_TAKEN: Rule = Rule {
    name: "email-taken",
    title: "This email address is taken",
    help: "Another user of the tenant has this email address; case is ignored. It is free again \
           when its holder changes it, or is deleted or erased.",
};

// ---- commands -----------------------------------------------------------------------------------

/// `POST /identity/users`: a new user, active at once.
///
/// Refused: [`USER_EXISTS`], [`USER_NAME_TAKEN`], [`EMAIL_TAKEN`].
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateUser {
    /// A UUID v7 is made if it is left out.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ChosenUserId>,
    /// Unique in the tenant without regard to case.
    #[garde(dive)]
    pub user_name: UserName,
    /// What others see.
    #[garde(dive)]
    pub display_name: DisplayName,
    /// Unique in the tenant without regard to case.
    #[garde(dive)]
    pub email: Email,
}

impl Command for CreateUser {
    type Aggregate = User;
    const NAME: &'static str = "CreateUser";
    const RULES: &'static [&'static Rule] = &[&USER_EXISTS, &USER_NAME_TAKEN, &EMAIL_TAKEN];

    fn decide(&self, user: &User, context: &Context) -> Verdict<User> {
        if user.status != UserStatus::Absent {
            return Err(Rejection::refused(
                &USER_EXISTS,
                format!("There is or was a user {}.", context.id),
            ));
        }
        let mut events = vec![UserEvent::UserCreated {}];
        events.extend(user.set(Some(&self.user_name), Some(&self.display_name), Some(&self.email)));
        Ok(events)
    }
}

/// `PATCH /identity/users/{id}`: sets the fields that are given; null is refused, since none of
/// them can be cleared.
///
/// A change of case alone is a change, and the name stays the holder's. Refused:
/// [`USER_NAME_TAKEN`], [`EMAIL_TAKEN`].
#[derive(Clone, Debug, Default, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchUser {
    /// Unique in the tenant without regard to case.
    #[garde(dive)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user_name: Option<UserName>,
    /// What others see.
    #[garde(dive)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub display_name: Option<DisplayName>,
    /// Unique in the tenant without regard to case.
    #[garde(dive)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub email: Option<Email>,
}

impl Command for PatchUser {
    type Aggregate = User;
    const NAME: &'static str = "PatchUser";
    const RULES: &'static [&'static Rule] = &[&USER_NAME_TAKEN, &EMAIL_TAKEN];

    fn decide(&self, user: &User, context: &Context) -> Verdict<User> {
        user.known(&context.id)?;
        Ok(user.set(self.user_name.as_deref(), self.display_name.as_deref(), self.email.as_deref()))
    }
}

/// `PUT /identity/users/{id}`: the user is as given, in one commit. It is for those who keep users
/// elsewhere and send each as a whole. So all fields are needed. A user that is not there is not
/// made.
///
/// Refused: [`USER_NAME_TAKEN`], [`EMAIL_TAKEN`].
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplaceUser {
    /// Unique in the tenant without regard to case.
    #[garde(dive)]
    pub user_name: UserName,
    /// What others see.
    #[garde(dive)]
    pub display_name: DisplayName,
    /// Unique in the tenant without regard to case.
    #[garde(dive)]
    pub email: Email,
    /// Whether the user may act.
    #[garde(skip)]
    pub active: bool,
}

impl Command for ReplaceUser {
    type Aggregate = User;
    const NAME: &'static str = "ReplaceUser";
    const RULES: &'static [&'static Rule] = &[&USER_NAME_TAKEN, &EMAIL_TAKEN];

    fn decide(&self, user: &User, context: &Context) -> Verdict<User> {
        user.known(&context.id)?;
        let mut events =
            user.set(Some(&self.user_name), Some(&self.display_name), Some(&self.email));
        events.extend(match (user.status == UserStatus::Active, self.active) {
            (true, false) => Some(UserEvent::UserDeactivated {}),
            (false, true) => Some(UserEvent::UserReactivated {}),
            _ => None,
        });
        Ok(events)
    }
}

/// `POST /identity/users/{id}/deactivate`: the user may do nothing until reactivated. Name and
/// address stay taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeactivateUser {}

impl Command for DeactivateUser {
    type Aggregate = User;
    const NAME: &'static str = "DeactivateUser";

    fn decide(&self, user: &User, context: &Context) -> Verdict<User> {
        user.known(&context.id)?;
        Ok(if user.status == UserStatus::Active {
            vec![UserEvent::UserDeactivated {}]
        } else {
            vec![]
        })
    }
}

/// `POST /identity/users/{id}/reactivate`: the user may act again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReactivateUser {}

impl Command for ReactivateUser {
    type Aggregate = User;
    const NAME: &'static str = "ReactivateUser";

    fn decide(&self, user: &User, context: &Context) -> Verdict<User> {
        user.known(&context.id)?;
        Ok(if user.status == UserStatus::Inactive {
            vec![UserEvent::UserReactivated {}]
        } else {
            vec![]
        })
    }
}

/// `DELETE /identity/users/{id}`: for good. Name and address are free again, the id is not. A
/// second delete finds no user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteUser {}

impl Command for DeleteUser {
    type Aggregate = User;
    const NAME: &'static str = "DeleteUser";

    fn decide(&self, user: &User, context: &Context) -> Verdict<User> {
        user.known(&context.id)?;
        Ok(vec![UserEvent::UserDeleted {}])
    }
}

/// `POST /identity/users/{id}/erase`: forgets the person, who may be deleted already. Name and
/// address are free again, the id is not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseUser {}

impl Command for EraseUser {
    type Aggregate = User;
    const NAME: &'static str = "EraseUser";

    fn decide(&self, user: &User, context: &Context) -> Verdict<User> {
        match user.status {
            UserStatus::Erased => Ok(vec![]),
            UserStatus::Absent if user.parked.is_none() => {
                Err(Rejection::unknown("user", &context.id))
            }
            _ => Ok(vec![UserEvent::UserErased {}]),
        }
    }
}

#[cfg(test)]
mod tests;
