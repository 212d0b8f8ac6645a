//! The call by which an operator tells a person what is kept of them.

use std::sync::Arc;

use headwater::{Aggregate, Domain, ProjectionFn, StreamName, unmarked};
use headwater_dynamodb::At;
use headwater_lambda::{Answer, App, Call, EventView, Function, LARGEST_ANSWER, Problem, Request};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::subject;

/// How many bytes of events an export has room for, beside the rest.
const MOST_EVENTS: usize = LARGEST_ANSWER / 2;

/// All that is kept of a person.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Export {
    /// The stream that tells of the person: its whole name.
    subject: String,
    /// The number of the last event.
    version: u64,
    /// When this was put together.
    #[schema(value_type = String, format = "date-time")]
    exported_at: Timestamp,
    /// What the rules see.
    state: Value,
    /// What queries read; null if there is nothing.
    row: Option<Value>,
    /// All that has happened, oldest first.
    events: Vec<EventView>,
    /// The call that has the events for which there was no room.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    rest: Option<String>,
}

/// `GET /<path>/{id}/export`: all that is kept of the person of a thing: events, state, row. For
/// operators.
///
/// ```
/// use headwater::{Aggregate, Domain};
/// use headwater_functions::export;
/// use headwater_lambda::Function;
///
/// fn export_guest<Guest: Aggregate>(inn: &'static Domain) -> Function {
///     let path = "/inn/guests/{id}/export";
///     export::<Guest>(inn, "inn-export-guest", path, "All that is kept of a guest.")
/// }
/// ```
pub fn export<A: Aggregate>(
    domain: &'static Domain,
    name: &str,
    path: &str,
    summary: &'static str,
) -> Function {
    let call = Call::entity::<Export>(name, path, summary).operator();
    Function::http(call, move |app: Arc<App>, request| async move {
        let subject = subject::<A>(&request)?;
        let export = exported(domain, &app, &request, &subject).await?;
        Answer::collection(&request, None, &export)
    })
}

async fn exported(
    domain: &'static Domain,
    app: &App,
    request: &Request,
    subject: &StreamName,
) -> Result<Export, Problem> {
    let nobody = || Problem::not_found("such person");
    let category = subject.category();
    let aggregate = domain.aggregate(&category).ok_or_else(nobody)?;
    let store = app.store(request)?;
    let folded = store.state_at(aggregate, subject, At::Version(u64::MAX)).await?;
    if folded.version == 0 {
        return Err(nobody());
    }
    let own = domain.projections.iter().find(|projection| projection.category == category);
    let row = match own {
        Some(own) => row(app, request, own, subject, folded.version).await?,
        None => None,
    };
    let (mut events, mut bytes) = (Vec::<EventView>::new(), 0);
    let mut rest = None;
    while rest.is_none() {
        let after = events.last().map_or(0, |event| event.number);
        let page = EventView::after(&store, subject, after, 1_000).await?;
        if page.is_empty() {
            break;
        }
        for event in page {
            bytes += serde_json::to_vec(&event).map_err(Problem::internal)?.len();
            if bytes > MOST_EVENTS {
                let after = events.last().map_or(0, |event| event.number);
                rest = Some(format!("/events/{}?after={after}", subject.within_tenant()));
                break;
            }
            events.push(event);
        }
    }
    Ok(Export {
        subject: subject.to_string(),
        version: folded.version,
        exported_at: request.now,
        state: unmarked(folded.state),
        row,
        events,
        rest,
    })
}

/// The row, with all events up to this one.
async fn row(
    app: &App,
    request: &Request,
    own: &ProjectionFn,
    subject: &StreamName,
    version: u64,
) -> Result<Option<Value>, Problem> {
    let row = app.views(request)?.get(own, subject, Some(version)).await?;
    Ok(row.filter(|row| !row.deleted).map(|row| row.data))
}
