//! What customers do: mostly sensible things, and some nonsense.

use super::catalogue::{Catalogue, studio_of};
use super::model::{Customer, DAY, KEPT, License};
use super::plan::Profile;
use super::{Command, Playback};

const KINDS: [&str; 5] = ["START", "PAUSE", "RESUME", "KEEPALIVE", "STOP"];

/// Chooses a customer's next command by what the customer has.
pub(super) struct Behaviour<'a> {
    pub(super) profile: &'a mut Profile,
    pub(super) customer: &'a Customer,
    pub(super) catalogue: &'a Catalogue,
    /// The command before.
    pub(super) last: Option<&'a Command>,
    /// About now.
    pub(super) now: i64,
}

impl<'a> Behaviour<'a> {
    /// The next command. What the customer lacks the licence for becomes an acquire.
    pub(super) fn next(mut self) -> Command {
        let chosen = match self.profile.rng.u32(..100) {
            0..36 => None,
            36..56 => self.downloaded(),
            56..69 => self.play(),
            69..78 => self.renew(),
            78..89 => self.release(),
            89..91 => self.deactivate(),
            _ => self.nonsense(),
        };
        chosen.unwrap_or_else(|| self.acquire())
    }

    fn acquire(&mut self) -> Command {
        // Favourites are downloaded again and again.
        let favourite = self.profile.rng.u32(..100) < 35;
        let own =
            favourite.then(|| self.any(|_| true)).flatten().map(|license| license.title.clone());
        let title = own.unwrap_or_else(|| self.catalogue.draw(&mut self.profile.rng));
        let device = format!("device-{}", self.profile.rng.u32(..self.profile.devices));
        Command::Acquire { studio: studio_of(&title), title, device }
    }

    fn downloaded(&mut self) -> Option<Command> {
        let license = self.live(|license| license.downloaded_at.is_none())?;
        Some(Command::Downloaded { license: license.id.clone() })
    }

    fn renew(&mut self) -> Option<Command> {
        let now = self.now;
        // Some come back to it only after it has expired.
        let license = self.any(|license| license.released_at.is_none() && !license.is_past(now))?;
        Some(Command::Renew { license: license.id.clone() })
    }

    fn release(&mut self) -> Option<Command> {
        Some(Command::Release { license: self.live(|_| true)?.id.clone() })
    }

    fn deactivate(&mut self) -> Option<Command> {
        Some(Command::Deactivate { device: self.any(|_| true)?.device.clone() })
    }

    fn play(&mut self) -> Option<Command> {
        let now = self.now;
        let license =
            self.any(|license| license.downloaded_at.is_some() && !license.is_past(now))?.clone();
        let count = self.profile.rng.usize(1..=24);
        Some(Command::Play { events: self.batch(&license, count), license: license.id })
    }

    /// Playback of the last days, queued while the device was offline: in no order, and partly sent
    /// before.
    fn batch(&mut self, license: &License, count: usize) -> Vec<Playback> {
        let rng = &mut self.profile.rng;
        let first = license.played.len();
        let mut events: Vec<Playback> = (first..first + count)
            .map(|number| Playback {
                id: format!("{}-{number}", KINDS[number % 5].to_lowercase()),
                kind: KINDS[number % 5],
                at: (self.now - rng.i64(0..3 * DAY)).min(license.ends_at().from),
            })
            .collect();
        let repeated = rng.usize(..=3);
        events.extend(rng.choose_multiple(license.played.iter(), repeated).into_iter().cloned());
        if rng.bool() {
            events.extend(events.first().cloned());
        }
        rng.shuffle(&mut events);
        events
    }

    fn nonsense(&mut self) -> Option<Command> {
        let now = self.now;
        let unknown = "0193-never-granted".to_owned();
        match self.profile.rng.u32(..9) {
            0 => Some(Command::Renew {
                license: self.any(|license| license.released_at.is_some())?.id.clone(),
            }),
            1 => Some(Command::Renew {
                license: self.any(|license| license.is_past(now))?.id.clone(),
            }),
            2 => Some(Command::Downloaded {
                license: self.any(|license| !license.is_live(now))?.id.clone(),
            }),
            3 => Some(Command::Release {
                license: self.any(|license| !license.is_live(now))?.id.clone(),
            }),
            4 => Some(match self.profile.rng.u32(..5) {
                0 => Command::Renew { license: unknown },
                1 => Command::Release { license: unknown },
                2 => Command::Downloaded { license: unknown },
                3 => Command::Play {
                    license: unknown,
                    events: vec![Playback { id: "e".into(), kind: "START", at: now }],
                },
                _ => Command::Deactivate { device: "never-used".into() },
            }),
            5 => self.last.cloned(),
            // One device more than anybody may use.
            6 => match self.acquire() {
                Command::Acquire { title, studio, .. } => Some(Command::Acquire {
                    title,
                    studio,
                    device: format!("borrowed-{}", self.profile.rng.u32(..3)),
                }),
                other => Some(other),
            },
            7 => self.untimely(),
            _ => Some(Command::Acquire {
                title: "not a title".into(),
                studio: "studio-0".into(),
                device: "device-0".into(),
            }),
        }
    }

    /// Playback that comes too late, or from the future.
    fn untimely(&mut self) -> Option<Command> {
        let now = self.now;
        let license = self.any(|_| true)?.clone();
        let mut events = self.batch(&license, 2);
        if license.ends_at().from + KEPT > now {
            events.push(Playback { id: "from-the-future".into(), kind: "STOP", at: now + 3 * DAY });
        }
        Some(Command::Play { license: license.id, events })
    }

    fn live(&mut self, wanted: impl Fn(&License) -> bool) -> Option<&'a License> {
        let now = self.now;
        self.any(|license| license.is_live(now) && wanted(license))
    }

    /// One of the licences that are as wanted.
    fn any(&mut self, wanted: impl Fn(&License) -> bool) -> Option<&'a License> {
        let candidates: Vec<&License> =
            self.customer.licenses.iter().filter(|license| wanted(license)).collect();
        self.profile.rng.choice(candidates)
    }
}
