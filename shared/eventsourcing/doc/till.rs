// What examples in the docs build on: a till that is opened, counts coins, and has a row. The
// packages that include it have it by a link, since a package holds all of its files.

use std::collections::BTreeSet;

use headwater::{
    Aggregate, Command, Context, Event, IndexKey, Projection, Rejection, Rule, StreamName, Verdict,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum TillEvent {
    TillOpened {},
    CoinAdded { cents: u64 },
}

impl Event for TillEvent {}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Till {
    pub is_open: bool,
}

impl Aggregate for Till {
    type Event = TillEvent;
    const DOMAIN: &'static str = "shop";
    const CATEGORY: &'static str = "tills";
    const REVISION: u32 = 1;

    fn evolve(&mut self, event: &TillEvent, _: Timestamp) {
        if *event == (TillEvent::TillOpened {}) {
            self.is_open = true;
        }
    }
}

pub static TILL_EXISTS: Rule = Rule {
    name: "till-exists",
    title: "This till is open already",
    help: "Leave `id` out to be given a fresh one.",
};

#[derive(Clone, Debug, Serialize, Deserialize, garde::Validate, utoipa::ToSchema)]
pub struct OpenTill {}

impl Command for OpenTill {
    type Aggregate = Till;
    const NAME: &'static str = "OpenTill";
    const RULES: &'static [&'static Rule] = &[&TILL_EXISTS];

    fn decide(&self, till: &Till, _: &Context) -> Verdict<Till> {
        if till.is_open {
            return Err(Rejection::refused(&TILL_EXISTS, "It is open.".to_owned()));
        }
        Ok(vec![TillEvent::TillOpened {}])
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, garde::Validate, utoipa::ToSchema)]
pub struct AddCoin {
    #[garde(range(min = 1))]
    pub cents: u64,
}

impl Command for AddCoin {
    type Aggregate = Till;
    const NAME: &'static str = "AddCoin";

    fn decide(&self, till: &Till, context: &Context) -> Verdict<Till> {
        if !till.is_open {
            return Err(Rejection::unknown("till", &context.id));
        }
        Ok(vec![TillEvent::CoinAdded { cents: self.cents }])
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TillRow {
    pub cents: u64,
    #[schema(value_type = String, format = "date-time")]
    pub opened_at: Timestamp,
}

impl Projection for TillRow {
    type Event = TillEvent;
    const CATEGORY: &'static str = "tills";
    const REVISION: u32 = 1;

    fn evolve(&mut self, event: &TillEvent, at: Timestamp) {
        match event {
            TillEvent::TillOpened {} => self.opened_at = at,
            TillEvent::CoinAdded { cents } => self.cents += cents,
        }
    }

    fn is_deleted(&self) -> bool {
        false
    }

    fn index_keys(&self, till: &StreamName) -> BTreeSet<IndexKey> {
        let order = IndexKey::newest_first(self.opened_at);
        BTreeSet::from([IndexKey::new("tills", &order, till.id())])
    }
}
