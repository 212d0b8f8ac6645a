//! Mails: some events ask for one. What sends them is the framework's own
//! [`Effects::carry_out`](headwater_dynamodb::Effects::carry_out), as the function of the mails of
//! invoicing calls it.
//!
//! - this file: from a batch of records to mails, and what must be so in the end;
//! - `post`: the server that takes them, or does not, and a note of what it took;
//! - `person`: somebody who looks after what waits.

mod person;
mod post;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use headwater::{Commit, RecordedEvent};
use headwater_dynamodb::{Carried, EffectId, Effects};
use headwater_kinesis::CommitRecord;
use headwater_lambda::{Caller, Problem, Request};
use jiff::Timestamp;
use serde_dynamo::{AttributeValue, Item};
use tokio::time::Instant;

pub(crate) use self::person::Person;
pub(crate) use self::post::Post;
use self::post::{LONGEST_SEND, Mail};
use crate::cloud::{Cloud, Record, State};
use crate::domain::{TENANT, THINGS};
use crate::processes::Process;

/// The handler's name.
const HANDLER: &str = "mail";

/// The events that ask for a mail.
const ASKED_BY: [&str; 2] = ["Created", "Numbered"];

/// How long the function has for a batch.
pub(crate) const PATIENCE: Duration = Duration::from_secs(4);

/// A lease outlasts the function.
const LEASE: Duration = Duration::from_secs(5);

/// How long the first pause after a failure is.
const PAUSE: Duration = Duration::from_millis(500);

/// How much time there must be to begin with a mail.
const LONGEST_DELIVERY: Duration = Duration::from_secs(1).saturating_add(LONGEST_SEND);

/// Whether the mapping's filter lets a record pass: it is of a commit that asks for a mail, or its
/// commit is not along.
pub(crate) fn concerns(data: &str) -> bool {
    let record = read(data);
    record.commit.is_none_or(|commit| commit.events.iter().any(asks_for_mail))
}

/// Sends the mails of a batch, and says which record is the first that has to come again, if one
/// has to. `now` is the time in milliseconds since the epoch by the process's clock.
pub(crate) async fn send(
    process: &Process,
    batch: &[Record],
    post: &Post,
    now: i64,
) -> Option<usize> {
    let deadline = (Instant::now() + PATIENCE).into_std();
    let caller = Caller { tenant: TENANT.to_owned(), subject: HANDLER.into(), roles: Vec::new() };
    let now = Timestamp::from_millisecond(now).unwrap();
    let request = Request::internal(caller, now, String::new(), deadline);
    let mut comes_again = None;
    for (place, record) in batch.iter().enumerate() {
        if !send_all(process, &request, read(&record.data), post).await.unwrap_or(false) {
            comes_again = comes_again.or(Some(place));
        }
    }
    comes_again
}

/// Sends the mails that a record asks for; `false` if it has to come again.
async fn send_all(
    process: &Process,
    request: &Request,
    record: CommitRecord,
    post: &Post,
) -> Result<bool, Problem> {
    if record.stream.category() != THINGS {
        return Ok(true);
    }
    let commit = match record.commit {
        Some(commit) => Some(commit),
        None => {
            let after = record.last.saturating_sub(1);
            process.app.store(request)?.commits_page(&record.stream, after, 1).await?.pop()
        }
    };
    let mut is_done = true;
    for effect in commit.iter().flat_map(wanted) {
        is_done &= send_one(process, request, effect, post).await? != Carried::Later;
    }
    Ok(is_done)
}

async fn send_one(
    process: &Process,
    request: &Request,
    effect: EffectId,
    post: &Post,
) -> Result<Carried, Problem> {
    if request.deadline.saturating_duration_since(Instant::now().into_std()) < LONGEST_DELIVERY {
        return Ok(Carried::Later);
    }
    let effects = process.app.effects(request, HANDLER)?.at(request.now);
    let mail = Mail::of(&effect);
    Ok(effects.carry_out(effect, LEASE, PAUSE, post.send(mail)).await?)
}

/// The mails that a commit asks for.
fn wanted(commit: &Commit) -> impl Iterator<Item = EffectId> {
    let asking = commit.events.iter().filter(|event| asks_for_mail(event));
    asking.map(|event| EffectId { stream: commit.stream.clone(), number: event.number })
}

fn asks_for_mail(event: &RecordedEvent) -> bool {
    ASKED_BY.contains(&event.event_type.as_str())
}

fn read(data: &str) -> CommitRecord {
    serde_json::from_slice(&STANDARD.decode(data).unwrap()).unwrap()
}

/// When nothing is under way any more, there are three ends for each mail that was asked for. It
/// has been sent, or somebody said that it is not to be, or it is in the list of what waits.
///
/// # Errors
/// Which mail is none of these, or what is in the list and should not be.
pub(crate) fn check(state: &State, post: &Post) -> Result<(), String> {
    let (mut states, mut listed) = (BTreeMap::new(), BTreeSet::new());
    for item in state.items("effects") {
        let (pk, sk) = (text(&item, "pk"), text(&item, "sk"));
        if pk == format!("waiting/{HANDLER}") {
            listed.insert(sk);
        } else {
            let stream = pk.strip_prefix(&format!("{HANDLER}/")).unwrap_or_default();
            states.insert(format!("{stream}#{sk}"), item);
        }
    }
    let things = state.history.streams().filter(|(stream, _)| stream.category() == THINGS);
    for effect in things.flat_map(|(_, commits)| commits.iter().flat_map(wanted)) {
        let mail = Mail::of(&effect);
        let place = format!("{}#{:020}", effect.stream, effect.number);
        let item = states.remove(&place).ok_or_else(|| format!("nobody has tried {mail:?}"))?;
        let is_listed = listed.remove(&place);
        let (state, taken) = (text(&item, "s"), post.taken(&mail));
        let is_asked_for = state == "failed" && number(&item, "n") == 0;
        let is_right = match state.as_str() {
            "done" => !is_listed && (taken > 0 || post.is_forgone(&mail)),
            "parked" | "unknown" => is_listed,
            "failed" => is_asked_for && is_listed,
            _ => false,
        };
        if !is_right {
            return Err(format!(
                "{mail:?} is {state}, was taken {taken} times, and is listed: {is_listed}"
            ));
        }
    }
    match states.into_keys().chain(listed).next() {
        Some(place) => Err(format!("nothing asked for the mail {place}, or it does not wait")),
        None => Ok(()),
    }
}

fn text(item: &Item, name: &str) -> String {
    match item.get(name) {
        Some(AttributeValue::S(text)) => text.clone(),
        _ => String::new(),
    }
}

fn number(item: &Item, name: &str) -> u64 {
    match item.get(name) {
        Some(AttributeValue::N(number)) => number.parse().unwrap_or_default(),
        _ => 0,
    }
}

/// The mails as a person's own process sees them.
fn effects(cloud: &Cloud) -> Effects {
    let now = Timestamp::from_millisecond(cloud.now()).unwrap();
    Effects::new(cloud.store(), "effects", HANDLER).at(now)
}
