use garde::Validate;
use headwater::{Command, Context, Rule, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Currency;
use crate::invoice::{Invoice, InvoiceEvent, Status, in_minor_units};
use crate::rules;

/// `PUT /invoicing/invoices/{id}/currency`: what all amounts are in. The prices stay the numbers
/// they are; nothing is converted.
///
/// Refused: [`INVALID_TRANSITION`](crate::rules::INVALID_TRANSITION), and
/// [`MINOR_UNIT`](crate::rules::MINOR_UNIT) if a price has more decimals than the new currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetInvoiceCurrency {
    /// What all amounts are in from now on.
    #[garde(skip)]
    pub currency: Currency,
}

impl Command for SetInvoiceCurrency {
    type Aggregate = Invoice;
    const NAME: &'static str = "SetInvoiceCurrency";
    const RULES: &'static [&'static Rule] = &[&rules::INVALID_TRANSITION, &rules::MINOR_UNIT];

    fn decide(&self, invoice: &Invoice, context: &Context) -> Verdict<Invoice> {
        invoice.allow(self, context, &[Status::Draft])?;
        let currency = self.currency;
        if invoice.currency == Some(currency) {
            return Ok(vec![]);
        }
        invoice
            .lines
            .iter()
            .try_for_each(|line| in_minor_units(line.unit_price, Some(currency)).map(drop))?;
        Ok(vec![InvoiceEvent::InvoiceCurrencySet { currency }])
    }

    /// With a change of customer. Prices are meant in a currency, so whatever happened to a line
    /// may be a reason against it.
    fn commutes_with(&self, event: &InvoiceEvent) -> bool {
        matches!(event, InvoiceEvent::InvoiceCustomerSet(_)) || event.begins_the_draft()
    }
}
