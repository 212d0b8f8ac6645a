//! What queries answer with. Times are UTC; amounts are decimal strings in the invoice's currency.

use headwater::StreamName;
use invoicing::{
    Currency, CustomerRow, InvoiceCustomer, InvoiceRow, LineRow, Payment, Status, TaxTotal, Totals,
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// Raise it when the same row is rendered in another way: it is part of the `ETag`.
pub(super) const REPRESENTATION: u32 = 1;

/// An invoice, as lists show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct InvoiceSummary {
    id: String,
    version: u64,
    /// The tenant's number of it, once it is issued.
    number: Option<u64>,
    status: Status,
    /// Whether a part of it is paid, and a part is not.
    partly_paid: bool,
    /// Whether something is due although the day, of UTC, is over on which it was to be paid at the
    /// latest.
    overdue: bool,
    /// Who is to pay; nothing if it is deleted, as only `?version=` shows it.
    customer: Option<InvoiceCustomer>,
    #[schema(value_type = Option<String>, example = "EUR")]
    currency: Option<Currency>,
    totals: Totals,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = "date-time")]
    issued_at: Option<Timestamp>,
    /// The end of the day, of UTC, on which it is to be paid at the latest; of what former builds
    /// issued, any time of that day. Overdue is what is due after that day.
    #[schema(value_type = Option<String>, format = "date-time")]
    due_at: Option<Timestamp>,
    /// When it was last sent.
    #[schema(value_type = Option<String>, format = "date-time")]
    sent_at: Option<Timestamp>,
}

/// An invoice with all that it says.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct InvoiceView {
    #[serde(flatten)]
    summary: InvoiceSummary,
    line_items: Vec<LineRow>,
    /// The tax of each rate, the lowest first.
    taxes: Vec<TaxTotal>,
    /// In order of time.
    payments: Vec<Payment>,
}

impl InvoiceSummary {
    /// The row, as it is to be shown at a time.
    pub(super) fn new(stream: &StreamName, version: u64, row: InvoiceRow, now: Timestamp) -> Self {
        InvoiceView::new(stream, version, row, now).summary
    }
}

impl InvoiceView {
    /// The row, as it is to be shown at a time.
    pub(super) fn new(stream: &StreamName, version: u64, row: InvoiceRow, now: Timestamp) -> Self {
        let (id, partly_paid, overdue) =
            (stream.id().to_owned(), row.is_partly_paid(), row.is_overdue(now));
        let InvoiceRow {
            number,
            status,
            customer,
            currency,
            totals,
            created_at,
            issued_at,
            due_at,
            sent_at,
            ..
        } = row;
        let summary = InvoiceSummary {
            id,
            version,
            number,
            status,
            partly_paid,
            overdue,
            customer,
            currency,
            totals,
            created_at,
            issued_at,
            due_at,
            sent_at,
        };
        Self { summary, line_items: row.line_items, taxes: row.taxes, payments: row.payments }
    }

    /// An invoice that becomes overdue is shown in another way without a change of version, so it
    /// has another `ETag` from then on.
    pub(super) fn representation(&self) -> u32 {
        2 * REPRESENTATION + u32::from(self.summary.overdue)
    }
}

/// A customer, as queries show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CustomerView {
    id: String,
    version: u64,
    name: String,
    email: String,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl CustomerView {
    pub(super) fn new(stream: &StreamName, version: u64, row: CustomerRow) -> Self {
        let CustomerRow { name, email, created_at, updated_at, .. } = row;
        Self { id: stream.id().to_owned(), version, name, email, created_at, updated_at }
    }
}
