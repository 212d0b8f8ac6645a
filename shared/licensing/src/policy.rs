//! The policy: the limits in force in a tenant. Changing them needs no deploy, and takes nothing
//! away from anybody.

use std::collections::BTreeMap;

use garde::Validate;
use headwater::{Aggregate, Command, Context, Event, InvalidStreamName, StreamName, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::DOMAIN;
use crate::fields::StudioId;

/// The category of the policy's stream, of which a tenant has one.
pub const CATEGORY: &str = "policy";

/// The stream of the policy: `<tenant>/licensing/policy`.
///
/// # Errors
/// [`InvalidStreamName`] if tenant is no segment.
pub fn stream(tenant: &str) -> Result<StreamName, InvalidStreamName> {
    StreamName::singleton(tenant, DOMAIN, CATEGORY)
}

// ---- events -------------------------------------------------------------------------------------

/// What can have happened to the policy: each event sets one limit, and is written only if it
/// changes.
///
/// **The names of variants and fields are the storage format.** Never rename one: write an
/// upcaster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum PolicyEvent {
    /// How long a licence lasts, from its beginning or renewal.
    LicenseDaysSet {
        /// Days of 24 hours.
        days: u32,
    },
    /// How many devices of a customer may keep something at once.
    MaxDevicesSet {
        /// So many.
        limit: u32,
    },
    /// How often a customer may download a title within 365 days.
    TitleDownloadsPerYearSet {
        /// So often.
        limit: u32,
    },
    /// How many licences of a studio a customer may have at once, for studios without a limit of
    /// their own.
    DefaultStudioDownloadsSet {
        /// So many.
        limit: u32,
    },
    /// The same for one studio.
    StudioDownloadsSet {
        /// Which.
        studio_id: StudioId,
        /// So many.
        limit: u32,
    },
    /// The studio has the default's limit again.
    StudioDownloadsCleared {
        /// Which.
        studio_id: StudioId,
    },
    /// How many devices a customer may deactivate within 365 days.
    DeactivationsPerYearSet {
        /// So many.
        limit: u32,
    },
}

impl Event for PolicyEvent {}

// ---- state --------------------------------------------------------------------------------------

/// The limits in force; `Default` are those of a tenant that never set any. Some 150 bytes, and as
/// much as the studios' own limits: of 1,000 studios at the most 75 KB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Policy {
    /// How many days of 24 hours a licence lasts, from its beginning or renewal: 1–3,650.
    #[garde(range(min = 1, max = 3650))]
    #[schema(minimum = 1, maximum = 3650)]
    pub license_days: u32,
    /// How many devices of a customer may keep something at once: 0–1,000,000.
    #[garde(range(max = MOST))]
    #[schema(maximum = 1_000_000)]
    pub max_devices: u32,
    /// How often a customer may download a title within 365 days: 0–1,000,000.
    #[garde(range(max = MOST))]
    #[schema(maximum = 1_000_000)]
    pub title_downloads_per_year: u32,
    /// How many licences of a studio a customer may have at once: by the studio's id, and `default`
    /// for all others; 0–1,000,000 each.
    #[garde(custom(limits_of_studios))]
    #[schema(value_type = BTreeMap<String, u32>)]
    pub studio_downloads: StudioDownloads,
    /// How many devices a customer may deactivate within 365 days: 0–1,000,000.
    #[garde(range(max = MOST))]
    #[schema(maximum = 1_000_000)]
    pub deactivations_per_year: u32,
}

/// The highest limit.
const MOST: u32 = 1_000_000;

/// How many studios may have a limit of their own.
const MOST_STUDIOS: usize = 1_000;

/// The limits of studios: as JSON, one object of limits by studio, in which `default` is that of
/// all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<StudioId, u32>", into = "BTreeMap<StudioId, u32>")]
pub struct StudioDownloads {
    /// For each studio without a limit of its own.
    pub default: u32,
    /// By studio.
    pub own: BTreeMap<StudioId, u32>,
}

/// What stands for all studios without a limit of their own. A studio that is called so has the
/// default's.
const DEFAULT: &str = "default";

impl StudioDownloads {
    /// The limit of a studio, known or not.
    pub fn of(&self, studio_id: &StudioId) -> u32 {
        self.own.get(studio_id).copied().unwrap_or(self.default)
    }
}

impl Default for StudioDownloads {
    fn default() -> Self {
        Self { default: 25, own: BTreeMap::new() }
    }
}

impl From<BTreeMap<StudioId, u32>> for StudioDownloads {
    fn from(mut limits: BTreeMap<StudioId, u32>) -> Self {
        let default = limits.remove(DEFAULT).unwrap_or(Self::default().default);
        Self { default, own: limits }
    }
}

