use garde::Validate;
use headwater::{Command, Context, Rule, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::fields;
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
    /// The mail's subject: 1–200 characters, of which one is seen, no control characters, no white
    /// space at the ends.
    #[garde(custom(fields::line))]
    #[schema(min_length = 1, max_length = 200)]
    pub subject: String,
    /// The mail's text: 1–5,000 characters, of which one is seen, no control characters but tabs
    /// and line ends, no white space at the ends.
    #[garde(custom(fields::message))]
    #[schema(min_length = 1, max_length = 5000)]
    pub message: String,
    /// Where to, for this mail alone; the address that the invoice has if it is left out. At most
    /// 254 characters.
    #[garde(inner(custom(fields::email)))]
    #[serde(
        default,
        deserialize_with = "fields::given_email",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(nullable = false, max_length = 254, format = "email")]
    pub email: Option<String>,
}

impl Command for SendInvoiceToCustomer {
    type Aggregate = Invoice;
    const NAME: &'static str = "SendInvoiceToCustomer";
    const RULES: &'static [&'static Rule] = &[&rules::INVALID_TRANSITION];

    fn decide(&self, invoice: &Invoice, context: &Context) -> Verdict<Invoice> {
        invoice.allow(self, context, &[Status::Issued, Status::Sent])?;
        let own = invoice.customer.as_ref().map(|customer| &customer.email);
        let email = self.email.as_ref().or(own).cloned().unwrap_or_default();
        let sent = InvoiceEvent::InvoiceSent {
            subject: self.subject.clone(),
            message: self.message.clone(),
            email,
        };
        let status = (invoice.status != Status::Sent)
            .then_some(InvoiceEvent::InvoiceStatusSet { status: Status::Sent });
        Ok([sent].into_iter().chain(status).collect())
    }
}
