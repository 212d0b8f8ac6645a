//! A device as queries show it, and the list in which it stands.

use std::collections::BTreeSet;

use headwater::{IndexKey, Part, Projection, StreamName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::customer::{CustomerEvent, PastDevice};
use crate::fields::CustomerId;

/// A customer's device as queries show it; the row's name says whose it is
/// ([`StreamName::parent_id`]) and which ([`StreamName::id`]).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceRow {
    /// When it was given its first licence.
    pub first_used_at: Timestamp,
    /// When it was last given a licence, had one renewed, or reported a download.
    pub last_used_at: Timestamp,
    /// How many licences it was ever given.
    pub licenses: u32,
    /// When it was deactivated, if it had no live licence since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deactivated_at: Option<Timestamp>,
}

impl Projection for DeviceRow {
    type Event = CustomerEvent;
    const CATEGORY: &'static str = "customers/devices";
    const REVISION: u32 = 1;

    fn evolve(&mut self, event: &CustomerEvent, at: Timestamp) {
        match event {
            CustomerEvent::LicenseAcquired { .. } => self.was_given_one(at),
            CustomerEvent::LicenseGrantedProvisionally { granted_at, .. } => {
                self.was_given_one(*granted_at)
            }
            CustomerEvent::LicenseDownloaded { .. } => self.last_used_at = at,
            CustomerEvent::LicenseRenewed { .. } => {
                self.last_used_at = at;
                self.deactivated_at = None;
            }
            CustomerEvent::DeviceDeactivated { .. } => self.deactivated_at = Some(at),
            CustomerEvent::LicenseReleased { .. } => {}
        }
    }

    fn is_deleted(&self) -> bool {
        false
    }

    fn index_keys(&self, name: &StreamName) -> BTreeSet<IndexKey> {
        let (customer_id, device_id) = (name.parent_id().unwrap_or_default(), name.id());
        BTreeSet::from([IndexKey::new(
            devices_of(customer_id),
            &IndexKey::newest_first(self.first_used_at),
            device_id,
        )])
    }
}

impl Part for DeviceRow {
    /// A release concerns the licence alone: it does not tell that the device was used.
    fn id(event: &CustomerEvent) -> Option<&str> {
        match event {
            CustomerEvent::LicenseAcquired { device_id, .. }
            | CustomerEvent::LicenseGrantedProvisionally { device_id, .. }
            | CustomerEvent::LicenseDownloaded { device_id, .. }
            | CustomerEvent::LicenseRenewed { device_id, .. }
            | CustomerEvent::DeviceDeactivated { device_id, .. } => Some(device_id),
            CustomerEvent::LicenseReleased { .. } => None,
        }
    }
}

impl DeviceRow {
    /// What decisions need to know once the device has left the customer's state.
    pub fn past(&self) -> PastDevice {
        PastDevice { deactivated: self.deactivated_at.is_some() }
    }

    /// A grant is written late, so it may be the first although others were written before.
    fn was_given_one(&mut self, at: Timestamp) {
        let is_first = self.licenses == 0;
        self.first_used_at = if is_first { at } else { self.first_used_at.min(at) };
        self.last_used_at = if is_first { at } else { self.last_used_at.max(at) };
        self.licenses += 1;
        self.deactivated_at = None;
    }
}

/// The index of a customer's devices, the one that was first used last at the head.
pub fn devices_of(customer_id: impl Into<CustomerId>) -> String {
    format!("devices/{}", customer_id.into())
}
