//! What the lines of an invoice amount to. Each line's net and tax are rounded to the currency's
//! minor unit, half to even; all else are sums of those, so that what a reader adds up by hand
//! comes out the same.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Currency;
use crate::decimal;
use crate::invoice::{Line, Payment};

/// Net, tax, and both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Amounts {
    /// Without tax.
    #[serde(with = "decimal")]
    #[schema(value_type = String, example = "25.00")]
    pub net: Decimal,
    /// The tax.
    #[serde(with = "decimal")]
    #[schema(value_type = String, example = "4.75")]
    pub tax: Decimal,
    /// With tax.
    #[serde(with = "decimal")]
    #[schema(value_type = String, example = "29.75")]
    pub gross: Decimal,
}

impl Amounts {
    /// What a line amounts to: `net = quantity × unitPrice` and `tax = net × taxRate`, both
    /// rounded, and their sum.
    pub fn of(line: &Line, currency: Currency) -> Self {
        let net = currency.round(line.quantity * line.unit_price);
        let tax = currency.round(net * line.tax_rate);
        Self { net, tax, gross: net + tax }
    }
}

/// What an invoice amounts to, and how much of it is paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    /// The sum of all lines.
    #[serde(flatten)]
    pub amounts: Amounts,
    /// The sum of all payments.
    #[serde(with = "decimal")]
    #[schema(value_type = String, example = "10.00")]
    pub paid: Decimal,
    /// What is left to pay.
    #[serde(with = "decimal")]
    #[schema(value_type = String, example = "19.75")]
    pub due: Decimal,
}

impl Totals {
    /// Adds up lines and payments.
    pub fn of<'a>(
        lines: &[Line],
        payments: impl IntoIterator<Item = &'a Payment>,
        currency: Currency,
    ) -> Self {
        let sum = |amount: fn(Amounts) -> Decimal| {
            currency.round(lines.iter().map(|line| amount(Amounts::of(line, currency))).sum())
        };
        let amounts = Amounts {
            net: sum(|line| line.net),
            tax: sum(|line| line.tax),
            gross: sum(|line| line.gross),
        };
        let paid = currency.round(payments.into_iter().map(|payment| payment.amount).sum());
        Self { amounts, paid, due: amounts.gross - paid }
    }
}

/// The tax of all lines of one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaxTotal {
    /// The rate, as a fraction.
    #[serde(with = "decimal")]
    #[schema(value_type = String, example = "0.19")]
    pub rate: Decimal,
    /// The sum of the lines' net amounts.
    #[serde(with = "decimal")]
    #[schema(value_type = String, example = "25.00")]
    pub net: Decimal,
    /// The sum of the lines' taxes.
    #[serde(with = "decimal")]
    #[schema(value_type = String, example = "4.75")]
    pub tax: Decimal,
}

impl TaxTotal {
    /// One for each rate that there is, the lowest first.
    pub fn per_rate(lines: &[Line], currency: Currency) -> Vec<Self> {
        let mut rates: Vec<Decimal> = lines.iter().map(|line| line.tax_rate).collect();
        rates.sort();
        rates.dedup();
        let total = |rate: Decimal| {
            let amounts = lines
                .iter()
                .filter(|line| line.tax_rate == rate)
                .map(|line| Amounts::of(line, currency));
            let zero = currency.round(Decimal::ZERO);
            let (net, tax) =
                amounts.fold((zero, zero), |(net, tax), line| (net + line.net, tax + line.tax));
            Self { rate, net, tax }
        };
        rates.into_iter().map(total).collect()
    }
}
