//! A customer: the licences, this year's downloads and the devices, which all of a customer's rules
//! span.

mod license;

use std::collections::BTreeMap;

use headwater::{Aggregate, Event, InvalidStreamName, Rejection, StreamName};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub(crate) use license::Found;
pub use license::{License, PastLicense};

use crate::DOMAIN;
use crate::fields::{CustomerId, DeviceId, LicenseId, StudioId, TitleId};
use crate::windows;

/// The category of the streams of customers.
pub const CATEGORY: &str = "customers";

/// How many licences that have ended stay in the state at most; of more, those that ended first
/// leave it.
pub const MOST_ENDED: usize = 200;

/// The stream of a customer: `<tenant>/licensing/customers/<id>`.
///
/// # Errors
/// [`InvalidStreamName`] if tenant or id is no segment.
pub fn stream(tenant: &str, id: impl Into<CustomerId>) -> Result<StreamName, InvalidStreamName> {
    StreamName::new(tenant, DOMAIN, CATEGORY, &id.into())
}

// ---- events -------------------------------------------------------------------------------------

/// What can have happened to a customer's licences and devices. What the policy decided is
/// recorded, as the time of expiry, so that a later policy never rewrites the past; `policyVersion`
/// tells which policy that was: the version of its stream, 0 for the defaults.
///
/// **The names of variants and fields are the storage format.** Never rename one: write an
/// upcaster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum CustomerEvent {
    /// The rules had no objection: the title may be kept on the device from now until `expires_at`.
    LicenseAcquired {
        /// The licence's id, unique within the customer.
        license_id: LicenseId,
        /// The title that may be watched.
        title_id: TitleId,
        /// The studio that it belongs to.
        studio_id: StudioId,
        /// The device that keeps it.
        device_id: DeviceId,
        /// From this millisecond on the licence is expired.
        expires_at: Timestamp,
        /// The policy that decided.
        policy_version: u64,
    },
    /// A licence that was granted at `granted_at`, when the store was out of reach, so that no rule
    /// could be checked.
    LicenseGrantedProvisionally {
        /// The licence's id, unique within the customer.
        license_id: LicenseId,
        /// The title that may be watched.
        title_id: TitleId,
        /// The studio that it belongs to.
        studio_id: StudioId,
        /// The device that keeps it.
        device_id: DeviceId,
        /// When the device was given the licence, long before this was written perhaps.
        granted_at: Timestamp,
        /// From this millisecond on the licence is expired.
        expires_at: Timestamp,
        /// The policy that decided.
        policy_version: u64,
    },
    /// The device has the title: it counts towards the title's year from now on.
    LicenseDownloaded {
        /// The licence's id, unique within the customer.
        license_id: LicenseId,
        /// Its title, so that the download counts after the licence has left the state.
        title_id: TitleId,
        /// Its device.
        device_id: DeviceId,
    },
    /// The rules had no objection once more: the licence lasts longer.
    LicenseRenewed {
        /// The licence's id, unique within the customer.
        license_id: LicenseId,
        /// Its device.
        device_id: DeviceId,
        /// From this millisecond on the licence is expired.
        expires_at: Timestamp,
        /// The policy that decided.
        policy_version: u64,
    },
    /// The device keeps the title no more; the licence is never renewed.
    LicenseReleased {
        /// The licence's id, unique within the customer.
        license_id: LicenseId,
        /// Its device.
        device_id: DeviceId,
    },
    /// The device keeps nothing any more: the same commit released all of its licences. It may be
    /// used again.
    DeviceDeactivated {
        /// The device.
        device_id: DeviceId,
        /// The policy that decided.
        policy_version: u64,
    },
}

impl Event for CustomerEvent {}

// ---- state --------------------------------------------------------------------------------------

/// What the rules about a customer need to know, and no more: what none can need any longer leaves
/// it, by the time of the next event. Decisions look at the time as well, so that it makes no
/// difference when something leaves.
///
/// Names are short and times are milliseconds since the epoch, since every KB of a snapshot is
/// billed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Customer {
    /// Each licence by its id, until [`KEPT`](windows::KEPT) after its end, and [`MOST_ENDED`] of
    /// those that have ended.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) licenses: BTreeMap<LicenseId, License>,
    /// When each title was downloaded within the last [`YEAR`](windows::YEAR).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) downloads: BTreeMap<TitleId, Vec<i64>>,
    /// The deactivations of the last [`YEAR`](windows::YEAR), oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) deactivations: Vec<Deactivation>,
}

/// A device that was deactivated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Deactivation {
    #[serde(rename = "device")]
    pub(crate) device_id: DeviceId,
    /// In milliseconds since the epoch.
    pub(crate) at: i64,
    /// Whether the device has had a live licence since.
    #[serde(rename = "again", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) used_again: bool,
}

impl Aggregate for Customer {
    type Event = CustomerEvent;
    const DOMAIN: &'static str = DOMAIN;
    const CATEGORY: &'static str = CATEGORY;
    const REVISION: u32 = 1;
    // A year's licences, and a month of their playback, are looked at often; older ones seldom.
    const RETENTION: Option<SignedDuration> = Some(SignedDuration::from_hours(400 * 24));
    /// A state of 4.6 KB (a busy customer's) and commits of 0.4 KB, where three commands of ten
    /// find a cold Lambda.
    const PAGE: u32 = 40;

