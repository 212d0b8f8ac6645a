use garde::Validate;
use headwater::Rejection;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::fields::{self, Description};
use crate::invoice::{Line, in_minor_units};
use crate::{Currency, decimal};

/// What is to be paid for, as a client gives it. It is checked with the currency that the same
/// request says, if it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(context(Option<Currency>))]
pub struct LineItem {
    /// What it is.
    #[garde(dive(()))]
    pub description: Description,
    /// How many or how much: a decimal string or an integer, more than 0, at most 1,000,000,000, at
    /// most 6 decimals.
    #[garde(custom(fields::quantity))]
    #[serde(with = "decimal::or_integer")]
    #[schema(value_type = String, example = "1.5")]
    pub quantity: Decimal,
    /// The price of one, without tax: a decimal string from 0 to 1,000,000,000, with no more
    /// decimals than the currency's minor unit.
    #[garde(custom(fields::price))]
    #[serde(with = "decimal")]
    #[schema(value_type = String, example = "12.50")]
    pub unit_price: Decimal,
    /// The rate of tax, a fraction from 0 to 1 as a decimal string: 19 % is "0.19". At most 6
    /// decimals.
    #[garde(custom(fields::tax_rate))]
    #[serde(with = "decimal")]
    #[schema(value_type = String, example = "0.19")]
    pub tax_rate: Decimal,
}

impl LineItem {
    /// The line that this is to be. However a number was written, it is stored in one way.
    ///
    /// # Errors
    /// [`MINOR_UNIT`](crate::rules::MINOR_UNIT) if the price has more decimals than the currency.
    pub(crate) fn numbered(&self, n: u32, currency: Option<Currency>) -> Result<Line, Rejection> {
        Ok(Line {
            n,
            description: self.description.to_string(),
            quantity: self.quantity.normalize(),
            unit_price: in_minor_units(self.unit_price, currency)?,
            tax_rate: self.tax_rate.normalize(),
        })
    }
}
