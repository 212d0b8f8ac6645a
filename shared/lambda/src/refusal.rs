//! Problems of commands that wrote nothing.

use headwater::{Position, Rejection, StreamName, Token};
use headwater_dynamodb::{Concurrent, ExecuteError, StoreError};

use crate::problem::{
    COMMIT_TOO_LARGE, CONCURRENT_MODIFICATION, CONTENTION, ERASED, KEY_REUSED, OUTCOME_UNKNOWN,
    PRECONDITION_FAILED, TOKEN_AHEAD, UNAVAILABLE, newer_event,
};
use crate::{EventSummary, EventView, Problem};

/// How much is shown of the events that came between, in bytes of JSON; the newest is shown however
/// large it is.
const MOST_SHOWN: usize = 256 * 1024;

impl Problem {
    /// The problem of a command on `stream`.
    pub fn of_command(error: &ExecuteError, stream: &StreamName) -> Self {
        of(error, stream)
    }
}

fn of(error: &ExecuteError, stream: &StreamName) -> Problem {
    match error {
        ExecuteError::Rejected { rejection: rejection @ Rejection::Refused { .. }, version } => {
            tagged(rejection.clone().into(), stream, *version)
        }
        ExecuteError::Rejected { rejection, .. } => rejection.clone().into(),
        ExecuteError::PreconditionFailed { version } => {
            let detail = "what `If-Match` names has changed or is not there, or what \
                          `If-None-Match` rules out is the case";
            tagged(Problem::new(&PRECONDITION_FAILED, detail), stream, *version)
        }
        ExecuteError::Concurrent(concurrent) => {
            tagged(concurrent_modification(concurrent, stream), stream, concurrent.version)
        }
        ExecuteError::TokenAhead(position) => token_ahead(position),
        ExecuteError::TooLarge(error) => Problem::new(&COMMIT_TOO_LARGE, error.to_string()),
        ExecuteError::KeyReused => Problem::new(
            &KEY_REUSED,
            "the Idempotency-Key stands for a request with another body or other conditions",
        ),
        ExecuteError::Contention => Problem::new(&CONTENTION, ""),
        ExecuteError::OutcomeUnknown { contended } => {
            Problem::new(&OUTCOME_UNKNOWN, "").out_of_reach(!*contended)
        }
        ExecuteError::Store(error) => unanswered(error),
    }
}

/// With the present `ETag` of the command's stream, which spares the caller a read: whoever may
/// change it may know its version.
pub(crate) fn tagged(problem: Problem, stream: &StreamName, version: u64) -> Problem {
    problem.header("etag", Token::of(stream, version).quoted())
}

/// A token that this service never gave.
pub(crate) fn token_ahead(Position { stream, version }: &Position) -> Problem {
    Problem::new(
        &TOKEN_AHEAD,
        format!("{} has not reached version {version}", stream.within_tenant()),
    )
}

/// Shows what came between, the newest first, so that the caller can look at it and decide again.
/// It shows as much as a writer may see and the answer has room for.
fn concurrent_modification(concurrent: &Concurrent, stream: &StreamName) -> Problem {
    let Concurrent { decided_on, version, .. } = concurrent;
    let count = version.saturating_sub(*decided_on);
    let detail = format!("{count} event(s) came after version {decided_on}");
    let events = match newest(concurrent, MOST_SHOWN) {
        Ok(events) => events,
        Err(error) => return Problem::internal(error),
    };
    let omitted = count.saturating_sub(events.len() as u64);
    let problem = Problem::new(&CONCURRENT_MODIFICATION, detail).with("events", events);
    if omitted == 0 {
        return problem;
    }
    problem
        .with("omitted", omitted)
        .with("rest", format!("/events/{}?after={decided_on}", stream.within_tenant()))
}

/// The newest of the events that came between, in order: as many as fit in so many bytes, but one
/// at least.
fn newest(concurrent: &Concurrent, most: usize) -> serde_json::Result<Vec<serde_json::Value>> {
    let mut events = Vec::new();
    let mut room = most;
    let newest_first =
        concurrent.commits.iter().rev().flat_map(|commit| EventView::of(commit).into_iter().rev());
    for event in newest_first.filter(|event| event.number > concurrent.decided_on) {
        let event = serde_json::to_value(EventSummary::from(event))?;
        let bytes = event.to_string().len();
        if bytes > room && !events.is_empty() {
            break;
        }
        room = room.saturating_sub(bytes);
        events.push(event);
    }
    events.reverse();
    Ok(events)
}

/// The store could not answer.
fn unanswered(error: &StoreError) -> Problem {
    match error {
        StoreError::Unavailable(cause) => {
            Problem::new(&UNAVAILABLE, "").because(cause).out_of_reach(true)
        }
        StoreError::Newer(event) => newer_event(event),
        StoreError::Erased { subject } => {
            Problem::new(&ERASED, format!("{} is forgotten", subject.within_tenant()))
        }
        other => Problem::internal(other),
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        unanswered(&error)
    }
}

#[cfg(test)]
mod tests {
    use headwater::{Commit, Metadata, NewerEvent, RecordedEvent};
    use serde_json::{Value, json};

    use super::*;

