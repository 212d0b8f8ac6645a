use headwater_lambda::{Answer, Call, Function, Problem};
use licensing::{LicenseRow, PROJECTIONS, PlaybackRow, customer, playback};

use crate::view::{PlaybackView, REPRESENTATION};

/// `GET /licensing/customers/{id}/licenses/{licenseId}/sessions`: how much playback was counted.
pub(crate) fn get_sessions() -> Function {
    let path = "/licensing/customers/{id}/licenses/{licenseId}/sessions";
    let call = Call::entity::<PlaybackView>(
        "licensing-get-sessions",
        path,
        "How much playback of a licence was counted.",
    );
    Function::http(call, |app, request| async move {
        let license_id = request.path("licenseId");
        let stream = playback::stream(request.tenant(), request.path("id"), license_id)?;
        let row = app.row::<PlaybackRow>(&request, &stream).await?;
        if row.is_none() {
            let customer = customer::stream(request.tenant(), request.path("id"))?;
            let license =
                app.part::<LicenseRow>(&request, &PROJECTIONS, &customer, license_id).await?;
            license.ok_or_else(|| Problem::not_found("such licence"))?;
        }
        let (version, row) = row.unwrap_or_default();
        let view = PlaybackView::new(license_id, version, row);
        Answer::entity(
            &request,
            &stream,
            version,
            app.rendering::<PlaybackRow>(&request, REPRESENTATION).await?,
            &view,
        )
    })
}
