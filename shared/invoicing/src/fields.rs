//! What the fields of requests may hold.

use headwater::{field, is_segment};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};

use crate::Currency;

/// The highest quantity, price and payment. With their decimals, products of two are exact in the
/// 28 digits that there are.
const MOST: u32 = 1_000_000_000;

/// The most decimals that any currency's minor unit has.
const MOST_OF_MONEY: u32 = 4;

/// How finely a quantity or a rate of tax may be given.
const MOST_OF_NUMBERS: u32 = 6;

/// An id that a client may choose: one segment of a stream's name.
pub(crate) fn id(value: &str, _: &()) -> garde::Result {
    if is_segment(value) {
        Ok(())
    } else {
        Err(garde::Error::new("must be 1 to 64 of A-Z a-z 0-9 _ -"))
    }
}

/// A name or a subject: a line of 1–200 characters.
pub(crate) fn line(value: &str, _: &()) -> garde::Result {
    one_line(value, 200)
}

/// An address that a mail can be sent to.
pub(crate) fn email(value: &str, _: &()) -> garde::Result {
    field::email(value).map_err(garde::Error::new)
}

/// A payment's reference: a line of 1–200 bytes in UTF-8, so that 200 of them fit into one row with
/// as many lines.
pub(crate) fn reference(value: &str, _: &()) -> garde::Result {
    one_line(value, 200)?;
    bytes(value, 200)
}

/// What a line item is for: a line of 1–500 characters, and 1,000 bytes in UTF-8, so that 200 of
/// them fit into one row.
pub(crate) fn description<C>(value: &str, _: &C) -> garde::Result {
    one_line(value, 500)?;
    bytes(value, 1_000)
}

/// A message: 1–5,000 characters on any number of lines.
pub(crate) fn message(value: &str, _: &()) -> garde::Result {
    field::text(value, 5_000).map_err(garde::Error::new)?;
    if value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(garde::Error::new(
            "must not contain control characters other than tabs and line ends",
        ));
    }
    Ok(())
}

/// A price of one: nothing or more, in whole minor units of the currency where the same request
/// says which.
pub(crate) fn price(value: &Decimal, currency: &Option<Currency>) -> garde::Result {
    money(*value)?;
    match currency {
        Some(currency) if !currency.counts(*value) => {
            let (decimals, code) = (currency.decimals(), currency.code());
            Err(garde::Error::new(format!("has more than the {decimals} decimals of {code}")))
        }
        _ => Ok(()),
    }
}

/// A payment: more than nothing.
pub(crate) fn payment(value: &Decimal, _: &()) -> garde::Result {
    positive(*value)?;
    money(*value)
}

/// When money came in.
pub(crate) fn since_1970(value: &Timestamp, _: &()) -> garde::Result {
    field::since_1970(*value).map_err(garde::Error::new)
}

/// How many or how much of something: more than nothing.
pub(crate) fn quantity<C>(value: &Decimal, _: &C) -> garde::Result {
    positive(*value)?;
    at_most(*value, MOST.into())?;
    decimals(*value, MOST_OF_NUMBERS)
}

/// A rate of tax, from 0 to 1.
pub(crate) fn tax_rate<C>(value: &Decimal, _: &C) -> garde::Result {
    if *value > Decimal::ONE {
        return Err(garde::Error::new("must be a fraction from 0 to 1: 19 % is \"0.19\""));
    }
    decimals(*value, MOST_OF_NUMBERS)
}

fn one_line(value: &str, most: usize) -> garde::Result {
    field::line(value, most).map_err(garde::Error::new)
}

fn bytes(value: &str, most: usize) -> garde::Result {
    if value.len() <= most {
        Ok(())
    } else {
        Err(garde::Error::new(format!("must have at most {most} bytes in UTF-8")))
    }
}

fn money(value: Decimal) -> garde::Result {
    at_most(value, MOST.into())?;
    decimals(value, MOST_OF_MONEY)
}

fn positive(value: Decimal) -> garde::Result {
    if value > Decimal::ZERO { Ok(()) } else { Err(garde::Error::new("must be greater than 0")) }
}

fn at_most(value: Decimal, most: Decimal) -> garde::Result {
    if value <= most { Ok(()) } else { Err(garde::Error::new(format!("must be at most {most}"))) }
}

fn decimals(value: Decimal, most: u32) -> garde::Result {
    if value.normalize().scale() <= most {
        Ok(())
    } else {
        Err(garde::Error::new(format!("must have at most {most} decimals")))
    }
}

/// Reads a field of a patch, where absent and null differ: what is absent (`#[serde(default)]`)
/// stays as it is. Null is refused.
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The same for an address.
pub(crate) fn given_email<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    field::read_email(deserializer).map(Some)
}
