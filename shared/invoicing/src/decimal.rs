//! Decimal numbers as JSON strings, for `#[serde(with = "decimal")]`.
//!
//! Stricter than `rust_decimal`'s own, which also takes JSON numbers (binary floating point to most
//! clients), scientific notation and underscores. It also rounds away the digits that it cannot
//! hold.

use std::fmt;

use rust_decimal::Decimal;
use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

/// Writes a number with all its decimals, as `"12.50"`.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(number: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// Reads digits, with a point and more digits behind it if need be, exactly.
///
/// # Errors
/// For any other string, more digits than 28, and a JSON number.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    deserializer.deserialize_any(DecimalText)
}

/// The same where a JSON integer will do as well.
pub mod or_integer {
    use rust_decimal::Decimal;
    use serde::Deserializer;

    use super::DecimalOrInteger;
    pub use super::serialize;

    /// Reads a decimal string, or an integer.
    ///
    /// # Errors
    /// For all else.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        deserializer.deserialize_any(DecimalOrInteger)
    }
}

/// A decimal number without sign or exponent.
fn parse(text: &str) -> Option<Decimal> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if digits(whole) && digits(decimals) { Decimal::from_str_exact(text).ok() } else { None }
}

struct DecimalText;

impl Visitor<'_> for DecimalText {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal number as a string, as \"12.50\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Decimal, E> {
        parse(text).ok_or_else(|| E::custom("must be a decimal number without sign, as \"12.50\""))
    }
}

struct DecimalOrInteger;

impl Visitor<'_> for DecimalOrInteger {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer, or a decimal number as a string, as \"1.5\"")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Decimal, E> {
        Ok(number.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Decimal, E> {
        DecimalText.visit_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_a_point_are_a_number() {
        for good in ["0", "12.50", "007", "0.000001", "79228162514264337593543950335"] {
            assert!(parse(good).is_some(), "{good}");
        }
        assert_eq!(
            parse("12.50").map(|number| number.to_string()).as_deref(),
            Some("12.50"),
            "decimals are kept"
        );
        for bad in [
            "",
            ".",
            ".5",
            "5.",
            "-1",
            "+1",
            "1e3",
            "1_000",
            "1,5",
            " 1",
            "1.2.3",
            "٣",
            "NaN",
            &"9".repeat(30),
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn no_digit_is_rounded_away() {
        assert!(parse(&format!("0.{}", "1".repeat(28))).is_some());
        assert_eq!(parse(&format!("0.{}", "1".repeat(29))), None);
    }
}
