use garde::Validate;
use headwater::{Command, Context, Rule, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::invoice::{Invoice, InvoiceCustomer, InvoiceEvent, Payer, Status};
use crate::rules;

/// `PUT /invoicing/invoices/{id}/customer`: who is to pay.
///
/// Refused: [`INVALID_TRANSITION`](crate::rules::INVALID_TRANSITION).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(transparent)]
#[garde(transparent)]
pub struct SetInvoiceCustomer(#[garde(dive)] pub InvoiceCustomer);

impl Command for SetInvoiceCustomer {
    type Aggregate = Invoice;
    const NAME: &'static str = "SetInvoiceCustomer";
    const RULES: &'static [&'static Rule] = &[&rules::INVALID_TRANSITION];

    fn decide(&self, invoice: &Invoice, context: &Context) -> Verdict<Invoice> {
        invoice.allow(self, context, &[Status::Draft])?;
        let payer = Payer::from(&self.0);
        let is_so = invoice.customer.as_ref() == Some(&payer);
        Ok(if is_so { vec![] } else { vec![InvoiceEvent::InvoiceCustomerSet(payer)] })
    }

    /// With what happened to the lines and the currency: who pays is another matter.
    fn commutes_with(&self, event: &InvoiceEvent) -> bool {
        match event {
            InvoiceEvent::LineItemAdded(_)
            | InvoiceEvent::LineItemChanged(_)
            | InvoiceEvent::LineItemRemoved { .. } => true,
            InvoiceEvent::InvoiceCurrencySet { .. } => true,
            event => event.begins_the_draft(),
        }
    }
}
