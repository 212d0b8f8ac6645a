use headwater::{Aggregate, StreamName};
use headwater_dynamodb::{At, EventStore};
use headwater_lambda::{Answer, App, Call, Function, Problem, Request};
use identity::{Group, Membership, User};
use invoicing::Invoice;
use jiff::Timestamp;
use licensing::{Playback, Policy};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::stream;

/// The state of a stream as it was.
#[derive(Serialize, ToSchema)]
struct StateView {
    /// The number of the last event in it.
    version: u64,
    /// When that was decided.
    #[schema(value_type = Option<String>, format = "date-time")]
    at: Option<Timestamp>,
    /// What the rules see.
    state: Value,
    /// What changed since version `diff`, as a JSON Patch (RFC 6902).
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<Value>,
}

/// `GET /states/{stream+}`: the state that the rules saw, at a version (in the middle of a commit too) or at a time.
pub fn read_states() -> Function {
    let call = Call::entity::<StateView>("read-states", "/states/{stream+}", "The state of a stream as it was.")
        .param("version", "After this event; the present state if absent.")
        .param("at", "At this time (RFC 3339).")
        .param("diff", "Adds what changed since this version.");
    Function::http(call.operator(), |app, request| async move {
        let stream = stream(&request)?;
        let at = wanted(&request)?;
        let mut view = state(&app, &request, &stream, at).await?;
        if view.version == 0 || matches!(at, At::Version(version) if version != u64::MAX && version != view.version) {
            return Err(Problem::not_found("such version of such a stream"));
        }
        if let Some(text) = request.query("diff") {
            let before = state(&app, &request, &stream, At::Version(number("diff", text)?)).await?;
            view.diff = Some(serde_json::to_value(json_patch::diff(&before.state, &view.state)).map_err(Problem::internal)?);
        }
        Answer::collection(&request, None, &view)
    })
}

fn wanted(request: &Request) -> Result<At, Problem> {
    match (request.query("version"), request.query("at")) {
        (None, None) => Ok(At::Version(u64::MAX)),
        (Some(version), None) => Ok(At::Version(number("version", version)?)),
        (None, Some(time)) => match time.parse() {
            Ok(time) => Ok(At::Time(time)),
            Err(_) => Err(Problem::invalid([("/query/at".to_owned(), "a time as 2026-11-21T10:00:00Z".to_owned())])),
        },
        (Some(_), Some(_)) => Err(Problem::invalid([("/query".to_owned(), "one of version and at".to_owned())])),
    }
}

fn number(name: &str, text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Problem::invalid([(format!("/query/{name}"), "a number".to_owned())]))
}

/// Folds a stream with the aggregate of its kind.
async fn state(app: &App, request: &Request, stream: &StreamName, at: At) -> Result<StateView, Problem> {
    let store = app.store(request)?;
    match (stream.domain(), stream.category().as_str()) {
        (User::DOMAIN, User::CATEGORY) => fold::<User>(&store, stream, at).await,
        (Group::DOMAIN, Group::CATEGORY) => fold::<Group>(&store, stream, at).await,
        (Membership::DOMAIN, Membership::CATEGORY) => fold::<Membership>(&store, stream, at).await,
        (invoicing::Customer::DOMAIN, invoicing::Customer::CATEGORY) => fold::<invoicing::Customer>(&store, stream, at).await,
        (Invoice::DOMAIN, Invoice::CATEGORY) => fold::<Invoice>(&store, stream, at).await,
        (licensing::Customer::DOMAIN, licensing::Customer::CATEGORY) => fold::<licensing::Customer>(&store, stream, at).await,
        (Playback::DOMAIN, Playback::CATEGORY) => fold::<Playback>(&store, stream, at).await,
        (Policy::DOMAIN, Policy::CATEGORY) => fold::<Policy>(&store, stream, at).await,
        _ => Err(Problem::not_found("such kind of stream")),
    }
}

async fn fold<A: Aggregate>(store: &EventStore, stream: &StreamName, at: At) -> Result<StateView, Problem> {
    let folded = store.load_at::<A>(stream, at).await?;
    let state = serde_json::to_value(&folded.state).map_err(Problem::internal)?;
    Ok(StateView { version: folded.version, at: folded.at, state, diff: None })
}
