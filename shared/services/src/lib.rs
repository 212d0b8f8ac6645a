//! Which services there are, for what looks at all of them alike: the queries that every domain has
//! in common, and the CLI.

mod effects;
mod history;
mod parked_updates;
mod past_state;
mod streams;

use headwater::{Domain, StreamName};

pub use effects::{effects, unknown_effect};
pub use history::{History, Number, history};
pub use parked_updates::{
    EXTERNAL_USERS_STREAM, PARKED_UPDATES_OF, ParkedUpdate, parked_update, parked_updates,
    record_of,
};
pub use past_state::{NoPastState, PastState, past_state};
pub use streams::list_streams;

/// All services, in order of name. A new one is a line here, and one in the list of the services'
/// functions.
pub static SERVICES: [&Domain; 3] = [&identity::SERVICE, &invoicing::SERVICE, &licensing::SERVICE];

/// The service of a stream.
fn of(stream: &StreamName) -> Option<&'static Domain> {
    SERVICES.into_iter().find(|service| service.name == stream.domain())
}

/// Whether streams of this kind have rows and are in a change feed. Those of unique values and of
/// sequences are not.
pub fn is_projected(stream: &StreamName) -> bool {
    of(stream).is_some_and(|service| service.is_projected(&stream.category()))
}
