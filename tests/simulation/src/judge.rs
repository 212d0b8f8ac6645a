//! Whether an answer can be true, given all that was written before, during and after the request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use headwater::{Command, Context, FeedPosition, IfMatch, Position, StreamName, Token, parse_if_match, parse_tokens};
use headwater_lambda::Answer;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cloud::{Cloud, State};
use crate::domain::{BUILDS, Crate, CrateEvent, OfCrate, OfThing, TENANT, Thing, ThingCommand, ThingEvent};
use crate::history::{History, Moment, shown};
use crate::service::{Call, Headers};

/// A request, and the moment when it was first made.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) call: Call,
    pub(crate) headers: Headers,
    pub(crate) since: Moment,
}

/// Compares answers with the history.
pub(crate) struct Judge {
    cloud: Cloud,
    /// The body that each tag of an entity stands for.
    bodies: Mutex<BTreeMap<String, String>>,
    /// Requests that were told that they have no effect.
    without_effect: Mutex<BTreeSet<String>>,
}

type Verdict = Result<(), String>;

impl Judge {
    pub(crate) fn new(cloud: &Cloud) -> Self {
        Self { cloud: cloud.clone(), bodies: Mutex::default(), without_effect: Mutex::default() }
    }

    pub(crate) fn now(&self) -> Moment {
        self.cloud.state().history.now()
    }

    /// Looks at the answer to a request.
    pub(crate) fn judge(&self, asked: &Asked, answer: &Answer) {
        let mut state = self.cloud.state();
        let verdict = match &asked.call {
            Call::Thing { .. } | Call::Crate { .. } => self.command(&state, asked, answer),
            Call::GetThing { .. } | Call::GetSlot { .. } => self.entity(&state, asked, answer),
            Call::List { group, .. } => list(&state.history, asked, answer, group.as_deref()),
        };
        if let Err(what) = verdict {
            state.history.violated(format!("{asked:?} was answered with {answer:?}: {what}"));
        }
    }

    /// A request under the same key was answered before.
    pub(crate) fn same_answer(&self, asked: &Asked, before: &Answer, answer: &Answer) {
        if (before.status, &before.body) != (answer.status, &answer.body) {
            self.cloud.state().history.violated(format!("{asked:?} was answered with {before:?}, and then with {answer:?}"));
        }
    }

    /// The store said every time that nothing was written.
    pub(crate) fn without_effect(&self, asked: &Asked) {
        self.without_effect.lock().unwrap_or_else(PoisonError::into_inner).insert(asked.headers.correlation_id.clone());
    }

