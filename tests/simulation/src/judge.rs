//! Whether an answer can be true, given all that was written before, during and after the request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use headwater::{
    Command, Context, FeedPosition, IfMatch, Position, StreamName, Token, parse_if_match,
    parse_tokens,
};
use headwater_lambda::Answer;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cloud::{Cloud, State};
use crate::domain::{Crate, OfCrate, OfThing, TENANT, Thing, ThingCommand};
use crate::history::{History, Moment, shown};
use crate::service::{Call, Headers, name_stream};

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
    /// The body that each tag of an entity or a list stands for.
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

    /// Looks at the answer to a request; `build` is the one that gave it.
    pub(crate) fn judge(&self, asked: &Asked, build: u32, answer: &Answer) {
        let mut state = self.cloud.state();
        let verdict = match &asked.call {
            Call::Thing { .. } | Call::Crate { .. } => self.command(&state, asked, answer),
            Call::GetThing { .. } | Call::GetSlot { .. } => {
                self.entity(&state, asked, build, answer)
            }
            Call::List { group, limit } => {
                self.list(&state, asked, build, answer, group.as_deref(), *limit)
            }
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

    fn command(&self, state: &State, asked: &Asked, answer: &Answer) -> Verdict {
        let history = &state.history;
        let request = &asked.headers.correlation_id;
        let effect = history.effect_of(request);
        let problem = problem(answer);
        match (answer.status, problem.as_str()) {
            (200 | 201, _) => {
                let body: Value =
                    serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
                let version = body["version"].as_u64().unwrap_or_default();
                let stream = asked.call.stream().ok_or("a command is about a stream")?;
                is_told(answer, &stream, version)?;
                match effect {
                    Some((_, at)) if at == version => Ok(()),
                    Some((_, at)) => Err(format!("its effect is at {at}")),
                    None => at_some_moment(history, asked, |head, _| {
                        head == version && decide(history, &asked.call, head) == Decided::Nothing
                    }),
                }
            }
            (503, "outcome-unknown" | "contention" | "unavailable") => Ok(()),
            // A try before this one may have had an effect.
            (503, "newer-event")
                if asked.call.stream().is_some_and(|stream| history.has_newer(&stream)) =>
            {
                Ok(())
            }
            _ if effect.is_some() => Err(format!("it has an effect at {effect:?}")),
            (404 | 409, name) if name != "concurrent-modification" => {
                self.without_effect(asked);
                let is_name = name == "name-taken";
                at_some_moment(history, asked, |head, _| {
                    decide(history, &asked.call, head) == Decided::Refused(name.to_owned())
                        || is_name && may_be_taken(history, asked)
                })
            }
            (412, _) => {
                self.without_effect(asked);
                let condition = condition(&asked.headers)?;
                at_some_moment(history, asked, |head, _| match &condition {
                    Some(IfMatch::Exists) => head == 0,
                    Some(IfMatch::AnyOf(tokens)) => !tokens
                        .iter()
                        .any(|token| token.streams.iter().all(|position| position.version == head)),
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

    fn entity(&self, state: &State, asked: &Asked, build: u32, answer: &Answer) -> Verdict {
        let (Some(stream), Some(name)) = (asked.call.stream(), asked.call.row()) else {
            return Ok(());
        };
        let history = &state.history;
        let least = least(history, &asked.headers, &stream)?;
        match (answer.status, problem(answer).as_str()) {
            (200 | 304, _) => {
                let body: Value = serde_json::from_str(&self.body(&name.to_string(), answer)?)
                    .map_err(|error| error.to_string())?;
                let version = body["version"].as_u64().unwrap_or_default();
                if version < least {
                    return Err(format!("a token demands {least}"));
                }
                is_told(answer, &stream, version)?;
                is_row(history, build, &name, &stream, version, &body["row"])
            }
            (404, _) => {
                // It must not have been there, or been gone, at some version that is not too old.
                let versions = [0]
                    .into_iter()
                    .chain(history.boundaries(&stream))
                    .filter(|version| *version >= least);
                let is_absent = |version| {
                    history
                        .row_at(2, &name, version)
                        .is_none_or(|row| row.version == 0 || row.deleted)
                };
                if versions.into_iter().any(is_absent) {
                    Ok(())
                } else {
                    Err(format!("it is there since before {least}"))
                }
            }
            (503, "unavailable" | "not-caught-up") => Ok(()),
            (503, "newer-event") if history.has_newer(&stream) => Ok(()),
            _ => Err("nobody should be told that".to_owned()),
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

    /// A page shows each thing once, where it belongs, nothing that is older than the tokens demand
    /// or than its own token says, and whatever stood in its part of the list all the time.
    fn list(
        &self,
        state: &State,
        asked: &Asked,
        build: u32,
        answer: &Answer,
        group: Option<&str>,
        limit: usize,
    ) -> Verdict {
        match (answer.status, problem(answer).as_str()) {
            (200 | 304, _) => {}
            (503, "unavailable" | "not-caught-up") => return Ok(()),
            (503, "newer-event")
                if state.history.streams().any(|(stream, _)| state.history.has_newer(stream)) =>
            {
                return Ok(());
            }
            _ => return Err("nobody should be told that".to_owned()),
        }
        let page = Page::read(&self.body(&format!("{:?}", asked.call), answer)?, &asked.headers)?;
        let history = &state.history;
        let promised = parse(&header(answer, "consistency-token"))?;
        if promised
            .iter()
            .flat_map(|token| &token.feeds)
            .any(|feed| feed.position > history.feed_head())
        {
            return Err("the answer's token is ahead of the feed".to_owned());
        }
        let least = |stream: &StreamName| {
            Ok::<_, String>(
                least(history, &asked.headers, stream)?.max(demanded(history, &promised, stream)),
            )
        };
        let index =
            group.map_or(crate::domain::THINGS.to_owned(), |group| format!("group/{group}"));
        if page.items.len() > limit {
            return Err(format!("{} were asked for", limit));
        }
        let mut shown_ids = BTreeSet::new();
        let mut last = String::new();
        for item in &page.items {
            let id = item["id"].as_str().unwrap_or_default();
            let stream = crate::domain::thing(id);
            let (version, row) = (item["version"].as_u64().unwrap_or_default(), &item["row"]);
            is_row(history, build, &stream, &stream, version, row)?;
            if version < least(&stream)? {
                return Err(format!(
                    "{stream} is older than a token demands, or than the answer's own token says"
                ));
            }
            if !shown_ids.insert(id.to_owned()) {
                return Err(format!("{stream} is there twice"));
            }
            match history.place(build, &stream, version, &index) {
                Some(place) if place > last && page.covers(&place) => last = place,
                place => {
                    return Err(format!("{stream} does not belong there: it stands at {place:?}"));
                }
            }
        }
        let things = history
            .streams()
            .map(|(stream, _)| stream)
            .filter(|stream| stream.category() == crate::domain::THINGS);
        for stream in things.filter(|stream| !shown_ids.contains(stream.id())) {
            let least = least(stream)?;
            let versions = [0]
                .into_iter()
                .chain(history.boundaries(stream))
                .filter(|version| *version >= least);
            let places: BTreeSet<Option<String>> =
                versions.map(|version| history.place(2, stream, version, &index)).collect();
            // One that moves meanwhile may be missed where it stood and where it stands, except on
            // a page that has all of the list.
            let stood =
                places.iter().all(|place| place.as_ref().is_some_and(|place| page.covers(place)));
            if stood && (places.len() == 1 || page.is_whole()) {
                return Err(format!(
                    "{stream} is missing, since before {least}: it stands at {places:?}"
                ));
            }
        }
        Ok(())
    }
}

/// A page of a list, and the part of the list that it is.
struct Page {
    items: Vec<Value>,
    /// The place after which it begins.
    after: Option<String>,
    /// Its last place, unless it goes to the list's end.
    up_to: Option<String>,
}

impl Page {
    fn read(body: &str, headers: &Headers) -> Result<Self, String> {
        let body: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
        let place = |cursor: &str| {
            let json = URL_SAFE_NO_PAD.decode(cursor).map_err(|error| error.to_string())?;
            let cursor: Value = serde_json::from_slice(&json).map_err(|error| error.to_string())?;
            cursor["a"]
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| format!("{cursor} says nothing of a place"))
        };
        Ok(Self {
            items: body["items"].as_array().ok_or("there are no items")?.clone(),
            after: headers.cursor.as_deref().map(place).transpose()?,
            up_to: body["next"].as_str().map(place).transpose()?,
        })
    }

    fn covers(&self, place: &str) -> bool {
        self.after.as_deref().is_none_or(|after| place > after)
            && self.up_to.as_deref().is_none_or(|up_to| place <= up_to)
    }

    fn is_whole(&self) -> bool {
        self.after.is_none() && self.up_to.is_none()
    }
}

/// An answer's tokens name the version of its stream that it shows, no more and no less.
fn is_told(answer: &Answer, stream: &StreamName, version: u64) -> Verdict {
    let expected = format!("{stream}@{version}");
    for name in ["consistency-token", "etag"] {
        let told = header(answer, name);
        let told = told.trim_matches('"').split(';').next().unwrap_or_default();
        if told != expected {
            return Err(format!("it shows {expected}, and its {name} says {told}"));
        }
    }
    Ok(())
}

/// What becomes of a command in a state.
#[derive(Debug, PartialEq)]
enum Decided {
    Something,
    Nothing,
    Refused(String),
}

fn decide(history: &History, call: &Call, version: u64) -> Decided {
    let (Some(stream), Ok(now)) = (call.stream(), Timestamp::from_second(0)) else {
        return Decided::Something;
    };
    let context = Context {
        now,
        id: stream.id().to_owned(),
        fresh_id: Uuid::nil(),
        actor: String::new(),
        number: Some(0),
    };
    let decided = match call {
        Call::Thing { command, .. } => OfThing::<2>(command)
            .decide(&history.state::<Thing<2>>(&stream, version), &context)
            .map(|events| events.len()),
        Call::Crate { command, .. } => OfCrate::<2>(command)
            .decide(&history.state::<Crate<2>>(&stream, version), &context)
            .map(|events| events.len()),
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
    let (
        Call::Thing {
            command: ThingCommand::Create { name, .. } | ThingCommand::Rename { name },
            ..
        },
        Some(stream),
    ) = (&asked.call, asked.call.stream())
    else {
        return false;
    };
    history.was_held_by_another(&name_stream(name), &stream, asked.since, history.now())
}

/// Whether something is so at a moment of the request: what is answered without a write comes from
/// a state that was the present one then.
fn at_some_moment(
    history: &History,
    asked: &Asked,
    is_so: impl Fn(u64, Moment) -> bool,
) -> Verdict {
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
    let events = history
        .commits(&stream)
        .iter()
        .flat_map(|commit| &commit.events)
        .filter(|event| event.number > decided_on);
    match call {
        Call::Thing { command, .. } => events
            .filter_map(|event| headwater::decode(event).ok())
            .any(|event| !OfThing::<2>(command).commutes_with(&event)),
        Call::Crate { command, .. } => events
            .filter_map(|event| headwater::decode(event).ok())
            .any(|event| !OfCrate::<2>(command).commutes_with(&event)),
        _ => false,
    }
}

fn condition(headers: &Headers) -> Result<Option<IfMatch>, String> {
    headers
        .if_match
        .as_ref()
        .map(|header| parse_if_match(header, TENANT))
        .transpose()
        .map_err(|error| error.to_string())
}

/// The version of a stream that a request's tokens demand.
fn least(history: &History, headers: &Headers, stream: &StreamName) -> Result<u64, String> {
    Ok(demanded(history, &parse(&headers.tokens.join(","))?, stream))
}

/// The version of a stream that tokens stand for.
fn demanded(history: &History, tokens: &[Token], stream: &StreamName) -> u64 {
    let named = tokens
        .iter()
        .flat_map(|token| &token.streams)
        .filter(|Position { stream: named, .. }| named == stream);
    let fed = tokens
        .iter()
        .flat_map(|token| &token.feeds)
        .map(|FeedPosition { position, .. }| history.fed_at(stream, *position));
    named.map(|position| position.version).chain(fed).max().unwrap_or(0)
}

fn parse(tokens: &str) -> Result<Vec<Token>, String> {
    if tokens.is_empty() {
        Ok(Vec::new())
    } else {
        parse_tokens(tokens, TENANT).map_err(|error| error.to_string())
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
