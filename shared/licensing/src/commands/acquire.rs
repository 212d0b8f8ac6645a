use garde::Validate;
use headwater::{Command, Context, Rule, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::customer::{Customer, CustomerEvent};
use crate::fields::{DeviceId, LicenseId, StudioId, TitleId};
use crate::limits::{self, Wanted};
use crate::policy::PolicyInForce;
use crate::windows;

/// The body of `POST /licensing/customers/{id}/licenses`: which title is to be kept on which
/// device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LicenseRequest {
    /// The title.
    #[garde(dive)]
    pub title_id: TitleId,
    /// The studio that it belongs to.
    #[garde(dive)]
    pub studio_id: StudioId,
    /// The device that is to keep it.
    #[garde(dive)]
    pub device_id: DeviceId,
}

impl LicenseRequest {
    pub(crate) fn wanted(&self) -> Wanted<'_> {
        Wanted {
            title_id: Some(&self.title_id),
            studio_id: Some(&self.studio_id),
            device_id: Some(&self.device_id),
            renewed: None,
        }
    }
}

/// `POST /licensing/customers/{id}/licenses`: a licence for the policy's days, if no rule has an
/// objection.
///
/// The same request once more is a repeated attempt and changes nothing: that is, where there is
/// the licence already, or the one that the request made the day before. Refused:
/// [`DEVICE_LIMIT`](limits::DEVICE_LIMIT), [`STUDIO_LIMIT`](limits::STUDIO_LIMIT),
/// [`TITLE_YEARLY_LIMIT`](limits::TITLE_YEARLY_LIMIT); the first that says no, in this order.
#[derive(Clone, Debug)]
pub struct AcquireLicense {
    /// The licence's id: the same whenever the same request is tried again on one day.
    pub license_id: LicenseId,
    /// The licence that the same request may have made the day before.
    pub earlier: Option<EarlierLicense>,
    /// What is to be kept where.
    pub request: LicenseRequest,
    /// The policy that decides.
    pub policy: PolicyInForce,
}

/// A licence of an id that other requests may have used before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierLicense {
    /// Its id.
    pub license_id: LicenseId,
    /// What was acquired before this time was acquired by another request.
    pub since: Timestamp,
}

impl AcquireLicense {
    /// The id of the licence that the request made, if it was made.
    pub fn made(&self, customer: &Customer, now: Timestamp) -> Option<&LicenseId> {
        if customer.license(&self.license_id).is_some_and(|license| license.is_kept(now)) {
            return Some(&self.license_id);
        }
        let EarlierLicense { license_id, since } = self.earlier.as_ref()?;
        customer
            .license(license_id)
            .is_some_and(|license| license.acquired_at >= *since)
            .then_some(license_id)
    }
}

impl Command for AcquireLicense {
    type Aggregate = Customer;
    const NAME: &'static str = "AcquireLicense";
    const RULES: &'static [&'static Rule] =
        &[&limits::DEVICE_LIMIT, &limits::STUDIO_LIMIT, &limits::TITLE_YEARLY_LIMIT];

    fn decide(&self, customer: &Customer, context: &Context) -> Verdict<Customer> {
        if self.made(customer, context.now).is_some() {
            return Ok(vec![]);
        }
        let PolicyInForce { policy, version } = &self.policy;
        limits::check(customer, policy, self.request.wanted(), context.now)?;
        let LicenseRequest { title_id, studio_id, device_id } = self.request.clone();
        Ok(vec![CustomerEvent::LicenseAcquired {
            license_id: self.license_id.clone(),
            title_id,
            studio_id,
            device_id,
            expires_at: windows::days_after(context.now, policy.license_days),
            policy_version: *version,
        }])
    }
}
