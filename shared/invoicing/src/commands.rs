//! What can be asked of an invoice, a file for each step and each part.
//!
//! Edits of a draft say which concurrent events they commute with, each for itself;
//! `docs/explanation/conflicts.md` has the table. The steps from one status to the next commute
//! with nothing: who issues, sends, pays, voids or deletes an invoice has looked at all of it.

mod create;
mod currency;
mod customer;
mod delete;
mod erase;
mod issue;
mod line_item;
mod lines;
mod pay;
mod send;
mod void;

pub use create::CreateInvoice;
pub use currency::SetInvoiceCurrency;
pub use customer::SetInvoiceCustomer;
pub use delete::DeleteInvoice;
pub use erase::EraseInvoice;
pub use issue::{InvoiceNumber, IssueInvoice};
pub use line_item::LineItem;
pub use lines::{AddLineItem, ChangeLineItem, RemoveLineItem};
pub use pay::RecordPayment;
pub use send::SendInvoiceToCustomer;
pub use void::VoidInvoice;
