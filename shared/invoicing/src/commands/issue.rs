use garde::Validate;
use headwater::{Command, Context, Rejection, Rule, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::day;
use crate::invoice::{Invoice, InvoiceEvent, NUMBERS, Status};
use crate::rules::{self, NO_LINE_ITEMS};

/// `POST /invoicing/invoices/{id}/issue`: the invoice gets the tenant's next number and a due date,
/// and is final.
///
/// Refused: [`INVALID_TRANSITION`](crate::rules::INVALID_TRANSITION), also if it is issued already;
/// [`NO_LINE_ITEMS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssueInvoice {
    /// How many days after the day of issue the invoice is due: 0–365. It is overdue once that day
    /// is over. Days are those of UTC.
    #[garde(range(max = 365))]
    #[serde(default = "thirty_days")]
    #[schema(maximum = 365, default = 30)]
    pub payment_term_days: u16,
}

fn thirty_days() -> u16 {
    30
}

impl Command for IssueInvoice {
    type Aggregate = Invoice;
    const NAME: &'static str = "IssueInvoice";
    const RULES: &'static [&'static Rule] = &[&rules::INVALID_TRANSITION, &rules::NO_LINE_ITEMS];

    fn decide(&self, invoice: &Invoice, context: &Context) -> Verdict<Invoice> {
        invoice.allow(self, context, &[Status::Draft])?;
        if invoice.lines.is_empty() {
            return Err(Rejection::refused(
                &NO_LINE_ITEMS,
                format!("Invoice {} has no line items.", context.id),
            ));
        }
        // There is a number whenever there is a command that names a sequence.
        let numbered = context.number.map(|number| InvoiceEvent::InvoiceNumberSet { number });
        let dated = InvoiceEvent::InvoiceDueDateSet {
            due_at: day::end_after(context.now, self.payment_term_days),
        };
        let issued = InvoiceEvent::InvoiceStatusSet { status: Status::Issued };
        Ok(numbered.into_iter().chain([dated, issued]).collect())
    }

    fn sequence(&self) -> Option<&'static str> {
        Some(NUMBERS)
    }
}
