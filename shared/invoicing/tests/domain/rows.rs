//! What holds of every row, however its commits are delivered.

use headwater::Projection;
use invoicing::*;

use crate::support::now;

/// The row after these events, all at one time.
pub(crate) fn row(events: &[InvoiceEvent]) -> InvoiceRow {
    let mut row = InvoiceRow::default();
    events.iter().for_each(|event| row.evolve(event, now()));
    row
}
