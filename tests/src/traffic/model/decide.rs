//! What the service must answer to a command.

use std::collections::BTreeSet;

use super::{Customer, DAY, KEPT, License, Policy};
use crate::traffic::{Command, Playback};

/// What a command brings about.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// A new licence, which lasts this long.
    Acquired {
        /// In milliseconds, from the time of the answer.
        lasts: i64,
    },
    /// The licence's download counts.
    Downloaded,
    /// These are counted.
    Played(Vec<Playback>),
    /// The licence lasts longer by this.
    Renewed {
        /// In milliseconds, from its expiry or from now, whichever is later.
        lasts: i64,
    },
    /// The licence is released.
    Released,
    /// The device is deactivated and these licences released.
    Deactivated(Vec<String>),
    /// It was so already.
    Nothing,
}

/// Why a command is not carried out.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// 404.
    Unknown,
    /// 409: a limit is reached.
    Limit {
        /// The rule's name.
        rule: &'static str,
        /// What is allowed.
        limit: u32,
        /// What there is.
        count: u32,
    },
    /// 409: the state says no.
    State(&'static str),
    /// 422: these fields are at fault.
    Invalid(Vec<String>),
}

/// How far a rule is exhausted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RuleCount {
    pub(super) rule: &'static str,
    pub(super) limit: u32,
    pub(super) count: u32,
    pub(super) refuses: bool,
}

impl Customer {
    /// What a command must bring about at a time.
    ///
    /// # Errors
    /// Why it must be refused.
    pub fn decide(&self, command: &Command, policy: &Policy, now: i64) -> Result<Effect, Refusal> {
        let lasts = i64::from(policy.license_days) * DAY;
        match command {
            Command::Acquire { title, studio, device } => {
                valid_id(title)?;
                self.within_limits(&self.counts(None, title, studio, Some(device), policy, now))?;
                Ok(Effect::Acquired { lasts })
            }
            Command::Downloaded { license } => {
                let license = self.license(license).ok_or(Refusal::Unknown)?;
                match license.downloaded_at {
                    Some(_) => Ok(Effect::Nothing),
                    None if license.is_past(now) => Err(Refusal::State("license-expired")),
                    None => Ok(Effect::Downloaded),
                }
            }
            Command::Play { license, events } => {
                self.decide_play(self.license(license).ok_or(Refusal::Unknown)?, events, now)
            }
            Command::Renew { license } => {
                let license = self.license(license).ok_or(Refusal::Unknown)?;
                if license.released_at.is_some() {
                    return Err(Refusal::State("license-released"));
                }
                if license.is_past(now) {
                    return Err(Refusal::State("license-expired"));
                }
                let License { id, title, studio, device, .. } = license;
                self.within_limits(&self.counts(
                    Some(id),
                    title,
                    studio,
                    Some(device),
                    policy,
                    now,
                ))?;
                Ok(Effect::Renewed { lasts })
            }
            Command::Release { license } => {
                let license = self.license(license).ok_or(Refusal::Unknown)?;
                let over = license.released_at.is_some() || license.is_past(now);
                Ok(if over { Effect::Nothing } else { Effect::Released })
            }
            Command::Deactivate { device } => self.decide_deactivate(device, policy, now),
        }
    }

    /// All rules, in the order in which they are checked, for a customer who had not the licence
    /// `without`.
    pub(super) fn counts(
        &self,
        without: Option<&str>,
        title: &str,
        studio: &str,
        device: Option<&str>,
        policy: &Policy,
        now: i64,
    ) -> [RuleCount; 3] {
        let others: Vec<&License> =
            self.licenses.iter().filter(|license| Some(license.id.as_str()) != without).collect();
        let live: Vec<&License> =
            others.iter().copied().filter(|license| license.is_live(now)).collect();
        let devices: BTreeSet<&str> = live.iter().map(|license| license.device.as_str()).collect();
        let of_studio = live.iter().filter(|license| license.studio == studio).count() as u32;
        let downloaded = others
            .iter()
            .filter(|license| license.title == title && license.counts_as_download(now))
            .count();
        let waiting = live
            .iter()
            .filter(|license| license.title == title && license.downloaded_at.is_none())
            .count();
        let of_title = (downloaded + waiting) as u32;
        let has_device = device.is_some_and(|device| devices.contains(device));
        let rule = |rule, limit, count| RuleCount { rule, limit, count, refuses: count >= limit };
        let mut device = rule("device-limit", policy.max_devices, devices.len() as u32);
        device.refuses &= !has_device;
        [
            device,
            rule("studio-limit", policy.studio_limit(studio), of_studio),
            rule("title-yearly-limit", policy.title_downloads_per_year, of_title),
        ]
    }

    fn within_limits(&self, counts: &[RuleCount]) -> Result<(), Refusal> {
        match counts.iter().find(|count| count.refuses) {
            Some(&RuleCount { rule, limit, count, .. }) => {
                Err(Refusal::Limit { rule, limit, count })
            }
            None => Ok(()),
        }
    }

    fn decide_play(
        &self,
        license: &License,
        events: &[Playback],
        now: i64,
    ) -> Result<Effect, Refusal> {
        let latest = license.ends_at().from + KEPT;
        if now > latest {
            return Err(Refusal::Invalid(vec![String::new()]));
        }
        let at_fault = events
            .iter()
            .enumerate()
            .filter(|(_, event)| event.at > latest || event.at > now + DAY);
        let at_fault: Vec<String> = at_fault.map(|(i, _)| format!("/{i}/at")).collect();
        if !at_fault.is_empty() {
            return Err(Refusal::Invalid(at_fault));
        }
        let mut known: BTreeSet<&str> =
            license.played.iter().map(|event| event.id.as_str()).collect();
        let new: Vec<Playback> =
            events.iter().filter(|event| known.insert(&event.id)).cloned().collect();
        Ok(if new.is_empty() { Effect::Nothing } else { Effect::Played(new) })
    }

    fn decide_deactivate(
        &self,
        device: &str,
        policy: &Policy,
        now: i64,
    ) -> Result<Effect, Refusal> {
        if !self.licenses.iter().any(|license| license.device == device) {
            return Err(Refusal::Unknown);
        }
        let released: Vec<String> = self
            .live(now)
            .filter(|license| license.device == device)
            .map(|license| license.id.clone())
            .collect();
        if self.deactivated_at(device).is_some() {
            return Ok(Effect::Nothing);
        }
        let count =
            self.deactivations.iter().filter(|at| now - at.from < super::YEAR).count() as u32;
        let limit = policy.deactivations_per_year;
        if count >= limit {
            return Err(Refusal::Limit { rule: "deactivation-limit", limit, count });
        }
        Ok(Effect::Deactivated(released))
    }
}

/// Whether a title's id is one at all: 1–64 of `A-Z a-z 0-9 _ -`.
fn valid_id(title: &str) -> Result<(), Refusal> {
    let allowed = title.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if allowed && (1..=64).contains(&title.len()) {
        Ok(())
    } else {
        Err(Refusal::Invalid(vec!["/titleId".to_owned()]))
    }
}
