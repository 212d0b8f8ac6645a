//! Which services there are, for what looks at all of them alike: the queries that every domain has
//! in common, and the CLI.

mod effects;
mod history;
mod parked_updates;
mod past_state;
mod streams;

use headwater::{ProjectionFn, StreamName, own_row};
use invoicing::mail;

pub use effects::{Handler, effects, unknown_effect};
pub use history::{History, Number, history};
pub use parked_updates::{
    EXTERNAL_USERS_STREAM, PARKED_UPDATES_OF, ParkedUpdate, parked_update, parked_updates,
    record_of,
};
pub use past_state::{NoPastState, PastState, past_state};
pub use streams::list_streams;

/// One of the services.
#[derive(Clone, Copy)]
pub struct Service {
    /// Its name: the second segment of its streams' names.
    pub domain: &'static str,
    /// The rows that its events are folded into.
    pub projections: &'static [ProjectionFn],
    /// What carries out the effects outside that its events ask for, if any do.
    pub handler: Option<Handler>,
}

/// All services, in order of name.
pub static SERVICES: [Service; 3] = [
    Service { domain: identity::DOMAIN, projections: &identity::PROJECTIONS, handler: None },
    Service {
        domain: invoicing::DOMAIN,
        projections: &invoicing::PROJECTIONS,
        handler: Some(MAIL),
    },
    Service { domain: licensing::DOMAIN, projections: &licensing::PROJECTIONS, handler: None },
];

const MAIL: Handler = Handler {
    name: mail::HANDLER,
    asked_for: |commit| mail::asked_for(commit).collect(),
    unknown: mail::unknown,
};

/// Whether streams of this kind have rows and are in a change feed. Those of unique values and of
/// sequences are not.
pub fn is_projected(stream: &StreamName) -> bool {
    let mut services = SERVICES.iter().filter(|service| service.domain == stream.domain());
    services.any(|service| own_row(service.projections, &stream.category()).is_some())
}
