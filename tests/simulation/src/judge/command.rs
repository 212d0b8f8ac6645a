//! What a command was answered is what became of it, and can be seen by then.

use headwater::{Context, Decide, Number, Rejection};
use headwater_dynamodb::IfMatch;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::tokens::{condition, is_told};
use super::{Asked, Case, Judge, Verdict, problem};
use crate::domain::{Crate, NumberThing, OfCrate, OfThing, Thing, ThingCommand};
use crate::history::{History, Moment};
use crate::service::{Invocation, name_stream};

impl Judge {
    pub(super) fn command(&self, case: &Case<'_>) -> Verdict {
        let Case { history, asked, answer, .. } = case;
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
                // Whoever brings the token must not be told that it is ahead of its stream.
                if history.seen(&stream) < version {
                    return Err(format!("nobody can see {stream}@{version} yet"));
                }
                match effect {
                    Some((_, at)) if at == version => Ok(()),
                    Some((_, at)) => Err(format!("its effect is at {at}")),
                    None => at_some_moment(history, asked, |head, _| {
                        head == version && decide(history, &asked.call, head) == Decided::Nothing
                    }),
                }
            }
            (503, "outcome-unknown" | "contention" | "store-unavailable") => Ok(()),
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
}

/// What becomes of a command in a state.
#[derive(Debug, PartialEq)]
enum Decided {
    Something,
    Nothing,
    Refused(String),
}

fn decide(history: &History, call: &Invocation, version: u64) -> Decided {
    let (Some(stream), Ok(now)) = (call.stream(), Timestamp::from_second(0)) else {
        return Decided::Something;
    };
    let context =
        Context { now, id: stream.id().to_owned(), fresh_id: Uuid::nil(), actor: String::new() };
    let decided = match call {
        Invocation::Thing { command: ThingCommand::Number {}, .. } => {
            let state = history.state::<Thing<2>>(&stream, version);
            count(&NumberThing::<2>, &state, &context)
        }
        Invocation::Thing { command, .. } => {
            let state = history.state::<Thing<2>>(&stream, version);
            count(&OfThing::<2>(command), &state, &context)
        }
        Invocation::Crate { command, .. } => {
            let state = history.state::<Crate<2>>(&stream, version);
            count(&OfCrate::<2>(command), &state, &context)
        }
        _ => Ok(1),
    };
    match decided {
        Ok(0) => Decided::Nothing,
        Ok(_) => Decided::Something,
        Err(Rejection::Unknown { .. }) => Decided::Refused("not-found".to_owned()),
        Err(Rejection::Refused { rule, .. }) => Decided::Refused(rule.name.to_owned()),
    }
}

/// How many events follow, whatever number the command takes.
fn count<C: Decide>(
    command: &C,
    state: &C::Aggregate,
    context: &Context,
) -> Result<usize, Rejection> {
    let number = C::Number::SOURCE.take(|_| 1);
    command.decide(state, context, number).map(|events| events.len())
}

/// Whether another held the name that a command wants, at some moment of the request.
fn may_be_taken(history: &History, asked: &Asked) -> bool {
    let (
        Invocation::Thing {
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

fn conflicts(history: &History, call: &Invocation, decided_on: u64) -> bool {
    let Some(stream) = call.stream() else { return false };
    let events = history
        .commits(&stream)
        .iter()
        .flat_map(|commit| &commit.events)
        .filter(|event| event.number > decided_on);
    match call {
        Invocation::Thing { command, .. } => events
            .filter_map(|event| headwater::decode(event).ok())
            .any(|event| !OfThing::<2>(command).commutes_with(&event)),
        Invocation::Crate { command, .. } => events
            .filter_map(|event| headwater::decode(event).ok())
            .any(|event| !OfCrate::<2>(command).commutes_with(&event)),
        _ => false,
    }
}
