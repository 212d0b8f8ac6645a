//! Commands on invoices.

use headwater_lambda::problem::CONCURRENT_MODIFICATION;
use headwater_lambda::{Call, Function};
use invoicing::rules::{
    HAS_PAYMENTS, INVALID_TRANSITION, INVOICE_EXISTS, MINOR_UNIT, NO_LINE_ITEMS, OVERPAID,
    PAYMENT_LIMIT, PAYMENT_REFERENCE_USED,
};
use invoicing::{
    CreateInvoice, DeleteInvoice, IssueInvoice, OnVersion, RecordPayment, SendInvoiceToCustomer,
    SetInvoiceCurrency, SetInvoiceCustomer, VoidInvoice,
};

use crate::carry_out::{change, create};

/// `POST /invoicing/invoices`
pub fn create_invoice() -> Function {
    let call = Call::create::<CreateInvoice>(
        "invoicing-create-invoice",
        "/invoicing/invoices",
        "Draft an invoice.",
    );
    Function::http(call.rules(&[&INVOICE_EXISTS]), |app, request| async move {
        create::<CreateInvoice>(&app, &request, request.members()?).await
    })
}

/// `PUT /invoicing/invoices/{id}/customer`
pub fn set_invoice_customer() -> Function {
    let path = "/invoicing/invoices/{id}/customer";
    let call =
        Call::command("invoicing-set-invoice-customer", "PUT", path, "Say who is to pay a draft.")
            .body::<OnVersion<SetInvoiceCustomer>>()
            .rules(&[&INVALID_TRANSITION])
            .problems(&[&CONCURRENT_MODIFICATION]);
    Function::http(call, |app, request| async move {
        change::<SetInvoiceCustomer>(&app, &request, request.path("id"), request.members()?).await
    })
}

/// `PUT /invoicing/invoices/{id}/currency`
pub fn set_invoice_currency() -> Function {
    let path = "/invoicing/invoices/{id}/currency";
    let call = Call::command(
        "invoicing-set-invoice-currency",
        "PUT",
        path,
        "Say what the amounts of a draft are in.",
    )
    .body::<OnVersion<SetInvoiceCurrency>>()
    .rules(&[&INVALID_TRANSITION, &MINOR_UNIT])
    .problems(&[&CONCURRENT_MODIFICATION]);
    Function::http(call, |app, request| async move {
        change::<SetInvoiceCurrency>(&app, &request, request.path("id"), request.members()?).await
    })
}

/// `POST /invoicing/invoices/{id}/issue`
pub fn issue_invoice() -> Function {
    let path = "/invoicing/invoices/{id}/issue";
    let call = Call::command(
        "invoicing-issue-invoice",
        "POST",
        path,
        "Issue a draft under the tenant's next number.",
    )
    .optional_body::<OnVersion<IssueInvoice>>()
    .rules(&[&INVALID_TRANSITION, &NO_LINE_ITEMS])
    .problems(&[&CONCURRENT_MODIFICATION]);
    Function::http(call, |app, request| async move {
        change::<IssueInvoice>(&app, &request, request.path("id"), request.members()?).await
    })
}

/// `POST /invoicing/invoices/{id}/send`
pub fn send_invoice() -> Function {
    let path = "/invoicing/invoices/{id}/send";
    let call = Call::command(
        "invoicing-send-invoice",
        "POST",
        path,
        "Send the customer an invoice, or a reminder of it.",
    )
    .body::<OnVersion<SendInvoiceToCustomer>>()
    .rules(&[&INVALID_TRANSITION])
    .problems(&[&CONCURRENT_MODIFICATION]);
    Function::http(call, |app, request| async move {
        change::<SendInvoiceToCustomer>(&app, &request, request.path("id"), request.members()?)
            .await
    })
}

/// `POST /invoicing/invoices/{id}/payments`
pub fn record_payment() -> Function {
    let path = "/invoicing/invoices/{id}/payments";
    let call = Call::command(
        "invoicing-record-payment",
        "POST",
        path,
        "Record that money came in for an invoice.",
    )
    .body::<OnVersion<RecordPayment>>()
    .rules(&[&INVALID_TRANSITION, &PAYMENT_REFERENCE_USED, &PAYMENT_LIMIT, &MINOR_UNIT, &OVERPAID])
    .problems(&[&CONCURRENT_MODIFICATION]);
    Function::http(call, |app, request| async move {
        change::<RecordPayment>(&app, &request, request.path("id"), request.members()?).await
    })
}

/// `POST /invoicing/invoices/{id}/void`
pub fn void_invoice() -> Function {
    let path = "/invoicing/invoices/{id}/void";
    let call = Call::command(
        "invoicing-void-invoice",
        "POST",
        path,
        "Make an issued invoice count for nothing; its number stays used.",
    )
    .optional_body::<OnVersion<VoidInvoice>>()
    .rules(&[&INVALID_TRANSITION, &HAS_PAYMENTS])
    .problems(&[&CONCURRENT_MODIFICATION]);
    Function::http(call, |app, request| async move {
        change::<VoidInvoice>(&app, &request, request.path("id"), request.members()?).await
    })
}

/// `DELETE /invoicing/invoices/{id}`
pub fn delete_invoice() -> Function {
    let call = Call::command(
        "invoicing-delete-invoice",
        "DELETE",
        "/invoicing/invoices/{id}",
        "Delete a draft for good.",
    )
    .optional_body::<OnVersion<DeleteInvoice>>()
    .rules(&[&INVALID_TRANSITION])
    .problems(&[&CONCURRENT_MODIFICATION]);
    Function::http(call, |app, request| async move {
        change::<DeleteInvoice>(&app, &request, request.path("id"), request.members()?).await
    })
}
