use headwater_lambda::{Answer, Call, Function};
use invoicing::InvoiceRow;

use crate::as_of::{InvoiceAsOf, with_version};
use crate::document::document;

/// Raise it when the same invoice is rendered in another way: it is part of the `ETag`.
const REPRESENTATION: u32 = 1;

/// `GET /invoicing/invoices/{id}/document`, also as it was with `?version=`.
pub(crate) fn get_document() -> Function {
    let path = "/invoicing/invoices/{id}/document";
    let call = Call::html(
        "invoicing-get-document",
        path,
        "An invoice as a page to print or send, also as it was.",
    );
    Function::http(with_version(call), |app, request| async move {
        let InvoiceAsOf { stream, version, row } = InvoiceAsOf::read(&app, &request).await?;
        // What becomes overdue says so without a change of version.
        let representation = 2 * REPRESENTATION + u32::from(row.is_overdue(request.now));
        let page = Answer::html(200, document(&stream, &row, request.now));
        page.of_entity(
            &request,
            &stream,
            version,
            app.rendering::<InvoiceRow>(&request, representation).await?,
        )
    })
}
