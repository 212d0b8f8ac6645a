use headwater::{Command, Context, Rejection, Rule, Verdict};

use super::FollowUp;
use crate::customer::{Customer, CustomerEvent, Found, PastLicense};
use crate::fields::LicenseId;
use crate::limits::{self, LICENSE_EXPIRED};

/// `POST /licensing/customers/{id}/licenses/{licenseId}/downloaded`: the device has the title. It
/// counts towards the year, once.
///
/// Devices report late, so a licence that has ended takes it too, until it leaves the state.
/// Refused: [`LICENSE_EXPIRED`] after that.
#[derive(Clone, Debug)]
pub struct ReportDownloaded {
    /// The licence's id, from the path.
    pub license_id: LicenseId,
    /// What its row says, if there is one.
    pub past: Option<PastLicense>,
}

impl FollowUp for ReportDownloaded {
    fn past(&self) -> Option<PastLicense> {
        self.past
    }
}

impl Command for ReportDownloaded {
    type Aggregate = Customer;
    const NAME: &'static str = "ReportDownloaded";
    const RULES: &'static [&'static Rule] = &[&limits::LICENSE_EXPIRED];

    fn decide(&self, customer: &Customer, context: &Context) -> Verdict<Customer> {
        let license = match customer.find(&self.license_id, self.past, context.now)? {
            Found::Kept(license) if license.downloaded_at.is_some() => return Ok(vec![]),
            Found::Kept(license) => license,
            Found::Past(past) if past.downloaded => return Ok(vec![]),
            Found::Past(past) => {
                return Err(Rejection::refused(
                    &LICENSE_EXPIRED,
                    format!("It ended at {}.", past.ends_at),
                ));
            }
        };
        Ok(vec![CustomerEvent::LicenseDownloaded {
            license_id: self.license_id.clone(),
            title_id: license.title_id.clone(),
            device_id: license.device_id.clone(),
        }])
    }
}
