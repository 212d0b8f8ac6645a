use headwater::{Command, Context, Rejection, Rule, Verdict};
use jiff::Timestamp;

use crate::customer::{Customer, CustomerEvent, PastDevice};
use crate::fields::{DeviceId, LicenseId};
use crate::limits::{self, DEACTIVATION_LIMIT, Tally};
use crate::policy::PolicyInForce;

/// `POST /licensing/customers/{id}/devices/{deviceId}/deactivate`: releases all that the device
/// keeps and records the deactivation, in one commit.
///
/// A device that is deactivated and had no live licence since stays as it is. Refused:
/// [`DEACTIVATION_LIMIT`].
#[derive(Clone, Debug)]
pub struct DeactivateDevice {
    /// The device.
    pub device_id: DeviceId,
    /// The policy that decides.
    pub policy: PolicyInForce,
    /// What its row says, if there is one.
    pub past: Option<PastDevice>,
}

impl Command for DeactivateDevice {
    type Aggregate = Customer;
    const NAME: &'static str = "DeactivateDevice";
    const RULES: &'static [&'static Rule] = &[&limits::DEACTIVATION_LIMIT];

    fn decide(&self, customer: &Customer, context: &Context) -> Verdict<Customer> {
        let mut events = self.releases(customer, context.now);
        if events.is_empty() && self.is_deactivated(customer)? {
            return Ok(vec![]);
        }
        let count = limits::deactivations(customer, context.now);
        Tally::new(&DEACTIVATION_LIMIT, self.policy.policy.deactivations_per_year, count)
            .check()?;
        events.push(CustomerEvent::DeviceDeactivated {
            device_id: self.device_id.clone(),
            policy_version: self.policy.version,
        });
        Ok(events)
    }
}

impl DeactivateDevice {
    fn releases(&self, customer: &Customer, now: Timestamp) -> Vec<CustomerEvent> {
        let kept = customer.live(now).filter(|(_, license)| license.device_id == self.device_id);
        let release = |id: &LicenseId| CustomerEvent::LicenseReleased {
            license_id: id.clone(),
            device_id: self.device_id.clone(),
        };
        kept.map(|(id, _)| release(id)).collect()
    }

    /// Whether the device was deactivated and had no live licence since; by its row where the state
    /// knows nothing of it.
    fn is_deactivated(&self, customer: &Customer) -> Result<bool, Rejection> {
        if let Some(deactivation) = customer.last_deactivation(&self.device_id) {
            return Ok(!deactivation.used_again);
        }
        if customer.has_device(&self.device_id) {
            return Ok(false);
        }
        self.past
            .map(|past| past.deactivated)
            .ok_or_else(|| Rejection::unknown("device", &self.device_id))
    }
}
