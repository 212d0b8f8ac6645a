//! The invoicing service's functions: each call of `/invoicing` and the function that answers it. What is interesting about a command
//! stands in the domain (`shared/invoicing`); here a request is turned into it.

mod carry_out;
pub mod invoices;
pub mod queries;

use headwater_lambda::Function;

/// All functions of this package.
pub fn functions() -> Vec<Function> {
    vec![invoices::create_invoice(), queries::get_invoice()]
}
