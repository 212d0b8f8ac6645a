//! What goes wrong with requests.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use serde_json::{Value, json};

use crate::chance::Chance;
use crate::plan::{Plan, Trouble};

/// How likely each trouble is to strike a request.
const LIKELY: f64 = 0.04;

/// How far a replica lags behind at the most.
pub(crate) const LONGEST_LAG: Duration = Duration::from_secs(3);

/// What there is of trouble, until it calms down.
pub(super) struct Weather {
    troubles: BTreeSet<Trouble>,
    chance: Chance,
    is_calm: AtomicBool,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    /// It is carried out and answered.
    Served,
    /// It gets lost.
    NeverArrives,
    /// It is not carried out.
    Refused { status: u16, body: &'static str },
    /// It is carried out, and the answer gets lost.
    ReplyLost,
    /// It is carried out, and the answer is a failure.
    FailsAfterwards,
}

impl Weather {
    pub(super) fn new(plan: &Plan, chance: Chance) -> Self {
        Self { troubles: plan.troubles.clone(), chance, is_calm: AtomicBool::new(false) }
    }

    pub(super) fn calm(&self) {
        self.is_calm.store(true, Relaxed);
    }

    pub(super) fn is_calm(&self) -> bool {
        self.is_calm.load(Relaxed)
    }

    pub(super) fn strikes(&self, trouble: Trouble, likely: f64) -> bool {
        self.troubles.contains(&trouble)
            && !self.is_calm.load(Relaxed)
            && self.chance.happens(likely)
    }

    pub(super) fn fate(&self, operation: &str) -> Fate {
        if self.strikes(Trouble::Throttling, LIKELY) {
            return Fate::Refused {
                status: 400,
                body: r#"{"__type":"ProvisionedThroughputExceededException","message":""}"#,
            };
        }
        if operation.starts_with("Transact") && self.strikes(Trouble::Conflicts, 3.0 * LIKELY) {
            let body = r#"{
                "__type": "TransactionCanceledException",
                "message": "",
                "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}]
            }"#;
            return Fate::Refused { status: 400, body };
        }
        if operation == "PutItem" && self.strikes(Trouble::Conflicts, LIKELY) {
            return Fate::Refused {
                status: 400,
                body: r#"{"__type":"TransactionConflictException","message":""}"#,
            };
        }
        if self.strikes(Trouble::ServerErrors, LIKELY) {
            let before = Fate::Refused {
                status: 500,
                body: r#"{"__type":"InternalServerError","message":""}"#,
            };
            return self.chance.pick(&[before, Fate::FailsAfterwards]);
        }
        if self.strikes(Trouble::LostReplies, LIKELY) {
            return self.chance.pick(&[Fate::NeverArrives, Fate::ReplyLost, Fate::ReplyLost]);
        }
        Fate::Served
    }

    /// How long a request or a reply takes.
    pub(super) fn delay(&self) -> Duration {
        if self.strikes(Trouble::Delays, 0.01) {
            // Longer than the clients wait for an attempt.
            return self.chance.millis(7_000);
        }
        let most = if self.chance.happens(0.1) { 60 } else { 6 };
        self.chance.millis(most)
    }

    /// Whether readers see a transaction item by item.
    pub(super) fn tears(&self) -> bool {
        self.strikes(Trouble::Torn, 0.5)
    }

    /// How long after a transaction is decided each of its items is visible, and after how long the
    /// last word on it is spoken.
    pub(super) fn moments(&self, items: usize) -> (Vec<Duration>, Duration) {
        // The last is longer than a client waits for an attempt.
        let most = self.chance.pick(&[20, 20, 200, 200, 3_000]);
        let moments = (0..items).map(|_| {
            if self.chance.happens(0.3) { Duration::ZERO } else { self.chance.millis(most) }
        });
        let moments: Vec<Duration> = moments.collect();
        let end = moments.iter().max().copied().unwrap_or_default() + self.chance.millis(5);
        (moments, end)
    }

    /// Whether an item that is visible can be written by others before the rest of its transaction
    /// is.
    pub(super) fn releases_early(&self) -> bool {
        self.chance.happens(0.5)
    }

    /// How long a replica lags behind, for one item.
    pub(super) fn lag(&self) -> Duration {
        if self.strikes(Trouble::StaleReads, 0.3) {
            self.chance.millis(u64::try_from(LONGEST_LAG.as_millis()).unwrap_or(u64::MAX))
        } else {
            Duration::ZERO
        }
    }

    /// Whether a record does not get through.
    pub(super) fn fails_record(&self) -> bool {
        self.strikes(Trouble::PartialPuts, 0.2)
    }

    /// Whether a record got through although the answer says otherwise.
    pub(super) fn lies(&self) -> bool {
        self.chance.happens(0.3)
    }

    /// Changes a request into what an overtaxed DynamoDB makes of it.
    pub(super) fn bend(&self, operation: &str, request: &mut Value) {
        if operation == "TransactWriteItems" && self.strikes(Trouble::ForgottenTokens, 0.5) {
            request["ClientRequestToken"] = Value::Null;
        }
        if operation == "Query"
            && request["TableName"] != "feed"
            && self.strikes(Trouble::ShortReads, 3.0 * LIKELY)
        {
            let limit = request["Limit"].as_u64().unwrap_or(5).min(5);
            request["Limit"] = json!(self.chance.between(1, usize::try_from(limit).unwrap_or(1)));
        }
    }

    /// How many of so many keys a batch of reads gets to.
    pub(super) fn served_keys(&self, keys: usize) -> usize {
        if keys > 1 && self.strikes(Trouble::ShortReads, 3.0 * LIKELY) {
            self.chance.between(0, keys - 1)
        } else {
            keys
        }
    }
}
