//! Queries that every domain has in common: the change feeds, streams, events, states as they were;
//! the OpenAPI document, the pages that explain problems, and what is said where there is no call.

mod changes;
mod events;
mod no_such_call;
mod openapi;
mod problems;
mod states;
mod streams;

use std::sync::LazyLock;

use headwater::StreamName;
use headwater_lambda::{Call, Function, Problem, Request};

pub use changes::{identity_changes, invoicing_changes, licensing_changes};
pub use events::read_events;
pub use no_such_call::no_such_call;
pub use openapi::openapi;
pub use problems::problems;
pub use states::read_states;
pub use streams::list_streams;

/// All functions of this package.
pub fn functions() -> Vec<Function> {
    let changes = [identity_changes(), invoicing_changes(), licensing_changes()];
    changes
        .into_iter()
        .chain([
            list_streams(),
            read_events(),
            read_states(),
            openapi(),
            problems(),
            no_such_call(),
        ])
        .collect()
}

/// All calls of all services, as their functions describe them.
fn calls() -> &'static [Call] {
    static CALLS: LazyLock<Vec<Call>> = LazyLock::new(|| {
        let services = [
            identity_functions::functions(),
            licensing_functions::functions(),
            invoicing_functions::functions(),
        ];
        services
            .into_iter()
            .chain([functions()])
            .flatten()
            .filter_map(|function| function.call().cloned())
            .collect()
    });
    &CALLS
}

/// The stream that the path names, within the caller's tenant.
fn stream(request: &Request) -> Result<StreamName, Problem> {
    Ok(format!("{}/{}", request.tenant(), request.path("stream")).parse()?)
}
