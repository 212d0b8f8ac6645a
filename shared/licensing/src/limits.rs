//! The rules of a customer, and what they count.

use std::collections::BTreeSet;

use headwater::{Rejection, Rule};
use jiff::Timestamp;

use crate::customer::{Customer, License};
use crate::fields::{DeviceId, LicenseId, StudioId, TitleId};
use crate::policy::Policy;
use crate::windows;

// ---- rules --------------------------------------------------------------------------------------

/// The limit of devices with a live licence.
pub static DEVICE_LIMIT: Rule = Rule {
    name: "device-limit",
    title: "Too many devices",
    help: "As many devices as the policy's `maxDevices` have a licence that is neither expired nor \
           released, and this is another one. Release what one of them keeps, deactivate it, or \
           wait until its licences expire. `count` is the number of those devices; it is above \
           `limit` if the limit was lowered, which takes nothing away.",
};

/// The limit of a studio's live licences.
pub static STUDIO_LIMIT: Rule = Rule {
    name: "studio-limit",
    title: "Too many licences of this studio",
    help: "The customer has as many licences of this studio, neither expired nor released, as the \
           policy's `studioDownloads` allow: the studio's own limit, or else `default`. Release \
           one, or wait until one expires.",
};

/// The limit of a title's downloads in 365 days.
pub static TITLE_YEARLY_LIMIT: Rule = Rule {
    name: "title-yearly-limit",
    title: "This title was downloaded too often within a year",
    help: "`count` is the title's downloads of the last 365 days and its licences that are neither \
           expired, released nor downloaded yet. A download counts until 365 days (of 24 hours) \
           after it was reported, even if its licence has ended. Wait until the oldest no longer \
           counts, or release a licence that was not downloaded.",
};

/// The limit of deactivations in 365 days.
pub static DEACTIVATION_LIMIT: Rule = Rule {
    name: "deactivation-limit",
    title: "Too many devices were deactivated within a year",
    help: "As many devices as the policy's `deactivationsPerYear` were deactivated within the \
           last 365 days (of 24 hours). Release the device's licences one by one, or wait until \
           the oldest deactivation is a year ago.",
};

/// A released licence cannot be renewed.
pub static LICENSE_RELEASED: Rule = Rule {
    name: "license-released",
    title: "This licence was released",
    help: "A released licence is never renewed; nothing was written. Acquire a new one.",
};

/// A licence that ended more than 30 days ago cannot be renewed.
pub static LICENSE_EXPIRED: Rule = Rule {
    name: "license-expired",
    title: "This licence ended long ago",
    help: "A licence can be renewed, and its download be reported, until 30 days after its end \
           (and no longer than 200 others have ended since). Acquire a new one.",
};

// ---- counts -------------------------------------------------------------------------------------

/// What a licence is wanted for. Rules about what is not named are not asked; a device that is not
/// named is a new one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) title_id: Option<&'a TitleId>,
    pub(crate) studio_id: Option<&'a StudioId>,
    pub(crate) device_id: Option<&'a DeviceId>,
    /// The licence that is renewed: neither it nor its own download is counted.
    pub(crate) renewed: Option<&'a LicenseId>,
}

/// What a rule counts in a customer, and whether it refuses what is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    pub(crate) rule: &'static Rule,
    pub(crate) limit: u32,
    pub(crate) count: u32,
    pub(crate) refuses: bool,
}

impl Tally {
    /// A rule that refuses once its count has reached its limit.
    pub(crate) fn new(rule: &'static Rule, limit: u32, count: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Self { rule, limit, count, refuses: count >= limit }
    }

    /// What the rule says, if it says no.
    ///
    /// # Errors
    /// The rule's refusal, with `limit` and `count`.
    pub(crate) fn check(&self) -> Result<(), Rejection> {
        let Self { rule, limit, count, refuses } = self;
        if !refuses {
            return Ok(());
        }
        Err(Rejection::refused(rule, format!("{count}, where {limit} are the limit."))
            .with("limit", *limit)
            .with("count", *count))
    }
}

/// Asks each rule, in the order in which they may refuse: device, studio, title.
pub(crate) fn tallies(
    customer: &Customer,
    policy: &Policy,
    wanted: Wanted<'_>,
    now: Timestamp,
) -> Vec<Tally> {
    let live: Vec<&License> = customer
        .live(now)
        .filter(|(id, _)| wanted.renewed != Some(id))
        .map(|(_, license)| license)
        .collect();
    let mut tallies = vec![device_tally(&live, policy, wanted.device_id)];
    if let Some(studio_id) = wanted.studio_id {
        let count = live.iter().filter(|license| license.studio_id == *studio_id).count();
        tallies.push(Tally::new(&STUDIO_LIMIT, policy.studio_downloads.of(studio_id), count));
    }
    if let Some(title_id) = wanted.title_id {
        let waiting = live
            .iter()
            .filter(|license| license.title_id == *title_id && license.downloaded_at.is_none())
            .count();
        let count = downloads(customer, title_id, wanted.renewed, now) + waiting;
        tallies.push(Tally::new(&TITLE_YEARLY_LIMIT, policy.title_downloads_per_year, count));
    }
    tallies
}

/// The first rule that says no.
///
/// # Errors
/// Its refusal.
pub(crate) fn check(
    customer: &Customer,
    policy: &Policy,
    wanted: Wanted<'_>,
    now: Timestamp,
) -> Result<(), Rejection> {
    tallies(customer, policy, wanted, now).iter().try_for_each(Tally::check)
}

/// How many devices were deactivated within the last year.
pub(crate) fn deactivations(customer: &Customer, now: Timestamp) -> usize {
    customer
        .deactivations
        .iter()
        .filter(|deactivation| windows::counts(deactivation.at, now))
        .count()
}

/// A device that keeps something already needs no further place, however many there are.
fn device_tally(live: &[&License], policy: &Policy, wanted: Option<&DeviceId>) -> Tally {
    let devices: BTreeSet<&DeviceId> = live.iter().map(|license| &license.device_id).collect();
    let tally = Tally::new(&DEVICE_LIMIT, policy.max_devices, devices.len());
    let is_one_of_them = wanted.is_some_and(|device_id| devices.contains(device_id));
    Tally { refuses: tally.refuses && !is_one_of_them, ..tally }
}

/// How often a title was downloaded within the last year, but for the download of the licence that
/// is renewed.
fn downloads(
    customer: &Customer,
    title_id: &TitleId,
    renewed: Option<&LicenseId>,
    now: Timestamp,
) -> usize {
    let times = customer.downloads.get(title_id).map_or(&[][..], Vec::as_slice);
    let all = times.iter().filter(|then| windows::counts(**then, now)).count();
    let own = renewed.and_then(|id| customer.license(id)).and_then(|license| license.downloaded_at);
    let own_counts = own.is_some_and(|then| windows::counts(then.as_millisecond(), now));
    all - usize::from(own_counts)
}
