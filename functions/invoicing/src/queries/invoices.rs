use headwater_lambda::{Answer, Call, Function, List, Problem, Request, Shape};
use invoicing::invoice_row::invoices;
use invoicing::{DOMAIN, InvoiceRow, PROJECTIONS, Status};

use super::range::Range;
use super::view::{InvoiceSummary, InvoiceView};
use crate::as_of::{InvoiceAsOf, with_version};

/// What an invoice that is listed can be.
const STATUSES: [Status; 5] =
    [Status::Draft, Status::Issued, Status::Sent, Status::Paid, Status::Void];

/// `GET /invoicing/invoices/{id}`, also as it was with `?version=`.
pub(crate) fn get_invoice() -> Function {
    let call = Call::entity::<InvoiceView>(
        "invoicing-get-invoice",
        "/invoicing/invoices/{id}",
        "Read an invoice, also as it was.",
    );
    Function::http(with_version(call), |app, request| async move {
        let InvoiceAsOf { stream, version, row } = InvoiceAsOf::read(&app, &request).await?;
        let view = InvoiceView::new(&stream, version, row, request.now);
        Answer::entity(
            &request,
            &stream,
            version,
            app.rendering::<InvoiceRow>(&request, view.representation()).await?,
            &view,
        )
    })
}

/// `GET /invoicing/invoices`, the newest first by when they were created: all, or those of a
/// status, a customer, a range of time.
pub(crate) fn list_invoices() -> Function {
    let call = Call::list::<InvoiceSummary>(
        "invoicing-list-invoices",
        "/invoicing/invoices",
        "List invoices, the newest first.",
    )
    .param("status", Shape::one_of(STATUSES.map(Status::name)), "Only those of this status.")
    .param("customerId", Shape::id(), "Only those of this customer of ours.")
    .param(
        "from",
        Shape::time_or_date(),
        "Only those created at this time (RFC 3339) or later; of a date (as 2026-11-21), from its \
         beginning in UTC on.",
    )
    .param(
        "to",
        Shape::time_or_date(),
        "Only those created at this time (RFC 3339) or earlier; of a date, until its end in UTC.",
    );
    Function::http(call, |app, request| async move {
        let range = Range::of(&request)?;
        let (index, after, up_to_order) = (index(&request)?, range.after(), range.up_to_order());
        let whole = List::new(DOMAIN, &PROJECTIONS, &index);
        let list = List { after: after.as_deref(), up_to_order: up_to_order.as_deref(), ..whole };
        app.list(&request, list, |stream, version, row| {
            InvoiceSummary::new(stream, version, row, request.now)
        })
        .await
    })
}

/// The list in which those stand that are asked for.
fn index(request: &Request) -> Result<String, Problem> {
    let status = request.query("status").map(|text| {
        let status = STATUSES.into_iter().find(|status| status.name() == text);
        status.ok_or_else(|| {
            Problem::invalid([(
                "/query/status".to_owned(),
                "DRAFT, ISSUED, SENT, PAID or VOID".to_owned(),
            )])
        })
    });
    Ok(invoices(status.transpose()?, request.id("customerId")?))
}
