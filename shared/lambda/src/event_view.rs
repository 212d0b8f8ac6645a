use headwater::{Commit, StreamName};
use headwater_dynamodb::{EventStore, StoreError};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One event, as it is stored.
///
/// ```
/// use headwater::StreamName;
/// use headwater_lambda::{App, EventView, Problem, Request};
///
/// async fn history(
///     app: &App,
///     request: &Request,
///     till: &StreamName,
/// ) -> Result<Vec<EventView>, Problem> {
///     Ok(EventView::after(&app.store(request)?, till, 0, 50).await?)
/// }
/// ```
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    /// Its number in the stream, from 1.
    pub number: u64,
    /// Its type, as `UserNameSet`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The schema version of `data`.
    version: u32,
    /// What happened, as an object.
    pub data: Value,
    /// When its commit was decided.
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// The subject of the caller's token.
    pub actor: String,
    /// The command that it follows from.
    pub command: String,
    /// The same for everything that one request led to.
    pub correlation_id: String,
    causation_id: Option<String>,
    /// Of an amendment: why. Its command is `Amend`, and its actor the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub reason: Option<String>,
}

impl EventView {
    /// The events after number `after`, oldest first: at most `limit`, and at most 1 MB of them.
    /// There are none only at the stream's end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn after(
        store: &EventStore,
        stream: &StreamName,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Self>, StoreError> {
        // A commit has at least one event, so as many commits as events are wanted will do.
        let commits =
            store.commits_page(stream, after, u32::try_from(limit).unwrap_or(u32::MAX)).await?;
        Ok(commits
            .iter()
            .flat_map(Self::of)
            .filter(|event| event.number > after)
            .take(limit)
            .collect())
    }

    /// The events of a commit.
    pub fn of(commit: &Commit) -> Vec<Self> {
        let metadata = &commit.metadata;
        let views = commit.events.iter().cloned().map(|event| Self {
            number: event.number,
            event_type: event.event_type,
            version: event.version,
            data: event.data,
            at: commit.at,
            actor: metadata.actor.clone(),
            command: metadata.command.clone(),
            correlation_id: metadata.correlation_id.clone(),
            causation_id: metadata.causation_id.clone(),
            reason: metadata.reason.clone(),
        });
        views.collect()
    }
}

/// What a writer may see of an event that came between: what happened and when, not who asked for
/// it or why.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventSummary {
    /// Its number in the stream, from 1.
    pub number: u64,
    /// Its type, as `InvoiceIssued`.
    #[serde(rename = "type")]
    event_type: String,
    /// The schema version of `data`.
    version: u32,
    /// What happened, as an object.
    data: Value,
    /// When its commit was decided.
    #[schema(value_type = String, format = "date-time")]
    at: Timestamp,
    /// The command that it follows from.
    command: String,
}

impl From<EventView> for EventSummary {
    fn from(event: EventView) -> Self {
        let EventView { number, event_type, version, data, at, command, .. } = event;
        Self { number, event_type, version, data, at, command }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_summary_does_not_say_who_or_why() {
        let whole = EventView {
            number: 7,
            event_type: "UserNameSet".to_owned(),
            version: 1,
            data: json!({ "userName": "ada" }),
            at: "2026-11-21T10:00:00Z".parse().unwrap(),
            actor: "eve".to_owned(),
            command: "PatchUser".to_owned(),
            correlation_id: "ticket-7".to_owned(),
            causation_id: Some("identity/users/bob@1".to_owned()),
            reason: Some("bob was wrong".to_owned()),
        };
        let shown = json!({
            "number": 7, "type": "UserNameSet", "version": 1, "data": { "userName": "ada" },
            "at": "2026-11-21T10:00:00Z",
            "command": "PatchUser",
        });
        assert_eq!(serde_json::to_value(EventSummary::from(whole)).unwrap(), shown);
    }
}
