use headwater::{Command, Context, Rejection, Rule, Verdict};

use super::FollowUp;
use crate::customer::{Customer, CustomerEvent, Found, License, PastLicense};
use crate::fields::LicenseId;
use crate::limits::{self, LICENSE_EXPIRED, LICENSE_RELEASED, Wanted};
use crate::policy::PolicyInForce;
use crate::windows;

/// `POST /licensing/customers/{id}/licenses/{licenseId}/renew`: the licence lasts the policy's days
/// longer, from its end or from now, whichever is later.
///
/// The rules are asked as of now, about the customer without this licence and its own download; so
/// an expired licence may be renewed where there is room for it. Refused: [`LICENSE_RELEASED`],
/// [`LICENSE_EXPIRED`] once it has left the state, and what a new licence would be refused by.
#[derive(Clone, Debug)]
pub struct RenewLicense {
    /// The licence.
    pub license_id: LicenseId,
    /// The policy that decides.
    pub policy: PolicyInForce,
    /// What its row says, if there is one.
    pub past: Option<PastLicense>,
}

impl FollowUp for RenewLicense {
    fn past(&self) -> Option<PastLicense> {
        self.past
    }
}

impl Command for RenewLicense {
    type Aggregate = Customer;
    const NAME: &'static str = "RenewLicense";
    const RULES: &'static [&'static Rule] = &[
        &limits::LICENSE_RELEASED,
        &limits::LICENSE_EXPIRED,
        &limits::DEVICE_LIMIT,
        &limits::STUDIO_LIMIT,
        &limits::TITLE_YEARLY_LIMIT,
    ];

    fn decide(&self, customer: &Customer, context: &Context) -> Verdict<Customer> {
        let license = self.renewable(customer, context)?;
        let wanted = Wanted {
            title_id: Some(&license.title_id),
            studio_id: Some(&license.studio_id),
            device_id: Some(&license.device_id),
            renewed: Some(&self.license_id),
        };
        limits::check(customer, &self.policy.policy, wanted, context.now)?;
        Ok(vec![CustomerEvent::LicenseRenewed {
            license_id: self.license_id.clone(),
            device_id: license.device_id.clone(),
            expires_at: windows::days_after(
                license.expires_at.max(context.now),
                self.policy.policy.license_days,
            ),
            policy_version: self.policy.version,
        }])
    }
}

impl RenewLicense {
    fn renewable<'a>(
        &self,
        customer: &'a Customer,
        context: &Context,
    ) -> Result<&'a License, Rejection> {
        let released =
            |ended| Rejection::refused(&LICENSE_RELEASED, format!("It ended at {ended}."));
        match customer.find(&self.license_id, self.past, context.now)? {
            Found::Kept(license) if license.released_at.is_some() => {
                Err(released(license.ends_at()))
            }
            Found::Kept(license) => Ok(license),
            Found::Past(past) if past.released => Err(released(past.ends_at)),
            Found::Past(past) => {
                Err(Rejection::refused(&LICENSE_EXPIRED, format!("It ended at {}.", past.ends_at)))
            }
        }
    }
}
