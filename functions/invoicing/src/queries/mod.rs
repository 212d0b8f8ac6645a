//! Queries of invoices and customers.

mod invoices;
mod view;

pub use invoices::get_invoice;
