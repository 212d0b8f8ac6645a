use headwater_lambda::{Answer, Call, Function};
use licensing::{Policy, PolicyRow, policy};

use crate::view::{PolicyView, REPRESENTATION};

/// `GET /licensing/policy`: of a tenant that never set one the defaults, which no version stands for.
pub fn get_policy() -> Function {
    let call = Call::entity::<PolicyView>("licensing-get-policy", "/licensing/policy", "Read the limits in force.");
    Function::http(call.operator(), |app, request| async move {
        let stream = policy::stream(request.tenant())?;
        let Some((version, PolicyRow(policy))) = app.row(&request, &stream).await? else {
            return Answer::collection(&request, None, &PolicyView { version: 0, policy: Policy::default() });
        };
        Answer::entity(&request, &stream, version, app.revision(&request, REPRESENTATION).await?, &PolicyView { version, policy })
    })
}