    /// Looks at the end, when nothing is under way, whether what was said to have no effect has none.
    pub(crate) fn finish(&self) {
        let mut state = self.cloud.state();
        for request in self.without_effect.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let Some((stream, version)) = state.history.effect_of(request) {
                let what = format!("the request {request} was said to have no effect, but has one in {stream}@{version}");
                state.history.violated(what);
            }
        }
    }

    fn command(&self, state: &State, asked: &Asked, answer: &Answer) -> Verdict {
        let history = &state.history;
        let request = &asked.headers.correlation_id;
        let effect = history.effect_of(request);
        let problem = problem(answer);
        match (answer.status, problem.as_str()) {
            (200 | 201, _) => {
                let body: Value = serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
                let version = body["version"].as_u64().unwrap_or_default();
                match effect {
                    Some((_, at)) if at == version => Ok(()),
                    Some((_, at)) => Err(format!("its effect is at {at}")),
                    None => {
                        at_some_moment(history, asked, |head, _| head == version && decide(history, &asked.call, head) == Decided::Nothing)
                    }
                }
            }
            (503, "outcome-unknown" | "contention" | "unavailable") => Ok(()),
            _ if effect.is_some() => Err(format!("it has an effect at {effect:?}")),
            (404 | 409, name) if name != "concurrent-modification" => {
                self.without_effect(asked);
                let is_name = name == "name-taken";
                at_some_moment(history, asked, |head, _| {
                    decide(history, &asked.call, head) == Decided::Refused(name.to_owned()) || is_name && may_be_taken(history, asked)
                })
            }
            (412, _) => {
                self.without_effect(asked);
                let condition = condition(&asked.headers)?;
                at_some_moment(history, asked, |head, _| match &condition {
                    Some(IfMatch::Exists) => head == 0,
                    Some(IfMatch::AnyOf(tokens)) => {
                        !tokens.iter().any(|token| token.streams.iter().all(|position| position.version == head))
                    }
                    None => false,
                })
            }
            (409, _) => {
                self.without_effect(asked);
                let decided_on = asked.headers.decided_on.ok_or("it had decided on no version")?;
                conflicts(history, &asked.call, decided_on)
                    .then_some(())
                    .ok_or_else(|| "nothing that came since conflicts with it".to_owned())
            }
            _ => Err("nobody should be told that".to_owned()),
        }
    }

    fn entity(&self, state: &State, asked: &Asked, answer: &Answer) -> Verdict {
        let (Some(stream), Some(name)) = (asked.call.stream(), asked.call.row()) else { return Ok(()) };
        let history = &state.history;
        let least = least(history, &asked.headers, &stream)?;
        match (answer.status, problem(answer).as_str()) {
            (200, _) => {
                let body: Value = serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
                let version = body["version"].as_u64().unwrap_or_default();
                if version < least {
                    return Err(format!("a token demands {least}"));
                }
                is_row(history, &name, &stream, version, &body["row"])?;
                let tag = header(answer, "etag");
                let mut bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
                let known = bodies.entry(format!("{name} {tag}")).or_insert_with(|| answer.body.clone());
                if *known == answer.body { Ok(()) } else { Err(format!("the same tag has stood for {known}")) }
            }
            (304, _) => {
                let tag = header(answer, "etag");
                let bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
                let body = bodies.get(&format!("{name} {tag}")).ok_or("the client never had that tag")?;
                let body: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
                if body["version"].as_u64() >= Some(least) { Ok(()) } else { Err(format!("a token demands {least}")) }
            }
            (404, _) => {
                // It must not have been there, or been gone, at some version that is not too old.
                let versions = [0].into_iter().chain(history.boundaries(&stream)).filter(|version| *version >= least);
                let is_absent = |version| history.row_at(1, &name, version).is_none_or(|row| row.version == 0 || row.deleted);
                if versions.into_iter().any(is_absent) { Ok(()) } else { Err(format!("it is there since before {least}")) }
            }
            (503, "unavailable" | "not-caught-up") => Ok(()),
            _ => Err("nobody should be told that".to_owned()),
        }
    }
}

/// What becomes of a command in a state.
#[derive(Debug, PartialEq)]
enum Decided {
    Something,
    Nothing,
    Refused(String),
}

fn decide(history: &History, call: &Call, version: u64) -> Decided {
    let (Some(stream), Ok(now)) = (call.stream(), Timestamp::from_second(0)) else { return Decided::Something };
    let context = Context { now, id: stream.id().to_owned(), fresh_id: Uuid::nil(), actor: String::new(), number: Some(0) };
    let decided = match call {
        Call::Thing { command, .. } => {
            OfThing::<1>(command).decide(&history.state::<Thing<1>>(&stream, version), &context).map(|events| events.len())
        }
        Call::Crate { command, .. } => {
            OfCrate::<1>(command).decide(&history.state::<Crate<1>>(&stream, version), &context).map(|events| events.len())
        }
        _ => Ok(1),
    };
    match decided {
        Ok(0) => Decided::Nothing,
        Ok(_) => Decided::Something,
        Err(headwater::Rejection::Unknown { .. }) => Decided::Refused("not-found".to_owned()),
        Err(headwater::Rejection::Refused { rule, .. }) => Decided::Refused(rule.name.to_owned()),
    }
}

/// Whether another held the name that a command wants, at some moment of the request.
fn may_be_taken(history: &History, asked: &Asked) -> bool {
    let (Call::Thing { command: ThingCommand::Create { name, .. } | ThingCommand::Rename { name }, .. }, Some(stream)) =
        (&asked.call, asked.call.stream())
    else {
        return false;
    };
    history.was_held_by_another(&headwater::normalize(name), &stream, asked.since, history.now())
}

/// Whether something is so at a moment of the request: what is answered without a write comes from a state that was the present one then.
fn at_some_moment(history: &History, asked: &Asked, is_so: impl Fn(u64, Moment) -> bool) -> Verdict {
    let Some(stream) = asked.call.stream() else { return Ok(()) };
    let heads = history.heads_between(&stream, asked.since, history.now());
    if heads.iter().any(|(moment, head)| is_so(*head, *moment)) {
        Ok(())
    } else {
        Err(format!("at no moment of the request was that so: {heads:?}"))
    }
}

