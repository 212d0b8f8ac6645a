//! A licence as queries show it, and the lists in which it stands.

use std::collections::BTreeSet;

use headwater::{IndexKey, Part, Projection, StreamName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::customer::{CustomerEvent, PastLicense};
use crate::fields::{CustomerId, DeviceId, StudioId, TitleId};

/// A licence as queries show it; its row's name says whose it is ([`StreamName::parent_id`]) and
/// which ([`StreamName::id`]).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LicenseRow {
    /// The title that may be watched.
    pub title_id: TitleId,
    /// The studio that it belongs to.
    pub studio_id: StudioId,
    /// The device that keeps it.
    pub device_id: DeviceId,
    /// When the device was given it.
    pub acquired_at: Timestamp,
    /// From this millisecond on it is expired.
    pub expires_at: Timestamp,
    /// When it was released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Timestamp>,
    /// When the device reported that it has the title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downloaded_at: Option<Timestamp>,
    /// Whether it was granted while the store was out of reach.
    pub provisional: bool,
}

impl Projection for LicenseRow {
    type Event = CustomerEvent;
    const CATEGORY: &'static str = "customers/licenses";
    const REVISION: u32 = 1;

    fn evolve(&mut self, event: &CustomerEvent, at: Timestamp) {
        match event.clone() {
            CustomerEvent::LicenseAcquired {
                title_id, studio_id, device_id, expires_at, ..
            } => {
                *self = Self {
                    title_id,
                    studio_id,
                    device_id,
                    acquired_at: at,
                    expires_at,
                    ..Self::default()
                };
            }
            CustomerEvent::LicenseGrantedProvisionally {
                title_id,
                studio_id,
                device_id,
                granted_at,
                expires_at,
                ..
            } => {
                let granted = Self {
                    title_id,
                    studio_id,
                    device_id,
                    acquired_at: granted_at,
                    expires_at,
                    ..Self::default()
                };
                *self = Self { provisional: true, ..granted };
            }
            CustomerEvent::LicenseDownloaded { .. } => self.downloaded_at = Some(at),
            CustomerEvent::LicenseRenewed { expires_at, .. } => self.expires_at = expires_at,
            CustomerEvent::LicenseReleased { .. } => self.released_at = Some(at),
            CustomerEvent::DeviceDeactivated { .. } => {}
        }
    }

    fn is_deleted(&self) -> bool {
        false
    }

    fn index_keys(&self, name: &StreamName) -> BTreeSet<IndexKey> {
        let (customer_id, license_id) = (name.parent_id().unwrap_or_default(), name.id());
        let key = |index: String, at: Timestamp| {
            IndexKey::new(index, &IndexKey::newest_first(at), license_id)
        };
        let mut keys = BTreeSet::from([key(licenses_of(customer_id), self.acquired_at)]);
        if let Some(at) = self.downloaded_at {
            keys.insert(key(downloads_of(customer_id, None), at));
            keys.insert(key(downloads_of(customer_id, Some(self.title_id.as_str().into())), at));
        }
        keys
    }
}

impl Part for LicenseRow {
    fn id(event: &CustomerEvent) -> Option<&str> {
        match event {
            CustomerEvent::LicenseAcquired { license_id, .. }
            | CustomerEvent::LicenseGrantedProvisionally { license_id, .. }
            | CustomerEvent::LicenseDownloaded { license_id, .. }
            | CustomerEvent::LicenseRenewed { license_id, .. }
            | CustomerEvent::LicenseReleased { license_id, .. } => Some(license_id),
            CustomerEvent::DeviceDeactivated { .. } => None,
        }
    }
}

impl LicenseRow {
    /// When it ends or ended: released or expired, whichever is earlier.
    pub fn ends_at(&self) -> Timestamp {
        self.released_at.map_or(self.expires_at, |released_at| released_at.min(self.expires_at))
    }

    /// What decisions need to know once the licence has left the customer's state.
    pub fn past(&self) -> PastLicense {
        PastLicense {
            ends_at: self.ends_at(),
            released: self.released_at.is_some(),
            downloaded: self.downloaded_at.is_some(),
        }
    }
}

/// The index of a customer's licences, the newest first.
pub fn licenses_of(customer_id: impl Into<CustomerId>) -> String {
    format!("licenses/{}", customer_id.into())
}

/// The index of a customer's downloads, of all titles or of one, the newest first.
pub fn downloads_of(customer_id: impl Into<CustomerId>, title_id: Option<TitleId>) -> String {
    let customer_id = customer_id.into();
    match title_id {
        Some(title_id) => format!("downloads/{customer_id}/{title_id}"),
        None => format!("downloads/{customer_id}"),
    }
}
