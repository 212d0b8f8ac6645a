//! The playback of one licence, as devices report it: late, in any order, and more than once.
//!
//! It has a stream of its own: no rule of the customer needs it, a call may bring thousands of
//! events, and what every acquire loads must stay small.

mod seen;

use garde::Validate;
use headwater::{
    Aggregate, Command, Context, Event, InvalidStreamName, Rejection, Rule, StreamName, Verdict,
    field,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::fields::{CustomerId, LicenseId, PlaybackId};
use crate::windows::{self, KEPT};
use crate::{DOMAIN, customer};
use seen::Seen;

/// The categories of the streams of playback.
pub const CATEGORY: &str = "customers/playback";

/// How many playback events of one licence are counted.
pub const MOST_EVENTS: usize = 20_000;

/// How many playback events one report may bring.
pub const MOST_AT_ONCE: usize = 5_000;

/// How far a device's clock may be ahead.
pub const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// The stream of a licence's playback: `<tenant>/licensing/customers/<id>/playback/<license id>`.
///
/// # Errors
/// [`InvalidStreamName`] if tenant or an id is no segment.
pub fn stream(
    tenant: &str,
    customer_id: impl Into<CustomerId>,
    license_id: impl Into<LicenseId>,
) -> Result<StreamName, InvalidStreamName> {
    customer::stream(tenant, customer_id)?.child("playback", &license_id.into())
}

// ---- events -------------------------------------------------------------------------------------

/// What can have happened to a licence's playback.
///
/// **The names of variants and fields are the storage format.** Never rename one: write an
/// upcaster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum PlaybackEvent {
    /// A device reported what had not been reported before.
    PlaybackRecorded {
        /// In the order of the report.
        events: Vec<Session>,
    },
}

impl Event for PlaybackEvent {}

/// One thing that a player did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Session {
    /// Given by the device, by which a repetition is known.
    #[garde(dive)]
    pub event_id: PlaybackId,
    /// What the player did.
    #[garde(skip)]
    pub kind: Kind,
    /// When, by the device's clock; not before 1970.
    #[garde(custom(field::rule(field::since_1970)))]
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
}

/// What a player does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Kind {
    /// It begins.
    Start,
    /// It halts.
    Pause,
    /// It goes on.
    Resume,
    /// It says now and then that it goes on.
    Keepalive,
    /// It ends.
    Stop,
}

// ---- state --------------------------------------------------------------------------------------

/// Which playback events of a licence were counted; how many of each kind is told by the row alone.
/// Some 20 bytes, and 11 for each event: 214 KB at the most.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Playback {
    seen: Seen,
}

impl Aggregate for Playback {
    type Event = PlaybackEvent;
    const DOMAIN: &'static str = DOMAIN;
    const CATEGORY: &'static str = CATEGORY;
    const REVISION: u32 = 1;
    // A year's licences, and a month of their playback, are looked at often; older ones seldom.
    const RETENTION: Option<SignedDuration> = Some(SignedDuration::from_hours(400 * 24));
    /// For reports of some ten events, 1 KB, and a state of 0.5 KB. Of reports of a thousand the
    /// page is 700 KB, and one query still.
    const PAGE: u32 = 8;

    fn evolve(&mut self, PlaybackEvent::PlaybackRecorded { events }: &PlaybackEvent, _: Timestamp) {
        for event in events {
            self.seen.insert(&event.event_id);
        }
    }
}

impl Playback {
    /// How many events were counted.
    pub fn events(&self) -> usize {
        self.seen.len()
    }
}

// ---- rules --------------------------------------------------------------------------------------

/// So many events of a licence are counted.
pub static PLAYBACK_LIMIT: Rule = Rule {
    name: "playback-limit",
    title: "Too many playback events of this licence",
    help: "A licence has at most 20,000 playback events. With the new ones of this call there \
           would be more, so none was recorded. `count` is how many there are.",
};

/// What the body of a report may not hold, each with a JSON pointer; nothing if it may be recorded.
///
/// `ends_at` is the licence's end: released or expired, whichever is earlier. Until 30 days after
/// it playback may be reported, and may have happened; and a device's clock may be a day ahead.
pub fn check(events: &[Session], ends_at: Timestamp, now: Timestamp) -> Vec<(String, String)> {
    let latest = windows::later(ends_at, KEPT);
    if now > latest {
        return vec![(
            String::new(),
            format!("the licence ended at {ends_at}, more than 30 days ago"),
        )];
    }
    let fault = |event: &Session| {
        if event.at > latest {
            Some(format!("more than 30 days after the licence's end at {ends_at}"))
        } else {
            (event.at > windows::later(now, AHEAD)).then(|| "more than a day ahead".to_owned())
        }
    };
    events
        .iter()
        .enumerate()
        .filter_map(|(index, event)| Some((format!("/{index}/at"), fault(event)?)))
        .collect()
}

// ---- commands -----------------------------------------------------------------------------------

/// `POST /licensing/customers/{id}/licenses/{licenseId}/sessions`: what a device played, a JSON
/// array of 1 to [`MOST_AT_ONCE`]. Each is counted once, by its id, however often it comes.
/// Refused, all of them: [`PLAYBACK_LIMIT`].
#[derive(Clone, Debug)]
pub struct RecordPlayback {
    /// In any order.
    pub events: Vec<Session>,
}

impl Command for RecordPlayback {
    type Aggregate = Playback;
    const NAME: &'static str = "RecordPlayback";
    const RULES: &'static [&'static Rule] = &[&PLAYBACK_LIMIT];

    fn decide(&self, playback: &Playback, _: &Context) -> Verdict<Playback> {
        let mut seen = playback.seen.clone();
        let events: Vec<Session> =
            self.events.iter().filter(|event| seen.insert(&event.event_id)).cloned().collect();
        if seen.len() > MOST_EVENTS {
            let detail = format!(
                "{} are counted, and {} more would be over {MOST_EVENTS}.",
                playback.events(),
                events.len()
            );
            return Err(Rejection::refused(&PLAYBACK_LIMIT, detail)
                .with("limit", MOST_EVENTS)
                .with("count", playback.events()));
        }
        Ok(if events.is_empty() {
            vec![]
        } else {
            vec![PlaybackEvent::PlaybackRecorded { events }]
        })
    }
}

#[cfg(test)]
mod tests;
