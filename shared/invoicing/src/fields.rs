//! What the fields of requests may hold, each stated once.

use headwater::field::{self, Id, Line, Lines, Text};
use rust_decimal::Decimal;

use crate::{Currency, Customer, Invoice};

/// The id of an invoice.
pub type InvoiceId = Id<Invoice>;

/// The id of a customer.
pub type CustomerId = Id<Customer>;

/// A customer's name, as invoices show it.
pub type CustomerName = Text<Line<200>>;

/// An address that a mail can be sent to.
pub type Email = Text<field::Email>;

/// A payment's reference, narrow enough for one row to hold 200 of them with as many lines.
pub type Reference = Text<Line<200, 200>>;

/// What a line item is for, narrow enough for one row to hold 200 of them.
pub type Description = Text<Line<500, 1_000>>;

/// A mail's subject.
pub type Subject = Text<Line<200>>;

/// A mail's text.
pub type Message = Text<Lines<5_000>>;

/// The highest quantity, price and payment. With their decimals, products of two are exact in the
/// 28 digits that there are.
const MOST: u32 = 1_000_000_000;

/// The most decimals that any currency's minor unit has.
const MOST_OF_MONEY: u32 = 4;

/// How finely a quantity or a rate of tax may be given.
const MOST_OF_NUMBERS: u32 = 6;

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
