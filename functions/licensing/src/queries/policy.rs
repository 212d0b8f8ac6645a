use headwater_lambda::{Answer, Call, Function};
use licensing::{Policy, PolicyRow, policy};

use crate::view::{PolicyView, REPRESENTATION};

/// `GET /licensing/policy`: of a tenant that never set one the defaults, which are version 0.
pub(crate) fn get_policy() -> Function {
    let call = Call::entity::<PolicyView>(
        "licensing-get-policy",
        "/licensing/policy",
        "Read the limits in force.",
    );
    Function::http(call.operator(), |app, request| async move {
        let stream = policy::stream(request.tenant())?;
        let row = app.row(&request, &stream).await?;
        let (version, policy) = row.map_or_else(
            || (0, Policy::default()),
            |(version, PolicyRow(policy))| (version, policy),
        );
        Answer::entity(
            &request,
            &stream,
            version,
            app.rendering::<PolicyRow>(&request, REPRESENTATION).await?,
            &PolicyView { version, policy },
        )
    })
}
