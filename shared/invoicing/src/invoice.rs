//! An invoice: what a customer owes for what, and how far it is paid.

mod parts;

use std::collections::BTreeMap;

use headwater::{
    Aggregate, Context, Decide, Event, InvalidStreamName, Personal, Rejection, StreamName, Upcaster,
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use parts::{InvoiceCustomer, Line, Payer, Payment, Status};

use crate::fields::InvoiceId;
use crate::rules::{INVALID_TRANSITION, LINE_ITEM_LIMIT, MINOR_UNIT};
use crate::{Currency, DOMAIN, Totals};

/// The category of the streams of invoices.
pub const CATEGORY: &str = "invoices";

/// The sequence that invoices are numbered from when they are issued.
pub const NUMBERS: &str = "invoice-numbers";

/// How many line items an invoice may have at once.
pub const MOST_LINE_ITEMS: usize = 200;

/// In how many parts an invoice may be paid: each may be of another day. The row and the lines of
/// all its days of revenue are written in one transaction, which may have 100 items.
pub const MOST_PAYMENTS: usize = 90;

/// The stream of an invoice: `<tenant>/invoicing/invoices/<id>`.
///
/// # Errors
/// [`InvalidStreamName`] if tenant or id is no segment.
pub fn stream(tenant: &str, id: impl Into<InvoiceId>) -> Result<StreamName, InvalidStreamName> {
    StreamName::new(tenant, DOMAIN, CATEGORY, &id.into())
}

// ---- events -------------------------------------------------------------------------------------

/// What can have happened to an invoice: each event says one thing, so that others can be seen to
/// have nothing to do with it.
///
/// **The names of variants and fields are the storage format.** Never rename one: write an
/// upcaster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum InvoiceEvent {
    /// The invoice came to be. The events that follow in the same commit say the rest.
    InvoiceCreated {},
    /// Who is to pay: a copy, which later changes of the customer leave alone.
    InvoiceCustomerSet(Payer),
    /// What all its amounts are in.
    InvoiceCurrencySet {
        /// The ISO 4217 code of all amounts.
        currency: Currency,
    },
    /// The status that the step reached.
    InvoiceStatusSet {
        /// Never [`Status::Absent`] or [`Status::Deleted`].
        status: Status,
    },
    /// Something more is to be paid for.
    LineItemAdded(Line),
    /// The line of this number is another one now.
    LineItemChanged(Line),
    /// The line is gone; its number is never used again.
    LineItemRemoved {
        /// The line's number.
        n: u32,
    },
    /// The invoice has the tenant's next number, from now on and for good.
    InvoiceNumberSet {
        /// 1, 2, 3… in the tenant, without gaps.
        number: u64,
    },
    /// On which day it is to be paid at the latest; what is due after that day is overdue.
    InvoiceDueDateSet {
        /// A time of that day, of UTC: its last millisecond, or in events of former builds any.
        due_at: Timestamp,
    },
    /// The customer is to be sent the invoice: one mail for each such event.
    InvoiceSent {
        /// The mail's subject.
        subject: Personal<String>,
        /// The mail's text.
        message: Personal<String>,
        /// Where to: the address that the invoice had then.
        email: Personal<String>,
    },
    /// Money came in for it.
    PaymentRecorded(Payment),
    /// The draft is gone for good.
    InvoiceDeleted {},
    /// Nobody can read any more who was to pay, nor what mails said.
    InvoiceErased {},
}

impl Event for InvoiceEvent {
    /// Version 1 was written before the fields were personal. It is read as it is.
    const UPCASTERS: &'static [Upcaster] = &[
        Upcaster { event_type: "InvoiceCustomerSet", from: 1, lift: |old| old },
        Upcaster { event_type: "InvoiceSent", from: 1, lift: |old| old },
    ];
    const FORGETS: Option<&'static str> = Some("InvoiceErased");
}

impl InvoiceEvent {
    /// Whether it says no more than that the draft, which it is part of making, is one: then it
    /// changes nothing for anybody who edits it.
    pub(crate) fn begins_the_draft(&self) -> bool {
        matches!(self, Self::InvoiceStatusSet { status: Status::Draft })
    }
}

// ---- state --------------------------------------------------------------------------------------

/// An invoice as its rules see it. Some 900 bytes with five lines; 260 KB at its largest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invoice {
    /// Where in its life it is.
    pub status: Status,
    /// Who is to pay; nothing if there is no invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Payer>,
    /// What all amounts are in; nothing if there is no invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// The lines that there are, in order of their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
    /// The highest number that a line ever had.
    #[serde(default)]
    pub last_line: u32,
    /// The payments by their references.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub payments: BTreeMap<String, Payment>,
    /// Whether it is forgotten who was to pay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_erased: bool,
}

