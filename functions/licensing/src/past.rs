//! What has left a customer's state is answered from its row, read exactly as of the state's
//! version.

use headwater::StreamName;
use headwater_lambda::{App, Problem, Request};
use licensing::{DeviceId, DeviceRow, LicenseId, LicenseRow, PROJECTIONS, PastDevice, PastLicense};

/// What the row of a licence says as of this version of the customer's stream; nothing if there
/// never was such a licence.
pub(crate) async fn license(
    app: &App,
    request: &Request,
    customer: &StreamName,
    license_id: &LicenseId,
    version: u64,
) -> Result<Option<PastLicense>, Problem> {
    let row = app
        .part_at_least::<LicenseRow>(request, &PROJECTIONS, customer, license_id, version)
        .await?;
    Ok(row.map(|(_, row)| row.past()))
}

/// What the row of a device says as of this version of the customer's stream; nothing if it never
/// was used.
pub(crate) async fn device(
    app: &App,
    request: &Request,
    customer: &StreamName,
    device_id: &DeviceId,
    version: u64,
) -> Result<Option<PastDevice>, Problem> {
    let row =
        app.part_at_least::<DeviceRow>(request, &PROJECTIONS, customer, device_id, version).await?;
    Ok(row.map(|(_, row)| row.past()))
}
