//! A small aggregate: a person with a unique name, who takes notes.

use headwater::{
    Aggregate, Command, Context, Decide, Event, Number, Rejection, Rule, Source, UniqueValue,
    Upcaster, Verdict,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) static NAME_TAKEN: Rule =
    Rule { name: "name-taken", title: "Another has this name.", help: "" };
pub(crate) static FULL: Rule =
    Rule { name: "full", title: "There is no room for another note.", help: "" };

/// A note's text was `note` in version 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub(crate) enum PersonEvent {
    Named { name: String },
    Noted { text: String },
    Kept { text: String },
    Left {},
}

impl Event for PersonEvent {
    const UPCASTERS: &'static [Upcaster] =
        &[Upcaster { event_type: "Noted", from: 1, lift: |old| json!({ "text": old["note"] }) }];
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) name: Option<String>,
    /// How many notes were taken.
    pub(crate) notes: u64,
    /// The last note.
    pub(crate) last: String,
    /// What makes the state large.
    pub(crate) kept: Vec<String>,
    /// Whether it had a name and left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) has_left: bool,
}

impl Aggregate for Person {
    type Event = PersonEvent;
    const DOMAIN: &'static str = "people";
    const CATEGORY: &'static str = "persons";
    const REVISION: u32 = 3;
    const RETENTION: Option<SignedDuration> = Some(SignedDuration::from_hours(30 * 24));

    fn evolve(&mut self, event: &PersonEvent, _at: Timestamp) {
        match event {
            PersonEvent::Named { name } => self.name = Some(name.clone()),
            PersonEvent::Noted { text } => {
                self.notes += 1;
                self.last.clone_from(text);
            }
            PersonEvent::Kept { text } => self.kept.push(text.clone()),
            PersonEvent::Left {} => {
                self.name = None;
                self.has_left = true;
            }
        }
    }

    fn is_there(&self) -> bool {
        !self.has_left
    }

    fn unique_values(&self) -> Vec<UniqueValue> {
        self.name.iter().map(|name| UniqueValue::new("names", name, &NAME_TAKEN)).collect()
    }

    /// Revision 2 had `count` where 3 has `notes`; what 1 had is forgotten.
    fn lift(revision: u32, state: &Value) -> Option<Self> {
        (revision == 2)
            .then(|| Self { notes: state["count"].as_u64().unwrap_or_default(), ..Self::default() })
    }
}

/// Has this name from now on.
pub(crate) struct Name(pub(crate) &'static str);

impl Command for Name {
    type Aggregate = Person;
    const NAME: &'static str = "Name";

    fn decide(&self, state: &Person, _: &Context) -> Verdict<Person> {
        let is_so = state.name.as_deref() == Some(self.0);
        Ok(if is_so { vec![] } else { vec![PersonEvent::Named { name: self.0.to_owned() }] })
    }
}

/// Has this name from now on, or a note that another has it.
pub(crate) struct NameOrNote(pub(crate) &'static str);

impl Command for NameOrNote {
    type Aggregate = Person;
    const NAME: &'static str = "NameOrNote";

    fn decide(&self, state: &Person, context: &Context) -> Verdict<Person> {
        Command::decide(&Name(self.0), state, context)
    }

    fn when_taken(&self, _: &Person, rule: &'static Rule) -> Vec<PersonEvent> {
        vec![PersonEvent::Noted { text: rule.name.to_owned() }]
    }
}

/// Has no name any more.
pub(crate) struct Leave;

impl Command for Leave {
    type Aggregate = Person;
    const NAME: &'static str = "Leave";

    fn decide(&self, state: &Person, context: &Context) -> Verdict<Person> {
        if state.name.is_none() {
            Err(Rejection::unknown("person", &context.id))
        } else {
            Ok(vec![PersonEvent::Left {}])
        }
    }
}

/// Takes one note, whatever the state. Two notes go together, in any order.
pub(crate) struct Note(pub(crate) String);

impl Command for Note {
    type Aggregate = Person;
    const NAME: &'static str = "Note";

    fn decide(&self, _: &Person, _: &Context) -> Verdict<Person> {
        Ok(vec![PersonEvent::Noted { text: self.0.clone() }])
    }

    fn commutes_with(&self, event: &PersonEvent) -> bool {
        matches!(event, PersonEvent::Noted { .. })
    }
}

/// Takes a note of the time that it is told, in seconds since the epoch.
pub(crate) struct NoteTime;

impl Command for NoteTime {
    type Aggregate = Person;
    const NAME: &'static str = "NoteTime";

    fn decide(&self, _: &Person, context: &Context) -> Verdict<Person> {
        Ok(vec![PersonEvent::Noted { text: context.now.as_second().to_string() }])
    }
}

/// Takes a note of the next ticket's number, at most so many notes in all.
pub(crate) struct TakeTicket(pub(crate) u64);

/// The number of a ticket.
pub(crate) struct Ticket(u64);

impl Number for Ticket {
    const SOURCE: Source<Self> = Source::Sequence("tickets", Ticket);
}

impl Decide for TakeTicket {
    type Aggregate = Person;
    type Number = Ticket;
    const NAME: &'static str = "TakeTicket";

    fn decide(&self, state: &Person, _: &Context, Ticket(number): Ticket) -> Verdict<Person> {
        if state.notes >= self.0 {
            return Err(Rejection::refused(&FULL, "no more"));
        }
        Ok(vec![PersonEvent::Noted { text: number.to_string() }])
    }
}

/// Takes a note unless it is the last one already.
pub(crate) struct NoteOnce(pub(crate) &'static str);

impl Command for NoteOnce {
    type Aggregate = Person;
    const NAME: &'static str = "NoteOnce";

    fn decide(&self, state: &Person, _: &Context) -> Verdict<Person> {
        let is_so = state.last == self.0;
        Ok(if is_so { vec![] } else { vec![PersonEvent::Noted { text: self.0.to_owned() }] })
    }
}

/// Takes a note if there are fewer than so many.
pub(crate) struct NoteUpTo(pub(crate) u64);

impl Command for NoteUpTo {
    type Aggregate = Person;
    const NAME: &'static str = "NoteUpTo";

    fn decide(&self, state: &Person, _: &Context) -> Verdict<Person> {
        if state.notes < self.0 {
            return Ok(vec![PersonEvent::Noted { text: "one more".to_owned() }]);
        }
        Err(Rejection::refused(&FULL, "no more").with("count", state.notes))
    }
}

/// Keeps texts in the state, each with an event of its own.
pub(crate) struct Keep(pub(crate) Vec<String>);

impl Command for Keep {
    type Aggregate = Person;
    const NAME: &'static str = "Keep";

    fn decide(&self, _: &Person, _: &Context) -> Verdict<Person> {
        Ok(self.0.iter().map(|text| PersonEvent::Kept { text: text.clone() }).collect())
    }
}
