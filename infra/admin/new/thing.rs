//! A thing: what can have happened to it, the state that the rules need, the rules, the commands.

use garde::Validate;
use headwater::{Aggregate, Command, Context, Event, Rejection, Rule, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::DOMAIN;

/// The category of the streams of things.
pub const CATEGORY: &str = "things";

// ---- events -------------------------------------------------------------------------------------

/// What can have happened to a thing.
///
/// **The names of variants and fields are the storage format.** Never rename one: write an
/// upcaster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum ThingEvent {
    /// It came to be.
    ThingCreated {
        /// What it is called.
        name: String,
    },
}

impl Event for ThingEvent {}

// ---- state --------------------------------------------------------------------------------------

/// What the rules need to know of a thing, and no more.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Thing {
    /// Whether it was created.
    pub exists: bool,
}

impl Aggregate for Thing {
    type Event = ThingEvent;
    const DOMAIN: &'static str = DOMAIN;
    const CATEGORY: &'static str = CATEGORY;
    // Raise it with every change of the state, of `evolve` or of the events.
    const REVISION: u32 = 1;

    fn is_there(&self) -> bool {
        self.exists
    }

    fn evolve(&mut self, event: &ThingEvent, _: Timestamp) {
        match event {
            ThingEvent::ThingCreated { .. } => self.exists = true,
        }
    }
}

// ---- rules --------------------------------------------------------------------------------------

/// An id is used once.
pub static THING_EXISTS: Rule = Rule {
    name: "thing-exists",
    title: "This id is in use",
    help: "An id is never used twice. Leave `id` out to be given a fresh one.",
};

// ---- commands -----------------------------------------------------------------------------------

/// Creates a thing. Refused: [`THING_EXISTS`].
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateThing {
    /// 1–64 of `A-Z a-z 0-9 _ -`. A UUID v7 is made if it is left out.
    #[garde(inner(length(min = 1, max = 64), pattern("^[A-Za-z0-9_-]+$")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    pub id: Option<String>,
    /// What it is called: 1–100 characters.
    #[garde(length(chars, min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
}

impl Command for CreateThing {
    type Aggregate = Thing;
    const NAME: &'static str = "CreateThing";
    const RULES: &'static [&'static Rule] = &[&THING_EXISTS];

    fn decide(&self, thing: &Thing, context: &Context) -> Verdict<Thing> {
        if thing.is_there() {
            let detail = format!("There is a thing {}.", context.id);
            return Err(Rejection::refused(&THING_EXISTS, detail));
        }
        Ok(vec![ThingEvent::ThingCreated { name: self.name.clone() }])
    }
}

#[cfg(test)]
mod tests {
    use headwater::testkit::given;

    use super::*;

    fn created() -> ThingEvent {
        ThingEvent::ThingCreated { name: "first".to_owned() }
    }

    #[test]
    fn a_thing_is_created_once() {
        let create = || CreateThing { id: None, name: "first".to_owned() };
        given::<Thing>([]).when(create()).then([created()]);
        given::<Thing>([created()]).when(create()).then_rejected(&THING_EXISTS);
    }
}
