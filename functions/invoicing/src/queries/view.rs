//! What queries answer with.

use headwater::StreamName;
use invoicing::{Currency, InvoiceCustomer, InvoiceRow, LineRow, Payment, Status, TaxTotal, Totals};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// Raise it when the same row is rendered in another way: it is part of the `ETag`.
const REPRESENTATION: u32 = 1;

/// An invoice, as queries show it. Amounts are in its currency, as decimal strings.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvoiceView {
    id: String,
    version: u64,
    /// The tenant's number of it, from when it is issued.
    number: Option<u64>,
    status: Status,
    /// Whether a part of it is paid, and a part is not.
    partly_paid: bool,
    /// Whether something is due although the due date is over.
    overdue: bool,
    customer: Option<InvoiceCustomer>,
    #[schema(value_type = String, example = "EUR")]
    currency: Option<Currency>,
    line_items: Vec<LineRow>,
    totals: Totals,
    /// The tax of each rate, the lowest first.
    taxes: Vec<TaxTotal>,
    /// In order of time.
    payments: Vec<Payment>,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = "date-time")]
    issued_at: Option<Timestamp>,
    /// From this moment on what is due is overdue.
    #[schema(value_type = Option<String>, format = "date-time")]
    due_at: Option<Timestamp>,
    /// When it was last sent.
    #[schema(value_type = Option<String>, format = "date-time")]
    sent_at: Option<Timestamp>,
}

impl InvoiceView {
    /// The row, as it is to be shown at a time.
    pub(crate) fn new(stream: &StreamName, version: u64, row: InvoiceRow, now: Timestamp) -> Self {
        let (partly_paid, overdue) = (row.is_partly_paid(), row.is_overdue(now));
        let InvoiceRow { number, status, customer, currency, line_items, totals, taxes, payments, created_at, issued_at, due_at, sent_at } =
            row;
        Self {
            id: stream.id().to_owned(),
            version,
            number,
            status,
            partly_paid,
            overdue,
            customer,
            currency,
            line_items,
            totals,
            taxes,
            payments,
            created_at,
            issued_at,
            due_at,
            sent_at,
        }
    }

    /// What becomes overdue is shown in another way without a change of version, so it has another `ETag` from then on.
    pub(crate) fn representation(&self) -> u32 {
        2 * REPRESENTATION + u32::from(self.overdue)
    }
}
