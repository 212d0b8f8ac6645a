use garde::Validate;
use headwater::{Context, Decide, Number, Rejection, Rule, Source, Verdict};
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

/// The number that an invoice gets: the next of the tenant's, from 1 on without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvoiceNumber(pub u64);

impl Number for InvoiceNumber {
    const SOURCE: Source<Self> = Source::Sequence(NUMBERS, InvoiceNumber);
}

impl Decide for IssueInvoice {
    type Aggregate = Invoice;
    type Number = InvoiceNumber;
    const NAME: &'static str = "IssueInvoice";
    const RULES: &'static [&'static Rule] = &[&rules::INVALID_TRANSITION, &rules::NO_LINE_ITEMS];

    fn decide(
        &self,
        invoice: &Invoice,
        context: &Context,
        InvoiceNumber(number): InvoiceNumber,
    ) -> Verdict<Invoice> {
        invoice.allow(self, context, &[Status::Draft])?;
        if invoice.lines.is_empty() {
            return Err(Rejection::refused(
                &NO_LINE_ITEMS,
                format!("Invoice {} has no line items.", context.id),
            ));
        }
        let due_at = day::end_after(context.now, self.payment_term_days);
        Ok(vec![
            InvoiceEvent::InvoiceNumberSet { number },
            InvoiceEvent::InvoiceDueDateSet { due_at },
            InvoiceEvent::InvoiceStatusSet { status: Status::Issued },
        ])
    }
}
