//! Which events ask for a mail. It is sent outside of the rules, once for each.

use headwater::{Aggregate, Commit};

use crate::{DOMAIN, Invoice};

/// The name under which it is kept how far each mail has got.
pub const HANDLER: &str = "mail";

/// The type of the events of an invoice that ask for a mail to its customer.
pub const ASKED_BY: &str = "InvoiceSent";

/// The numbers of a commit's events that ask for a mail.
pub fn asked_for(commit: &Commit) -> impl Iterator<Item = u64> + '_ {
    let is_invoice = commit.stream.domain() == DOMAIN && commit.stream.category() == Invoice::CATEGORY;
    commit.events.iter().filter(move |event| is_invoice && event.event_type == ASKED_BY).map(|event| event.number)
}
