//! The command on the policy.

use headwater_lambda::{Call, Function};
use licensing::{SetPolicy, policy};

/// `PUT /licensing/policy`
pub fn set_policy() -> Function {
    let call = Call::command(
        "licensing-set-policy",
        "PUT",
        "/licensing/policy",
        "Set the limits; what is left out gets its default.",
    );
    Function::http(call.body::<SetPolicy>().operator(), |app, request| async move {
        let command: SetPolicy = request.json()?;
        app.change(&request, &policy::stream(request.tenant())?, &command).await
    })
}
