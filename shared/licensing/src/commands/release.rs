use headwater::{Command, Context, Verdict};

use super::FollowUp;
use crate::customer::{Customer, CustomerEvent, Found, PastLicense};
use crate::fields::LicenseId;

/// `POST /licensing/customers/{id}/licenses/{licenseId}/release`: the device keeps the title no
/// more, and the slot is free. What is released, or ended so long ago that it has left the state,
/// stays as it is.
#[derive(Clone, Debug)]
pub struct ReleaseLicense {
    /// The licence's id, from the path.
    pub license_id: LicenseId,
    /// What its row says, if there is one.
    pub past: Option<PastLicense>,
}

impl FollowUp for ReleaseLicense {
    fn past(&self) -> Option<PastLicense> {
        self.past
    }
}

impl Command for ReleaseLicense {
    type Aggregate = Customer;
    const NAME: &'static str = "ReleaseLicense";

    fn decide(&self, customer: &Customer, context: &Context) -> Verdict<Customer> {
        match customer.find(&self.license_id, self.past, context.now)? {
            Found::Kept(license) if license.released_at.is_none() => {
                let device_id = license.device_id.clone();
                Ok(vec![CustomerEvent::LicenseReleased {
                    license_id: self.license_id.clone(),
                    device_id,
                }])
            }
            Found::Kept(_) | Found::Past(_) => Ok(vec![]),
        }
    }
}
