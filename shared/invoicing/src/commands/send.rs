use garde::Validate;
use headwater::field::given;
use headwater::{Command, Context, Personal, Rule, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::fields::{Email, Message, Subject};
use crate::invoice::{Invoice, InvoiceEvent, Status};
use crate::rules;

/// `POST /invoicing/invoices/{id}/send`: the customer is sent the invoice, to the address that the
/// invoice has or, if that is wrong, to the one that is given. An issued invoice stays as it is;
/// the event says where the mail goes.
///
/// Each is one mail: a sent invoice is sent again as a reminder, so the same request twice is two
/// mails, unless it bears an `Idempotency-Key`. Refused:
/// [`INVALID_TRANSITION`](crate::rules::INVALID_TRANSITION).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendInvoiceToCustomer {
    /// The mail's subject.
    #[garde(dive)]
    pub subject: Subject,
    /// The mail's text.
    #[garde(dive)]
    pub message: Message,
    /// Where to, for this mail alone; the address that the invoice has if it is left out.
    #[garde(dive)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub email: Option<Email>,
}

impl Command for SendInvoiceToCustomer {
    type Aggregate = Invoice;
    const NAME: &'static str = "SendInvoiceToCustomer";
    const RULES: &'static [&'static Rule] = &[&rules::INVALID_TRANSITION];

    fn decide(&self, invoice: &Invoice, context: &Context) -> Verdict<Invoice> {
        invoice.allow(self, context, &[Status::Issued, Status::Sent])?;
        let own = invoice.customer.as_ref().map(|payer| payer.email.clone());
        let email = self.email.clone().map(Personal::from).or(own).unwrap_or_default();
        let sent = InvoiceEvent::InvoiceSent {
            subject: self.subject.clone().into(),
            message: self.message.clone().into(),
            email,
        };
        let status = (invoice.status != Status::Sent)
            .then_some(InvoiceEvent::InvoiceStatusSet { status: Status::Sent });
        Ok([sent].into_iter().chain(status).collect())
    }
}
