//! What is asked of all services alike, given their [`Domains`](headwater::Domains): by the calls
//! on any stream, by the sweep and by the CLI.

mod amend;
mod amended;
mod certificate;
mod effects;
mod history;
mod past_state;
mod streams;
mod waiting;

pub use amend::{Amend, MOST_EVENTS, NotAmended, Reason, amend};
pub use amended::{Amended, AmendedEvent, Change, HeldValue, HeldValues, RowChange};
pub use certificate::{Certificate, NotCertified, certify};
pub use effects::{effects, unknown_effect};
pub use history::{History, Number, history};
pub use past_state::{NoPastState, PastState, past_state};
pub use streams::list_streams;
pub use waiting::{ParkedUpdate, parked_update, parked_updates, record_of};
