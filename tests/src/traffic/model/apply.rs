//! What a command has changed.

use serde_json::{Value, json};

use super::{Customer, Effect, Event, License, Policy};
use crate::traffic::clock::rfc3339;
use crate::traffic::{Command, Span};

/// What only the service's answer tells.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The new licence's id.
    pub license_id: String,
    /// When it was acquired.
    pub acquired_at: i64,
    /// When the new or renewed licence expires.
    pub expires_at: i64,
}

/// How a licence came about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Granted {
    /// By the rules of the policy in force.
    ByTheRules,
    /// While the store did not answer, by the policy of this version.
    Provisionally(u64),
}

impl Customer {
    /// Takes in that a command was carried out at some time in `at`.
    pub fn apply(
        &mut self,
        command: &Command,
        effect: Effect,
        facts: &Facts,
        policy: &Policy,
        at: Span,
    ) {
        match (command, effect) {
            (Command::Acquire { .. }, Effect::Acquired { .. }) => {
                self.acquire(command, facts, Granted::ByTheRules, policy, at)
            }
            (Command::Downloaded { license }, Effect::Downloaded) => {
                self.change(license, at, "LicenseDownloaded", |license| {
                    license.downloaded_at = Some(at);
                    json!({
                        "licenseId": license.id,
                        "titleId": license.title,
                        "deviceId": license.device,
                    })
                })
            }
            (Command::Play { license: id, .. }, Effect::Played(new)) => {
                let data = json!({
                    "events": new.iter().map(super::views::playback).collect::<Value>()
                });
                self.events.push(Event {
                    playback_of: Some(id.clone()),
                    name: "PlaybackRecorded",
                    data,
                    at,
                });
                self.find(id)
                    .into_iter()
                    .for_each(|license| license.played.extend(new.iter().cloned()));
            }
            (Command::Renew { license }, Effect::Renewed { .. }) => {
                self.change(license, at, "LicenseRenewed", |license| {
                    license.expires_at = facts.expires_at;
                    let expires_at = rfc3339(facts.expires_at);
                    json!({
                        "licenseId": license.id,
                        "deviceId": license.device,
                        "expiresAt": expires_at,
                        "policyVersion": policy.version,
                    })
                })
            }
            (Command::Release { license }, Effect::Released) => self.release(license, at),
            (Command::Deactivate { device }, Effect::Deactivated(mut released)) => {
                // The service keeps licences in the order of their ids.
                released.sort();
                released.iter().for_each(|license| self.release(license, at));
                self.deactivations.push(at);
                self.tell(
                    "DeviceDeactivated",
                    json!({ "deviceId": device, "policyVersion": policy.version }),
                    at,
                );
            }
            _ => {}
        }
    }

    /// Takes in that a licence was acquired, as the command wanted.
    pub fn acquire(
        &mut self,
        command: &Command,
        facts: &Facts,
        granted: Granted,
        policy: &Policy,
        at: Span,
    ) {
        let Command::Acquire { title, studio, device } = command.clone() else { return };
        let Facts { license_id: id, acquired_at, expires_at } = facts.clone();
        let mut data =
            json!({ "licenseId": id, "titleId": title, "studioId": studio, "deviceId": device });
        data["expiresAt"] = rfc3339(expires_at).into();
        if let Granted::Provisionally(policy_version) = granted {
            data["grantedAt"] = rfc3339(acquired_at).into();
            data["policyVersion"] = policy_version.into();
            self.tell("LicenseGrantedProvisionally", data, at);
        } else {
            data["policyVersion"] = policy.version.into();
            self.tell("LicenseAcquired", data, at);
        }
        let provisional = granted != Granted::ByTheRules;
        let (downloaded_at, released_at, played) = (None, None, Vec::new());
        let license = License {
            id,
            title,
            studio,
            device,
            acquired_at,
            expires_at,
            downloaded_at,
            released_at,
            played,
            provisional,
        };
        self.licenses.push(license);
    }

    fn release(&mut self, id: &str, at: Span) {
        self.change(id, at, "LicenseReleased", |license| {
            license.released_at = Some(at);
            json!({ "licenseId": license.id, "deviceId": license.device })
        });
    }

    fn change(
        &mut self,
        id: &str,
        at: Span,
        name: &'static str,
        change: impl FnOnce(&mut License) -> Value,
    ) {
        if let Some(data) = self.find(id).map(change) {
            self.tell(name, data, at);
        }
    }

    fn find(&mut self, id: &str) -> Option<&mut License> {
        self.licenses.iter_mut().find(|license| license.id == id)
    }

    fn tell(&mut self, name: &'static str, data: Value, at: Span) {
        self.events.push(Event { playback_of: None, name, data, at });
    }
}
