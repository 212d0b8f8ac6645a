//! The life of a licence, its device and what was played.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Step, same_history, step, twins_have_one_life};
use crate::support::shared_platform;

const LICENSES: &str = "/licensing/customers/{id}/licenses";

/// A life that has each command, and mostly more than once.
pub(crate) fn life() -> Vec<Step> {
    const DOWNLOADED: &str = "/licensing/customers/{id}/licenses/{licenseId}/downloaded";
    const RENEW: &str = "/licensing/customers/{id}/licenses/{licenseId}/renew";
    const RELEASE: &str = "/licensing/customers/{id}/licenses/{licenseId}/release";
    const RELEASE_ALL: &str = "/licensing/customers/{id}/release";
    const SESSIONS: &str = "/licensing/customers/{id}/licenses/{licenseId}/sessions";
    const DEACTIVATE: &str = "/licensing/customers/{id}/devices/{deviceId}/deactivate";
    const POLICY: &str = "/licensing/policy";
    let (ok, invalid) = ((200, ""), (422, "invalid-request"));
    let (not_found, concurrent) = ((404, "not-found"), (409, "concurrent-modification"));
    let of_license = |step: Step| step.at("licenseId", "{made}");
    let wanted = json!({ "titleId": "alien", "studioId": "fox", "deviceId": "phone" });
    let session = json!([{ "eventId": "s1", "kind": "START", "at": Timestamp::now() }]);
    vec![
        step("AcquireLicense", "POST", LICENSES, json!({ "titleId": "alien" }), invalid),
        step("AcquireLicense", "POST", LICENSES, wanted.clone(), (201, "")),
        of_license(step("RenewLicense", "POST", RENEW, json!({ "version": 1 }), ok)),
        of_license(step("RenewLicense", "POST", RENEW, json!({ "version": 1 }), concurrent)),
        of_license(step("ReportDownloaded", "POST", DOWNLOADED, json!({}), ok)),
        step("ReportDownloaded", "POST", DOWNLOADED, json!({}), not_found).at("licenseId", "none"),
        of_license(step("RecordPlayback", "POST", SESSIONS, json!([]), invalid)),
        of_license(step("RecordPlayback", "POST", SESSIONS, session, ok)),
        of_license(step("ReleaseLicense", "POST", RELEASE, json!({}), ok)),
        step("DeactivateDevice", "POST", DEACTIVATE, json!({}), ok).at("deviceId", "phone"),
        step("AcquireLicense", "POST", LICENSES, wanted, (201, "")),
        step("ReleaseAllLicenses", "POST", RELEASE_ALL, json!({ "deviceId": "phone" }), invalid),
        step("ReleaseAllLicenses", "POST", RELEASE_ALL, json!({}), ok),
        step("SetPolicy", "PUT", POLICY, json!({ "maxDevices": "many" }), invalid),
        step("SetPolicy", "PUT", POLICY, json!({ "maxDevices": 3 }), ok),
    ]
}

#[tokio::test]
async fn twins_have_one_life_by_either_way() -> Result<()> {
    let platform = shared_platform()?;
    twins_have_one_life(&platform, "licensing", life()).await?;
    same_history(&platform, "licensing", "licensing/customers").await
}

#[tokio::test]
async fn a_command_needs_the_role_of_its_own_call_by_execute_too() -> Result<()> {
    let platform = shared_platform()?;
    let writer = platform.client_with("execute-roles", "ann", &["writer"]).await?;
    let set = json!({ "command": "SetPolicy", "payload": { "maxDevices": 3 } });
    writer.post("/licensing/execute", &set).await?.problem(403, "forbidden")?;
    let none: Value = json!({ "command": "SetPolicy", "aggregateId": "x", "payload": {} });
    let operator = platform.client("execute-roles").await?;
    operator.post("/licensing/execute", &none).await?.problem(422, "invalid-request")?;
    Ok(())
}
