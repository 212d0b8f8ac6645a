//! Queries that every domain has in common: the change feeds, streams, events, states as they were;
//! the OpenAPI document, the pages that explain problems, and what is said where there is no call.

mod changes;
mod events;
mod no_such_call;
mod openapi;
mod problems;
mod states;
mod streams;

use headwater::StreamName;
use headwater_lambda::{Call, Problem, Request, Service};

pub use changes::changes;
pub use events::read_events;
pub use no_such_call::no_such_call;
pub use openapi::openapi;
pub use problems::{Page, pages, problems};
pub use states::read_states;
pub use streams::list_streams;

/// The calls of these services.
pub fn calls<'a>(services: impl IntoIterator<Item = &'a Service>) -> Vec<Call> {
    services.into_iter().flat_map(|service| service.calls().cloned()).collect()
}

/// The stream that the path names, within the caller's tenant.
fn stream(request: &Request) -> Result<StreamName, Problem> {
    Ok(format!("{}/{}", request.tenant(), request.path("stream")).parse()?)
}
