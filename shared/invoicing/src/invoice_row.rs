//! An invoice as queries show it, and the lists in which it stands.

use std::collections::BTreeSet;

use headwater::{Contributions, IndexKey, Projection, StreamName};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::invoice::{self, InvoiceCustomer, InvoiceEvent, Line, Payment, Status};
use crate::{Amounts, Currency, TaxTotal, Totals, day, revenue};

/// An invoice as queries show it; its stream's name says which. Of a deleted one only the status
/// and its time are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceRow {
    /// The tenant's number of it, once it is issued.
    pub number: Option<u64>,
    /// Where in its life it is.
    pub status: Status,
    /// Who is to pay; nothing if it is deleted or erased.
    pub customer: Option<InvoiceCustomer>,
    /// What all amounts are in; nothing if it is deleted.
    pub currency: Option<Currency>,
    /// The lines, in order of their numbers.
    pub line_items: Vec<LineRow>,
    /// What it amounts to, and how much of that is paid.
    pub totals: Totals,
    /// The tax of each rate, the lowest first.
    pub taxes: Vec<TaxTotal>,
    /// The payments in order of time; those of one time by reference.
    pub payments: Vec<Payment>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it got its number.
    pub issued_at: Option<Timestamp>,
    /// A time of the day, of UTC, on which it is to be paid at the latest.
    pub due_at: Option<Timestamp>,
    /// When it was last sent.
    pub sent_at: Option<Timestamp>,
}

/// A line, and what it amounts to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LineRow {
    /// The line.
    #[serde(flatten)]
    pub line: Line,
    /// Its net, tax and gross.
    #[serde(flatten)]
    pub amounts: Amounts,
}

impl Projection for InvoiceRow {
    type Event = InvoiceEvent;
    const CATEGORY: &'static str = invoice::CATEGORY;
    const REVISION: u32 = 2;

    fn evolve(&mut self, event: &InvoiceEvent, at: Timestamp) {
        match event.clone() {
            InvoiceEvent::InvoiceCreated {} => (self.status, self.created_at) = (Status::Draft, at),
            InvoiceEvent::InvoiceCustomerSet(payer) => self.customer = payer.known(),
            InvoiceEvent::InvoiceCurrencySet { currency } => self.currency = Some(currency),
            InvoiceEvent::InvoiceStatusSet { status } => self.status = status,
            InvoiceEvent::LineItemAdded(line) => {
                self.line_items.push(LineRow { line, amounts: Amounts::default() })
            }
            InvoiceEvent::LineItemChanged(line) => {
                let present = self.line_items.iter_mut().find(|row| row.line.n == line.n);
                present.into_iter().for_each(|row| row.line = line.clone());
            }
            InvoiceEvent::LineItemRemoved { n } => self.line_items.retain(|row| row.line.n != n),
            InvoiceEvent::InvoiceNumberSet { number } => {
                (self.number, self.issued_at) = (Some(number), Some(at))
            }
            InvoiceEvent::InvoiceDueDateSet { due_at } => self.due_at = Some(due_at),
            InvoiceEvent::InvoiceSent { .. } => self.sent_at = Some(at),
            InvoiceEvent::PaymentRecorded(payment) => self.add_payment(payment),
            InvoiceEvent::InvoiceErased {} => self.customer = None,
            InvoiceEvent::InvoiceDeleted {} => {
                *self = Self {
                    status: Status::Deleted,
                    created_at: self.created_at,
                    ..Self::default()
                };
            }
        }
        self.add_up();
    }

    fn is_deleted(&self) -> bool {
        matches!(self.status, Status::Absent | Status::Deleted)
    }

    fn index_keys(&self, stream: &StreamName) -> BTreeSet<IndexKey> {
        let customer_id = self.customer.as_ref().and_then(|customer| customer.id.as_deref());
        let order = IndexKey::newest_first(self.created_at);
        let customers = [None].into_iter().chain(customer_id.map(Some));
        let indexes = customers.flat_map(|customer_id| {
            [None, Some(self.status)].map(|status| invoices(status, customer_id))
        });
        indexes.map(|index| IndexKey::new(index, &order, stream.id())).collect()
    }

    fn contributions(&self, _: &StreamName) -> Contributions {
        revenue::contributions(self)
    }
}

impl InvoiceRow {
    /// Whether a part of it is paid, and a part is not.
    pub fn is_partly_paid(&self) -> bool {
        self.totals.paid > Decimal::ZERO && self.totals.due > Decimal::ZERO
    }

    /// Whether something is due although the day, of UTC, is over on which it was to be paid at the
    /// latest.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        let is_open = matches!(self.status, Status::Issued | Status::Sent);
        is_open
            && self.totals.due > Decimal::ZERO
            && self.due_at.is_some_and(|due_at| day::of(due_at) < day::of(now))
    }

    fn add_payment(&mut self, payment: Payment) {
        self.payments.push(payment);
        self.payments.sort_by(|a, b| (a.at, &a.reference).cmp(&(b.at, &b.reference)));
    }

    /// Works out all amounts anew, each in the currency's minor unit, unit prices too.
    fn add_up(&mut self) {
        let Some(currency) = self.currency else { return };
        for row in &mut self.line_items {
            row.line.unit_price = currency.round(row.line.unit_price);
            row.amounts = Amounts::of(&row.line, currency);
        }
        let lines: Vec<Line> = self.line_items.iter().map(|row| row.line.clone()).collect();
        self.totals = Totals::of(&lines, &self.payments, currency);
        self.taxes = TaxTotal::per_rate(&lines, currency);
    }
}

/// The index of all invoices, or those of one status, of one customer, or both; the newest first,
/// by when they were created.
pub fn invoices(status: Option<Status>, customer_id: Option<&str>) -> String {
    let customer = customer_id.map(|id| format!("/customer/{id}")).unwrap_or_default();
    let status = status.map(|status| format!("/status/{}", status.name())).unwrap_or_default();
    format!("invoices{customer}{status}")
}
