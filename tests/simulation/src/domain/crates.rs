//! Crates, whose slots are parts.

use std::collections::{BTreeMap, BTreeSet};

use headwater::{
    Aggregate, Amounts, Command, Context, Contributions, Event, IndexKey, Part, Projection,
    Rejection, StreamName, SumKey, Verdict,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{DOMAIN, FULL, MOST, OfBuild};

/// What can have happened to a crate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub(crate) enum CrateEvent {
    Stored {
        slot: String,
        amount: u64,
    },
    Emptied {
        slot: String,
    },
    /// What lies in the slot is there twice.
    Doubled {
        slot: String,
    },
    /// This concerns no slot.
    Shaken {},
}

impl Event for CrateEvent {}

/// What the rules about a crate need: how much lies in its slots.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Crate<const BUILD: u32> {
    slots: BTreeMap<String, u64>,
    shaken: u64,
}

impl<const BUILD: u32> Aggregate for Crate<BUILD> {
    type Event = OfBuild<BUILD, CrateEvent>;
    const DOMAIN: &'static str = DOMAIN;
    const CATEGORY: &'static str = "crates";
    const REVISION: u32 = BUILD;
    const RETENTION: Option<SignedDuration> = Some(crate::archive::RETENTION);

    fn evolve(&mut self, OfBuild(event): &Self::Event, _: Timestamp) {
        match event {
            CrateEvent::Doubled { slot } => *self.slots.entry(slot.clone()).or_default() *= 2,
            CrateEvent::Stored { slot, amount } => {
                *self.slots.entry(slot.clone()).or_default() += amount
            }
            CrateEvent::Emptied { slot } => {
                self.slots.remove(slot);
            }
            CrateEvent::Shaken {} => self.shaken += u64::from(BUILD),
        }
    }
}

/// A command about a crate: what is to be stored in which slots, or that they are to be emptied, or
/// nothing but a shake.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum CrateCommand {
    Store {
        slots: Vec<String>,
        amount: u64,
    },
    Empty {
        slots: Vec<String>,
    },
    /// As much again as lies in the slot.
    Double {
        slot: String,
    },
    Shake {},
}

/// A command about a crate, as a build decides it.
pub(crate) struct OfCrate<'a, const BUILD: u32>(pub(crate) &'a CrateCommand);

impl<const BUILD: u32> Command for OfCrate<'_, BUILD> {
    type Aggregate = Crate<BUILD>;
    const NAME: &'static str = "OfCrate";

    fn decide(&self, state: &Crate<BUILD>, context: &Context) -> Verdict<Crate<BUILD>> {
        let total: u64 = state.slots.values().sum();
        match self.0 {
            CrateCommand::Store { slots, amount } if total + amount * slots.len() as u64 > MOST => {
                Err(Rejection::refused(&FULL, context.id.clone()))
            }
            CrateCommand::Store { slots, amount } => Ok(slots
                .iter()
                .map(|slot| OfBuild(CrateEvent::Stored { slot: slot.clone(), amount: *amount }))
                .collect()),
            CrateCommand::Empty { slots } => {
                let full = slots.iter().filter(|slot| state.slots.contains_key(*slot));
                Ok(full.map(|slot| OfBuild(CrateEvent::Emptied { slot: slot.clone() })).collect())
            }
            CrateCommand::Double { slot } => {
                match state.slots.get(slot).copied().unwrap_or_default() {
                    0 => Ok(vec![]),
                    amount if total + amount > MOST => {
                        Err(Rejection::refused(&FULL, context.id.clone()))
                    }
                    amount if BUILD == 1 => {
                        Ok(vec![OfBuild(CrateEvent::Stored { slot: slot.clone(), amount })])
                    }
                    _ => Ok(vec![OfBuild(CrateEvent::Doubled { slot: slot.clone() })]),
                }
            }
            CrateCommand::Shake {} => Ok(vec![OfBuild(CrateEvent::Shaken {})]),
        }
    }

    fn commutes_with(&self, OfBuild(event): &OfBuild<BUILD, CrateEvent>) -> bool {
        matches!(event, CrateEvent::Shaken {})
    }
}

/// The row of a slot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SlotRow<const BUILD: u32> {
    amounts: Vec<u64>,
    is_empty: bool,
    build: u32,
}

impl<const BUILD: u32> Projection for SlotRow<BUILD> {
    type Event = OfBuild<BUILD, CrateEvent>;
    const CATEGORY: &'static str = "crates/slots";
    const REVISION: u32 = BUILD;

    fn evolve(&mut self, OfBuild(event): &Self::Event, _: Timestamp) {
        self.build = BUILD;
        match event {
            CrateEvent::Stored { amount, .. } => {
                self.amounts.push(*amount);
                self.is_empty = false;
            }
            CrateEvent::Emptied { .. } => {
                self.amounts.clear();
                self.is_empty = true;
            }
            CrateEvent::Doubled { .. } => self.amounts.iter_mut().for_each(|amount| *amount *= 2),
            CrateEvent::Shaken {} => {}
        }
    }

    fn is_deleted(&self) -> bool {
        self.is_empty
    }

    fn index_keys(&self, name: &StreamName) -> BTreeSet<IndexKey> {
        // A place that a slot has left for the one build can be where it stands for the other.
        let amount = if BUILD == 1 { self.amounts.last() } else { self.amounts.first() };
        let order = format!("{:03}", amount.copied().unwrap_or_default());
        BTreeSet::from([IndexKey::new(
            format!("slots/{}", name.parent_id().unwrap()),
            &order,
            name.id(),
        )])
    }

    fn contributions(&self, _: &StreamName) -> Contributions {
        let key = SumKey { index: "slots".to_owned(), order: "all".to_owned() };
        let amount =
            self.amounts.iter().map(|amount| i128::from(*amount) * i128::from(BUILD)).sum();
        Contributions::from([(key, Amounts::from([("amount".to_owned(), amount)]))])
    }
}

impl<const BUILD: u32> Part for SlotRow<BUILD> {
    fn id(OfBuild(event): &Self::Event) -> Option<&str> {
        match event {
            CrateEvent::Stored { slot, .. }
            | CrateEvent::Emptied { slot }
            | CrateEvent::Doubled { slot } => Some(slot),
            CrateEvent::Shaken {} => None,
        }
    }
}
