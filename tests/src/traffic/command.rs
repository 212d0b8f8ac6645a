//! What a customer's devices ask of the service.

use serde_json::{Value, json};

use super::clock::rfc3339;

/// A command about one customer.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A device wants a licence of a title.
    Acquire {
        /// The title.
        title: String,
        /// Its studio.
        studio: String,
        /// The device.
        device: String,
    },
    /// A device has downloaded its title.
    Downloaded {
        /// The licence.
        license: String,
    },
    /// A device sends what was played.
    Play {
        /// The licence.
        license: String,
        /// What was played, in any order.
        events: Vec<Playback>,
    },
    /// A device wants to keep its title longer.
    Renew {
        /// The licence.
        license: String,
    },
    /// A device gives its title back.
    Release {
        /// The licence.
        license: String,
    },
    /// The customer gives a device away.
    Deactivate {
        /// The device.
        device: String,
    },
}

/// One event of playback.
#[derive(Clone, Debug, PartialEq)]
pub struct Playback {
    /// Its id, unique in its licence.
    pub id: String,
    /// `START`, `PAUSE`, `RESUME`, `KEEPALIVE` or `STOP`.
    pub kind: &'static str,
    /// When, in milliseconds since the epoch.
    pub at: i64,
}

impl Command {
    /// What it is called in the summary.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Acquire { .. } => "acquire",
            Self::Downloaded { .. } => "downloaded",
            Self::Play { .. } => "sessions",
            Self::Renew { .. } => "renew",
            Self::Release { .. } => "release",
            Self::Deactivate { .. } => "deactivate",
        }
    }

    /// The path to post it to.
    pub fn path(&self, customer: &str) -> String {
        let customer = format!("/licensing/customers/{customer}");
        match self {
            Self::Acquire { .. } => format!("{customer}/licenses"),
            Self::Downloaded { license } => format!("{customer}/licenses/{license}/downloaded"),
            Self::Play { license, .. } => format!("{customer}/licenses/{license}/sessions"),
            Self::Renew { license } => format!("{customer}/licenses/{license}/renew"),
            Self::Release { license } => format!("{customer}/licenses/{license}/release"),
            Self::Deactivate { device } => format!("{customer}/devices/{device}/deactivate"),
        }
    }

    /// The body to post, if it has one.
    pub fn body(&self) -> Option<Value> {
        match self {
            Self::Acquire { title, studio, device } => {
                Some(json!({ "titleId": title, "studioId": studio, "deviceId": device }))
            }
            Self::Play { events, .. } => Some(events.iter().map(Playback::body).collect()),
            _ => None,
        }
    }
}

impl Playback {
    fn body(&self) -> Value {
        json!({ "eventId": self.id, "kind": self.kind, "at": rfc3339(self.at) })
    }
}
