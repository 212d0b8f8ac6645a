//! Commands on invoices.

use headwater_lambda::{Call, Function};
use invoicing::CreateInvoice;
use invoicing::rules::INVOICE_EXISTS;

use crate::carry_out::create;

/// `POST /invoicing/invoices`
pub fn create_invoice() -> Function {
    let call = Call::create::<CreateInvoice>("invoicing-create-invoice", "/invoicing/invoices", "Draft an invoice.");
    Function::http(call.rules(&[&INVOICE_EXISTS]), |app, request| async move {
        create::<CreateInvoice>(&app, &request, request.members()?).await
    })
}
