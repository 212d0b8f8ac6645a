//! What ought to be so: everything that ever happened to a customer is kept, and every rule is a
//! count over all of it. It is slow, and simple enough to be believed.
//!
//! What happened at a time that is not in an answer is known to a [`Span`] only.
//! [`Customer::is_clear`] tells whether that makes a difference at some time; the rules are asked
//! only at times when it makes none.

mod apply;
mod decide;
mod policy;
mod views;

use std::collections::BTreeSet;

use serde_json::Value;

pub use apply::{Facts, Granted};
pub use decide::{Effect, Refusal};
pub use policy::Policy;
pub use views::Shown;

use super::{Playback, Span};

/// Milliseconds of a day.
pub const DAY: i64 = 24 * 60 * 60 * 1000;
/// How long a download counts.
pub const YEAR: i64 = 365 * DAY;
/// How long after its end a licence can be renewed, and playback of it reported.
pub const KEPT: i64 = 30 * DAY;

/// A customer.
#[derive(Clone, Debug, Default)]
pub struct Customer {
    /// All licences ever, oldest first.
    pub licenses: Vec<License>,
    /// When a device was deactivated, oldest first.
    pub deactivations: Vec<Span>,
    /// Everything that happened, oldest first.
    pub events: Vec<Event>,
}

/// A licence.
#[derive(Clone, Debug)]
pub struct License {
    /// Its id.
    pub id: String,
    /// The title that may be watched.
    pub title: String,
    /// The studio of the title.
    pub studio: String,
    /// The device that keeps it.
    pub device: String,
    /// When it was acquired.
    pub acquired_at: i64,
    /// From when on it is expired.
    pub expires_at: i64,
    /// When its download was reported.
    pub downloaded_at: Option<Span>,
    /// When it was released.
    pub released_at: Option<Span>,
    /// What was played, each event once.
    pub played: Vec<Playback>,
    /// Whether it was granted while the store did not answer.
    pub provisional: bool,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// The licence whose playback it is; `None` where it is about the customer.
    pub playback_of: Option<String>,
    /// Its type.
    pub name: &'static str,
    /// Its data.
    pub data: Value,
    /// When.
    pub at: Span,
}

impl Customer {
    /// The version of the customer's stream.
    pub fn version(&self) -> u64 {
        self.events.iter().filter(|event| event.playback_of.is_none()).count() as u64
    }

    /// The version of the stream of a licence's playback.
    pub fn playback_version(&self, license: &str) -> u64 {
        self.events.iter().filter(|event| event.playback_of.as_deref() == Some(license)).count()
            as u64
    }

    /// A licence, by its id.
    pub fn license(&self, id: &str) -> Option<&License> {
        self.licenses.iter().find(|license| license.id == id)
    }

    /// The licences that are neither expired nor released.
    pub fn live(&self, now: i64) -> impl Iterator<Item = &License> {
        self.licenses.iter().filter(move |license| license.is_live(now))
    }

    /// The devices that have a licence.
    pub fn devices_in_use(&self, now: i64) -> BTreeSet<&str> {
        self.live(now).map(|license| license.device.as_str()).collect()
    }

    /// When a device was deactivated, if it was given no licence since: neither a new one nor, by a
    /// renewal, one that had expired before.
    pub fn deactivated_at(&self, device: &str) -> Option<Span> {
        let names = [
            "LicenseAcquired",
            "LicenseGrantedProvisionally",
            "LicenseRenewed",
            "DeviceDeactivated",
        ];
        let last = self
            .events
            .iter()
            .rfind(|event| names.contains(&event.name) && event.data["deviceId"] == device)?;
        (last.name == "DeviceDeactivated").then_some(last.at)
    }

    /// Whether nothing ends, or ceases to count, in this span: then the rules say the same at each
    /// of its milliseconds.
    pub fn is_clear(&self, span: Span) -> bool {
        let licenses = self.licenses.iter().flat_map(|license| {
            let download = license.downloaded_at.map(|at| at.later(YEAR));
            [Some(Span::exact(license.expires_at)), Some(license.ends_at().later(KEPT)), download]
                .into_iter()
                .flatten()
        });
        let deactivations = self.deactivations.iter().map(|at| at.later(YEAR));
        licenses.chain(deactivations).all(|edge| !edge.touches(span))
    }
}

impl License {
    /// Whether it is neither expired nor released.
    pub fn is_live(&self, now: i64) -> bool {
        self.released_at.is_none() && now < self.expires_at
    }

    /// When it ends or ended: released or expired, whichever is earlier.
    pub fn ends_at(&self) -> Span {
        self.released_at
            .filter(|at| at.to < self.expires_at)
            .unwrap_or(Span::exact(self.expires_at))
    }

    /// Whether its end is so long ago that nothing can be done with it any more.
    pub fn is_past(&self, now: i64) -> bool {
        now - self.ends_at().from >= KEPT
    }

    /// Whether its download counts towards its title's year.
    pub fn counts_as_download(&self, now: i64) -> bool {
        self.downloaded_at.is_some_and(|at| now - at.from < YEAR)
    }
}
