use headwater_dynamodb::At;
use headwater_lambda::{Answer, Call, Function, Problem, Request};
use headwater_services::{NoPastState, PastState, past_state};

use crate::stream;

/// `GET /states/{stream+}`: the state that the rules saw, at a version (in the middle of a commit too) or at a time.
pub fn read_states() -> Function {
    let call = Call::entity::<PastState>("read-states", "/states/{stream+}", "The state of a stream as it was.")
        .param("version", "After this event; the present state if absent.")
        .param("at", "At this time (RFC 3339).")
        .param("diff", "Adds what changed since this version.");
    Function::http(call.operator(), |app, request| async move {
        let stream = stream(&request)?;
        let at = wanted(&request)?;
        let since = request.query("diff").map(|text| number("diff", text)).transpose()?;
        let past = past_state(&app.store(&request)?, &stream, at, since).await.map_err(|none| match none {
            NoPastState::Kind => Problem::not_found("such kind of stream"),
            NoPastState::Version => Problem::not_found("such version of such a stream"),
            later @ NoPastState::Since { .. } => Problem::invalid([("/query/diff".to_owned(), later.to_string())]),
            NoPastState::Store(error) => error.into(),
        })?;
        Answer::collection(&request, None, &past)
    })
}

fn wanted(request: &Request) -> Result<At, Problem> {
    match (request.query("version"), request.query("at")) {
        (None, None) => Ok(At::Version(u64::MAX)),
        (Some(version), None) => Ok(At::Version(number("version", version)?)),
        (None, Some(time)) => match time.parse() {
            Ok(time) => Ok(At::Time(time)),
            Err(_) => Err(Problem::invalid([("/query/at".to_owned(), "a time as 2026-11-21T10:00:00Z".to_owned())])),
        },
        (Some(_), Some(_)) => Err(Problem::invalid([("/query".to_owned(), "one of version and at".to_owned())])),
    }
}

fn number(name: &str, text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Problem::invalid([(format!("/query/{name}"), "a number".to_owned())]))
}
