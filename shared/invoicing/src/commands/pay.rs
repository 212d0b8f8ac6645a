use garde::Validate;
use headwater::{Command, Context, Rejection, Rule, Verdict, canonical, field};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::decimal;
use crate::fields::{self, Reference};
use crate::invoice::{Invoice, InvoiceEvent, MOST_PAYMENTS, Payment, Status, in_minor_units};
use crate::rules::{self, OVERPAID, PAYMENT_LIMIT, PAYMENT_REFERENCE_USED};

/// `POST /invoicing/invoices/{id}/payments`: money came in. The payment after which nothing is due
/// makes the invoice PAID.
///
/// The same payment once more changes nothing, whatever became of the invoice since. References are
/// compared as [`canonical`] gives them, and stored as they are given. Refused:
/// [`INVALID_TRANSITION`](crate::rules::INVALID_TRANSITION), [`PAYMENT_REFERENCE_USED`],
/// [`PAYMENT_LIMIT`], [`MINOR_UNIT`](crate::rules::MINOR_UNIT), [`OVERPAID`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordPayment {
    /// How much: a decimal string, more than 0, with no more decimals than the minor unit of the
    /// invoice's currency.
    #[garde(custom(fields::payment))]
    #[serde(with = "decimal")]
    #[schema(value_type = String, example = "12.50")]
    pub amount: Decimal,
    /// When the money came in; not before 1970.
    #[garde(custom(field::rule(field::since_1970)))]
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// What tells it from the invoice's other payments, as the bank's transaction id. Case counts;
    /// how Unicode writes the same letters, and what nobody sees, does not.
    #[garde(dive)]
    pub reference: Reference,
}

impl Command for RecordPayment {
    type Aggregate = Invoice;
    const NAME: &'static str = "RecordPayment";
    const RULES: &'static [&'static Rule] = &[
        &rules::INVALID_TRANSITION,
        &rules::PAYMENT_REFERENCE_USED,
        &rules::PAYMENT_LIMIT,
        &rules::MINOR_UNIT,
        &rules::OVERPAID,
    ];

    fn decide(&self, invoice: &Invoice, context: &Context) -> Verdict<Invoice> {
        match self.known(invoice) {
            Some(known) if self.is(known) => return Ok(vec![]),
            Some(known) => return Err(reference_used(known)),
            None => invoice.allow(self, context, &[Status::Issued, Status::Sent])?,
        }
        if invoice.payments.len() >= MOST_PAYMENTS {
            let detail = format!("The invoice has {MOST_PAYMENTS} payments.");
            return Err(Rejection::refused(&PAYMENT_LIMIT, detail)
                .with("limit", MOST_PAYMENTS)
                .with("count", invoice.payments.len()));
        }
        let amount = in_minor_units(self.amount, invoice.currency)?;
        let due = invoice.totals().due;
        if amount > due {
            return Err(Rejection::refused(
                &OVERPAID,
                format!("{amount} is more than the {due} that are due."),
            )
            .with("due", due.to_string()));
        }
        let recorded = InvoiceEvent::PaymentRecorded(Payment {
            amount,
            at: self.at(),
            reference: self.reference.to_string(),
        });
        let paid =
            (amount == due).then_some(InvoiceEvent::InvoiceStatusSet { status: Status::Paid });
        Ok([recorded].into_iter().chain(paid).collect())
    }

    /// With other payments: money that came in came in. Where both together are too much, the later
    /// is refused in either order.
    fn commutes_with(&self, event: &InvoiceEvent) -> bool {
        match event {
            InvoiceEvent::PaymentRecorded(payment) => {
                !self.has_reference_of(payment) || self.is(payment)
            }
            InvoiceEvent::InvoiceStatusSet { status } => *status == Status::Paid,
            _ => false,
        }
    }
}

impl RecordPayment {
    /// The payment of this reference: the one that is written just so, where a former build took
    /// both ways of writing it.
    fn known<'a>(&self, invoice: &'a Invoice) -> Option<&'a Payment> {
        let same = || invoice.payments.values().find(|payment| self.has_reference_of(payment));
        invoice.payments.get(self.reference.as_str()).or_else(same)
    }

    fn has_reference_of(&self, payment: &Payment) -> bool {
        canonical(&payment.reference) == canonical(&self.reference)
    }

    fn is(&self, payment: &Payment) -> bool {
        self.has_reference_of(payment) && payment.amount == self.amount && payment.at == self.at()
    }

    /// Times are stored to the millisecond.
    fn at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.at.as_millisecond()).unwrap_or(self.at)
    }
}

fn reference_used(known: &Payment) -> Rejection {
    let detail =
        format!("The payment {} is one of {} at {}.", known.reference, known.amount, known.at);
    let refused = Rejection::refused(&PAYMENT_REFERENCE_USED, detail);
    refused.with("amount", known.amount.to_string()).with("at", known.at.to_string())
}
