//! The command on playback.

use headwater_lambda::{App, Call, Function, Problem, Request};
use jiff::Timestamp;
use licensing::playback::MOST_AT_ONCE;
use licensing::{ApplyGrant, Customer, RecordPlayback, Session, customer, playback};

use crate::{grants, past, roles};

/// `POST /licensing/customers/{id}/licenses/{licenseId}/sessions`
///
/// The licence's end is read and not condition-checked: playback is counted, it decides nothing.
pub(crate) fn record_sessions() -> Function {
    let path = "/licensing/customers/{id}/licenses/{licenseId}/sessions";
    let call = Call::of::<RecordPlayback>(
        "POST",
        path,
        "Report playback, each event counted once however often it comes.",
    );
    let call = grants::with_grant(call).list_body::<Session>().named("record-sessions");
    Function::http(call, |app, request| async move {
        let events: Vec<Session> = request.json_list(MOST_AT_ONCE)?;
        let errors = playback::check(&events, end_of_license(&app, &request).await?, request.now);
        if !errors.is_empty() {
            return Err(Problem::invalid(errors));
        }
        let stream =
            playback::stream(request.tenant(), request.path("id"), request.path("licenseId"))?;
        app.change(&request, &stream, &RecordPlayback { events }).await
    })
    .role(&roles::FOLLOW_UP)
    .variable(roles::GRANT_KEY)
}

/// When the licence ends: as the customer's state says, or its row if it has left the state. A
/// grant that is shown and not yet written is written now.
async fn end_of_license(app: &App, request: &Request) -> Result<Timestamp, Problem> {
    let stream = customer::stream(request.tenant(), request.path("id"))?;
    let license_id = request.path("licenseId").into();
    let grant = grants::shown(request)?;
    let customer = app.load::<Customer>(request, &stream).await?;
    if let Some(license) = customer.state.license(&license_id) {
        return Ok(license.ends_at());
    }
    if let Some(past) = past::license(app, request, &stream, &license_id, customer.version).await? {
        return Ok(past.ends_at);
    }
    let grant = grant.ok_or_else(|| Problem::not_found("such licence"))?;
    let ends_at = grant.expires_at;
    app.change(&request.unconditional(), &stream, &ApplyGrant { grant, past: None }).await?;
    Ok(ends_at)
}
