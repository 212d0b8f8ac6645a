//! Users that another system owns: by HTTP, and by the Kinesis stream on which that system tells of
//! its changes. Both are the same transformer.

use std::sync::Arc;
use std::time::Instant;

use aws_lambda_events::kinesis::{KinesisEvent, KinesisEventRecord};
use aws_lambda_events::streams::KinesisEventResponse;
use headwater::Rule;
use headwater_lambda::deployment::{
    APPEND, EVENTS_TABLE, FAILURES_BUCKET, KEEP_FAILURES, LIST_FAILURES, Role, Source, UNIQUE_KEY,
    read_stream,
};
use headwater_lambda::problem::MALFORMED;
use headwater_lambda::{
    Answer, App, Call, Caller, Error, Function, Problem, Request, metric, parse_json, read_json,
};
use headwater_pipeline::Failures;
use identity::user::{EMAIL_TAKEN, USER_NAME_TAKEN};
use identity::{ApplyExternalUser, DOMAIN, user};
use jiff::Timestamp;
use serde_json::Value;

/// The function behind the stream of external users.
const TRANSFORM: &str = "identity-transform-external-users";

/// `POST /identity/external-users`
///
/// If a rule refuses, that is recorded in the user's history in one write with the answer, as for a
/// record of the stream.
pub(crate) fn apply_external_user() -> Function {
    let call = Call::of::<ApplyExternalUser>(
        "POST",
        "/identity/external-users",
        "Take over what another system knows of a user.",
    );
    Function::http(call.body::<ApplyExternalUser>(), |app, request| async move {
        let update = request.json()?;
        apply(&app, &request, update).await
    })
}

async fn apply(app: &App, request: &Request, update: ApplyExternalUser) -> Result<Answer, Problem> {
    let stream = user::stream(request.tenant(), update.user_id())?;
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

/// Stream of external users → events of ours. A record is the body of the HTTP call, and the
/// `tenant`. What the store does not answer comes again; what a rule says no to is parked; what can
/// never be taken over is kept whole in the failures bucket, for a person.
pub(crate) fn transform_external_users() -> Function {
    let source = Source::records("ExternalUsers", STREAM, "External users are a minute behind.");
    Function::stream(
        TRANSFORM,
        source,
        &ROLE,
        |app: Arc<App>, event: KinesisEvent, deadline| async move {
            let mut answer = KinesisEventResponse::default();
            let mut failed = Vec::new();
            for record in &event.records {
                let sequence = &record.kinesis.sequence_number;
                let Err(problem) = transform(&app, record, deadline).await else { continue };
                if taken(problem.name()).is_some() {
                    continue;
                }
                let is_kept = problem.status() < 500 && keep(&app, record, &problem).await;
                if !is_kept {
                    tracing::error!(?problem, sequence, "will be tried again");
                    failed.push(sequence.clone());
                }
            }
            answer.set_failures(failed);
            Ok::<_, Error>(answer)
        },
    )
}

const STREAM: &str = "!GetAtt ExternalUsersStream.Arn";

static ROLE: Role = Role {
    name: "TransformExternalUsers",
    variables: &[EVENTS_TABLE, UNIQUE_KEY, FAILURES_BUCKET],
    statements: &[read_stream(&[STREAM]), APPEND, KEEP_FAILURES, LIST_FAILURES],
};

/// Keeps a record that can never be taken over; says whether it is kept.
async fn keep(app: &App, record: &KinesisEventRecord, problem: &Problem) -> bool {
    metric(DOMAIN, "ExternalUsersRefused", 1.0);
    let Ok(bucket) = app.failures_bucket() else { return false };
    let kept =
        Failures::connect(bucket).await.keep_refused(TRANSFORM, record, &problem.to_string()).await;
    kept.inspect_err(|error| tracing::error!(%error, "a refused record could not be kept")).is_ok()
}

async fn transform(
    app: &App,
    record: &KinesisEventRecord,
    deadline: Instant,
) -> Result<(), Problem> {
    let (tenant, update) = read(&record.kinesis.data)?;
    let caller = Caller { tenant, subject: "external-users".to_owned(), roles: Vec::new() };
    let at = record.kinesis.approximate_arrival_timestamp.0.timestamp_millis();
    let at = Timestamp::from_millisecond(at).map_err(Problem::internal)?;
    let correlation_id =
        record.event_id.clone().unwrap_or_else(|| record.kinesis.sequence_number.clone());
    apply(app, &Request::internal(caller, at, correlation_id, deadline), update).await.map(|_| ())
}

/// A record's tenant and update.
fn read(data: &[u8]) -> Result<(String, ApplyExternalUser), Problem> {
    let Value::Object(mut body) = parse_json(data)? else {
        return Err(Problem::new(&MALFORMED, "the record is no object"));
    };
    let Some(Value::String(tenant)) = body.remove("tenant") else {
        return Err(Problem::invalid([("/tenant".to_owned(), "missing".to_owned())]));
    };
    Ok((tenant, read_json(Value::Object(body))?))
}
