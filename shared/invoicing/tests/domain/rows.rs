//! What holds of every row, however its commits are delivered.

use headwater::{Commit, Projection, decode};
use invoicing::*;

use crate::support::now;

/// The row after these events, all at one time.
pub(crate) fn row(events: &[InvoiceEvent]) -> InvoiceRow {
    let mut row = InvoiceRow::default();
    events.iter().for_each(|event| row.evolve(event, now()));
    row
}

/// The row after these commits.
pub(crate) fn row_of(commits: &[Commit]) -> InvoiceRow {
    let mut row = InvoiceRow::default();
    for commit in commits {
        commit.events.iter().for_each(|event| row.evolve(&decode(event).expect("an event that was written can be read"), commit.at));
    }
    row
}
