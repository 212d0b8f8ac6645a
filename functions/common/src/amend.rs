use garde::Validate;
use headwater::{Domains, EventDraft, Folded, StreamName};
use headwater_dynamodb::{Done, ExecuteError, Expected};
use headwater_lambda::deployment::UNIQUE_KEY;
use headwater_lambda::problem::CONCURRENT_MODIFICATION;
use headwater_lambda::{Answer, Call, Function, Problem, Shape};
use headwater_services::{Amend, Amended, NotAmended, Reason, amend};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::stream;

/// Events to be appended, and why.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AmendStream {
    /// The events, in order: 1 to 100.
    #[garde(skip)]
    #[schema(min_items = 1, max_items = 100)]
    events: Vec<NewEvent>,
    /// Why. It is kept with the events for ever.
    #[garde(dive)]
    reason: Reason,
    /// The stream's version: if it has moved on, nothing is written.
    #[garde(skip)]
    #[schema(maximum = 9_007_199_254_740_991_u64)]
    version: Option<u64>,
}

/// An event, just as this build writes it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewEvent {
    /// Its type, as `UserNameSet`.
    #[serde(rename = "type")]
    event_type: String,
    /// What happened.
    #[schema(value_type = Object)]
    data: Map<String, Value>,
}

/// `POST /events/{stream+}`: appends events that no command decided on.
///
/// Where another holds a unique value, the rule refuses that refuses a command.
pub(crate) fn amend_stream(domains: Domains, has_unique_values: bool) -> Function {
    let call = Call::command(
        "amend-stream",
        "POST",
        "/events/{stream+}",
        "Append events that correct a state which no command can reach.",
    );
    let call = call.body::<AmendStream>().answer::<Amended>().problems(&[&CONCURRENT_MODIFICATION]);
    let call =
        call.param("dryRun", Shape::boolean(), "Checks and shows everything, and writes nothing.");
    let function = Function::http(call.operator(), move |app, request| {
        let domains = domains.clone();
        async move {
            let AmendStream { events, reason, version } = request.json()?;
            let stream = stream(&request)?;
            let is_dry_run = request.flag("dryRun")?.unwrap_or_default();
            let events: Vec<EventDraft> = events.into_iter().map(Into::into).collect();
            let render = |result: Result<&Folded<Amended>, &ExecuteError>| {
                let answer = result.map_or_else(
                    |error| Problem::of_command(error, &stream).answer(),
                    |folded| success(&stream, folded),
                );
                answer.into()
            };
            let wanted = Amend {
                stream: &stream,
                events: &events,
                reason: &reason,
                actor: &request.caller.subject,
                origin: request.origin(),
                expected: Expected { decided_on: version, ..request.expected(&stream)? },
                idempotency: request.idempotency(&render)?,
                now: request.now,
                is_dry_run,
                deadline: request.deadline,
            };
            match amend(&domains, &app.store(&request)?, wanted).await {
                Ok(Done::Committed(folded) | Done::Unchanged(folded)) => {
                    Ok(success(&stream, &folded))
                }
                Ok(Done::Replayed(recorded)) => Answer::replayed(recorded),
                Err(error) => Err(problem(error, &stream)),
            }
        }
    });
    if has_unique_values { function.variable(UNIQUE_KEY) } else { function }
}

/// What an amendment changes. Of a dry run the tag is that of what there is.
fn success(stream: &StreamName, Folded { state: amended, .. }: &Folded<Amended>) -> Answer {
    let version = if amended.dry_run { amended.before } else { amended.version };
    Answer::json(200, amended).at(stream, version)
}

fn problem(error: NotAmended, stream: &StreamName) -> Problem {
    match error {
        NotAmended::Kind => Problem::not_found("such kind of stream"),
        NotAmended::Stream => Problem::not_found("such stream"),
        NotAmended::Invalid { pointer, why } => Problem::invalid([(pointer, why)]),
        NotAmended::Execute(error) => Problem::of_command(&error, stream),
    }
}

impl From<NewEvent> for EventDraft {
    fn from(NewEvent { event_type, data }: NewEvent) -> Self {
        Self { event_type, data }
    }
}
