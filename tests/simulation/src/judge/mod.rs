//! Whether an answer can be true, given all that was written before, during and after the request.
//!
//! - `command`: what a command was answered is what became of it, and can be seen by then;
//! - `entity`: a row is the fold of its events, as fresh as tokens demand, under the right tags;
//! - `list`: a page shows each thing once, where it belongs, and leaves out none that stood there;
//! - `sums`: a line is what rows add up to that are as fresh as tokens demand;
//! - `tokens`: what tokens stand for, and what may be expected without one.

mod command;
mod entity;
mod list;
mod sums;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use headwater::StreamName;
use headwater_lambda::Answer;
use serde_json::{Value, json};

use crate::cloud::{Cloud, State};
use crate::history::{History, Moment, shown};
use crate::service::{Headers, Invocation};

/// A request, and the moment when it was first made.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) call: Invocation,
    pub(crate) headers: Headers,
    pub(crate) since: Moment,
    /// The same as a time of the run.
    pub(crate) at: Duration,
}

/// Compares answers with the history.
pub(crate) struct Judge {
    cloud: Cloud,
    /// The body that each tag of an entity or a list stands for.
    bodies: Mutex<BTreeMap<String, String>>,
    /// Requests that were told that they have no effect.
    without_effect: Mutex<BTreeSet<String>>,
}

type Verdict = Result<(), String>;

/// What an answer is compared with.
struct Case<'a> {
    history: &'a History,
    asked: &'a Asked,
    /// The build that gave the answer.
    build: u32,
    answer: &'a Answer,
}

impl Judge {
    pub(crate) fn new(cloud: &Cloud) -> Self {
        Self { cloud: cloud.clone(), bodies: Mutex::default(), without_effect: Mutex::default() }
    }

    /// A request that is made now.
    pub(crate) fn asked(&self, call: Invocation, headers: Headers) -> Asked {
        let since = self.cloud.state().history.now();
        Asked { call, headers, since, at: self.cloud.elapsed() }
    }

    /// Looks at the answer to a request; `build` is the one that gave it.
    pub(crate) fn judge(&self, asked: &Asked, build: u32, answer: &Answer) {
        let mut state = self.cloud.state();
        let State { history, .. } = &*state;
        let case = Case { history, asked, build, answer };
        let verdict = match &asked.call {
            Invocation::Thing { .. } | Invocation::Crate { .. } => self.command(&case),
            Invocation::GetThing { .. } | Invocation::GetSlot { .. } => self.entity(&case),
            Invocation::List { group, limit } => self.list(&case, group.as_deref(), *limit),
            Invocation::Sums { table } => self.sums(&case, *table),
        };
        if let Err(what) = verdict {
            state.history.violated(format!("{asked:?} was answered with {answer:?}: {what}"));
        }
    }

    /// A request under the same key was answered before.
    pub(crate) fn same_answer(&self, asked: &Asked, before: &Answer, answer: &Answer) {
        if (before.status, &before.body) != (answer.status, &answer.body) {
            self.cloud.state().history.violated(format!(
                "{asked:?} was answered with {before:?}, and then with {answer:?}"
            ));
        }
    }

    /// The store said every time that nothing was written.
    pub(crate) fn without_effect(&self, asked: &Asked) {
        self.without_effect
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(asked.headers.correlation_id.clone());
    }

    /// Looks at the end, when nothing is under way, whether what was said to have no effect has
    /// none.
    pub(crate) fn finish(&self) {
        let mut state = self.cloud.state();
        for request in self.without_effect.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let Some((stream, version)) = state.history.effect_of(request) {
                let what = format!(
                    "the request {request} was said to have no effect, but has one in \
                     {stream}@{version}"
                );
                state.history.violated(what);
            }
        }
    }

    /// The body of an answer to a question, or the one that its tag has stood for: of 304 there is
    /// no other.
    fn body(&self, question: &str, answer: &Answer) -> Result<String, String> {
        let tag = format!("{question} {}", header(answer, "etag"));
        let mut bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        match (answer.status, bodies.get(&tag)) {
            (304, Some(known)) => Ok(known.clone()),
            (304, None) => Err("the client never had that tag".to_owned()),
            (_, Some(known)) if *known != answer.body => {
                Err(format!("the same tag has stood for {known}"))
            }
            _ => {
                bodies.insert(tag, answer.body.clone());
                Ok(answer.body.clone())
            }
        }
    }
}

/// Whether a row is the one that follows from the events up to a version, in the build that shows
/// it.
fn is_row(
    history: &History,
    build: u32,
    name: &StreamName,
    stream: &StreamName,
    version: u64,
    row: &Value,
) -> Verdict {
    if !history.boundaries(stream).contains(&version) {
        return Err(format!("{stream} never was at {version}"));
    }
    let expected = history.row_at(build, name, version).map_or(json!(null), |row| shown(&row));
    if expected == *row { Ok(()) } else { Err(format!("the row at {version} is {expected}")) }
}

fn header(answer: &Answer, name: &str) -> String {
    answer
        .headers
        .iter()
        .find(|(header, _)| header == name)
        .map(|(_, value)| value.clone())
        .unwrap_or_default()
}

/// The name of an answer's problem; empty if it is none.
fn problem(answer: &Answer) -> String {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let kind = body["type"].as_str().unwrap_or_default();
    kind.rsplit('/').next().unwrap_or_default().to_owned()
}
