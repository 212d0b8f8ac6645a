use headwater_lambda::{Call, Function, List};
use licensing::device_row::devices_of;
use licensing::{DOMAIN, PROJECTIONS, customer};

use crate::view::DeviceView;

/// `GET /licensing/customers/{id}/devices`, the one that was first used last at the head.
pub(crate) fn list_devices() -> Function {
    let path = "/licensing/customers/{id}/devices";
    let call = Call::list::<DeviceView>(
        "licensing-list-devices",
        path,
        "List a customer's devices, newest first.",
    );
    Function::http(call, |app, request| async move {
        let customer = customer::stream(request.tenant(), request.path("id"))?;
        let index = devices_of(customer.id());
        app.list(&request, List::of_parts(DOMAIN, &PROJECTIONS, &index), |device, _, row| {
            DeviceView::new(device.id(), row)
        })
        .await
    })
}
