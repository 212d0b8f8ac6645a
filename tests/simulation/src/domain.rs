//! A small domain that has one of everything: things with unique names, lists and sums, that take
//! numbers; crates whose slots are parts.
//!
//! `BUILD` says which build of it runs. The second one has other snapshots and rows than the first,
//! as after a deployment, and writes events that the first does not know. Its rules are the same.

mod crates;

use std::collections::BTreeSet;

use headwater::{
    Aggregate, Amounts, Command, Context, Contributions, Decide, Event, IndexKey, Number, Personal,
    Projection, ProjectionFn, Rejection, Rule, Source, StreamName, SumKey, UniqueValue, Verdict,
    part_fn, projection_fn,
};
use jiff::{SignedDuration, Timestamp};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

pub(crate) use self::crates::{Crate, CrateCommand, OfCrate, SlotRow};

/// The name of the domain.
pub(crate) const DOMAIN: &str = "sim";
/// Whose data it all is.
pub(crate) const TENANT: &str = "acme";
/// The builds that there are.
pub(crate) const BUILDS: [u32; 2] = [1, 2];
/// The list of all things.
pub(crate) const THINGS: &str = "things";
/// The groups that a thing can be in.
pub(crate) const GROUPS: [&str; 2] = ["red", "blue"];
/// The most that is added to one thing.
const MOST: u64 = 400;

pub(crate) static NAME_TAKEN: Rule =
    Rule { name: "name-taken", title: "Another has this name.", help: "" };
pub(crate) static FULL: Rule = Rule { name: "full", title: "There is no room for more.", help: "" };
pub(crate) static EXISTS: Rule = Rule { name: "exists", title: "It is there already.", help: "" };

/// What folds the rows of a build.
pub(crate) fn projections(build: u32) -> &'static [ProjectionFn] {
    static FIRST: [ProjectionFn; 2] = [projection_fn::<ThingRow<1>>(), part_fn::<SlotRow<1>>()];
    static SECOND: [ProjectionFn; 2] = [projection_fn::<ThingRow<2>>(), part_fn::<SlotRow<2>>()];
    if build == 1 { &FIRST } else { &SECOND }
}

/// The stream of a thing.
pub(crate) fn thing(id: &str) -> StreamName {
    StreamName::new(TENANT, DOMAIN, THINGS, id).unwrap()
}

/// The stream of a crate.
pub(crate) fn crate_of(id: &str) -> StreamName {
    StreamName::new(TENANT, DOMAIN, "crates", id).unwrap()
}

/// The type of the events that the first build does not know, of things and of crates.
pub(crate) const NEWER: &str = "Doubled";

/// An event as a build knows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct OfBuild<const BUILD: u32, E>(pub(crate) E);

impl<'de, const BUILD: u32, E: DeserializeOwned> Deserialize<'de> for OfBuild<BUILD, E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Tagged {
            #[serde(rename = "type")]
            event_type: String,
            #[serde(default)]
            data: Value,
        }
        let Tagged { event_type, data } = Tagged::deserialize(deserializer)?;
        // As an enum without that variant would say.
        if BUILD == 1 && event_type == NEWER {
            return Err(Error::unknown_variant(&event_type, &[]));
        }
        serde_json::from_value(json!({ "type": event_type, "data": data }))
            .map(Self)
            .map_err(Error::custom)
    }
}

impl<const BUILD: u32, E: Event> Event for OfBuild<BUILD, E> {
    const FORGETS: Option<&'static str> = E::FORGETS;
}

/// What can have happened to a thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub(crate) enum ThingEvent {
    Created {
        name: Personal<String>,
        group: String,
    },
    Renamed {
        name: Personal<String>,
    },
    Moved {
        group: String,
    },
    Added {
        amount: u64,
    },
    Numbered {
        number: u64,
    },
    Removed {},
    /// Nobody knows its names any more, and it never comes back.
    Forgotten {},
    /// All that was added is there twice.
    Doubled {},
}

impl Event for ThingEvent {
    const FORGETS: Option<&'static str> = Some(FORGOTTEN);
}

/// The type of the event by which a thing is forgotten.
pub(crate) const FORGOTTEN: &str = "Forgotten";

/// What the rules about a thing need.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Thing<const BUILD: u32> {
    name: Option<Personal<String>>,
    group: String,
    /// What was added, times `BUILD`: so a snapshot that another build misreads shows.
    weight: u64,
    added: u64,
    is_removed: bool,
    is_forgotten: bool,
}

