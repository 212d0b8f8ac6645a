//! The command on devices.

use std::sync::Arc;

use headwater::Folded;
use headwater_lambda::problem::NOT_FOUND;
use headwater_lambda::{Answer, Assume, Call, Function};
use licensing::{Customer, DeactivateDevice, DeviceId, customer};
use serde_json::json;

use crate::past;
use crate::policy_cache::PolicyCache;
use crate::roles;

/// `POST /licensing/customers/{id}/devices/{deviceId}/deactivate`
///
/// A device that was not used for long has left the customer's state; then its row says what it
/// was.
pub(crate) fn deactivate_device() -> Function {
    let path = "/licensing/customers/{id}/devices/{deviceId}/deactivate";
    let call = Call::of::<DeactivateDevice>(
        "POST",
        path,
        "Release all that a device keeps, so many times a year.",
    );
    let policies = Arc::new(PolicyCache::default());
    Function::http(call, move |app, request| {
        let policies = Arc::clone(&policies);
        async move {
            let policy = policies.in_force(&app, &request).await?;
            let stream = customer::stream(request.tenant(), request.path("id"))?;
            let device_id = DeviceId::from(request.path("deviceId"));
            let command = |past| DeactivateDevice {
                device_id: device_id.clone(),
                policy: policy.clone(),
                past,
            };
            let changed = |folded: &Folded<Customer>| {
                Answer::json(200, &json!({ "id": device_id, "version": folded.version }))
                    .at(&stream, folded.version)
            };
            let unknown = match app
                .execute(&request, &stream, &command(None), Assume::Nothing, &changed)
                .await
            {
                Err(problem) if problem.name() == NOT_FOUND.name => problem,
                answer => return answer,
            };
            let version = app.load::<Customer>(&request, &stream).await?.version;
            match past::device(&app, &request, &stream, &device_id, version).await? {
                None => Err(unknown),
                past => {
                    app.execute(&request, &stream, &command(past), Assume::Nothing, &changed).await
                }
            }
        }
    })
    .role(&roles::FOLLOW_UP)
}
