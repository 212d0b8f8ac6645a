//! A client: it asks, and remembers the tokens and tags that it was given. Where it got no answer
//! it sends the request again under its key, and it has every answer judged.

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater_lambda::Answer;
use tokio::time::{Duration, sleep, timeout};

use crate::chance::Chance;
use crate::cloud::Cloud;
use crate::domain::{CrateCommand, GROUPS, ThingCommand};
use crate::judge::{Asked, Judge};
use crate::plan::Trouble;
use crate::processes::{Pool, Process};
use crate::service::{Headers, Invocation, SumsOf, serve};

/// How often a client sends a request in all.
const MOST_TRIES: usize = 4;

/// How long an impatient client waits for an answer, in milliseconds.
const LONGEST_WAIT: u64 = 400;

/// Few, so that clients get in each other's way.
const IDS: [&str; 4] = ["1", "2", "3", "4"];
const CRATES: [&str; 2] = ["a", "b"];
const SLOTS: [&str; 3] = ["x", "y", "z"];
const NAMES: [&str; 5] = ["Ada", "ADA", "bob", "Cleo", "dora"];

/// A client.
pub(crate) struct Session {
    /// Which.
    pub(crate) name: usize,
    pub(crate) cloud: Cloud,
    /// The function that answers, here one for all calls.
    pub(crate) functions: Arc<Pool>,
    pub(crate) judge: Arc<Judge>,
    /// Tokens of what it has written or seen, the latest last.
    pub(crate) tokens: Vec<String>,
    /// The tag that each call was answered with last.
    pub(crate) tags: BTreeMap<String, String>,
    /// By how much the clock before it is wrong, in milliseconds.
    pub(crate) skew: i64,
    pub(crate) habits: Habits,
}

/// What the clients of a run are like. Only where they meet, and meet what is going on in the
/// background, is there anything to find.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// How long they think at the most, in milliseconds.
    pause: u64,
    /// Among how many things, and how many names, they choose.
    things: usize,
    names: usize,
    /// After so many requests each of them rests until the clock strikes: all begin again together.
    burst: usize,
    /// How often that is, in milliseconds.
    strikes: u64,
    /// How keen on sums they are.
    sums: usize,
    /// How often they have a thing forgotten that they would have removed.
    forgets: f64,
}

impl Habits {
    /// Some habits. What takes minutes, as a rebuild or an archiver does, needs clients who are
    /// still there.
    pub(crate) fn new(chance: &Chance, takes_minutes: bool, forgets: f64) -> Self {
        Self {
            pause: chance.pick(&[20, 100, 400]),
            things: chance.between(1, IDS.len()),
            names: chance.between(1, NAMES.len()),
            burst: if takes_minutes { chance.between(2, 6) } else { usize::MAX },
            strikes: chance.pick(&[10_000, 20_000, 40_000]),
            sums: chance.pick(&[2, 2, 10]),
            forgets,
        }
    }
}

impl Session {
    /// Makes so many requests.
    pub(crate) async fn run(mut self, requests: usize) {
        for number in 0..requests {
            if number > 0 && number % self.habits.burst == 0 {
                self.rest().await;
            }
            sleep(self.cloud.chance().millis(self.habits.pause)).await;
            let call = self.call();
            let asked = self.ask(call, format!("{}-{number}", self.name));
            self.send(asked).await;
        }
    }

    async fn rest(&self) {
        let strikes = self.habits.strikes;
        let since = self.cloud.now().unsigned_abs() % strikes;
        sleep(Duration::from_millis(strikes - since)).await;
    }

    /// What it wants next.
    fn call(&self) -> Invocation {
        let chance = self.cloud.chance();
        let text = |texts: &[&str]| chance.pick(texts).to_owned();
        let name = || text(&NAMES[..self.habits.names]);
        let id = text(&IDS[..self.habits.things]);
        match chance.between(0, 20 + self.habits.sums) {
            0 | 1 => Invocation::Thing {
                id,
                command: ThingCommand::Create { name: name(), group: text(&GROUPS) },
            },
            2 | 3 => Invocation::Thing { id, command: ThingCommand::Rename { name: name() } },
            4 => Invocation::Thing { id, command: ThingCommand::Move { group: text(&GROUPS) } },
            5..=7 => {
                let amounts =
                    (0..chance.between(1, 3)).map(|_| chance.between(1, 60) as u64).collect();
                Invocation::Thing { id, command: ThingCommand::Add { amounts } }
            }
            8 => Invocation::Thing { id, command: ThingCommand::Number {} },
            9 if self.habits.forgets > 0.0 && chance.happens(self.habits.forgets) => {
                Invocation::Thing { id, command: ThingCommand::Forget {} }
            }
            9 => Invocation::Thing { id, command: ThingCommand::Remove {} },
            10..=12 => Invocation::Crate { id: text(&CRATES), command: self.crate_command() },
            13..=15 => Invocation::GetThing { id },
            16 => Invocation::Thing { id, command: ThingCommand::Double {} },
            17 | 18 => Invocation::GetSlot { id: text(&CRATES), slot: text(&SLOTS) },
            19 | 20 => Invocation::List {
                group: chance.pick(&[None, Some(text(&GROUPS))]),
                limit: chance.pick(&[1, 2, 50]),
            },
            _ => Invocation::Sums { table: chance.pick(&[SumsOf::Groups, SumsOf::Slots]) },
        }
    }

    fn crate_command(&self) -> CrateCommand {
        let chance = self.cloud.chance();
        let mut slots = SLOTS.map(str::to_owned).to_vec();
        chance.shuffle(&mut slots);
        slots.truncate(chance.between(1, 3));
        match chance.between(0, 5) {
            0..=2 => CrateCommand::Store { slots, amount: chance.between(1, 30) as u64 },
            3 => CrateCommand::Empty { slots },
            4 => CrateCommand::Double { slot: slots.swap_remove(0) },
            _ => CrateCommand::Shake {},
        }
    }