impl<const BUILD: u32> Aggregate for Thing<BUILD> {
    type Event = OfBuild<BUILD, ThingEvent>;
    const DOMAIN: &'static str = DOMAIN;
    const CATEGORY: &'static str = THINGS;
    const REVISION: u32 = BUILD;
    const RETENTION: Option<SignedDuration> = Some(crate::archive::RETENTION);
    const PAGE: u32 = 4;

    fn evolve(&mut self, OfBuild(event): &Self::Event, _: Timestamp) {
        match event {
            ThingEvent::Created { name, group } => {
                *self = Self { name: Some(name.clone()), group: group.clone(), ..Self::default() }
            }
            ThingEvent::Renamed { name } => self.name = Some(name.clone()),
            ThingEvent::Moved { group } => self.group.clone_from(group),
            ThingEvent::Added { amount } => {
                self.added += amount;
                self.weight += amount * u64::from(BUILD);
            }
            ThingEvent::Doubled {} => (self.added, self.weight) = (self.added * 2, self.weight * 2),
            ThingEvent::Numbered { .. } => {}
            ThingEvent::Removed {} => (self.name, self.is_removed) = (None, true),
            ThingEvent::Forgotten {} => {
                *self = Self { is_removed: true, is_forgotten: true, ..Self::default() }
            }
        }
    }

    fn unique_values(&self) -> Vec<UniqueValue> {
        let name = self.name.iter().filter_map(Personal::known);
        name.map(|name| UniqueValue::new("names", name, &NAME_TAKEN)).collect()
    }
}

impl<const BUILD: u32> Thing<BUILD> {
    fn is_there(&self, context: &Context) -> Result<(), Rejection> {
        if self.name.is_some() { Ok(()) } else { Err(Rejection::unknown("thing", &context.id)) }
    }
}

/// A command about a thing. Those that change nothing have no effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ThingCommand {
    Create {
        name: String,
        group: String,
    },
    Rename {
        name: String,
    },
    Move {
        group: String,
    },
    /// Several events at once.
    Add {
        amounts: Vec<u64>,
    },
    /// As much again as was added.
    Double {},
    Number {},
    Remove {},
    Forget {},
}

/// A command about a thing, as a build decides it.
pub(crate) struct OfThing<'a, const BUILD: u32>(pub(crate) &'a ThingCommand);

impl<const BUILD: u32> Command for OfThing<'_, BUILD> {
    type Aggregate = Thing<BUILD>;
    const NAME: &'static str = "OfThing";

    fn decide(&self, state: &Thing<BUILD>, context: &Context) -> Verdict<Thing<BUILD>> {
        if let ThingCommand::Create { name, group } = self.0 {
            // What was removed can be created again.
            let created = ThingEvent::Created { name: name.clone().into(), group: group.clone() };
            return if state.name.is_some() || state.is_forgotten {
                Err(Rejection::refused(&EXISTS, context.id.clone()))
            } else {
                Ok(vec![OfBuild(created)])
            };
        }
        if let ThingCommand::Forget {} = self.0 {
            return match (state.is_forgotten, state.is_removed) {
                (true, _) => Ok(vec![]),
                (false, true) => Ok(vec![OfBuild(ThingEvent::Forgotten {})]),
                _ => state.is_there(context).map(|()| vec![OfBuild(ThingEvent::Forgotten {})]),
            };
        }
        state.is_there(context)?;
        let event = match self.0 {
            ThingCommand::Rename { name } if state.name == Some(name.clone().into()) => {
                return Ok(vec![]);
            }
            ThingCommand::Move { group } if state.group == *group => return Ok(vec![]),
            ThingCommand::Rename { name } => ThingEvent::Renamed { name: name.clone().into() },
            ThingCommand::Move { group } => ThingEvent::Moved { group: group.clone() },
            ThingCommand::Add { amounts } if state.added + amounts.iter().sum::<u64>() > MOST => {
                return Err(Rejection::refused(&FULL, context.id.clone()));
            }
            ThingCommand::Add { amounts } => {
                return Ok(amounts
                    .iter()
                    .map(|amount| OfBuild(ThingEvent::Added { amount: *amount }))
                    .collect());
            }
            ThingCommand::Double {} if state.added == 0 => return Ok(vec![]),
            ThingCommand::Double {} if state.added * 2 > MOST => {
                return Err(Rejection::refused(&FULL, context.id.clone()));
            }
            ThingCommand::Double {} if BUILD == 1 => ThingEvent::Added { amount: state.added },
            ThingCommand::Double {} => ThingEvent::Doubled {},
            // `NumberThing` decides it.
            ThingCommand::Number {} => return Ok(vec![]),
            ThingCommand::Create { .. } | ThingCommand::Forget {} | ThingCommand::Remove {} => {
                ThingEvent::Removed {}
            }
        };
        Ok(vec![OfBuild(event)])
    }

    fn commutes_with(&self, OfBuild(event): &OfBuild<BUILD, ThingEvent>) -> bool {
        matches!(
            (self.0, event),
            (
                ThingCommand::Add { .. },
                ThingEvent::Added { .. } | ThingEvent::Renamed { .. } | ThingEvent::Moved { .. }
            )
        )
    }
}

