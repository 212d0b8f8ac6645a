//! What the rules would say to one licence more, each with its count.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::customer::Customer;
use crate::fields::{DeviceId, StudioId, TitleId};
use crate::limits::{Wanted, tallies};
use crate::policy::Policy;

/// What to ask the rules about. The title's and the studio's are asked only where one is given; a
/// device that is not named is a new one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// The title that would be watched.
    pub title_id: Option<TitleId>,
    /// The studio that it belongs to.
    pub studio_id: Option<StudioId>,
    /// The device that would keep it.
    pub device_id: Option<DeviceId>,
}

/// What the rules say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Allowance {
    /// Whether none of them says no.
    pub allowed: bool,
    /// Each that was asked, in the order in which they refuse.
    pub rules: Vec<RuleCount>,
}

/// What a rule counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleCount {
    /// Its name, as `device-limit`.
    pub rule: &'static str,
    /// How many there may be.
    pub limit: u32,
    /// How many there are: more than `limit` where that was lowered.
    pub count: u32,
}

/// What each rule counts in a customer at this time, and whether a licence more would be allowed.
pub fn allowance(customer: &Customer, policy: &Policy, check: &Check, now: Timestamp) -> Allowance {
    let wanted = Wanted {
        title_id: check.title_id.as_ref(),
        studio_id: check.studio_id.as_ref(),
        device_id: check.device_id.as_ref(),
        renewed: None,
    };
    let tallies = tallies(customer, policy, wanted, now);
    Allowance {
        allowed: !tallies.iter().any(|tally| tally.refuses),
        rules: tallies
            .iter()
            .map(|tally| RuleCount {
                rule: tally.rule.name,
                limit: tally.limit,
                count: tally.count,
            })
            .collect(),
    }
}
