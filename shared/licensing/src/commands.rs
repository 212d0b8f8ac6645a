//! What can be asked of a customer's licences and devices, a file for each.

mod acquire;
mod deactivate;
mod downloaded;
mod release;
mod release_all_licenses;
mod renew;

use headwater::Command;

pub use acquire::{AcquireLicense, EarlierLicense, LicenseRequest};
pub use deactivate::DeactivateDevice;
pub use downloaded::ReportDownloaded;
pub use release::ReleaseLicense;
pub use release_all_licenses::ReleaseAllLicenses;
pub use renew::RenewLicense;

use crate::customer::{Customer, PastLicense};

/// A command about a licence that was acquired before.
pub trait FollowUp: Command<Aggregate = Customer> {
    /// What the licence's row says of it, if there is one: what the command is decided by once the
    /// licence has left the state.
    fn past(&self) -> Option<PastLicense>;
}