/// [`ThingCommand::Number`], as a build decides it.
pub(crate) struct NumberThing<const BUILD: u32>;

/// The next of the numbers that things take.
pub(crate) struct ThingNumber(u64);

impl Number for ThingNumber {
    const SOURCE: Source<Self> = Source::Sequence("numbers", ThingNumber);
}

impl<const BUILD: u32> Decide for NumberThing<BUILD> {
    type Aggregate = Thing<BUILD>;
    type Number = ThingNumber;
    const NAME: &'static str = "NumberThing";

    fn decide(
        &self,
        state: &Thing<BUILD>,
        context: &Context,
        ThingNumber(number): ThingNumber,
    ) -> Verdict<Thing<BUILD>> {
        state.is_there(context)?;
        Ok(vec![OfBuild(ThingEvent::Numbered { number })])
    }
}

/// The row of a thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ThingRow<const BUILD: u32> {
    pub(crate) name: String,
    pub(crate) group: String,
    amounts: Vec<u64>,
    numbers: Vec<u64>,
    is_removed: bool,
    build: u32,
}

/// Empty once it is forgotten: then a later event says so.
fn shown(name: &Personal<String>) -> String {
    name.known().cloned().unwrap_or_default()
}

impl<const BUILD: u32> Projection for ThingRow<BUILD> {
    type Event = OfBuild<BUILD, ThingEvent>;
    const CATEGORY: &'static str = THINGS;
    const REVISION: u32 = BUILD;

    fn evolve(&mut self, OfBuild(event): &Self::Event, _: Timestamp) {
        self.build = BUILD;
        match event {
            ThingEvent::Created { name, group } => {
                *self = Self {
                    name: shown(name),
                    group: group.clone(),
                    build: BUILD,
                    ..Self::default()
                };
            }
            ThingEvent::Renamed { name } => self.name = shown(name),
            ThingEvent::Moved { group } => self.group.clone_from(group),
            ThingEvent::Added { amount } => self.amounts.push(*amount),
            ThingEvent::Doubled {} => self.amounts.iter_mut().for_each(|amount| *amount *= 2),
            ThingEvent::Numbered { number } => self.numbers.push(*number),
            ThingEvent::Removed {} => self.is_removed = true,
            ThingEvent::Forgotten {} => {
                *self = Self { is_removed: true, build: BUILD, ..Self::default() }
            }
        }
    }

    fn is_deleted(&self) -> bool {
        self.is_removed
    }

    fn index_keys(&self, stream: &StreamName) -> BTreeSet<IndexKey> {
        let all = IndexKey::new(THINGS, &self.name, stream.id());
        let group = IndexKey::new(format!("group/{}", self.group), &self.name, stream.id());
        // The second build has a list that the first does not know.
        let sums = (BUILD == 2).then(|| {
            IndexKey::new(
                "by-sum",
                &format!("{:06}", self.amounts.iter().sum::<u64>()),
                stream.id(),
            )
        });
        [all, group].into_iter().chain(sums).collect()
    }

    fn contributions(&self, _: &StreamName) -> Contributions {
        let key = SumKey { index: "groups".to_owned(), order: self.group.clone() };
        let amount =
            self.amounts.iter().map(|amount| i128::from(*amount) * i128::from(BUILD)).sum();
        Contributions::from([(
            key,
            Amounts::from([("things".to_owned(), 1), ("amount".to_owned(), amount)]),
        )])
    }
}