    /// The request, with whatever headers it has a mind to send along.
    fn ask(&self, call: Invocation, correlation_id: String) -> Asked {
        let chance = self.cloud.chance();
        let mut headers = Headers { correlation_id, ..Headers::default() };
        let seen: Vec<String> =
            self.tokens.iter().rev().take(chance.between(1, 4)).cloned().collect();
        let is_command = matches!(call, Invocation::Thing { .. } | Invocation::Crate { .. });
        // A command looks at the tokens of its own stream only, but all are read.
        if chance.happens(if is_command { 0.3 } else { 0.6 }) {
            headers.tokens = seen;
        }
        let known = self.tags.get(&key_of(&call)).cloned();
        if is_command {
            headers.idempotency_key = chance.happens(0.5).then(|| headers.correlation_id.clone());
            match chance.between(0, 5) {
                0 | 1 => headers.if_match = known,
                2 => headers.decided_on = known.and_then(|tag| version_of(&tag)),
                3 if chance.happens(0.3) => headers.if_match = Some("*".to_owned()),
                _ => {}
            }
        } else if chance.happens(0.5) {
            headers.if_none_match = known;
        }
        self.judge.asked(call, headers)
    }

    /// Sends a request until it is answered, as far as that may be done.
    async fn send(&mut self, asked: Asked) {
        let may_repeat = asked.headers.idempotency_key.is_some() || asked.call.row().is_some();
        let mut definite: Option<Answer> = None;
        let mut is_uncertain = false;
        for _ in 0..if may_repeat { MOST_TRIES } else { 1 } {
            let answer = self.invoke(&asked).await;
            self.cloud.log(|| {
                format!(
                    "{} {:?} {:?} -> {answer:?}",
                    asked.headers.correlation_id, asked.call, asked.headers
                )
            });
            is_uncertain |=
                answer.as_ref().is_none_or(|(_, answer)| answer.body.contains("outcome-unknown"));
            if let Some((build, answer)) = answer {
                let is_over = answer.status < 500;
                let is_recorded = asked.headers.idempotency_key.is_some() && is_recorded(&answer);
                self.remember(&asked, &answer);
                // What an earlier try may still do is unknown, unless the answer is kept under the
                // key.
                if !is_uncertain || is_recorded || answer.status < 400 {
                    self.judge.judge(&asked, build, &answer);
                }
                if let Some(before) = definite.as_ref().filter(|_| is_over) {
                    self.judge.same_answer(&asked, before, &answer);
                }
                if is_over {
                    definite = Some(answer);
                    // The answer may get lost behind the gateway too.
                    if !is_recorded || !self.cloud.strikes(Trouble::LostReplies, 0.2) {
                        break;
                    }
                }
            }
            sleep(self.cloud.chance().millis(500)).await;
        }
        if let Some(answer) = &definite
            && let Some(next) = next_cursor(answer)
        {
            let headers =
                Headers { cursor: Some(next), if_none_match: None, ..asked.headers.clone() };
            let next = self.judge.asked(asked.call, headers);
            Box::pin(self.send(next)).await;
        } else if definite.is_none() && !is_uncertain {
            self.judge.without_effect(&asked);
        }
    }

    /// Sends it once; gives the answer and the build that gave it, nothing if the process died or
    /// the client waited no longer. What it asked for is then still at work, and may meet itself.
    async fn invoke(&self, asked: &Asked) -> Option<(u32, Answer)> {
        let at = self.cloud.now() + self.skew;
        let (functions, asked) = (Arc::clone(&self.functions), asked.clone());
        let answer = async move {
            let work = async |process: Arc<Process>| {
                let Process { app, build } = &*process;
                (*build, serve(app, *build, &asked.call, &asked.headers, at).await)
            };
            functions.invoke(work).await.ok()
        };
        if self.cloud.strikes(Trouble::Delays, 0.1) {
            let patience = self.cloud.chance().millis(LONGEST_WAIT);
            timeout(patience, tokio::spawn(answer)).await.ok()?.unwrap()
        } else {
            answer.await
        }
    }

    fn remember(&mut self, asked: &Asked, answer: &Answer) {
        let header = |name: &str| {
            answer.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.clone())
        };
        if answer.status < 400 {
            self.tokens.extend(header("consistency-token"));
            if let Some(tag) = header("etag") {
                self.tags.insert(key_of(&asked.call), tag.clone());
                // What was read can condition what is written.
                if let Some(stream) = asked.call.stream() {
                    self.tags.insert(stream.to_string(), tag);
                }
            }
        }
    }
}

/// Under what a client remembers the tag of an answer: for queries the call, for commands what they
/// are about.
fn key_of(call: &Invocation) -> String {
    match call {
        Invocation::Thing { .. } | Invocation::Crate { .. } => {
            call.stream().map(|stream| stream.to_string()).unwrap_or_default()
        }
        _ => format!("{call:?}"),
    }
}

/// The version in a tag such as `"acme/sim/things/1@7;g1.1"`.
fn version_of(tag: &str) -> Option<u64> {
    let (_, version) = tag.trim_matches('"').split_once('@')?;
    version.split(';').next()?.parse().ok()
}

/// Whether the answer to a command is one that is recorded under its key: one that decides for
/// good.
fn is_recorded(answer: &Answer) -> bool {
    matches!(answer.status, 200 | 201 | 409) && !answer.body.contains("concurrent-modification")
}

fn next_cursor(answer: &Answer) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(&answer.body).ok()?;
    body["next"].as_str().map(str::to_owned)
}
