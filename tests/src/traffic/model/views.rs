//! What the queries must show.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Customer, Event, License, Policy};
use crate::traffic::clock::{millis, rfc3339};
use crate::traffic::{Playback, Span};

/// An item of an answer: what is known exactly, and the times that are known to a span, or to be
/// absent.
#[derive(Clone, Debug)]
pub struct Shown {
    exact: Value,
    times: Vec<(&'static str, Option<Span>)>,
}

impl Shown {
    /// Whether an item is as it must be.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, item: &Value) -> Result<(), String> {
        let mut rest = item.clone();
        for (field, span) in &self.times {
            let at = rest.as_object_mut().and_then(|fields| fields.remove(*field));
            let agrees = match (span, &at) {
                (None, None | Some(Value::Null)) => true,
                (Some(span), Some(at)) => millis(at).is_ok_and(|at| span.holds(at)),
                _ => false,
            };
            if !agrees {
                return Err(format!("{field} must be in {span:?}: {item}"));
            }
        }
        if rest == self.exact { Ok(()) } else { Err(format!("must be {}: {item}", self.exact)) }
    }
}

impl Customer {
    /// `GET …/licenses`.
    pub fn license_items(&self) -> Vec<Shown> {
        self.licenses.iter().rev().map(License::item).collect()
    }

    /// `GET …/downloads`, of all titles or of one.
    pub fn download_items(&self, title: Option<&str>) -> Vec<Shown> {
        let reported = self.events.iter().rev().filter(|event| event.name == "LicenseDownloaded");
        let of_title =
            reported.filter(|event| title.is_none_or(|title| event.data["titleId"] == title));
        of_title
            .map(|event| Shown {
                exact: event.data.clone(),
                times: vec![("downloadedAt", Some(event.at))],
            })
            .collect()
    }

    /// `GET …/devices`.
    pub fn device_items(&self) -> Vec<Shown> {
        let mut devices: Vec<&str> = Vec::new();
        for license in &self.licenses {
            if !devices.contains(&license.device.as_str()) {
                devices.push(&license.device);
            }
        }
        devices.iter().rev().map(|device| self.device_item(device)).collect()
    }

    fn device_item(&self, device: &str) -> Shown {
        let licenses: Vec<&License> =
            self.licenses.iter().filter(|license| license.device == device).collect();
        let first = licenses.first().map(|license| Span::exact(license.acquired_at));
        let uses = [
            "LicenseAcquired",
            "LicenseGrantedProvisionally",
            "LicenseDownloaded",
            "LicenseRenewed",
        ];
        let last = self
            .events
            .iter()
            .rfind(|event| uses.contains(&event.name) && event.data["deviceId"] == device)
            .map(|event| event.at);
        Shown {
            exact: json!({ "deviceId": device, "licenses": licenses.len() }),
            times: vec![
                ("firstUsedAt", first),
                ("lastUsedAt", last),
                ("deactivatedAt", self.deactivated_at(device)),
            ],
        }
    }

    /// `GET …/allowance`.
    pub fn allowance(
        &self,
        title: &str,
        studio: &str,
        device: Option<&str>,
        policy: &Policy,
        now: i64,
    ) -> Value {
        let counts = self.counts(None, title, studio, device, policy, now);
        let rules = counts
            .iter()
            .map(|count| json!({ "rule": count.rule, "limit": count.limit, "count": count.count }));
        json!({
            "allowed": !counts.iter().any(|count| count.refuses),
            "rules": rules.collect::<Value>(),
        })
    }

    /// `GET …/events`: type, data and time of each.
    pub fn event_items(&self) -> Vec<Shown> {
        let item = |event: &Event| Shown {
            exact: json!({ "type": event.name, "data": event.data }),
            times: vec![("at", Some(event.at))],
        };
        self.events.iter().map(item).collect()
    }
}

impl License {
    /// `GET …/licenses/{id}`.
    pub fn item(&self) -> Shown {
        Shown {
            exact: json!({
                "licenseId": self.id, "titleId": self.title, "studioId": self.studio,
                "deviceId": self.device,
                "acquiredAt": rfc3339(self.acquired_at), "expiresAt": rfc3339(self.expires_at),
                "released": self.released_at.is_some(), "provisional": self.provisional,
            }),
            times: vec![("downloadedAt", self.downloaded_at)],
        }
    }

    /// `GET …/licenses/{id}/sessions`: what was counted of its playback.
    pub fn sessions(&self) -> Value {
        let mut by_kind: BTreeMap<&str, u32> = BTreeMap::new();
        for event in &self.played {
            *by_kind.entry(event.kind).or_default() += 1;
        }
        let times = self.played.iter().map(|event| event.at);
        let (first, last) = (times.clone().min().map(rfc3339), times.max().map(rfc3339));
        json!({ "events": self.played.len(), "byKind": by_kind, "firstAt": first, "lastAt": last })
    }
}

/// An event of playback as events and requests have it.
pub(super) fn playback(event: &Playback) -> Value {
    json!({ "eventId": event.id, "kind": event.kind, "at": rfc3339(event.at) })
}