    fn evolve(&mut self, event: &CustomerEvent, at: Timestamp) {
        self.forget(at);
        match event.clone() {
            CustomerEvent::LicenseAcquired {
                license_id,
                title_id,
                studio_id,
                device_id,
                expires_at,
                ..
            } => {
                self.add(license_id, License::new(title_id, studio_id, device_id, at..expires_at));
            }
            CustomerEvent::LicenseGrantedProvisionally {
                license_id,
                title_id,
                studio_id,
                device_id,
                granted_at,
                expires_at,
                ..
            } => {
                let license = License::new(title_id, studio_id, device_id, granted_at..expires_at);
                self.add(license_id, License { provisional: true, ..license });
            }
            CustomerEvent::LicenseDownloaded { license_id, title_id, .. } => {
                self.downloads.entry(title_id).or_default().push(at.as_millisecond());
                self.change(&license_id, |license| license.downloaded_at = Some(at));
            }
            CustomerEvent::LicenseRenewed { license_id, device_id, expires_at, .. } => {
                self.use_device(&device_id);
                self.change(&license_id, |license| license.expires_at = expires_at);
            }
            CustomerEvent::LicenseReleased { license_id, .. } => {
                self.change(&license_id, |license| license.released_at = Some(at));
            }
            CustomerEvent::DeviceDeactivated { device_id, .. } => {
                self.deactivations.push(Deactivation {
                    device_id,
                    at: at.as_millisecond(),
                    used_again: false,
                });
            }
        }
    }
}

impl Customer {
    /// A licence that the state still has: live, or ended not long ago.
    pub fn license(&self, id: &LicenseId) -> Option<&License> {
        self.licenses.get(id)
    }

    /// Whether the state still knows of a device. One that it does not know may have been used long
    /// ago.
    pub fn has_device(&self, id: &DeviceId) -> bool {
        self.licenses.values().any(|license| license.device_id == *id)
            || self.last_deactivation(id).is_some()
    }

    pub(crate) fn live(&self, now: Timestamp) -> impl Iterator<Item = (&LicenseId, &License)> {
        self.licenses.iter().filter(move |(_, license)| license.is_live(now))
    }

    pub(crate) fn last_deactivation(&self, device_id: &DeviceId) -> Option<&Deactivation> {
        self.deactivations.iter().rfind(|deactivation| deactivation.device_id == *device_id)
    }

    /// The licence that a command is about: in the state, or long past.
    pub(crate) fn find(
        &self,
        id: &LicenseId,
        past: Option<PastLicense>,
        now: Timestamp,
    ) -> Result<Found<'_>, Rejection> {
        match self.licenses.get(id) {
            Some(license) if license.is_kept(now) => Ok(Found::Kept(license)),
            Some(license) => Ok(Found::Past(license.past())),
            None => past.map(Found::Past).ok_or_else(|| Rejection::unknown("licence", id)),
        }
    }

    fn add(&mut self, id: LicenseId, license: License) {
        self.use_device(&license.device_id);
        self.licenses.insert(id, license);
    }

    /// A device that was deactivated has a live licence again. A renewal gives one as well, where
    /// the licence had expired by then.
    fn use_device(&mut self, id: &DeviceId) {
        let deactivations =
            self.deactivations.iter_mut().filter(|deactivation| deactivation.device_id == *id);
        deactivations.for_each(|deactivation| deactivation.used_again = true);
    }

    fn change(&mut self, id: &LicenseId, change: impl FnOnce(&mut License)) {
        if let Some(license) = self.licenses.get_mut(id) {
            change(license);
        }
    }

    /// Lets go of what no rule can need from now on.
    fn forget(&mut self, now: Timestamp) {
        self.licenses.retain(|_, license| license.is_kept(now));
        self.forget_the_oldest_ended(now);
        self.downloads.retain(|_, times| {
            times.retain(|then| windows::counts(*then, now));
            !times.is_empty()
        });
        self.deactivations.retain(|deactivation| windows::counts(deactivation.at, now));
    }

    fn forget_the_oldest_ended(&mut self, now: Timestamp) {
        let is_ended = |license: &License| license.ends_at() <= now;
        let surplus = self
            .licenses
            .values()
            .filter(|license| is_ended(license))
            .count()
            .saturating_sub(MOST_ENDED);
        if surplus == 0 {
            return;
        }
        let ended = self.licenses.iter().filter(|(_, license)| is_ended(license));
        let mut ended: Vec<(Timestamp, LicenseId)> =
            ended.map(|(id, license)| (license.ends_at(), id.clone())).collect();
        ended.sort();
        for (_, id) in &ended[..surplus] {
            self.licenses.remove(id);
        }
    }
}

/// A device that the state may know nothing of any more, as its row remembers it
/// ([`DeviceRow::past`](crate::DeviceRow::past)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastDevice {
    /// Whether it was deactivated, and had no live licence since.
    pub deactivated: bool,
}
