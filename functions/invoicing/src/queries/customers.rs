use headwater::normalize;
use headwater_lambda::{Answer, Call, Function, Problem};
use invoicing::customer_row::{CUSTOMERS, CUSTOMERS_BY_EMAIL};
use invoicing::{CustomerRow, customer};

use super::list::{Part, list};
use super::view::{CustomerView, REPRESENTATION};

/// `GET /invoicing/customers/{id}`
pub fn get_customer() -> Function {
    let call = Call::entity::<CustomerView>("invoicing-get-customer", "/invoicing/customers/{id}", "Read a customer.");
    Function::http(call, |app, request| async move {
        let stream = customer::stream(request.tenant(), request.path("id"))?;
        let (version, row) = app.row::<CustomerRow>(&request, &stream).await?.ok_or_else(|| Problem::not_found("such customer"))?;
        let view = CustomerView::new(&stream, version, row);
        Answer::entity(&request, &stream, version, app.revision(&request, REPRESENTATION).await?, &view)
    })
}

/// `GET /invoicing/customers`, the newest first; `?email=` finds the one that has it.
pub fn list_customers() -> Function {
    let call = Call::list::<CustomerView>("invoicing-list-customers", "/invoicing/customers", "List customers, the newest first.")
        .param("email", "Only the one that has this email address, without regard to case.");
    Function::http(call, |app, request| async move {
        let part = match request.query("email") {
            Some(email) => Part { index: CUSTOMERS_BY_EMAIL.to_owned(), exact_order: Some(normalize(email)), ..Part::default() },
            None => Part { index: CUSTOMERS.to_owned(), ..Part::default() },
        };
        list(&app, &request, part, CustomerView::new).await
    })
}
