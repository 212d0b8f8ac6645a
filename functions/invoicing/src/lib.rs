//! The invoicing service: what can be called, and what is behind streams. The decisions of its
//! commands are in the domain (`shared/invoicing`).

mod as_of;
mod document;
mod mail;
mod queries;

use headwater_functions::{certificate, changes, export, project};
use headwater_lambda::Service;
use invoicing::{
    AddLineItem, ChangeLineItem, CreateCustomer, CreateInvoice, Customer, DeleteInvoice,
    EraseCustomer, EraseInvoice, Invoice, IssueInvoice, PatchCustomer, RecordPayment,
    RemoveLineItem, SendInvoiceToCustomer, SetInvoiceCurrency, SetInvoiceCustomer, VoidInvoice,
};

/// The service, a line for each of its functions.
pub fn service() -> Service {
    Service::new(&invoicing::SERVICE, env!("CARGO_PKG_NAME"))
        .aggregate::<Invoice>("/invoices", |invoices| {
            invoices
                .create::<CreateInvoice>("Draft an invoice.")
                .put::<SetInvoiceCustomer>("customer", "Say who is to pay a draft.")
                .put::<SetInvoiceCurrency>("currency", "Say what the amounts of a draft are in.")
                .action::<AddLineItem>(
                    "line-items",
                    "Add a line to a draft, under the next number.",
                )
                .put::<ChangeLineItem>("line-items/{n}", "Say anew what a line of a draft is.")
                .remove::<RemoveLineItem>("line-items/{n}", "Remove a line from a draft.")
                .action::<IssueInvoice>("issue", "Issue a draft under the tenant's next number.")
                .action::<SendInvoiceToCustomer>(
                    "send",
                    "Send the customer an invoice, or a reminder of it.",
                )
                .named("send-invoice")
                .action::<RecordPayment>("payments", "Record that money came in for an invoice.")
                .action::<VoidInvoice>(
                    "void",
                    "Make an issued invoice count for nothing; its number stays used.",
                )
                .delete::<DeleteInvoice>("Delete a draft for good.")
                .action::<EraseInvoice>("erase", "Forget who was to pay a settled invoice.")
                .operator()
                .call(queries::get_invoice())
                .call(queries::list_invoices())
                .call(queries::get_document())
                .call(queries::get_revenue())
                .call(certificate::<Invoice>(
                    &invoicing::SERVICE,
                    "invoicing-invoice-certificate",
                    "/invoicing/invoices/{id}/certificate",
                    "That it was forgotten who was to pay, and how far.",
                ))
                .call(mail::send_mail())
                .call(mail::settle_mail())
                .call(mail::list_waiting_mails())
        })
        .aggregate::<Customer>("/customers", |customers| {
            customers
                .with_unique_values()
                .create::<CreateCustomer>("Create a customer.")
                .patch::<PatchCustomer>("Change a customer's name or email address.")
                .action::<EraseCustomer>("erase", "Forget a customer for good.")
                .operator()
                .call(queries::get_customer())
                .call(queries::list_customers())
                .call(certificate::<Customer>(
                    &invoicing::SERVICE,
                    "invoicing-customer-certificate",
                    "/invoicing/customers/{id}/certificate",
                    "That a customer was forgotten, and how far.",
                ))
                .call(export::<Customer>(
                    &invoicing::SERVICE,
                    "invoicing-export-customer",
                    "/invoicing/customers/{id}/export",
                    "All that is kept of a customer.",
                ))
        })
        .execute()
        .functions([changes(invoicing::DOMAIN), project(&invoicing::SERVICE)])
}
