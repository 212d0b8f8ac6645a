//! The invoicing service's functions: each call of `/invoicing` and the function that answers it.
//! What is interesting about a command stands in the domain (`shared/invoicing`); here a request is
//! turned into it.

mod as_of;
mod carry_out;
pub mod customers;
mod document;
pub mod execute;
pub mod invoices;
pub mod line_items;
pub mod mail;
pub mod queries;

use ::queries::changes;
use headwater_lambda::Service;
use projectors::project;

/// The service, with the function of each of its calls.
pub fn service() -> Service {
    Service::new(invoicing::DOMAIN, env!("CARGO_PKG_NAME")).functions([
        invoices::create_invoice(),
        invoices::set_invoice_customer(),
        invoices::set_invoice_currency(),
        line_items::add_line_item(),
        line_items::change_line_item(),
        line_items::remove_line_item(),
        invoices::issue_invoice(),
        invoices::send_invoice(),
        invoices::record_payment(),
        invoices::void_invoice(),
        invoices::delete_invoice(),
        customers::create_customer(),
        customers::patch_customer(),
        execute::execute(),
        mail::send_mail(),
        mail::settle_mail(),
        mail::list_waiting_mails(),
        queries::get_invoice(),
        queries::list_invoices(),
        queries::get_document(),
        queries::get_customer(),
        queries::list_customers(),
        queries::get_revenue(),
        changes(invoicing::DOMAIN),
        project(invoicing::DOMAIN, &invoicing::PROJECTIONS),
    ])
}
