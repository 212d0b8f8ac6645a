use headwater::Commit;
use headwater_lambda::{Answer, Call, Function, Problem};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::stream;

/// One event, as it is stored.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventView {
    /// Its number in the stream, from 1.
    number: u64,
    #[serde(rename = "type")]
    event_type: String,
    /// The schema version of `data`.
    version: u32,
    data: Value,
    #[schema(value_type = String, format = "date-time")]
    at: Timestamp,
    actor: String,
    command: String,
    correlation_id: String,
    causation_id: Option<String>,
}

impl EventView {
    /// The events of a commit.
    pub(crate) fn of(commit: &Commit) -> Vec<Self> {
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
        });
        views.collect()
    }
}

/// `GET /events/{stream+}`: every event of a stream, oldest first.
pub fn read_events() -> Function {
    let call = Call::list::<EventView>("read-events", "/events/{stream+}", "Every event of a stream, oldest first.");
    let call = call.param("after", "The number of the event after which to go on.").operator();
    Function::http(call, |app, request| async move {
        let stream = stream(&request)?;
        let limit = request.limit()?;
        let after = match (request.cursor()?.number()?, request.query("after")) {
            (Some(number), _) => number,
            (None, Some(text)) => text.parse().map_err(|_| Problem::invalid([("/query/after".to_owned(), "a number".to_owned())]))?,
            (None, None) => 0,
        };
        let store = app.store(&request)?;
        let head = store.head(&stream).await?;
        if head == 0 {
            return Err(Problem::not_found("such stream"));
        }
        // A commit has at least one event, so as many commits as events are shown will do.
        let commits = store.commits_page(&stream, after, u32::try_from(limit).map_err(Problem::internal)?).await?;
        let mut events: Vec<EventView> = commits.iter().flat_map(EventView::of).filter(|event| event.number > after).collect();
        events.truncate(limit);
        let goes_on = events.last().is_some_and(|event| event.number < head);
        let next = events.last().filter(|_| goes_on).map(|event| event.number.to_string());
        Answer::page(&request, None, &events, request.cursor_after(next)?)
    })
}
