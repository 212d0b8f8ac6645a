//! What calls answer with.

use headwater::{Folded, StreamName};
use headwater_lambda::{Answer, Problem};
use jiff::Timestamp;
use licensing::{
    Customer, DeviceId, DeviceRow, Grant, License, LicenseId, LicenseRow, PlaybackRow, Policy,
    StudioId, TitleId,
};
use serde::Serialize;
use utoipa::ToSchema;

/// Raise it when the same row is rendered in another way: it is part of the `ETag`.
pub(crate) const REPRESENTATION: u32 = 1;

/// A licence, as lists show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LicenseView {
    license_id: LicenseId,
    title_id: TitleId,
    studio_id: StudioId,
    device_id: DeviceId,
    /// When the device was given it.
    #[schema(value_type = String, format = "date-time")]
    acquired_at: Timestamp,
    /// From this moment on it is expired.
    #[schema(value_type = String, format = "date-time")]
    expires_at: Timestamp,
    /// When the device reported that it has the title.
    #[schema(value_type = Option<String>, format = "date-time")]
    downloaded_at: Option<Timestamp>,
    released: bool,
    /// Whether it was granted while the store was out of reach.
    provisional: bool,
}

/// A licence, as a call about it answers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LicenseAnswer {
    id: LicenseId,
    /// The version of the customer's stream; absent if the licence is not written yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(flatten)]
    license: LicenseView,
    /// What `License-Grant` takes while the licence is not written yet; absent if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<String>,
}

impl LicenseView {
    pub(crate) fn of_row(license_id: impl Into<LicenseId>, row: LicenseRow) -> Self {
        let LicenseRow {
            title_id,
            studio_id,
            device_id,
            acquired_at,
            expires_at,
            released_at,
            downloaded_at,
            provisional,
        } = row;
        let (license_id, released) = (license_id.into(), released_at.is_some());
        Self {
            license_id,
            title_id,
            studio_id,
            device_id,
            acquired_at,
            expires_at,
            downloaded_at,
            released,
            provisional,
        }
    }

    fn of_state(license_id: &LicenseId, license: &License) -> Self {
        Self {
            license_id: license_id.clone(),
            title_id: license.title_id.clone(),
            studio_id: license.studio_id.clone(),
            device_id: license.device_id.clone(),
            acquired_at: license.acquired_at,
            expires_at: license.expires_at,
            downloaded_at: license.downloaded_at,
            released: license.released_at.is_some(),
            provisional: license.provisional,
        }
    }

    fn of_grant(grant: &Grant) -> Self {
        Self {
            license_id: grant.license_id.clone(),
            title_id: grant.title_id.clone(),
            studio_id: grant.studio_id.clone(),
            device_id: grant.device_id.clone(),
            acquired_at: grant.granted_at,
            expires_at: grant.expires_at,
            downloaded_at: None,
            released: false,
            provisional: true,
        }
    }
}

impl LicenseAnswer {
    /// A licence that is written.
    pub(crate) fn written(version: u64, license: LicenseView) -> Self {
        Self { id: license.license_id.clone(), version: Some(version), license, grant: None }
    }

    /// A licence of which there is only the signed grant.
    pub(crate) fn provisional(grant: &Grant, signed: String) -> Self {
        Self {
            id: grant.license_id.clone(),
            version: None,
            license: LicenseView::of_grant(grant),
            grant: Some(signed),
        }
    }
}

/// The answer of a command after which the customer's state has the licence, with the token of the
/// customer's stream.
pub(crate) fn license_answer(
    status: u16,
    stream: &StreamName,
    license_id: &LicenseId,
    customer: &Folded<Customer>,
) -> Answer {
    match customer.state.license(license_id) {
        Some(license) => {
            let body = LicenseAnswer::written(
                customer.version,
                LicenseView::of_state(license_id, license),
            );
            Answer::json(status, &body).at(stream, customer.version)
        }
        None => {
            Problem::internal("the state lacks the licence that the command was about").answer()
        }
    }
}

