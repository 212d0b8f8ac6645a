//! Queries of invoices and customers.

mod customers;
mod document;
mod invoices;
mod range;
mod revenue;
mod view;

pub use customers::{get_customer, list_customers};
pub use document::get_document;
pub use invoices::{get_invoice, list_invoices};
pub use revenue::get_revenue;
