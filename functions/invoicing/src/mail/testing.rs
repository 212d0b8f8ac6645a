//! A mail to be sent by the tests.

use headwater_dynamodb::EffectId;
use invoicing::{InvoiceCustomer, InvoiceRow};
use jiff::Timestamp;
use lettre::message::Mailbox;

use super::compose::{Wanted, compose};
use super::message::Mail;

pub(super) fn sender() -> Mailbox {
    "Acme Billing <billing@acme.example>".parse().unwrap()
}

/// What the event of this number asks for.
pub(super) fn wanted(number: u64) -> Wanted {
    Wanted {
        effect: EffectId { stream: invoicing::invoice::stream("acme", "7").unwrap(), number },
        subject: "Your invoice".to_owned(),
        message: "Thank you.".to_owned(),
        email: "ada@example.com".to_owned(),
    }
}

pub(super) fn invoice() -> InvoiceRow {
    let customer =
        InvoiceCustomer { id: None, name: "Ada Lovelace".into(), email: "ada@example.com".into() };
    InvoiceRow { number: Some(12), customer: Some(customer), ..InvoiceRow::default() }
}

/// The mail of the event of this number.
pub(super) fn mail(number: u64) -> Mail {
    let wanted = wanted(number);
    Mail {
        message: compose(&sender(), &wanted, &invoice(), Timestamp::UNIX_EPOCH).unwrap(),
        effect: wanted.effect,
    }
}
