use std::sync::Arc;

use headwater_lambda::deployment::HISTORY;
use headwater_lambda::{Answer, Call, Function, Shape};
use licensing::{Allowance, Check, Customer, allowance, customer};

use crate::policy_cache::PolicyCache;

/// `GET /licensing/customers/{id}/allowance`: decided on the state itself, as an acquire would be.
/// It changes with time alone, so its tag is a hash.
pub(crate) fn get_allowance() -> Function {
    let path = "/licensing/customers/{id}/allowance";
    let call = Call::entity::<Allowance>(
        "licensing-get-allowance",
        path,
        "What the rules would say to one licence more.",
    )
    .param("titleId", Shape::id(), "Ask the rule about this title.")
    .param("studioId", Shape::id(), "Ask the rule about this studio.")
    .param("deviceId", Shape::id(), "For this device; for a new one if absent.");
    let policies = Arc::new(PolicyCache::default());
    Function::http(call, move |app, request| {
        let policies = Arc::clone(&policies);
        async move {
            let check = Check {
                title_id: request.id("titleId")?.map(Into::into),
                studio_id: request.id("studioId")?.map(Into::into),
                device_id: request.id("deviceId")?.map(Into::into),
            };
            let stream = customer::stream(request.tenant(), request.path("id"))?;
            let policy = policies.in_force(&app, &request).await?.policy;
            let customer = app.load::<Customer>(&request, &stream).await?.state;
            Answer::collection(&request, None, &allowance(&customer, &policy, &check, request.now))
        }
    })
    .role(&HISTORY)
}
