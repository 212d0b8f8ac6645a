//! Transactions as readers meet them. One is decided at once, but its items become visible one by
//! one; until then no other write and no condition gets at them.
//!
//! A plain read (`GetItem`, `Query`, `BatchGetItem`, `Scan`) sees what is visible.
//! `TransactGetItems`, a write, and a condition on an item of a transaction that is under way are
//! refused with `TransactionConflict`. So they see all of it or nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::weather::Weather;

/// An item at its key, as text.
pub(super) type Place = String;

/// What is under way.
#[derive(Default)]
pub(super) struct UnderWay {
    places: BTreeSet<Place>,
    /// The tokens of the transactions.
    tokens: BTreeSet<String>,
}

/// What happens to a transaction after it was decided, in order.
#[derive(Debug)]
pub(super) struct Step {
    /// How long after the decision.
    pub(super) after: Duration,
    /// The item that becomes visible, as the transaction left it; of one that it deleted the key.
    pub(super) shows: Option<(String, Value)>,
    /// What others may write and check from then on.
    releases: Vec<Place>,
    /// The transaction's token, if that was its last step.
    ends: Option<String>,
}

impl UnderWay {
    pub(super) fn is_locked(&self, place: &Place) -> bool {
        self.places.contains(place)
    }

    /// Whether the transaction with this token has been decided, and is not yet visible.
    pub(super) fn is_in_progress(&self, token: &str) -> bool {
        self.tokens.contains(token)
    }

    /// Draws how a transaction becomes visible that was just decided: in which order, and how long
    /// after that. Nobody else gets at its items before each is visible or, as it is drawn, before
    /// all are.
    pub(super) fn begin(
        &mut self,
        weather: &Weather,
        token: Option<String>,
        written: Vec<(Place, (String, Value))>,
        checked: Vec<Place>,
    ) -> Vec<Step> {
        self.tokens.extend(token.clone());
        let all: Vec<Place> =
            written.iter().map(|(place, _)| place.clone()).chain(checked.iter().cloned()).collect();
        self.places.extend(all.iter().cloned());
        let (moments, end) = weather.moments(written.len());
        let is_released_early = weather.releases_early();
        let mut steps: Vec<Step> = written
            .into_iter()
            .zip(moments)
            .map(|((place, item), after)| {
                let releases = if is_released_early { vec![place] } else { Vec::new() };
                Step { after, shows: Some(item), releases, ends: None }
            })
            .collect();
        steps.sort_by_key(|step| step.after);
        let releases = if is_released_early { checked } else { all };
        steps.push(Step { after: end, shows: None, releases, ends: token });
        steps
    }

    /// Notes that a step was taken.
    pub(super) fn take(&mut self, step: &Step) {
        for place in &step.releases {
            self.places.remove(place);
        }
        if let Some(token) = &step.ends {
            self.tokens.remove(token);
        }
    }
}

/// A single write met a transaction.
pub(super) fn conflict() -> (u16, String) {
    (400, r#"{"__type":"TransactionConflictException","message":""}"#.to_owned())
}

/// A transaction met another: each item's reason.
pub(super) fn cancelled(reasons: &[Value]) -> (u16, String) {
    (
        400,
        json!({
            "__type": "TransactionCanceledException",
            "message": "",
            "CancellationReasons": reasons,
        })
        .to_string(),
    )
}

/// A transaction met itself.
pub(super) fn in_progress() -> (u16, String) {
    (400, r#"{"__type":"TransactionInProgressException","message":""}"#.to_owned())
}