    fn invoice() -> StreamName {
        StreamName::new("acme", "invoicing", "invoices", "i1").unwrap()
    }

    /// Commits of two events each, of some so many bytes, from event 3 on.
    fn concurrent(commits: u64, bytes: usize) -> Concurrent {
        let event = |number| RecordedEvent {
            number,
            event_type: "InvoiceSent".to_owned(),
            version: 1,
            data: json!({ "message": "x".repeat(bytes) }),
        };
        let metadata: Metadata = serde_json::from_value(json!({
            "commitId": uuid::Uuid::nil(),
            "command": "",
            "actor": "",
            "correlationId": "",
        }))
        .unwrap();
        let commit = |first| Commit {
            stream: invoice(),
            first,
            at: jiff::Timestamp::UNIX_EPOCH,
            metadata: metadata.clone(),
            events: vec![event(first), event(first + 1)],
            snapshot: None,
        };
        let commits: Vec<Commit> = (0..commits).map(|number| commit(3 + 2 * number)).collect();
        Concurrent { decided_on: 3, version: commits.last().map_or(3, Commit::last), commits }
    }

    fn told(concurrent: Concurrent) -> (Value, String) {
        let answer = of(&ExecuteError::Concurrent(concurrent), &invoice()).answer();
        let etag = answer
            .headers
            .iter()
            .find(|(name, _)| name == "etag")
            .map(|(_, tag)| tag.clone())
            .unwrap_or_default();
        assert!(answer.body.len() < 3 * MOST_SHOWN, "{}", answer.body.len());
        (serde_json::from_str(&answer.body).unwrap(), etag)
    }

    fn numbers(body: &Value) -> Vec<u64> {
        body["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["number"].as_u64().unwrap())
            .collect()
    }

    #[test]
    fn what_came_between_is_shown_whole_where_there_is_room() {
        let (body, etag) = told(concurrent(2, 10));
        assert_eq!(
            (numbers(&body), etag.as_str()),
            (vec![4, 5, 6], "\"acme/invoicing/invoices/i1@6\"")
        );
        assert_eq!(
            (&body["omitted"], &body["rest"], &body["detail"]),
            (&json!(null), &json!(null), &json!("3 event(s) came after version 3"))
        );
    }

    #[test]
    fn of_too_much_the_newest_is_shown_and_where_the_rest_is() {
        let (body, etag) = told(concurrent(20, 100_000));
        assert_eq!(
            (numbers(&body), etag.as_str()),
            (vec![41, 42], "\"acme/invoicing/invoices/i1@42\"")
        );
        assert_eq!(
            (&body["omitted"], &body["rest"]),
            (&json!(37), &json!("/events/invoicing/invoices/i1?after=3"))
        );
        assert_eq!(body["detail"], "39 event(s) came after version 3");
        let (body, _) = told(concurrent(2, 2 * MOST_SHOWN));
        assert_eq!(
            (numbers(&body), &body["omitted"]),
            (vec![6], &json!(2)),
            "the newest is shown, however large"
        );
    }

    #[test]
    fn whoever_is_refused_is_told_the_present_version() {
        let rule = &headwater::Rule { name: "full", title: "", help: "" };
        let refused =
            || Rejection::Refused { rule, detail: String::new(), members: serde_json::Map::new() };
        let tag = |error| {
            let answer = of(&error, &invoice()).answer();
            answer.headers.into_iter().find(|(name, _)| name == "etag").map(|(_, tag)| tag)
        };
        let at = |version| Some(format!("\"acme/invoicing/invoices/i1@{version}\""));
        assert_eq!(tag(ExecuteError::Rejected { rejection: refused(), version: 7 }), at(7));
        assert_eq!(tag(ExecuteError::PreconditionFailed { version: 0 }), at(0));
        assert_eq!(
            tag(ExecuteError::Rejected {
                rejection: Rejection::unknown("invoice", "i1"),
                version: 7
            }),
            None
        );
        assert_eq!(tag(ExecuteError::KeyReused), None);
    }

    #[test]
    fn only_a_store_without_an_answer_is_out_of_reach() {
        let unavailable = || StoreError::Unavailable(String::new());
        let newer =
            || StoreError::Newer(NewerEvent { number: 1, event_type: String::new(), version: 1 });
        for (error, expected) in [
            (ExecuteError::Store(unavailable()), true),
            (ExecuteError::OutcomeUnknown { contended: false }, true),
            (ExecuteError::OutcomeUnknown { contended: true }, false),
            (ExecuteError::Contention, false),
            (ExecuteError::KeyReused, false),
            (ExecuteError::PreconditionFailed { version: 1 }, false),
            (ExecuteError::Store(StoreError::Refused(String::new())), false),
            (ExecuteError::Store(newer()), false),
            (
                ExecuteError::Rejected { rejection: Rejection::unknown("user", "1"), version: 0 },
                false,
            ),
        ] {
            assert_eq!(of(&error, &invoice()).is_out_of_reach(), expected, "{error}");
        }
        assert!(Problem::from(unavailable()).is_out_of_reach());
        assert!(!Problem::new(&UNAVAILABLE, "another's").is_out_of_reach());
    }
}
