//! Queries that every domain has in common: the change feeds, streams, events, states as they were; the OpenAPI document and the pages
//! that explain problems.

mod changes;
mod events;
mod openapi;
mod problems;
mod states;
mod streams;

use headwater::StreamName;
use headwater_lambda::{Function, Problem, Request};

pub use changes::{identity_changes, invoicing_changes, licensing_changes};
pub use events::read_events;
pub use openapi::openapi;
pub use problems::problems;
pub use states::read_states;
pub use streams::list_streams;

/// All functions of this package.
pub fn functions() -> Vec<Function> {
    vec![identity_changes(), invoicing_changes(), licensing_changes(), list_streams(), read_events(), read_states(), openapi(), problems()]
}

/// The stream that the path names, within the caller's tenant.
fn stream(request: &Request) -> Result<StreamName, Problem> {
    Ok(format!("{}/{}", request.tenant(), request.path("stream")).parse()?)
}
