//! What was counted of a licence's playback, as queries show it.

use std::collections::{BTreeMap, BTreeSet};

use headwater::{IndexKey, Projection, StreamName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::playback::{self, Kind, PlaybackEvent};

/// What was counted of a licence's playback; its stream's name says whose it is and of which
/// licence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaybackRow {
    /// How many events.
    pub events: u32,
    /// How many of each kind.
    pub by_kind: BTreeMap<Kind, u32>,
    /// The time of the earliest.
    pub first_at: Option<Timestamp>,
    /// The time of the latest.
    pub last_at: Option<Timestamp>,
}

impl Projection for PlaybackRow {
    type Event = PlaybackEvent;
    const CATEGORY: &'static str = playback::CATEGORY;
    const REVISION: u32 = 1;
    /// For `GET /licensing/customers/{id}/events`, which shows it beside what else happened.
    const LOGGED: bool = true;

    /// The stream holds each event once, so here nothing needs to be told apart.
    fn evolve(&mut self, PlaybackEvent::PlaybackRecorded { events }: &PlaybackEvent, _: Timestamp) {
        for event in events {
            self.events += 1;
            *self.by_kind.entry(event.kind).or_default() += 1;
            self.first_at = Some(self.first_at.map_or(event.at, |first| first.min(event.at)));
            self.last_at = Some(self.last_at.map_or(event.at, |last| last.max(event.at)));
        }
    }

    fn is_deleted(&self) -> bool {
        false
    }

    /// It is found by its stream's name alone.
    fn index_keys(&self, _: &StreamName) -> BTreeSet<IndexKey> {
        BTreeSet::new()
    }
}
