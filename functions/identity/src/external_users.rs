//! Users that another system owns: by HTTP, and by the Kinesis stream on which that system tells of its changes. Both are the same
//! transformer.

use std::sync::Arc;
use std::time::Instant;

use aws_lambda_events::kinesis::{KinesisEvent, KinesisEventRecord};
use aws_lambda_events::streams::KinesisEventResponse;
use headwater::Rule;
use headwater_lambda::problem::MALFORMED;
use headwater_lambda::{Answer, App, Call, Caller, Error, Function, Problem, Request, metric, read_json};
use identity::user::{EMAIL_TAKEN, USER_NAME_TAKEN};
use identity::{ApplyExternalUser, DOMAIN, user};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// `POST /identity/external-users`
///
/// Where a rule says no, that is recorded in the user's history in one write with the answer, as
/// for a record of the stream.
pub fn apply_external_user() -> Function {
    let call =
        Call::command("identity-apply-external-user", "POST", "/identity/external-users", "Take over what another system knows of a user.");
    Function::http(call.body::<ApplyExternalUser>().rules(&[&USER_NAME_TAKEN, &EMAIL_TAKEN]), |app, request| async move {
        let update = request.json()?;
        apply(&app, &request, update).await
    })
}

async fn apply(app: &App, request: &Request, update: ApplyExternalUser) -> Result<Answer, Problem> {
    let stream = user::stream(request.tenant(), &update.user_id())?;
    let answer = app.change(request, &stream, &update).await;
    if answer.as_ref().is_err_and(|problem| taken(problem.name()).is_some()) {
        metric(DOMAIN, "ExternalUsersParked", 1.0);
    }
    answer
}

/// The rule of this name, if it is one that parks an update.
fn taken(name: &str) -> Option<&'static Rule> {
    [&USER_NAME_TAKEN, &EMAIL_TAKEN].into_iter().find(|rule| rule.name == name)
}

/// Stream of external users → events of ours. A record is the body of the HTTP call, and the `tenant`. What the store does not answer
/// comes again; what a rule says no to is parked; what can never be taken over is logged whole and counted.
pub fn transform_external_users() -> Function {
    Function::event("identity-transform-external-users", |app: Arc<App>, event: KinesisEvent, deadline: Instant| async move {
        let mut answer = KinesisEventResponse::default();
        let mut failed = Vec::new();
        for record in &event.records {
            if let Err(problem) = transform(&app, record, deadline).await
                && taken(problem.name()).is_none()
            {
                let sequence = &record.kinesis.sequence_number;
                if problem.status() >= 500 {
                    tracing::error!(?problem, sequence, "will be tried again");
                    failed.push(sequence.clone());
                } else {
                    let data = String::from_utf8_lossy(&record.kinesis.data);
                    tracing::error!(?problem, sequence, %data, "cannot be taken over");
                    metric(DOMAIN, "ExternalUsersRefused", 1.0);
                }
            }
        }
        answer.set_failures(failed);
        Ok::<_, Error>(answer)
    })
}

async fn transform(app: &App, record: &KinesisEventRecord, deadline: Instant) -> Result<(), Problem> {
    let (tenant, update) = read(&record.kinesis.data)?;
    let caller = Caller { tenant, subject: "external-users".to_owned(), roles: Vec::new() };
    let at = record.kinesis.approximate_arrival_timestamp.0.timestamp_millis();
    let at = Timestamp::from_millisecond(at).map_err(Problem::internal)?;
    let correlation_id = record.event_id.clone().unwrap_or_else(|| record.kinesis.sequence_number.clone());
    apply(app, &Request::internal(caller, at, correlation_id, deadline), update).await.map(|_| ())
}

/// A record's tenant and update.
fn read(data: &[u8]) -> Result<(String, ApplyExternalUser), Problem> {
    let mut body: Map<String, Value> = serde_json::from_slice(data).map_err(|error| Problem::new(&MALFORMED, error.to_string()))?;
    let Some(Value::String(tenant)) = body.remove("tenant") else {
        return Err(Problem::invalid([("/tenant".to_owned(), "missing".to_owned())]));
    };
    Ok((tenant, read_json(Value::Object(body))?))
}
