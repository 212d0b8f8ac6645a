//! Transactions as readers of DynamoDB meet them: the fault `torn`.
//!
//! A transaction is decided at once, but its items become visible one by one, in any order. Plain
//! reads (`GetItem`, `Query`, `BatchGetItem`, `Scan`) see what is visible. Until all is,
//! `TransactGetItems`, a write, or a condition on one of the items answers `TransactionConflict`.
//! The caller gets its answer when all is visible.
//!
//! 1. All places of the transaction are locked, unless somebody is writing one of them.
//! 2. The server is asked what the conditions come to, by the same transaction with a condition
//!    more that never holds.
//! 3. If they hold, the actions are put down in a journal: that decides it.
//! 4. One action after the other is carried out, each together with a mark in the journal.
//!    Conditions still hold, since all is locked.
//!
//! What was decided and not finished when the platform was killed is finished at its next start, as
//! by DynamoDB.

mod journal;
mod places;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use self::journal::{Action, Journal};
use self::places::{Places, Writing};
use super::call::AwsCall;
use super::forward::{Backends, Reply};
use super::{Answer, Dropped, refusals};
use crate::emulators::Emulators;
use crate::template::Template;

/// How long items stay out of sight at the most: nearly always, and now and then.
const SHORT: Duration = Duration::from_millis(30);
const LONG: Duration = Duration::from_millis(600);
const RARE: f64 = 0.1;

/// What every call has to know of transactions that are under way.
#[derive(Debug)]
pub(super) struct Torn {
    journal: Arc<Journal>,
    places: Places,
}

impl Torn {
    /// Finishes what was under way when the platform was killed.
    ///
    /// # Errors
    /// When the server doesn't answer.
    pub(super) async fn start(template: &Template, emulators: &Emulators) -> Result<Self> {
        let journal = Journal::new(&emulators.dynamodb)?;
        journal.finish_all().await?;
        Ok(Self { journal: Arc::new(journal), places: Places::of(&template.tables) })
    }

    /// Lets a call through to the server; what it writes counts as being written until the guard is
    /// dropped.
    ///
    /// # Errors
    /// The answer to a call that met a transaction which is under way, or came with the token of
    /// one that was.
    pub(super) fn enter(&self, call: &AwsCall) -> Result<Writing, Box<Answer>> {
        self.places.enter(call)
    }

    /// Carries a transaction out item by item.
    ///
    /// # Errors
    /// [`Dropped`] if the server doesn't answer.
    pub(super) async fn tear(
        &self,
        backends: &Backends,
        call: &AwsCall,
        rng: Rng,
    ) -> Result<Reply, Dropped> {
        let actions = call.input["TransactItems"].as_array().cloned().unwrap_or_default();
        let is_write = |action: &Value| action.get("ConditionCheck").is_none();
        if actions.iter().filter(|action| is_write(action)).count() < 2 || !Journal::takes(&actions)
        {
            return backends.send(call).await;
        }
        let Some(locked) = self.places.lock(call) else {
            return Ok(Reply::refusal(&refusals::conflict(call, |_| true)));
        };
        self.journal.open().await.map_err(|error| dropped(&error))?;
        if let Some(refusal) = probe(backends, call, actions.len()).await? {
            return Ok(refusal);
        }
        let journal = Arc::clone(&self.journal);
        // It goes on, whatever becomes of its caller.
        let carried_out = tokio::spawn(async move {
            let capacity = show(&journal, journal.decide(actions).await?, rng).await?;
            locked.end();
            anyhow::Ok(capacity)
        });
        let capacity = carried_out.await.map_err(|_| Dropped)?.map_err(|error| dropped(&error))?;
        Ok(Reply::json(&json!({ "ConsumedCapacity": capacity })))
    }
}

/// Carries the actions out one by one, each at its time; gives what they cost. What fails is
/// finished at the next start.
async fn show(journal: &Journal, mut actions: Vec<Action>, mut rng: Rng) -> Result<Vec<Value>> {
    let most = if rng.f64() < RARE { LONG } else { SHORT };
    rng.shuffle(&mut actions);
    let mut times: Vec<Duration> = actions.iter().map(|_| most.mul_f64(rng.f64())).collect();
    times.sort();
    let began = Instant::now();
    let mut capacity = Vec::new();
    for (action, time) in actions.iter().zip(times) {
        sleep_until(began + time).await;
        capacity.extend(journal.carry_out(action).await?);
    }
    journal.close(&actions).await;
    Ok(capacity)
}

/// Asks the server what the conditions come to; gives its answer if they do not all hold.
async fn probe(
    backends: &Backends,
    call: &AwsCall,
    count: usize,
) -> Result<Option<Reply>, Dropped> {
    let mut probe = call.clone();
    let mut input = probe.input.take();
    input["TransactItems"]
        .as_array_mut()
        .into_iter()
        .for_each(|actions| actions.push(Journal::never()));
    if let Some(input) = input.as_object_mut() {
        input.remove("ClientRequestToken");
    }
    probe.set_input(input);
    let mut reply = backends.send(&probe).await?;
    let mut error: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let Some(reasons) = error["CancellationReasons"].as_array_mut() else { return Ok(Some(reply)) };
    reasons.truncate(count);
    if reasons.iter().all(|reason| reason["Code"] == "None") {
        return Ok(None);
    }
    reply.set_body(&error);
    Ok(Some(reply))
}

fn dropped(error: &anyhow::Error) -> Dropped {
    tracing::error!(%error, "a transaction was not carried out, or only in part");
    Dropped
}
