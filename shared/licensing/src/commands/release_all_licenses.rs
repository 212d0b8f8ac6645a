use garde::Validate;
use headwater::{Command, Context, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::customer::{Customer, CustomerEvent, License};
use crate::fields::LicenseId;

/// `POST /licensing/customers/{id}/release`: the customer keeps nothing any more, on whatever
/// device. All that is live is released in one commit, and every place is free. It is no
/// deactivation of a device, and takes no download back. If nothing is live: no change.
///
/// A provisional grant that is not written yet stays granted.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseAllLicenses {}

impl Command for ReleaseAllLicenses {
    type Aggregate = Customer;
    const NAME: &'static str = "ReleaseAllLicenses";

    fn decide(&self, customer: &Customer, context: &Context) -> Verdict<Customer> {
        let release = |(id, license): (&LicenseId, &License)| CustomerEvent::LicenseReleased {
            license_id: id.clone(),
            device_id: license.device_id.clone(),
        };
        Ok(customer.live(context.now).map(release).collect())
    }
}

#[cfg(test)]
mod tests {
    use headwater_testkit::given;

    use super::*;

    fn acquired(license: &str, device: &str) -> CustomerEvent {
        CustomerEvent::LicenseAcquired {
            license_id: license.into(),
            title_id: "alien".into(),
            studio_id: "fox".into(),
            device_id: device.into(),
            expires_at: "2100-01-01T00:00:00Z".parse().unwrap(),
            policy_version: 0,
        }
    }

    fn released(license: &str, device: &str) -> CustomerEvent {
        CustomerEvent::LicenseReleased { license_id: license.into(), device_id: device.into() }
    }

    #[test]
    fn all_that_is_live_is_released_once_on_whatever_device() {
        given::<Customer>([acquired("1", "tablet"), acquired("2", "phone")])
            .when(ReleaseAllLicenses {})
            .then([released("1", "tablet"), released("2", "phone")])
            .again_nothing();
        given::<Customer>([
            acquired("1", "tablet"),
            acquired("2", "phone"),
            released("1", "tablet"),
        ])
        .when(ReleaseAllLicenses {})
        .then([released("2", "phone")]);
    }

    #[test]
    fn release_all_licenses_changes_nothing_where_there_is_none() {
        given::<Customer>([]).when(ReleaseAllLicenses {}).then_nothing();
    }
}
