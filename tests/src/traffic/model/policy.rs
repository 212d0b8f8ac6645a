//! The limits in force.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The limits, and how many events led to them.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How many days a licence lasts.
    pub license_days: u32,
    /// How many devices may have a licence at the same time.
    pub max_devices: u32,
    /// How often a title may be downloaded in a year.
    pub title_downloads_per_year: u32,
    /// How many licences of a studio there may be, where it has no limit of its own.
    pub default_studio_downloads: u32,
    /// The limits of single studios.
    pub studio_downloads: BTreeMap<String, u32>,
    /// How many devices may be deactivated in a year.
    pub deactivations_per_year: u32,
    /// The version of the policy's stream.
    pub version: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            license_days: 30,
            max_devices: 4,
            title_downloads_per_year: 3,
            default_studio_downloads: 25,
            studio_downloads: BTreeMap::new(),
            deactivations_per_year: 4,
            version: 0,
        }
    }
}

impl Policy {
    /// The limit of a studio.
    pub fn studio_limit(&self, studio: &str) -> u32 {
        self.studio_downloads.get(studio).copied().unwrap_or(self.default_studio_downloads)
    }

    /// The body that sets it.
    pub fn body(&self) -> Value {
        let mut studios = json!(self.studio_downloads);
        studios["default"] = self.default_studio_downloads.into();
        json!({
            "licenseDays": self.license_days,
            "maxDevices": self.max_devices,
            "titleDownloadsPerYear": self.title_downloads_per_year,
            "studioDownloads": studios,
            "deactivationsPerYear": self.deactivations_per_year,
        })
    }

    /// What is in force once `wanted` was set: its version is higher by one for each limit that it
    /// changes.
    #[must_use]
    pub fn set(&self, wanted: &Self) -> Self {
        let studios = self
            .studio_downloads
            .keys()
            .chain(wanted.studio_downloads.keys().filter(|studio| !self.has_own_limit(studio)));
        let changed_studios = studios
            .filter(|studio| {
                self.studio_downloads.get(*studio) != wanted.studio_downloads.get(*studio)
            })
            .count();
        let changed = [
            self.license_days != wanted.license_days,
            self.max_devices != wanted.max_devices,
            self.title_downloads_per_year != wanted.title_downloads_per_year,
            self.default_studio_downloads != wanted.default_studio_downloads,
            self.deactivations_per_year != wanted.deactivations_per_year,
        ];
        let changed = changed.into_iter().filter(|changed| *changed).count() + changed_studios;
        Self { version: self.version + changed as u64, ..wanted.clone() }
    }

    fn has_own_limit(&self, studio: &str) -> bool {
        self.studio_downloads.contains_key(studio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_changed_limit_is_one_event() {
        let first = Policy {
            max_devices: 3,
            studio_downloads: [("a".into(), 1), ("b".into(), 2)].into(),
            ..Policy::default()
        };
        let set = Policy::default().set(&first);
        assert_eq!(set.version, 3);
        assert_eq!(set.set(&first).version, 3, "again: nothing");
        let second = Policy {
            studio_downloads: [("b".into(), 3), ("c".into(), 4)].into(),
            ..Policy::default()
        };
        assert_eq!(set.set(&second).version, 3 + 4, "devices, a, b and c");
        assert_eq!((set.studio_limit("b"), set.studio_limit("z")), (2, 25));
    }
}
