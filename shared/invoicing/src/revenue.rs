//! Revenue: what the invoices issued on a day, and the payments that came in on it, amount to. Days
//! are those of UTC.
//!
//! Every invoice says what it adds to which days; when it changes, the sums change by the
//! difference in the same transaction. So they are those of the invoices to the minor unit,
//! whatever is delivered twice, late, or folded anew.

mod range;

use std::collections::BTreeMap;

use headwater::{Amounts, Contributions, SumKey};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Currency, InvoiceRow, Status, day};

pub use range::{By, InvalidRange, Range};

/// The table of sums: a line for each day and currency, as `2026-11-21 EUR`, with [`INVOICES`],
/// [`NET`], [`TAX`] and [`PAID`].
pub const REVENUE: &str = "revenue";

/// How many invoices were issued.
const INVOICES: &str = "invoices";
/// What they amount to without tax, in minor units. Gross is this and the tax.
const NET: &str = "net";
/// Their tax, in minor units.
const TAX: &str = "tax";
/// What came in, in minor units.
const PAID: &str = "paid";

/// What an invoice adds to the days on which it was issued and paid; nothing as long as it is a
/// draft, and once it is void.
pub(crate) fn contributions(invoice: &InvoiceRow) -> Contributions {
    let mut lines = Contributions::new();
    let (Some(currency), Some(issued_at)) = (invoice.currency, invoice.issued_at) else {
        return lines;
    };
    if !matches!(invoice.status, Status::Issued | Status::Sent | Status::Paid) {
        return lines;
    }
    let mut add = |at: Timestamp, name: &str, amount: i128| {
        let order = format!("{} {}", day::of(at), currency.code());
        let line = lines.entry(SumKey { index: REVENUE.to_owned(), order }).or_default();
        *line.entry(name.to_owned()).or_default() += amount;
    };
    let totals = invoice.totals.amounts;
    add(issued_at, INVOICES, 1);
    add(issued_at, NET, currency.minor_units(totals.net));
    add(issued_at, TAX, currency.minor_units(totals.tax));
    for payment in &invoice.payments {
        add(payment.at, PAID, currency.minor_units(payment.amount));
    }
    lines
}

/// The revenue of one period in one currency. Amounts have as many digits as they need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Revenue {
    /// The day, as `2026-11-21`, or the month, as `2026-11`, of UTC.
    #[schema(example = "2026-11")]
    pub period: String,
    /// What the amounts are in. Nothing is converted.
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
    /// How many invoices were issued in the period that are not void.
    pub invoices: i128,
    /// What they amount to without tax.
    #[schema(example = "25.00")]
    pub net: String,
    /// Their tax.
    #[schema(example = "4.75")]
    pub tax: String,
    /// What they amount to with tax.
    #[schema(example = "29.75")]
    pub gross: String,
    /// What came in during the period, for invoices of whichever period.
    #[schema(example = "10.00")]
    pub paid: String,
}

impl Revenue {
    fn new(period: &str, currency: Currency, amounts: &Amounts) -> Self {
        let amount = |name: &str| amounts.get(name).copied().unwrap_or_default();
        let (net, tax) = (amount(NET), amount(TAX));
        Self {
            period: period.to_owned(),
            currency,
            invoices: amount(INVOICES),
            net: currency.amount_of(net),
            tax: currency.amount_of(tax),
            gross: currency.amount_of(net + tax),
            paid: currency.amount_of(amount(PAID)),
        }
    }
}

/// The revenue of each period in which there was any, the oldest first, in each currency or only in
/// this one; nothing if one of the lines is none of [`REVENUE`].
pub fn revenue<'a>(
    lines: impl IntoIterator<Item = (&'a str, &'a Amounts)>,
    by: By,
    only: Option<Currency>,
) -> Option<Vec<Revenue>> {
    let mut periods: BTreeMap<(&str, &str), Amounts> = BTreeMap::new();
    for (order, amounts) in lines {
        let (day, code) = order.split_once(' ')?;
        let sums = periods.entry((by.period_of(day)?, code)).or_default();
        amounts.iter().for_each(|(name, amount)| *sums.entry(name.clone()).or_default() += amount);
    }
    // What was taken back altogether leaves a line of zeros behind.
    periods.retain(|_, amounts| amounts.values().any(|amount| *amount != 0));
    let items = periods.iter().map(|((period, code), amounts)| {
        Some(Revenue::new(period, Currency::from_code(code)?, amounts))
    });
    let items: Vec<Revenue> = items.collect::<Option<_>>()?;
    Some(items.into_iter().filter(|item| only.is_none_or(|only| only == item.currency)).collect())
}
