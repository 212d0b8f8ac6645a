//! The audit trail of a user: who changed what, when, from what to what.

use headwater::{Aggregate, Commit, EventError, Form, Personal, decode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::user::{User, UserEvent, UserStatus};

/// One change of one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// The number of the event.
    pub version: u64,
    /// The time of the change's commit, as RFC 3339.
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// Who: the subject of the caller's token.
    pub actor: String,
    /// By which command, as `PatchUser`.
    pub command: String,
    /// The request from outside that led to it.
    pub correlation_id: String,
    /// What: `status`, `userName`, `displayName`, `email`, `externalRevision` or `parkedUpdate`.
    pub field: String,
    /// What it was before, null if nothing, `{"$erased": true}` if it was forgotten.
    pub from: Value,
    /// What it was afterwards, as `from`.
    pub to: Value,
    /// Why, if a person amended the user's history: the command is `Amend` then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub reason: Option<String>,
}

/// The audit trail of a user from some commits of its stream, oldest first, before which the user
/// was as given. Each event sets one field, so each is one entry.
///
/// # Errors
/// [`EventError`] if an event cannot be read.
pub fn audit(mut user: User, commits: &[Commit]) -> Result<Vec<AuditEntry>, EventError> {
    let mut entries = Vec::new();
    for commit in commits {
        for stored in &commit.events {
            let event = decode::<UserEvent>(stored)?;
            let before = user.clone();
            user.evolve(&event, commit.at);
            let (field, from, to) = change(&before, &event, &user);
            entries.push(AuditEntry {
                version: stored.number,
                at: commit.at,
                actor: commit.metadata.actor.clone(),
                command: commit.metadata.command.clone(),
                correlation_id: commit.metadata.correlation_id.clone(),
                field: field.to_owned(),
                from,
                to,
                reason: commit.metadata.reason.clone(),
            });
        }
    }
    Ok(entries)
}

fn change(before: &User, event: &UserEvent, after: &User) -> (&'static str, Value, Value) {
    match event {
        UserEvent::UserCreated {}
        | UserEvent::UserDeactivated {}
        | UserEvent::UserReactivated {}
        | UserEvent::UserDeleted {}
        | UserEvent::UserErased {} => ("status", status(before), status(after)),
        UserEvent::UserNameSet { .. } => {
            ("userName", text(&before.user_name), text(&after.user_name))
        }
        UserEvent::DisplayNameSet { .. } => {
            ("displayName", text(&before.display_name), text(&after.display_name))
        }
        UserEvent::EmailSet { .. } => ("email", text(&before.email), text(&after.email)),
        UserEvent::ExternalRevisionSet { .. } => {
            ("externalRevision", json!(before.external_revision), json!(after.external_revision))
        }
        UserEvent::ExternalUpdateParked { revision, reason, .. } => {
            let earlier = before.parked.as_ref().map(
                |parked| json!({ "revision": parked.revision, "reason": parked.reasons.last() }),
            );
            ("parkedUpdate", json!(earlier), json!({ "revision": revision, "reason": reason }))
        }
    }
}

fn status(user: &User) -> Value {
    if user.status == UserStatus::Absent { Value::Null } else { json!(user.status) }
}

/// No field of a user that exists may be empty, so an empty one was never set.
fn text(value: &Personal<String>) -> Value {
    match value.known() {
        Some(known) if known.is_empty() => Value::Null,
        Some(known) => json!(known),
        None => Form::erased(),
    }
}

#[cfg(test)]
mod tests;
