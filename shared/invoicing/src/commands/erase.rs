use garde::Validate;
use headwater::{Command, Context, Rejection, Rule, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::invoice::{Invoice, InvoiceEvent, Status};
use crate::rules;

/// `POST /invoicing/invoices/{id}/erase`: forgets who was to pay, and what the mails said. Number,
/// lines, payments and times stay, so books still add up.
///
/// Refused while the invoice is open: [`INVALID_TRANSITION`](crate::rules::INVALID_TRANSITION).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseInvoice {}

impl Command for EraseInvoice {
    type Aggregate = Invoice;
    const NAME: &'static str = "EraseInvoice";
    const RULES: &'static [&'static Rule] = &[&rules::INVALID_TRANSITION];

    fn decide(&self, invoice: &Invoice, context: &Context) -> Verdict<Invoice> {
        match invoice.status {
            Status::Absent => return Err(Rejection::unknown("invoice", &context.id)),
            Status::Deleted => {}
            _ => invoice.allow(self, context, &[Status::Paid, Status::Void])?,
        }
        Ok(if invoice.is_erased { vec![] } else { vec![InvoiceEvent::InvoiceErased {}] })
    }
}
