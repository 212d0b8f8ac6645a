use garde::Validate;
use headwater::{Command, Context, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::customer::{Customer, CustomerEvent};
use crate::fields;
use crate::limits::{self, Wanted};
use crate::policy::PolicyInForce;
use crate::windows;

/// The body of `POST /licensing/customers/{id}/licenses`: which title is to be kept on which device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LicenseRequest {
    /// The title: 1–64 of `A-Z a-z 0-9 _ -`.
    #[garde(custom(fields::id))]
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    pub title_id: String,
    /// The studio that it belongs to: 1–64 of `A-Z a-z 0-9 _ -`.
    #[garde(custom(fields::id))]
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    pub studio_id: String,
    /// The device that is to keep it: 1–64 of `A-Z a-z 0-9 _ -`.
    #[garde(custom(fields::id))]
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    pub device_id: String,
}

impl LicenseRequest {
    pub(crate) fn wanted(&self) -> Wanted<'_> {
        Wanted { title_id: Some(&self.title_id), studio_id: Some(&self.studio_id), device_id: Some(&self.device_id), renewed: None }
    }
}

/// `POST /licensing/customers/{id}/licenses`: a licence for the policy's days, if no rule has an objection.
///
/// The same licence id once more is a repeated attempt and changes nothing. Refused: [`DEVICE_LIMIT`](limits::DEVICE_LIMIT),
/// [`STUDIO_LIMIT`](limits::STUDIO_LIMIT), [`TITLE_YEARLY_LIMIT`](limits::TITLE_YEARLY_LIMIT); the first that says no, in this order.
#[derive(Clone, Debug)]
pub struct AcquireLicense {
    /// The licence's id: the same whenever the same request is tried again.
    pub license_id: String,
    /// What is to be kept where.
    pub request: LicenseRequest,
    /// The policy that decides.
    pub policy: PolicyInForce,
}

impl Command for AcquireLicense {
    type Aggregate = Customer;
    const NAME: &'static str = "AcquireLicense";

    fn decide(&self, customer: &Customer, context: &Context) -> Verdict<Customer> {
        if customer.license(&self.license_id).is_some_and(|license| license.is_kept(context.now)) {
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
