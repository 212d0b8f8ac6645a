use std::ops::Range;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fields::{DeviceId, StudioId, TitleId};
use crate::windows::KEPT;

/// A licence as the rules see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct License {
    /// The title that may be watched.
    #[serde(rename = "title")]
    pub title_id: TitleId,
    /// The studio that it belongs to.
    #[serde(rename = "studio")]
    pub studio_id: StudioId,
    /// The device that keeps it.
    #[serde(rename = "device")]
    pub device_id: DeviceId,
    /// When the device was given it.
    #[serde(rename = "from", with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub acquired_at: Timestamp,
    /// From this millisecond on it is expired.
    #[serde(rename = "until", with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub expires_at: Timestamp,
    /// When the device reported that it has the title.
    #[serde(
        rename = "got",
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub downloaded_at: Option<Timestamp>,
    /// When it was released.
    #[serde(
        rename = "freed",
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub released_at: Option<Timestamp>,
    /// Whether it was granted while the store was out of reach.
    #[serde(rename = "unchecked", default, skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
}

impl License {
    /// A licence that lasts from one time until another.
    pub(super) fn new(
        title_id: TitleId,
        studio_id: StudioId,
        device_id: DeviceId,
        lasts: Range<Timestamp>,
    ) -> Self {
        let Range { start: acquired_at, end: expires_at } = lasts;
        Self {
            title_id,
            studio_id,
            device_id,
            acquired_at,
            expires_at,
            downloaded_at: None,
            released_at: None,
            provisional: false,
        }
    }

    /// Whether it is neither expired nor released.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.released_at.is_none() && now < self.expires_at
    }

    /// When it ends or ended: released or expired, whichever is earlier.
    pub fn ends_at(&self) -> Timestamp {
        self.released_at.map_or(self.expires_at, |released_at| released_at.min(self.expires_at))
    }

    /// Whether commands still see it in the state.
    pub(crate) fn is_kept(&self, now: Timestamp) -> bool {
        now.duration_since(self.ends_at()) < KEPT
    }

    pub(super) fn past(&self) -> PastLicense {
        PastLicense {
            ends_at: self.ends_at(),
            released: self.released_at.is_some(),
            downloaded: self.downloaded_at.is_some(),
        }
    }
}

/// A licence that a command is about.
pub(crate) enum Found<'a> {
    /// The state has it.
    Kept(&'a License),
    /// It has left the state.
    Past(PastLicense),
}

/// A licence that has left the state, as its row remembers it
/// ([`LicenseRow::past`](crate::LicenseRow::past)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastLicense {
    /// When it ended.
    pub ends_at: Timestamp,
    /// Whether it was released.
    pub released: bool,
    /// Whether its download was reported.
    pub downloaded: bool,
}
