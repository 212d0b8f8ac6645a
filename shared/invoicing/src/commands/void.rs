use garde::Validate;
use headwater::{Command, Context, Rejection, Rule, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::invoice::{Invoice, InvoiceEvent, Status};
use crate::rules::{self, HAS_PAYMENTS};

/// `POST /invoicing/invoices/{id}/void`: the invoice counts for nothing; its number stays used.
/// Again: no change.
///
/// Refused: [`INVALID_TRANSITION`](crate::rules::INVALID_TRANSITION), [`HAS_PAYMENTS`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct VoidInvoice {}

impl Command for VoidInvoice {
    type Aggregate = Invoice;
    const NAME: &'static str = "VoidInvoice";
    const RULES: &'static [&'static Rule] = &[&rules::INVALID_TRANSITION, &rules::HAS_PAYMENTS];

    fn decide(&self, invoice: &Invoice, context: &Context) -> Verdict<Invoice> {
        invoice.allow(self, context, &[Status::Issued, Status::Sent, Status::Void])?;
        if invoice.status == Status::Void {
            return Ok(vec![]);
        }
        if !invoice.payments.is_empty() {
            let paid = invoice.totals().paid.to_string();
            return Err(
                Rejection::refused(&HAS_PAYMENTS, format!("{paid} are paid.")).with("paid", paid)
            );
        }
        Ok(vec![InvoiceEvent::InvoiceStatusSet { status: Status::Void }])
    }
}
