//! Queries of invoices and customers.

mod customers;
mod invoices;
mod list;
mod range;
mod view;

pub use customers::{get_customer, list_customers};
pub use invoices::{get_invoice, list_invoices};
