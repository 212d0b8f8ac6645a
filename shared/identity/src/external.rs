//! Users that another system owns: its changes come in with a revision, in any order and more than
//! once, and are transformed into events of our own.

use garde::Validate;
use headwater::{
    Command, Commit, Context, EventError, External, Parked, Row, Rule, Verdict, decode, field,
    projection_fn,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::fields::{DisplayName, EXTERNAL_PREFIX, Email, ExternalId, UserId, UserName};
use crate::user::{self, ParkedUpdate, User, UserEvent, UserStatus};
use crate::user_row::UserRow;

/// Where updates come from, and where those that a rule refused are found.
pub const USERS: External = External {
    stream_variable: "EXTERNAL_USERS_STREAM",
    projection: projection_fn::<UserRow>(),
    parked,
    record,
};

/// The update that is parked in a user's row.
fn parked(row: &Row) -> Option<Parked> {
    let parked = row.read::<UserRow>().ok()?.external?.parked?;
    Some(Parked { revision: parked.revision, reason: parked.reason, at: parked.at })
}

/// The record with which the owning system would bring a parked update again.
fn record(commits: &[Commit], revision: u64) -> Result<Option<Vec<u8>>, EventError> {
    let mut found = None;
    for commit in commits {
        for event in &commit.events {
            found = ApplyExternalUser::parked(&decode::<UserEvent>(event)?)
                .filter(|update| update.revision == revision)
                .map(|update| Record { tenant: commit.stream.tenant(), update })
                .or(found);
        }
    }
    // Plain data can always be written.
    Ok(found.and_then(|record| serde_json::to_vec(&record).ok()))
}

/// A record of the stream of external users.
#[derive(Serialize)]
struct Record<'a> {
    tenant: &'a str,
    #[serde(flatten)]
    update: ApplyExternalUser,
}

/// `POST /identity/external-users`, and each record of the stream of external users: what the
/// owning system knows of a user at a revision.
///
/// The revision decides: one that is not newer than what was taken over already changes nothing, so
/// any order ends the same. A user that was deleted or erased here stays so. Refused:
/// [`USER_NAME_TAKEN`](crate::user::USER_NAME_TAKEN), [`EMAIL_TAKEN`](crate::user::EMAIL_TAKEN). A
/// refused update is parked in the same write, so that a person sees it; it makes no user. The
/// owning system's next revision replaces it, and the same one may be applied again once the value
/// is free.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplyExternalUser {
    /// The owning system's id of the user. Ours is `ext-` and this.
    #[garde(dive)]
    pub external_id: ExternalId,
    /// Counts the owning system's changes of this user: at most 2^53 − 1, which every reader of
    /// JSON holds exactly.
    #[garde(custom(field::rule(field::integer)))]
    #[schema(maximum = 9_007_199_254_740_991_u64)]
    pub revision: u64,
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

impl ApplyExternalUser {
    /// The id of our user: `ext-` and the owning system's id.
    pub fn user_id(&self) -> UserId {
        format!("{EXTERNAL_PREFIX}{}", self.external_id).into()
    }

    /// The update that an event says is parked; `None` of another event, and of one whose person
    /// was forgotten.
    pub fn parked(event: &UserEvent) -> Option<Self> {
        let UserEvent::ExternalUpdateParked { external_id, revision, update, .. } = event.clone()
        else {
            return None;
        };
        let ParkedUpdate { user_name, display_name, email, active } = update;
        Some(Self {
            external_id: external_id.into(),
            revision,
            user_name: user_name.into_known()?.into(),
            display_name: display_name.into_known()?.into(),
            email: email.into_known()?.into(),
            active,
        })
    }

    /// Whether it is too late for this revision: it, or a newer one, was taken over, or the user
    /// was deleted or erased here.
    fn is_stale(&self, user: &User) -> bool {
        matches!(user.status, UserStatus::Deleted | UserStatus::Erased)
            || user
                .external_revision
                .is_some_and(|applied| self.revision <= applied && counts(applied))
    }

    fn status_event(&self, user: &User) -> Option<UserEvent> {
        // A user that is created in the same commit is active by then.
        match (user.status, self.active) {
            (UserStatus::Active | UserStatus::Absent, false) => Some(UserEvent::UserDeactivated {}),
            (UserStatus::Inactive, true) => Some(UserEvent::UserReactivated {}),
            _ => None,
        }
    }
}

/// Whether a revision that is stored stands in the way of others. Former builds took larger ones
/// than can be given now; whatever can be is newer than those, or nothing could ever change such a
/// user again.
fn counts(revision: u64) -> bool {
    field::integer(revision).is_ok()
}

impl Command for ApplyExternalUser {
    type Aggregate = User;
    const NAME: &'static str = "ApplyExternalUser";
    const RULES: &'static [&'static Rule] = &[&user::USER_NAME_TAKEN, &user::EMAIL_TAKEN];

    fn decide(&self, user: &User, _: &Context) -> Verdict<User> {
        if self.is_stale(user) {
            return Ok(vec![]);
        }
        let mut events = Vec::new();
        if user.status == UserStatus::Absent {
            events.push(UserEvent::UserCreated {});
        }
        events.extend(user.set(Some(&self.user_name), Some(&self.display_name), Some(&self.email)));
        events.extend(self.status_event(user));
        // Even where nothing else changed: what is older must be known as such when it arrives.
        events.push(UserEvent::ExternalRevisionSet {
            external_id: self.external_id.to_string(),
            revision: self.revision,
        });
        Ok(events)
    }

    /// Each revision is parked once for each rule, and not at all if a newer one is parked.
    fn when_taken(&self, user: &User, rule: &'static Rule) -> Vec<UserEvent> {
        let is_known = user.parked.as_ref().is_some_and(|parked| {
            parked.revision > self.revision && counts(parked.revision)
                || parked.revision == self.revision
                    && parked.reasons.iter().any(|reason| reason == rule.name)
        });
        if is_known || self.is_stale(user) {
            return vec![];
        }
        let Self { external_id, revision, user_name, display_name, email, active } = self.clone();
        vec![UserEvent::ExternalUpdateParked {
            external_id: external_id.into(),
            revision,
            reason: rule.name.to_owned(),
            update: ParkedUpdate {
                user_name: user_name.into(),
                display_name: display_name.into(),
                email: email.into(),
                active,
            },
        }]
    }
}

#[cfg(test)]
pub(crate) mod tests;
