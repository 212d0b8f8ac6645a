//! Queries of invoices and customers.

mod customers;
mod document;
mod invoices;
mod range;
mod revenue;
mod view;

pub(crate) use customers::{get_customer, list_customers};
pub(crate) use document::get_document;
pub(crate) use invoices::{get_invoice, list_invoices};
pub(crate) use revenue::get_revenue;
