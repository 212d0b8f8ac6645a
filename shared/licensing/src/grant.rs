//! A licence that is granted while the store is out of reach: signed, so that nobody can forge one,
//! and written afterwards.

mod apply;
mod key;

use headwater::Rejection;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::commands::AcquireLicense;
use crate::customer::{Customer, CustomerEvent};
use crate::fields::{CustomerId, DeviceId, LicenseId, StudioId, TitleId};
use crate::limits;
use crate::windows;

pub use apply::{ApplyGrant, Granted};
pub use key::{GrantKey, InvalidGrant};

/// What was granted to whom; what the queue carries and the client shows with its next commands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// The customer's tenant.
    pub tenant: String,
    /// The customer.
    pub customer_id: CustomerId,
    /// The licence: the id that the attempt to acquire it had, so that both are the same licence.
    pub license_id: LicenseId,
    /// The title that may be watched.
    pub title_id: TitleId,
    /// The studio that it belongs to.
    pub studio_id: StudioId,
    /// The device that keeps it.
    pub device_id: DeviceId,
    /// When it was granted, to the millisecond.
    pub granted_at: Timestamp,
    /// From this millisecond on it is expired.
    pub expires_at: Timestamp,
    /// The version of the policy that decided: the last that was known, 0 for the defaults.
    pub policy_version: u64,
    /// The subject of the caller's token.
    pub actor: String,
    /// The request that it answered.
    pub correlation_id: String,
    /// What the request followed from, if it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
}

impl Grant {
    /// Grants what an attempt to acquire could not, as if the customer had nothing; only a limit of
    /// 0 refuses it then. The licence is the attempt's: should that turn out to have been written
    /// after all, the grant changes nothing.
    ///
    /// # Errors
    /// The rule whose limit is 0.
    pub fn provisional(
        tenant: &str,
        customer_id: &CustomerId,
        attempt: &AcquireLicense,
        now: Timestamp,
        actor: &str,
        correlation_id: &str,
    ) -> Result<Self, Rejection> {
        let AcquireLicense { license_id, request, policy, .. } = attempt.clone();
        limits::check(&Customer::default(), &policy.policy, request.wanted(), now)?;
        let granted_at = windows::to_the_millisecond(now);
        Ok(Self {
            tenant: tenant.to_owned(),
            customer_id: customer_id.clone(),
            license_id,
            title_id: request.title_id,
            studio_id: request.studio_id,
            device_id: request.device_id,
            granted_at,
            expires_at: windows::days_after(granted_at, policy.policy.license_days),
            policy_version: policy.version,
            actor: actor.to_owned(),
            correlation_id: correlation_id.to_owned(),
            causation_id: None,
        })
    }

    /// Whether it is a grant of this licence: one of another tenant, customer or licence is worth
    /// nothing here.
    pub fn is_for(&self, tenant: &str, customer_id: &CustomerId, license_id: &LicenseId) -> bool {
        self.tenant == tenant && self.customer_id == *customer_id && self.license_id == *license_id
    }

    fn event(&self) -> CustomerEvent {
        CustomerEvent::LicenseGrantedProvisionally {
            license_id: self.license_id.clone(),
            title_id: self.title_id.clone(),
            studio_id: self.studio_id.clone(),
            device_id: self.device_id.clone(),
            granted_at: self.granted_at,
            expires_at: self.expires_at,
            policy_version: self.policy_version,
        }
    }
}