fn conflicts(history: &History, call: &Call, decided_on: u64) -> bool {
    let Some(stream) = call.stream() else { return false };
    let events = history.commits(&stream).iter().flat_map(|commit| &commit.events).filter(|event| event.number > decided_on);
    match call {
        Call::Thing { command, .. } => {
            events.filter_map(|event| headwater::decode::<ThingEvent>(event).ok()).any(|event| !OfThing::<1>(command).commutes_with(&event))
        }
        Call::Crate { command, .. } => {
            events.filter_map(|event| headwater::decode::<CrateEvent>(event).ok()).any(|event| !OfCrate::<1>(command).commutes_with(&event))
        }
        _ => false,
    }
}

fn condition(headers: &Headers) -> Result<Option<IfMatch>, String> {
    headers.if_match.as_ref().map(|header| parse_if_match(header, TENANT)).transpose().map_err(|error| error.to_string())
}

/// The version of a stream that a request's tokens demand.
fn least(history: &History, headers: &Headers, stream: &StreamName) -> Result<u64, String> {
    if headers.tokens.is_empty() {
        return Ok(0);
    }
    let tokens: Vec<Token> = parse_tokens(&headers.tokens.join(","), TENANT).map_err(|error| error.to_string())?;
    let named = tokens.iter().flat_map(|token| &token.streams).filter(|Position { stream: named, .. }| named == stream);
    let fed = tokens.iter().flat_map(|token| &token.feeds).map(|FeedPosition { position, .. }| history.fed_at(stream, *position));
    Ok(named.map(|position| position.version).chain(fed).max().unwrap_or(0))
}

/// Whether a row is the one that follows from the events up to a version, in one of the builds.
fn is_row(history: &History, name: &StreamName, stream: &StreamName, version: u64, row: &Value) -> Verdict {
    if !history.boundaries(stream).contains(&version) {
        return Err(format!("{stream} never was at {version}"));
    }
    let expected = BUILDS.map(|build| history.row_at(build, name, version).map_or(json!(null), |row| shown(&row)));
    if expected.contains(row) { Ok(()) } else { Err(format!("the row at {version} is {}", expected[0])) }
}

/// A page shows each thing once, where it belongs, and nothing is older than the tokens demand.
fn list(history: &History, asked: &Asked, answer: &Answer, group: Option<&str>) -> Verdict {
    match (answer.status, problem(answer).as_str()) {
        (200, _) => {}
        (304, _) => return Ok(()),
        (503, "unavailable" | "not-caught-up") => return Ok(()),
        _ => return Err("nobody should be told that".to_owned()),
    }
    let body: Value = serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
    let items = body["items"].as_array().ok_or("there are no items")?;
    let mut shown_ids = BTreeSet::new();
    let mut last = String::new();
    for item in items {
        let id = item["id"].as_str().unwrap_or_default();
        let stream = crate::domain::thing(id);
        let (version, row) = (item["version"].as_u64().unwrap_or_default(), &item["row"]);
        is_row(history, &stream, &stream, version, row)?;
        if version < least(history, &asked.headers, &stream)? {
            return Err(format!("{stream} is older than a token demands"));
        }
        if !shown_ids.insert(id.to_owned()) {
            return Err(format!("{stream} is there twice"));
        }
        let is_there = row["is_removed"] == false && group.is_none_or(|group| row["group"] == group);
        let place = format!("{}\0{id}", row["name"].as_str().unwrap_or_default());
        if !is_there || place <= last {
            return Err(format!("{stream} does not belong there"));
        }
        last = place;
    }
    if asked.headers.cursor.is_some() || body["next"].is_string() {
        return Ok(());
    }
    // On a whole list whatever is absent must have been so at some version that is not too old.
    for (stream, _) in
        history.streams().filter(|(stream, _)| stream.category() == crate::domain::THINGS && !shown_ids.contains(stream.id()))
    {
        let least = least(history, &asked.headers, stream)?;
        let versions = [0].into_iter().chain(history.boundaries(stream)).filter(|version| *version >= least);
        let is_absent = |version| {
            history
                .row_at(1, stream, version)
                .is_none_or(|row| row.version == 0 || row.deleted || group.is_some_and(|group| row.data["group"] != group))
        };
        if !versions.into_iter().any(is_absent) {
            return Err(format!("{stream} is missing, since before {least}"));
        }
    }
    Ok(())
}

fn header(answer: &Answer, name: &str) -> String {
    answer.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

/// The name of an answer's problem; empty if it is none.
fn problem(answer: &Answer) -> String {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let kind = body["type"].as_str().unwrap_or_default();
    kind.rsplit('/').next().unwrap_or_default().to_owned()
}
