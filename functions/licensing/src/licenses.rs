//! Commands on a licence that was acquired before.

use std::sync::Arc;

use headwater::{Folded, StreamName};
use headwater_lambda::problem::NOT_FOUND;
use headwater_lambda::{Answer, App, Assume, Call, Function, Problem, Request, Success};
use licensing::{
    Customer, FollowUp, Granted, LicenseId, PastLicense, ReleaseLicense, RenewLicense,
    ReportDownloaded, customer,
};
use serde_json::json;

use crate::policy_cache::PolicyCache;
use crate::view::{LicenseAnswer, license_answer};
use crate::{grants, past, roles};

/// `POST /licensing/customers/{id}/licenses/{licenseId}/downloaded`
pub(crate) fn report_downloaded() -> Function {
    let path = "/licensing/customers/{id}/licenses/{licenseId}/downloaded";
    let call = Call::of::<ReportDownloaded>(
        "POST",
        path,
        "The device has the title: it counts towards the year, once.",
    );
    Function::http(grants::with_grant(call), |app, request| async move {
        let (stream, license_id) = license(&request)?;
        let command = |past| ReportDownloaded { license_id: license_id.clone(), past };
        follow_up(&app, &request, &stream, command, &|folded| changed(&stream, &license_id, folded))
            .await
    })
    .role(&roles::FOLLOW_UP)
    .variable(roles::GRANT_KEY)
}

/// `POST /licensing/customers/{id}/licenses/{licenseId}/renew`
pub(crate) fn renew_license() -> Function {
    let path = "/licensing/customers/{id}/licenses/{licenseId}/renew";
    let call = Call::of::<RenewLicense>("POST", path, "Renew a licence, by the rules as of now.");
    let call = grants::with_grant(call).answer::<LicenseAnswer>();
    let policies = Arc::new(PolicyCache::default());
    Function::http(call, move |app, request| {
        let policies = Arc::clone(&policies);
        async move {
            let policy = policies.in_force(&app, &request).await?;
            let (stream, license_id) = license(&request)?;
            let command = |past| RenewLicense {
                license_id: license_id.clone(),
                policy: policy.clone(),
                past,
            };
            follow_up(&app, &request, &stream, command, &|folded| {
                license_answer(200, &stream, &license_id, folded)
            })
            .await
        }
    })
    .role(&roles::FOLLOW_UP)
    .variable(roles::GRANT_KEY)
}

/// `POST /licensing/customers/{id}/licenses/{licenseId}/release`
pub(crate) fn release_license() -> Function {
    let path = "/licensing/customers/{id}/licenses/{licenseId}/release";
    let call =
        Call::of::<ReleaseLicense>("POST", path, "Release a licence, which frees what it took.");
    Function::http(grants::with_grant(call), |app, request| async move {
        let (stream, license_id) = license(&request)?;
        let command = |past| ReleaseLicense { license_id: license_id.clone(), past };
        follow_up(&app, &request, &stream, command, &|folded| changed(&stream, &license_id, folded))
            .await
    })
    .role(&roles::FOLLOW_UP)
    .variable(roles::GRANT_KEY)
}

/// The stream of the path's customer, and the path's licence.
fn license(request: &Request) -> Result<(StreamName, LicenseId), Problem> {
    Ok((customer::stream(request.tenant(), request.path("id"))?, request.path("licenseId").into()))
}

/// Carries out a command on a licence. Almost always the customer's state has it. Otherwise it has
/// left the state, and its row says what it was; or it was granted provisionally, and the grant
/// that the call shows is written first, in the same commit.
async fn follow_up<C: FollowUp>(
    app: &App,
    request: &Request,
    stream: &StreamName,
    command: impl Fn(Option<PastLicense>) -> C + Send + Sync,
    success: &Success<'_, Customer>,
) -> Result<Answer, Problem> {
    let grant = grants::shown(request)?;
    let unknown = match app.execute(request, stream, &command(None), Assume::Nothing, success).await
    {
        Err(problem) if problem.name() == NOT_FOUND.name => problem,
        answer => return answer,
    };
    let version = app.load::<Customer>(request, stream).await?.version;
    let license_id = request.path("licenseId").into();
    match (past::license(app, request, stream, &license_id, version).await?, grant) {
        (None, None) => Err(unknown),
        (None, Some(grant)) => {
            let command = Granted { grant, command: command(None) };
            app.execute(request, stream, &command, Assume::Nothing, success).await
        }
        (past, _) => app.execute(request, stream, &command(past), Assume::Nothing, success).await,
    }
}

/// What was changed is the licence; the version is that of the customer's stream.
fn changed(stream: &StreamName, license_id: &LicenseId, folded: &Folded<Customer>) -> Answer {
    Answer::json(200, &json!({ "id": license_id, "version": folded.version }))
        .at(stream, folded.version)
}
