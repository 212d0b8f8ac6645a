//! Currencies of ISO 4217, and how finely they are counted.

use std::fmt;

use headwater::field::{CurrencyCode, Limits};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A currency of ISO 4217 that has a minor unit; as JSON its code, as `"EUR"`.
///
/// Superseded ones are among them, since what was once written in them must load for ever; gold and
/// other codes without a minor unit are not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Currency {
    iso: iso_currency::Currency,
    decimals: u32,
}

impl Currency {
    /// The currency of a code in capitals.
    pub fn from_code(code: &str) -> Option<Self> {
        let iso = iso_currency::Currency::from_code(code)?;
        Some(Self { iso, decimals: iso.exponent()?.into() })
    }

    /// As `EUR`.
    pub fn code(self) -> &'static str {
        self.iso.code()
    }

    /// How many decimals the minor unit has: 0 for JPY, 2 for EUR, 3 for KWD.
    pub fn decimals(self) -> u32 {
        self.decimals
    }

    /// Whether an amount is a whole number of minor units.
    pub fn counts(self, amount: Decimal) -> bool {
        amount.normalize().scale() <= self.decimals
    }

    /// An amount with exactly as many decimals as the minor unit has, rounded half to even.
    #[must_use]
    pub fn round(self, amount: Decimal) -> Decimal {
        let mut rounded =
            amount.round_dp_with_strategy(self.decimals, RoundingStrategy::MidpointNearestEven);
        rounded.rescale(self.decimals);
        rounded
    }

    /// An amount in whole minor units: 1250 for EUR 12.50. What is smaller is rounded half to even.
    pub fn minor_units(self, amount: Decimal) -> i128 {
        self.round(amount).mantissa()
    }

    /// Minor units as an amount: `12.50` for 1250 of EUR. A sum may have more digits than a
    /// [`Decimal`] holds.
    pub fn amount_of(self, units: i128) -> String {
        let (sign, decimals) = (if units < 0 { "-" } else { "" }, self.decimals as usize);
        let digits = format!("{:0>width$}", units.unsigned_abs(), width = decimals + 1);
        match digits.split_at(digits.len() - decimals) {
            (whole, "") => format!("{sign}{whole}"),
            (whole, decimals) => format!("{sign}{whole}.{decimals}"),
        }
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::from_code(&code).ok_or_else(|| {
            D::Error::custom(
                "must be the ISO 4217 code of a currency with a minor unit, as \"EUR\"",
            )
        })
    }
}

impl ToSchema for Currency {}

impl PartialSchema for Currency {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(CurrencyCode::PATTERN)
            .description(Some(CurrencyCode::in_words()))
            .examples(["EUR"])
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn only_currencies_with_a_minor_unit_are_any() {
        for (code, decimals) in [("JPY", 0), ("EUR", 2), ("KWD", 3), ("CLF", 4), ("HRK", 2)] {
            assert_eq!(Currency::from_code(code).map(Currency::decimals), Some(decimals), "{code}");
        }
        for code in ["XXX", "XAU", "eur", "EU", "EURO", ""] {
            assert_eq!(Currency::from_code(code), None, "{code}");
        }
    }

    #[test]
    fn halves_are_rounded_to_even() {
        let rounded = |code: &str, text: &str| {
            Currency::from_code(code).unwrap().round(amount(text)).to_string()
        };
        for (text, euros) in [
            ("0.005", "0.00"),
            ("0.015", "0.02"),
            ("0.025", "0.02"),
            ("0.0250001", "0.03"),
            ("1", "1.00"),
            ("0.1", "0.10"),
        ] {
            assert_eq!(rounded("EUR", text), euros, "{text}");
        }
        assert_eq!((rounded("JPY", "0.5").as_str(), rounded("JPY", "1.5").as_str()), ("0", "2"));
        assert_eq!(
            (rounded("KWD", "1.0005").as_str(), rounded("KWD", "1.0015").as_str()),
            ("1.000", "1.002")
        );
    }

    #[test]
    fn minor_units_and_amounts_are_the_same() {
        for (code, units, text) in [
            ("EUR", 0, "0.00"),
            ("EUR", 5, "0.05"),
            ("EUR", -5, "-0.05"),
            ("EUR", 1250, "12.50"),
            ("JPY", 0, "0"),
            ("JPY", -120, "-120"),
            ("KWD", 1005, "1.005"),
            (
                "CLF",
                99_999_999_999_999_999_999_999_999_999_999_999_999,
                "9999999999999999999999999999999999.9999",
            ),
        ] {
            let currency = Currency::from_code(code).unwrap();
            assert_eq!(currency.amount_of(units), text);
            if let Ok(amount) = Decimal::from_str_exact(text) {
                assert_eq!(currency.minor_units(amount), units);
            }
        }
    }

    #[test]
    fn an_amount_is_counted_by_its_value() {
        let euro = Currency::from_code("EUR").unwrap();
        assert!(["1", "1.2", "1.23", "1.2300"].iter().all(|text| euro.counts(amount(text))));
        assert!(!euro.counts(amount("1.234")));
        assert!(Currency::from_code("JPY").unwrap().counts(amount("100.00")));
    }
}
