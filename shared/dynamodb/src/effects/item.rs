//! How an effect is stored.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::EffectId;
use crate::table::{Condition, Key, to_item};
use crate::{Item, StoreError};

/// How far an effect has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Leased,
    Done,
    Failed,
    Parked,
    Unknown,
}

impl State {
    /// As it is stored.
    fn name(self) -> &'static str {
        match self {
            Self::Leased => "leased",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Parked => "parked",
            Self::Unknown => "unknown",
        }
    }
}

/// The item, under the short names that are billed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct EffectItem {
    pub(super) pk: String,
    pub(super) sk: String,
    #[serde(rename = "s")]
    pub(super) state: State,
    /// Which lease it was carried out under, or is.
    #[serde(rename = "o")]
    pub(super) owner: Uuid,
    #[serde(rename = "u", default)]
    pub(super) until: i64,
    #[serde(rename = "n")]
    pub(super) tries: u32,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// Since when it waits for a person, in milliseconds. An older build did not note it.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<i64>,
}

impl EffectItem {
    pub(super) fn new(
        handler: &str,
        effect: &EffectId,
        state: State,
        owner: Uuid,
        until: i64,
        tries: u32,
    ) -> Self {
        let Key { pk, sk } = key(handler, effect);
        Self { pk, sk, state, owner, until, tries, error: None, since: None }
    }

    /// Whether it is in the list of what waits for a person. What a person wants tried again stays
    /// there until it is: the record that leads to the next try may be lost.
    pub(super) fn waits(&self) -> bool {
        matches!(self.state, State::Parked | State::Unknown) || self.is_asked_for()
    }

    /// Whether a person wants it tried again.
    pub(super) fn is_asked_for(&self) -> bool {
        self.state == State::Failed && self.tries == 0
    }

    pub(super) fn into_item(self) -> Result<Item, StoreError> {
        to_item(self)
    }

    /// Its entry in the list of what waits for a person.
    pub(super) fn waiting(&self) -> Result<Item, StoreError> {
        let Key { pk, sk } = self.waiting_key();
        to_item(Self { pk, sk, ..self.clone() })
    }

    pub(super) fn waiting_key(&self) -> Key {
        let (handler, stream) = self.pk.split_once('/').unwrap_or_default();
        Key { pk: waiting(handler), sk: format!("{stream}#{}", self.sk) }
    }
}

/// The partition of what waits.
pub(super) fn waiting(handler: &str) -> String {
    format!("waiting/{handler}")
}

/// Where in it an effect stands.
pub(super) fn place(effect: &EffectId) -> String {
    format!("{}#{:020}", effect.stream, effect.number)
}

pub(super) fn key(handler: &str, effect: &EffectId) -> Key {
    Key { pk: format!("{handler}/{}", effect.stream), sk: format!("{:020}", effect.number) }
}

/// It is, or was last carried out, under this lease.
pub(super) fn under(owner: Uuid) -> Condition {
    Condition { expression: "o = :o", values: vec![(":o", AttributeValue::S(owner.to_string()))] }
}

/// It is in this state, under this lease.
pub(super) fn is(owner: Uuid, state: State) -> Condition {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    Condition {
        expression: "o = :o AND s = :s",
        values: vec![(":o", text(&owner.to_string())), (":s", text(state.name()))],
    }
}
