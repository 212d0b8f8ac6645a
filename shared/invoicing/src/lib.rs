//! Invoicing: invoices, their numbers, and the customers they are sent to, without a database.
//!
//! | stream | aggregate | row | commands |
//! |---|---|---|---|
//! | `invoices/<id>` | [`Invoice`] | [`InvoiceRow`] | in [`commands`] |
//! | `customers/<id>` | [`Customer`] | [`CustomerRow`] | in [`customer`] |
//!
//! Money is decimal, never binary floating point, and exact but for one rounding a line and a tax.
//! What commutes with what is said by each command itself.

pub mod commands;
pub mod currency;
pub mod customer;
pub mod customer_row;
mod day;
pub mod decimal;
mod fields;
pub mod invoice;
pub mod invoice_row;
pub mod mail;
pub mod revenue;
pub mod rules;
mod split;
pub mod totals;

use headwater::{Domain, Handler, ProjectionFn, aggregate_fn, projection_fn};

pub use commands::*;
pub use currency::Currency;
pub use customer::{CreateCustomer, Customer, CustomerEvent, EraseCustomer, PatchCustomer};
pub use customer_row::CustomerRow;
pub use fields::{
    CustomerId, CustomerName, Description, Email, InvoiceId, Message, Reference, Subject,
};
pub use invoice::{Invoice, InvoiceCustomer, InvoiceEvent, Line, NUMBERS, Payer, Payment, Status};
pub use invoice_row::{InvoiceRow, LineRow};
pub use totals::{Amounts, TaxTotal, Totals};

/// The service's name: the second segment of its streams' names, and the first of its paths.
pub const DOMAIN: &str = "invoicing";

/// The rows for queries, one kind for each kind of stream.
pub const PROJECTIONS: [ProjectionFn; 2] =
    [projection_fn::<InvoiceRow>(), projection_fn::<CustomerRow>()];

/// The domain, for code that handles all domains alike.
pub static SERVICE: Domain = Domain {
    handler: Some(MAIL),
    ..Domain::new(DOMAIN, &[aggregate_fn::<Invoice>(), aggregate_fn::<Customer>()], &PROJECTIONS)
};

const MAIL: Handler = Handler {
    name: mail::HANDLER,
    asked_for: |commit| mail::asked_for(commit).collect(),
    unknown: mail::unknown,
};
