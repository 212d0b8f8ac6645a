use headwater::Domains;
use headwater_dynamodb::At;
use headwater_lambda::deployment::HISTORY;
use headwater_lambda::{Answer, Call, Function, Problem, Request, Shape};
use headwater_services::{NoPastState, PastState, past_state};

use crate::stream;

/// `GET /states/{stream+}`: the state that the rules saw, at a version (in the middle of a commit
/// too) or at a time.
pub(crate) fn read_states(domains: Domains) -> Function {
    let call = Call::entity::<PastState>(
        "read-states",
        "/states/{stream+}",
        "The state of a stream as it was.",
    )
    .param("version", Shape::version(), "After this event; the present state if absent.")
    .param("at", Shape::time(), "At this time.")
    .param("diff", Shape::version(), "Adds what changed since this version.");
    Function::http(call.operator(), move |app, request| {
        let domains = domains.clone();
        async move {
            let stream = stream(&request)?;
            let at = wanted(&request)?;
            let since = request.number("diff")?;
            let past = past_state(&domains, &app.store(&request)?, &stream, at, since)
                .await
                .map_err(|none| match none {
                    NoPastState::Kind => Problem::not_found("such kind of stream"),
                    NoPastState::Version => Problem::not_found("such version of such a stream"),
                    later @ NoPastState::Since { .. } => {
                        Problem::invalid([("/query/diff".to_owned(), later.to_string())])
                    }
                    NoPastState::Store(error) => error.into(),
                })?;
            Answer::collection(&request, None, &past)?
                .if_it_fits("diff", "read both states without it")
        }
    })
    .role(&HISTORY)
}

fn wanted(request: &Request) -> Result<At, Problem> {
    match (request.number("version")?, request.time("at")?) {
        (None, None) => Ok(At::Version(u64::MAX)),
        (Some(version), None) => Ok(At::Version(version)),
        (None, Some(time)) => Ok(At::Time(time)),
        (Some(_), Some(_)) => {
            Err(Problem::invalid([("/query".to_owned(), "one of version and at".to_owned())]))
        }
    }
}
