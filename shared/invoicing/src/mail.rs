//! Which events ask for a mail. It is sent outside of the rules, once for each.

use headwater::{Aggregate, Commit, NewerEvent, first_newer, knows};

use crate::{DOMAIN, Invoice, InvoiceEvent};

/// The name under which it is kept how far each mail has got.
pub const HANDLER: &str = "mail";

/// The type of the events of an invoice that ask for a mail to its customer.
pub const ASKED_BY: &str = "InvoiceSent";

/// The numbers of a commit's events that ask for a mail.
pub fn asked_for(commit: &Commit) -> impl Iterator<Item = u64> + '_ {
    let is_of_invoice = is_of_invoice(commit);
    commit
        .events
        .iter()
        .filter(move |event| is_of_invoice && event.event_type == ASKED_BY)
        .map(|event| event.number)
}

/// The first of a commit's events that is of a newer build, which alone knows whether it asks for a
/// mail.
pub fn unknown(commit: &Commit) -> Option<NewerEvent> {
    first_newer(&commit.events, knows::<InvoiceEvent>).filter(|_| is_of_invoice(commit))
}

fn is_of_invoice(commit: &Commit) -> bool {
    commit.stream.domain() == DOMAIN && commit.stream.category() == Invoice::CATEGORY
}
