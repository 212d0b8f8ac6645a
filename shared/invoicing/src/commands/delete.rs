use garde::Validate;
use headwater::{Command, Context, Rule, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::invoice::{Invoice, InvoiceEvent, Status};
use crate::rules;

/// `DELETE /invoicing/invoices/{id}`: the draft is gone for good; its id is not free again. A
/// second delete finds no invoice.
///
/// Refused: [`INVALID_TRANSITION`](crate::rules::INVALID_TRANSITION): what has a number is voided
/// instead.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct DeleteInvoice {}

impl Command for DeleteInvoice {
    type Aggregate = Invoice;
    const NAME: &'static str = "DeleteInvoice";
    const RULES: &'static [&'static Rule] = &[&rules::INVALID_TRANSITION];

    fn decide(&self, invoice: &Invoice, context: &Context) -> Verdict<Invoice> {
        invoice.allow(self, context, &[Status::Draft])?;
        Ok(vec![InvoiceEvent::InvoiceDeleted {}])
    }
}
