//! Commands on the lines of a draft.

use headwater_lambda::problem::CONCURRENT_MODIFICATION;
use headwater_lambda::{Call, Function, Problem, Request, Shape};
use invoicing::rules::{INVALID_TRANSITION, LINE_ITEM_LIMIT, MINOR_UNIT};
use invoicing::{AddLineItem, ChangeLineItem, OnVersion, RemoveLineItem};
use utoipa::ToSchema;

use crate::carry_out::{Payload, change, with};

/// What removing a line takes besides its path.
#[derive(ToSchema)]
#[schema(as = RemoveLineItem)]
struct NothingElse {}

/// `POST /invoicing/invoices/{id}/line-items`
pub fn add_line_item() -> Function {
    let path = "/invoicing/invoices/{id}/line-items";
    let call = Call::command(
        "invoicing-add-line-item",
        "POST",
        path,
        "Add a line to a draft, under the next number.",
    )
    .body::<OnVersion<AddLineItem>>()
    .rules(&[&INVALID_TRANSITION, &LINE_ITEM_LIMIT, &MINOR_UNIT])
    .problems(&[&CONCURRENT_MODIFICATION]);
    Function::http(call, |app, request| async move {
        change::<AddLineItem>(&app, &request, request.path("id"), request.members()?).await
    })
}

/// `PUT /invoicing/invoices/{id}/line-items/{n}`
pub fn change_line_item() -> Function {
    let path = "/invoicing/invoices/{id}/line-items/{n}";
    let call = with_line(Call::command(
        "invoicing-change-line-item",
        "PUT",
        path,
        "Say anew what a line of a draft is.",
    ))
    .body::<OnVersion<AddLineItem>>()
    .rules(&[&INVALID_TRANSITION, &MINOR_UNIT])
    .problems(&[&CONCURRENT_MODIFICATION]);
    Function::http(call, |app, request| async move {
        change::<ChangeLineItem>(&app, &request, request.path("id"), of_line(&request)?).await
    })
}

/// `DELETE /invoicing/invoices/{id}/line-items/{n}`
pub fn remove_line_item() -> Function {
    let path = "/invoicing/invoices/{id}/line-items/{n}";
    let call = with_line(Call::command(
        "invoicing-remove-line-item",
        "DELETE",
        path,
        "Remove a line from a draft.",
    ))
    .optional_body::<OnVersion<NothingElse>>()
    .rules(&[&INVALID_TRANSITION])
    .problems(&[&CONCURRENT_MODIFICATION]);
    Function::http(call, |app, request| async move {
        change::<RemoveLineItem>(&app, &request, request.path("id"), of_line(&request)?).await
    })
}

/// Adds to a call what the line of its path is named by.
fn with_line(call: Call) -> Call {
    call.in_path("n", Shape::number(1..=u32::MAX.into()), "The line's own number.")
}

/// The payload of a command on the line that the path names.
fn of_line(request: &Request) -> Result<Payload, Problem> {
    let (payload, text) = (request.members()?, request.path("n"));
    // There is one way to write a number: neither `+1` nor `01` is one.
    let n = text.parse().ok().filter(|n: &u32| n.to_string() == text);
    with(payload, "n", n.ok_or_else(|| Problem::not_found(&format!("line item {text}")))?)
}