/// A device, as queries show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeviceView {
    device_id: DeviceId,
    #[schema(value_type = String, format = "date-time")]
    first_used_at: Timestamp,
    /// When it was last given a licence, had one renewed, or reported a download.
    #[schema(value_type = String, format = "date-time")]
    last_used_at: Timestamp,
    /// How many it was ever given.
    licenses: u32,
    /// When it was deactivated, if it was given no licence since.
    #[schema(value_type = Option<String>, format = "date-time")]
    deactivated_at: Option<Timestamp>,
}

impl DeviceView {
    pub(crate) fn new(device_id: impl Into<DeviceId>, row: DeviceRow) -> Self {
        let DeviceRow { first_used_at, last_used_at, licenses, deactivated_at } = row;
        Self { device_id: device_id.into(), first_used_at, last_used_at, licenses, deactivated_at }
    }
}

/// A download.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DownloadView {
    license_id: LicenseId,
    title_id: TitleId,
    device_id: DeviceId,
    #[schema(value_type = String, format = "date-time")]
    downloaded_at: Option<Timestamp>,
}

impl DownloadView {
    pub(crate) fn new(license_id: impl Into<LicenseId>, row: LicenseRow) -> Self {
        let LicenseRow { title_id, device_id, downloaded_at, .. } = row;
        Self { license_id: license_id.into(), title_id, device_id, downloaded_at }
    }
}

/// What was counted of a licence's playback.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlaybackView {
    id: LicenseId,
    /// The version of the playback's stream, 0 if nothing was reported.
    version: u64,
    /// How many events.
    events: u32,
    /// How many of each kind.
    #[schema(value_type = std::collections::BTreeMap<String, u32>)]
    by_kind: std::collections::BTreeMap<licensing::Kind, u32>,
    /// The time of the earliest.
    #[schema(value_type = Option<String>, format = "date-time")]
    first_at: Option<Timestamp>,
    /// The time of the latest.
    #[schema(value_type = Option<String>, format = "date-time")]
    last_at: Option<Timestamp>,
}

impl PlaybackView {
    pub(crate) fn new(license_id: impl Into<LicenseId>, version: u64, row: PlaybackRow) -> Self {
        let PlaybackRow { events, by_kind, first_at, last_at } = row;
        Self { id: license_id.into(), version, events, by_kind, first_at, last_at }
    }
}

/// The limits in force.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyView {
    /// The version of the policy's stream, 0 for the defaults.
    pub(crate) version: u64,
    #[serde(flatten)]
    pub(crate) policy: Policy,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_is_written_has_a_version_and_what_is_not_has_a_grant() {
        let grant: Grant = serde_json::from_value(json!({
            "tenant": "acme", "customerId": "c", "licenseId": "l", "titleId": "t", "studioId": "s",
            "deviceId": "d", "actor": "ada",
            "grantedAt": "2026-11-21T10:00:00Z", "expiresAt": "2026-12-21T10:00:00Z",
            "policyVersion": 0, "correlationId": "r",
        }))
        .unwrap();
        let license = json!({
            "id": "l", "licenseId": "l", "titleId": "t", "studioId": "s", "deviceId": "d",
            "acquiredAt": "2026-11-21T10:00:00Z",
            "expiresAt": "2026-12-21T10:00:00Z", "downloadedAt": null, "released": false,
            "provisional": true,
        });
        let with = |name: &str, value: Value| {
            let mut license = license.clone();
            license[name] = value;
            license
        };
        let written = LicenseAnswer::written(7, LicenseView::of_grant(&grant));
        assert_eq!(serde_json::to_value(written).unwrap(), with("version", json!(7)));
        let provisional = LicenseAnswer::provisional(&grant, "signed".to_owned());
        assert_eq!(serde_json::to_value(provisional).unwrap(), with("grant", json!("signed")));
    }
}
