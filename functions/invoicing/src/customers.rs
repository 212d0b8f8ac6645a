//! Commands on customers.

use headwater_lambda::deployment::UNIQUE_KEY;
use headwater_lambda::problem::CONCURRENT_MODIFICATION;
use headwater_lambda::{Call, Function};
use invoicing::customer::{CUSTOMER_EMAIL_TAKEN, CUSTOMER_EXISTS};
use invoicing::{CreateCustomer, OnVersion, PatchCustomer};

use crate::carry_out::{change, create};

/// `POST /invoicing/customers`
pub fn create_customer() -> Function {
    let call = Call::create::<CreateCustomer>(
        "invoicing-create-customer",
        "/invoicing/customers",
        "Create a customer.",
    );
    Function::http(
        call.rules(&[&CUSTOMER_EXISTS, &CUSTOMER_EMAIL_TAKEN]),
        |app, request| async move { create::<CreateCustomer>(&app, &request, request.members()?).await },
    )
    .variable(UNIQUE_KEY)
}

/// `PATCH /invoicing/customers/{id}`
pub fn patch_customer() -> Function {
    let path = "/invoicing/customers/{id}";
    let call = Call::command(
        "invoicing-patch-customer",
        "PATCH",
        path,
        "Change a customer's name or email address.",
    )
    .body::<OnVersion<PatchCustomer>>()
    .rules(&[&CUSTOMER_EMAIL_TAKEN])
    .problems(&[&CONCURRENT_MODIFICATION]);
    Function::http(call, |app, request| async move {
        change::<PatchCustomer>(&app, &request, request.path("id"), request.members()?).await
    })
    .variable(UNIQUE_KEY)
}
