//! The invoice that a request is about, as of the version that it asks for.

use headwater::StreamName;
use headwater_lambda::{App, Call, Problem, Request, Shape};
use invoicing::{InvoiceRow, invoice};

/// Adds to a call that it takes the parameter that asks for a version.
pub(crate) fn with_version(call: Call) -> Call {
    call.param(
        "version",
        Shape::version(),
        "As it was after this event, in the middle of a commit too; the present if absent.",
    )
}

/// An invoice as of a version.
pub(crate) struct InvoiceAsOf {
    pub(crate) stream: StreamName,
    pub(crate) version: u64,
    pub(crate) row: InvoiceRow,
}

impl InvoiceAsOf {
    /// Reads the invoice that the path's `id` names: its row, as fresh as the request's tokens
    /// demand, or folded from its events up to `?version=`. There a draft that was deleted is still
    /// to be seen.
    ///
    /// # Errors
    /// 404 if there is no such invoice, or if it has not got to that version.
    pub(crate) async fn read(app: &App, request: &Request) -> Result<Self, Problem> {
        let stream = invoice::stream(request.tenant(), request.path("id"))?;
        let Some(version) = request.number("version")? else {
            let (version, row) = app
                .row::<InvoiceRow>(request, &stream)
                .await?
                .ok_or_else(|| Problem::not_found("such invoice"))?;
            return Ok(Self { stream, version, row });
        };
        let row = app
            .row_at(request, &stream, version)
            .await?
            .ok_or_else(|| Problem::not_found("such version of such an invoice"))?;
        Ok(Self { stream, version, row })
    }
}
