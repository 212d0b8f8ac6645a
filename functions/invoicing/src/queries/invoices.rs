use headwater_lambda::{Answer, Call, Function, Problem};
use invoicing::{InvoiceRow, invoice};

use super::view::InvoiceView;

/// `GET /invoicing/invoices/{id}`
pub fn get_invoice() -> Function {
    let call = Call::entity::<InvoiceView>("invoicing-get-invoice", "/invoicing/invoices/{id}", "Read an invoice.");
    Function::http(call, |app, request| async move {
        let stream = invoice::stream(request.tenant(), request.path("id"))?;
        let (version, row) = app.row::<InvoiceRow>(&request, &stream).await?.ok_or_else(|| Problem::not_found("such invoice"))?;
        let view = InvoiceView::new(&stream, version, row, request.now);
        Answer::entity(&request, &stream, version, app.revision(&request, view.representation()).await?, &view)
    })
}
