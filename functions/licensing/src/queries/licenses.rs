use headwater::IndexKey;
use headwater_lambda::{Answer, Call, Function, List, Problem, Shape};
use jiff::Timestamp;
use licensing::license_row::{downloads_of, licenses_of};
use licensing::{DOMAIN, LicenseRow, PROJECTIONS, customer};

use crate::view::{DownloadView, LicenseAnswer, LicenseView, REPRESENTATION};

/// `GET /licensing/customers/{id}/licenses/{licenseId}`
pub(crate) fn get_license() -> Function {
    let path = "/licensing/customers/{id}/licenses/{licenseId}";
    Function::http(
        Call::entity::<LicenseAnswer>("licensing-get-license", path, "Read a licence."),
        |app, request| async move {
            let stream = customer::stream(request.tenant(), request.path("id"))?;
            let license_id = request.path("licenseId");
            let part = app.part::<LicenseRow>(&request, &PROJECTIONS, &stream, license_id).await?;
            let (version, row) = part.ok_or_else(|| Problem::not_found("such licence"))?;
            let license = LicenseAnswer::written(version, LicenseView::of_row(license_id, row));
            Answer::entity(
                &request,
                &stream,
                version,
                app.rendering::<LicenseRow>(&request, REPRESENTATION).await?,
                &license,
            )
        },
    )
}

/// `GET /licensing/customers/{id}/licenses`, newest first.
pub(crate) fn list_licenses() -> Function {
    let path = "/licensing/customers/{id}/licenses";
    let call = Call::list::<LicenseView>(
        "licensing-list-licenses",
        path,
        "List a customer's licences, newest first.",
    );
    Function::http(call, |app, request| async move {
        let customer = customer::stream(request.tenant(), request.path("id"))?;
        let index = licenses_of(customer.id());
        app.list(&request, List::of_parts(DOMAIN, &PROJECTIONS, &index), |license, _, row| {
            LicenseView::of_row(license.id(), row)
        })
        .await
    })
}

/// `GET /licensing/customers/{id}/downloads`, newest first: of one title with `?titleId=`, back to
/// a time with `?since=`.
pub(crate) fn list_downloads() -> Function {
    let path = "/licensing/customers/{id}/downloads";
    let call = Call::list::<DownloadView>(
        "licensing-list-downloads",
        path,
        "List a customer's downloads, newest first.",
    )
    .param("titleId", Shape::id(), "Only those of this title.")
    .param("since", Shape::time(), "Only those at this time (RFC 3339) or later.");
    Function::http(call, |app, request| async move {
        let customer = customer::stream(request.tenant(), request.path("id"))?;
        // Nothing was downloaded before the epoch, where the list's order begins.
        let since = request
            .time("since")?
            .map(|time| IndexKey::newest_first(time.max(Timestamp::UNIX_EPOCH)));
        let index = downloads_of(customer.id(), request.id("titleId")?.map(Into::into));
        let list =
            List { up_to_order: since.as_deref(), ..List::of_parts(DOMAIN, &PROJECTIONS, &index) };
        app.list(&request, list, |license, _, row| DownloadView::new(license.id(), row)).await
    })
}
