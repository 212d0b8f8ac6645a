use headwater::{field, normalize};
use headwater_lambda::{Answer, Call, Function, List, Problem, Shape};
use invoicing::customer_row::{CUSTOMERS, CUSTOMERS_BY_EMAIL};
use invoicing::{CustomerRow, DOMAIN, PROJECTIONS, customer};

use super::view::{CustomerView, REPRESENTATION};

/// `GET /invoicing/customers/{id}`
pub(crate) fn get_customer() -> Function {
    let call = Call::entity::<CustomerView>(
        "invoicing-get-customer",
        "/invoicing/customers/{id}",
        "Read a customer.",
    );
    Function::http(call, |app, request| async move {
        let stream = customer::stream(request.tenant(), request.path("id"))?;
        let (version, row) = app
            .row::<CustomerRow>(&request, &stream)
            .await?
            .ok_or_else(|| Problem::not_found("such customer"))?;
        let view = CustomerView::new(&stream, version, row);
        Answer::entity(
            &request,
            &stream,
            version,
            app.rendering::<CustomerRow>(&request, REPRESENTATION).await?,
            &view,
        )
    })
}

/// `GET /invoicing/customers`, the newest first; `?email=` finds the one that has it.
pub(crate) fn list_customers() -> Function {
    let call = Call::list::<CustomerView>(
        "invoicing-list-customers",
        "/invoicing/customers",
        "List customers, the newest first.",
    )
    .param(
        "email",
        Shape::text(),
        "Only the one that has this email address, without regard to case.",
    );
    Function::http(call, |app, request| async move {
        let email = request.query("email").map(|email| normalize(&field::ascii_email(email)));
        let index = if email.is_some() { CUSTOMERS_BY_EMAIL } else { CUSTOMERS };
        let list = List { exact_order: email.as_deref(), ..List::new(DOMAIN, &PROJECTIONS, index) };
        app.list(&request, list, CustomerView::new).await
    })
}