impl Aggregate for Invoice {
    type Event = InvoiceEvent;
    const DOMAIN: &'static str = DOMAIN;
    const CATEGORY: &'static str = CATEGORY;
    const REVISION: u32 = 2;
    /// A state of 0.9 KB (five lines) and commits of 0.4 KB, where three commands of ten find a
    /// cold Lambda.
    const PAGE: u32 = 16;

    fn is_there(&self) -> bool {
        !matches!(self.status, Status::Absent | Status::Deleted)
    }

    fn number_taken(event: &InvoiceEvent) -> Option<(&'static str, u64)> {
        match event {
            InvoiceEvent::InvoiceNumberSet { number } => Some((NUMBERS, *number)),
            _ => None,
        }
    }

    fn evolve(&mut self, event: &InvoiceEvent, _: Timestamp) {
        match event.clone() {
            // The commit's other events say all there is.
            InvoiceEvent::InvoiceCreated {} => self.status = Status::Draft,
            InvoiceEvent::InvoiceCustomerSet(customer) => self.customer = Some(customer),
            InvoiceEvent::InvoiceCurrencySet { currency } => self.currency = Some(currency),
            InvoiceEvent::InvoiceStatusSet { status } => self.status = status,
            InvoiceEvent::LineItemAdded(line) => {
                self.last_line = line.n;
                self.lines.push(line);
            }
            InvoiceEvent::LineItemChanged(line) => {
                if let Some(present) = self.lines.iter_mut().find(|present| present.n == line.n) {
                    *present = line;
                }
            }
            InvoiceEvent::LineItemRemoved { n } => self.lines.retain(|line| line.n != n),
            InvoiceEvent::PaymentRecorded(payment) => {
                self.payments.insert(payment.reference.clone(), payment);
            }
            InvoiceEvent::InvoiceErased {} => (self.customer, self.is_erased) = (None, true),
            // No rule needs to know; the row does.
            InvoiceEvent::InvoiceNumberSet { .. }
            | InvoiceEvent::InvoiceDueDateSet { .. }
            | InvoiceEvent::InvoiceSent { .. } => {}
            InvoiceEvent::InvoiceDeleted {} => {
                *self = Self { status: Status::Deleted, ..Self::default() }
            }
        }
    }

    /// A snapshot of revision 1 has the same fields, not yet sealed.
    fn lift(revision: u32, state: &Value) -> Option<Self> {
        Self::deserialize(state).ok().filter(|_| revision == 1)
    }
}

impl Invoice {
    /// What it amounts to, and how much of that is paid.
    pub fn totals(&self) -> Totals {
        self.currency.map_or_else(Totals::default, |currency| {
            Totals::of(&self.lines, self.payments.values(), currency)
        })
    }

    /// The line of a number.
    pub fn line(&self, n: u32) -> Option<&Line> {
        self.lines.iter().find(|line| line.n == n)
    }

    /// Refuses a command that the status does not allow.
    ///
    /// # Errors
    /// [`Rejection::Unknown`] if there is no such invoice, else [`INVALID_TRANSITION`].
    pub(crate) fn allow<C: Decide>(
        &self,
        _: &C,
        context: &Context,
        allowed: &[Status],
    ) -> Result<(), Rejection> {
        if matches!(self.status, Status::Absent | Status::Deleted) {
            return Err(Rejection::unknown("invoice", &context.id));
        }
        if allowed.contains(&self.status) {
            return Ok(());
        }
        let (status, command) = (self.status.name(), C::NAME);
        let detail = format!("{command} is not possible with an invoice that is {status}.");
        Err(Rejection::refused(&INVALID_TRANSITION, detail)
            .with("invoiceStatus", status)
            .with("command", command))
    }

    /// Refuses one line more than there may be.
    ///
    /// # Errors
    /// [`LINE_ITEM_LIMIT`].
    pub(crate) fn has_room(&self) -> Result<(), Rejection> {
        if self.lines.len() < MOST_LINE_ITEMS {
            return Ok(());
        }
        let detail = format!("The invoice has {} line items.", self.lines.len());
        Err(Rejection::refused(&LINE_ITEM_LIMIT, detail)
            .with("limit", MOST_LINE_ITEMS)
            .with("count", self.lines.len()))
    }
}

/// An amount with as many decimals as the minor unit of the invoice's currency has; there is one
/// from the first commit on.
///
/// # Errors
/// [`MINOR_UNIT`] if it has more.
pub(crate) fn in_minor_units(
    amount: Decimal,
    currency: Option<Currency>,
) -> Result<Decimal, Rejection> {
    let Some(currency) = currency else { return Ok(amount) };
    if currency.counts(amount) {
        return Ok(currency.round(amount));
    }
    let (code, decimals) = (currency.code(), currency.decimals());
    let detail = format!("{amount} has more than the {decimals} decimals of {code}.");
    Err(Rejection::refused(&MINOR_UNIT, detail).with("currency", code).with("decimals", decimals))
}