impl From<StudioDownloads> for BTreeMap<StudioId, u32> {
    fn from(StudioDownloads { default, mut own }: StudioDownloads) -> Self {
        own.insert(DEFAULT.into(), default);
        own
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            license_days: 30,
            max_devices: 4,
            title_downloads_per_year: 3,
            studio_downloads: StudioDownloads::default(),
            deactivations_per_year: 4,
        }
    }
}

impl Aggregate for Policy {
    type Event = PolicyEvent;
    const DOMAIN: &'static str = DOMAIN;
    const CATEGORY: &'static str = CATEGORY;
    const REVISION: u32 = 1;

    fn evolve(&mut self, event: &PolicyEvent, _: Timestamp) {
        match event {
            PolicyEvent::LicenseDaysSet { days } => self.license_days = *days,
            PolicyEvent::MaxDevicesSet { limit } => self.max_devices = *limit,
            PolicyEvent::TitleDownloadsPerYearSet { limit } => {
                self.title_downloads_per_year = *limit
            }
            PolicyEvent::DefaultStudioDownloadsSet { limit } => {
                self.studio_downloads.default = *limit
            }
            PolicyEvent::StudioDownloadsSet { studio_id, limit } => {
                self.studio_downloads.own.insert(studio_id.clone(), *limit);
            }
            PolicyEvent::StudioDownloadsCleared { studio_id } => {
                self.studio_downloads.own.remove(studio_id);
            }
            PolicyEvent::DeactivationsPerYearSet { limit } => self.deactivations_per_year = *limit,
        }
    }
}

/// A policy, and which one: what decisions go by and record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyInForce {
    /// The limits.
    pub policy: Policy,
    /// The version of the policy's stream, 0 for the defaults.
    pub version: u64,
}

// ---- commands -----------------------------------------------------------------------------------

/// `PUT /licensing/policy`: these limits are in force. What is left out gets its default again; a
/// studio that is left out has the default's limit.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Validate, ToSchema)]
#[serde(transparent)]
#[garde(transparent)]
pub struct SetPolicy(#[garde(dive)] pub Policy);

impl Command for SetPolicy {
    type Aggregate = Policy;
    const NAME: &'static str = "SetPolicy";

    fn decide(&self, policy: &Policy, _: &Context) -> Verdict<Policy> {
        let Self(wanted) = self;
        let set =
            |new: u32, old: u32, event: fn(u32) -> PolicyEvent| (new != old).then(|| event(new));
        let fields = [
            set(wanted.license_days, policy.license_days, |days| PolicyEvent::LicenseDaysSet {
                days,
            }),
            set(wanted.max_devices, policy.max_devices, |limit| PolicyEvent::MaxDevicesSet {
                limit,
            }),
            set(wanted.title_downloads_per_year, policy.title_downloads_per_year, |limit| {
                PolicyEvent::TitleDownloadsPerYearSet { limit }
            }),
            set(wanted.studio_downloads.default, policy.studio_downloads.default, |limit| {
                PolicyEvent::DefaultStudioDownloadsSet { limit }
            }),
            set(wanted.deactivations_per_year, policy.deactivations_per_year, |limit| {
                PolicyEvent::DeactivationsPerYearSet { limit }
            }),
        ];
        Ok(fields
            .into_iter()
            .flatten()
            .chain(studio_events(&wanted.studio_downloads.own, &policy.studio_downloads.own))
            .collect())
    }
}

/// What makes the studios' own limits what they should be.
fn studio_events(
    wanted: &BTreeMap<StudioId, u32>,
    present: &BTreeMap<StudioId, u32>,
) -> Vec<PolicyEvent> {
    let changed = wanted.iter().filter(|(studio_id, limit)| present.get(*studio_id) != Some(limit));
    let set = changed.map(|(studio_id, limit)| PolicyEvent::StudioDownloadsSet {
        studio_id: studio_id.clone(),
        limit: *limit,
    });
    let gone = present.keys().filter(|studio_id| !wanted.contains_key(*studio_id));
    let cleared =
        gone.map(|studio_id| PolicyEvent::StudioDownloadsCleared { studio_id: studio_id.clone() });
    set.chain(cleared).collect()
}

fn limits_of_studios(limits: &StudioDownloads, (): &()) -> garde::Result {
    if limits.own.len() > MOST_STUDIOS {
        return Err(garde::Error::new(format!(
            "at most {MOST_STUDIOS} studios have a limit of their own"
        )));
    }
    for studio_id in limits.own.keys() {
        studio_id.check().map_err(garde::Error::new)?;
    }
    let too_high = limits.own.values().chain([&limits.default]).any(|limit| *limit > MOST);
    if too_high {
        Err(garde::Error::new(format!("a limit is greater than {MOST}")))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
