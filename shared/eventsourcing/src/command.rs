use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::Aggregate;

/// A pure decision: from a state to the events that follow. A command that takes a number of a
/// sequence implements [`Decide`](crate::Decide) instead.
///
/// ```
/// # mod till {
/// #     use headwater_core as headwater;
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater_core::{Command, Context, Rejection, Verdict};
///
/// struct AddCoin {
///     cents: u64,
/// }
///
/// impl Command for AddCoin {
///     type Aggregate = Till;
///     const NAME: &'static str = "AddCoin";
///
///     fn decide(&self, till: &Till, context: &Context) -> Verdict<Till> {
///         if !till.is_open {
///             return Err(Rejection::unknown("till", &context.id));
///         }
///         Ok(vec![TillEvent::CoinAdded { cents: self.cents }])
///     }
/// }
/// ```
pub trait Command: Send + Sync {
    /// The aggregate whose events it produces.
    type Aggregate: Aggregate;

    /// The name that commits, logs and metrics carry, as `PatchUser`.
    const NAME: &'static str;

    /// Every rule that can refuse it. Documentation, problem pages and tests follow from this list.
    const RULES: &'static [&'static Rule] = &[];

    /// The events that follow from this command in this state: none if the state is already as
    /// wanted.
    ///
    /// # Errors
    /// The [`Rejection`] names the rule that refuses.
    fn decide(&self, state: &Self::Aggregate, context: &Context) -> Verdict<Self::Aggregate>;

    /// The events that record a refusal, because another holds a unique value that the command
    /// wants: none unless it says so. They are appended in one write with the record of the answer.
    /// The answer is the rule's all the same.
    ///
    /// Use it for commands that no caller repeats, so that a refusal is not lost. The events may
    /// claim no unique value.
    fn when_taken(
        &self,
        _state: &Self::Aggregate,
        _rule: &'static Rule,
    ) -> Vec<<Self::Aggregate as Aggregate>::Event> {
        Vec::new()
    }

    /// Whether the command still means what its caller meant on top of `event`, which the caller
    /// had not seen. It is asked of every event since the version that the caller decided on. If it
    /// is `false` for one, the answer is a conflict. Otherwise the command is decided on the latest
    /// state.
    ///
    /// Return `true` if both orders lead to the same state, as with two lines added to an invoice.
    /// The default is to conflict.
    fn commutes_with(&self, _event: &<Self::Aggregate as Aggregate>::Event) -> bool {
        false
    }
}

/// What a command decided: the events that follow, or the rule that refuses.
pub type Verdict<A> = Result<Vec<<A as Aggregate>::Event>, Rejection>;

/// What a decision may use besides the state: time, ids and the caller.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// The request's time, to the millisecond; not before the stream's last commit, nor before the
    /// last number of the command's [sequence](crate::Source::Sequence) was taken.
    pub now: Timestamp,
    /// The id of the thing that the command is about: the last segment of its stream.
    pub id: String,
    /// A fresh id (UUID v7), for what a decision has to name.
    pub fresh_id: Uuid,
    /// The subject of the caller's token.
    pub actor: String,
}

/// A rule that can refuse a command. Its name is the problem's type, `/problems/<name>`, and never
/// changes.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// As `user-name-taken`.
    pub name: &'static str,
    /// One short sentence.
    pub title: &'static str,
    /// What it means and what to do, for the page that the type leads to.
    pub help: &'static str,
}

/// Why a command was refused, in words for its caller.
///
/// ```
/// use headwater_core::{Rejection, Rule};
///
/// static TILL_FULL: Rule =
///     Rule { name: "till-full", title: "The till is full", help: "Empty it first." };
///
/// let rejection = Rejection::refused(&TILL_FULL, "It holds 500 coins.").with("limit", 500);
/// let Rejection::Refused { rule, members, .. } = rejection else { unreachable!() };
/// assert_eq!(rule, &TILL_FULL);
/// assert_eq!(members["limit"], 500);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Rejection {
    /// There is no such thing (any more).
    Unknown {
        /// As `user 42`.
        what: String,
    },
    /// A business rule refuses.
    Refused {
        /// The rule; its name is the problem's type.
        rule: &'static Rule,
        /// One sentence about this case, for the answer's `detail`.
        detail: String,
        /// More members for the answer, as `limit` and `count`.
        members: Map<String, Value>,
    },
}

impl Rejection {
    /// There is no such thing.
    pub fn unknown(kind: &str, id: &str) -> Self {
        Self::Unknown { what: format!("{kind} {id}") }
    }

    /// A refusal by a rule.
    pub fn refused(rule: &'static Rule, detail: impl Into<String>) -> Self {
        Self::Refused { rule, detail: detail.into(), members: Map::new() }
    }

    /// Adds a member to the answer, as `limit`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Self::Refused { members, .. } = &mut self {
            members.insert(name.to_owned(), value.into());
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::Event;

    #[derive(Clone, Debug, Default, Serialize, Deserialize)]
    struct Door;

    #[derive(Clone, Debug, Serialize, Deserialize)]
    #[serde(tag = "type", content = "data")]
    enum DoorEvent {
        Opened {},
    }

    impl Event for DoorEvent {}

    impl Aggregate for Door {
        type Event = DoorEvent;
        const DOMAIN: &'static str = "house";
        const CATEGORY: &'static str = "doors";
        const REVISION: u32 = 1;

        fn evolve(&mut self, _: &DoorEvent, _: Timestamp) {}
    }

    struct Open;

    impl Command for Open {
        type Aggregate = Door;
        const NAME: &'static str = "Open";

        fn decide(&self, _: &Door, _: &Context) -> Verdict<Door> {
            Ok(vec![DoorEvent::Opened {}])
        }
    }

    #[test]
    fn a_command_that_does_not_say_otherwise_commutes_with_nothing() {
        assert!(!Open.commutes_with(&DoorEvent::Opened {}));
    }
}
