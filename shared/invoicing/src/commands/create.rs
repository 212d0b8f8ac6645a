use garde::Validate;
use headwater::{Command, Context, Rejection, Rule, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::LineItem;
use crate::Currency;
use crate::fields::InvoiceId;
use crate::invoice::{Invoice, InvoiceCustomer, InvoiceEvent, MOST_LINE_ITEMS, Status};
use crate::rules::{self, INVOICE_EXISTS};

/// `POST /invoicing/invoices`: a draft, with its customer, currency and lines in one commit.
///
/// Refused: [`INVOICE_EXISTS`], [`MINOR_UNIT`](crate::rules::MINOR_UNIT).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateInvoice {
    /// A UUID v7 is made if it is left out.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<InvoiceId>,
    /// Who is to pay; copied into the invoice.
    #[garde(dive)]
    pub customer: InvoiceCustomer,
    /// What all amounts are in.
    #[garde(skip)]
    pub currency: Currency,
    /// What is to be paid for: at most 200 lines, numbered from 1 in this order.
    #[garde(dive(Some(self.currency)), length(max = MOST_LINE_ITEMS))]
    #[serde(default)]
    #[schema(max_items = 200)]
    pub line_items: Vec<LineItem>,
}

impl Command for CreateInvoice {
    type Aggregate = Invoice;
    const NAME: &'static str = "CreateInvoice";
    const RULES: &'static [&'static Rule] = &[&rules::INVOICE_EXISTS, &rules::MINOR_UNIT];

    fn decide(&self, invoice: &Invoice, context: &Context) -> Verdict<Invoice> {
        if invoice.status != Status::Absent {
            return Err(Rejection::refused(
                &INVOICE_EXISTS,
                format!("There is or was an invoice {}.", context.id),
            ));
        }
        let mut events = vec![
            InvoiceEvent::InvoiceCreated {},
            InvoiceEvent::InvoiceCustomerSet((&self.customer).into()),
            InvoiceEvent::InvoiceCurrencySet { currency: self.currency },
            InvoiceEvent::InvoiceStatusSet { status: Status::Draft },
        ];
        for (n, item) in (1..).zip(&self.line_items) {
            events.push(InvoiceEvent::LineItemAdded(item.numbered(n, Some(self.currency))?));
        }
        Ok(events)
    }
}
