//! Errors as RFC 9457 problem details. What the client sees and what the operator sees are two
//! fields.

use headwater::{EventError, InvalidStreamName, NewerEvent, Rejection, Rule};
use serde_json::{Map, Value, json};

use crate::{Answer, InvalidTags};

/// A kind of problem that any call can have. Its name is the type, `/problems/<name>`, and never
/// changes.
#[derive(Debug, PartialEq, Eq)]
pub struct ProblemType {
    /// As `precondition-failed`.
    pub name: &'static str,
    /// The HTTP status that it always has.
    pub status: u16,
    /// One short sentence.
    pub title: &'static str,
    /// What it means and what to do, for the problem's page.
    pub help: &'static str,
}

macro_rules! problem_types {
    ($($constant:ident, $name:literal, $status:literal, $title:literal, $help:literal;)*) => {
        $(#[doc = $title] pub static $constant: ProblemType = ProblemType {
            name: $name,
            status: $status,
            title: $title,
            help: $help,
        };)*

        /// Every kind of problem that any call can have, for the pages that explain them.
        pub static PROBLEM_TYPES: &[&ProblemType] = &[$(&$constant),*];
    };
}

problem_types! {
    MALFORMED, "malformed-request", 400, "The request cannot be read.",
        "The body is not JSON, or a header or parameter is not of its form. `detail` says which. \
         Nothing was written.";
    INVALID_TOKEN, "invalid-token", 400, "A token is not one that this service gave.",
        "`If-Match`, `If-None-Match` and `Consistency-Token` take quoted tokens from `ETag` and \
         `Consistency-Token` headers of this tenant, unchanged.";
    TOKEN_AHEAD, "token-ahead", 400, "A token is ahead of its stream.",
        "The token names a version that its stream has not reached, so this service never gave it. \
         Tokens are opaque: do not compute them.";
    UNAUTHENTICATED, "unauthenticated", 401, "There is no valid token.",
        "Send `Authorization: Bearer <JWT>` with the claims `sub`, `tenant` and `roles`.";
    FORBIDDEN, "forbidden", 403, "The caller lacks the role for this call.",
        "Queries need the role `reader`, commands `writer`, audit, streams and policies \
         `operator`. None implies another.";
    NOT_FOUND, "not-found", 404, "There is no such thing.",
        "It was never created, was deleted, or belongs to another tenant.";
    METHOD_NOT_ALLOWED, "method-not-allowed", 405, "The path has no such method.",
        "`Allow` lists the methods that it has.";
    CONCURRENT_MODIFICATION, "concurrent-modification", 409,
        "Others made a conflicting change meanwhile.",
        "`version` is not the present version any more. At least one later event does not commute \
         with the command, or there are too many to check. Nothing was written, and nothing is \
         kept under an `Idempotency-Key`. `events` has the newest of them, some 256 KB. If \
         `omitted` says that there are more, `rest` is the call that lists them all, for \
         operators. Look at the events and decide again on the present version, which `ETag` \
         names. Or leave `version` out: the command is then decided on the latest state.";
    RESYNC, "resync", 410, "The position is from an earlier epoch of the change feed.",
        "The feed was started again since. Read everything from the start, then go on from the new \
         positions.";
    ERASED, "erased", 410, "Whom this was about is forgotten.",
        "Somebody asked to be forgotten, and the key of all that told of them was destroyed. \
         Nothing personal can be written there any more, and nothing was written.";
    PRECONDITION_FAILED, "precondition-failed", 412, "A condition of the request does not hold.",
        "With `If-Match`: it has changed since it was read, or does not exist. With \
         `If-None-Match`: it exists (`*`), or is at that version (a tag). Nothing was written, and \
         nothing is kept under an `Idempotency-Key`. `ETag` names the present version. Read it \
         again, look at the change, and decide again.";
    BODY_TOO_LARGE, "body-too-large", 413, "The body is over 256 KB.",
        "Send less in one request.";
    COMMIT_TOO_LARGE, "commit-too-large", 413,
        "What the command would write is over a limit of the store.",
        "One commit holds at most 400 KB, and one transaction at most 100 items and 4 MB. Nothing \
         was written. Split the command.";
    UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", 415, "The body is encoded.",
        "Send the body without `Content-Encoding`. Bodies are JSON in UTF-8, whatever \
         their `Content-Type` says.";
    INVALID, "invalid-request", 422, "A field is invalid.",
        "`errors` lists each invalid field by its JSON pointer. Unknown fields are errors, too, so \
         that a misspelt one is never ignored.";
    KEY_REUSED, "idempotency-key-reused", 422,
        "The Idempotency-Key was used with another request.",
        "A key stands for one request for 24 hours: the body, compared as JSON, with the versions \
         that `If-Match` and `If-None-Match` name. Use a new key for a new request.";
    INTERNAL, "internal-error", 500, "The service failed.",
        "The log has the cause under the answer's `X-Correlation-Id`.";
    UNAVAILABLE, "store-unavailable", 503, "The store is out of reach.",
        "Nothing was written. Try again after the time in `Retry-After`.";
    CONTENTION, "contention", 503, "Too many others write to the same stream.",
        "Nothing was written. Try again after the time in `Retry-After`.";
    OUTCOME_UNKNOWN, "outcome-unknown", 503, "Whether the command was carried out is not known.",
        "The store did not answer in time. Read the state before you try again, or repeat the \
         request with the same Idempotency-Key.";
    NOT_CAUGHT_UP, "not-caught-up", 503, "The views have not reached the token yet.",
        "Try again after the time in `Retry-After`, or allow more waiting with `Prefer: wait=10`.";
    NEWER_EVENT, "newer-event", 503,
        "A newer build wrote an event that this one does not know.",
        "A deployment is under way, or was rolled back. Nothing was written. Try again after the \
         time in `Retry-After`: a newer build will answer. Without `Consistency-Token`, queries \
         show the state before that event.";
    STREAM_PARKED, "stream-parked", 503, "The stream's view is parked.",
        "An event of this stream could not be folded. Its view stays as it was until an operator \
         resumes it. Commands on the stream still work.";
}

/// What went wrong with a request.
///
/// ```
/// use headwater_lambda::Problem;
/// use headwater_lambda::problem::MALFORMED;
///
/// let problem = Problem::new(&MALFORMED, "`coin` is no coin").with("coin", 3).because("a typo");
/// let answer = problem.answer();
/// assert_eq!((answer.status, problem.name()), (400, "malformed-request"));
/// assert!(answer.body.contains("is no coin") && !answer.body.contains("typo"));
/// ```
#[derive(Clone, Debug)]
pub struct Problem {
    name: &'static str,
    status: u16,
    title: &'static str,
    // Boxed, so that a result that may be a problem stays small.
    detail: Box<str>,
    members: Map<String, Value>,
    headers: Box<[(&'static str, String)]>,
    is_out_of_reach: bool,
    /// The cause, for the log alone.
    pub cause: Option<String>,
}

impl Problem {
    /// A problem of a kind that any call can have.
    pub fn new(kind: &ProblemType, detail: impl Into<String>) -> Self {
        let retry_after = (kind.status == 503).then(|| ("retry-after", "1".to_owned()));
        Self {
            name: kind.name,
            status: kind.status,
            title: kind.title,
            detail: detail.into().into(),
            members: Map::new(),
            headers: retry_after.into_iter().collect(),
            is_out_of_reach: false,
            cause: None,
        }
    }

    /// Fields that are invalid, as (JSON pointer, what is wrong).
    pub fn invalid(errors: impl IntoIterator<Item = (String, String)>) -> Self {
        let errors: Vec<Value> = errors
            .into_iter()
            .map(|(pointer, detail)| json!({ "pointer": pointer, "detail": detail }))
            .collect();
        Self::new(&INVALID, format!("{} field(s) of the request are invalid", errors.len()))
            .with("errors", errors)
    }

    /// A defect of this service: the client gets only the correlation id, the log has the cause.
    pub fn internal(cause: impl ToString) -> Self {
        Self { cause: Some(cause.to_string()), ..Self::new(&INTERNAL, "") }
    }

    /// There is no such thing.
    pub fn not_found(what: &str) -> Self {
        Self::new(&NOT_FOUND, format!("there is no {what}"))
    }

    /// Adds a member to the answer.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header to the answer, by its name in lower case.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers = self.headers.into_iter().chain([(name, value.into())]).collect();
        self
    }

    /// Adds the cause, for the log alone.
    #[must_use]
    pub fn because(mut self, cause: impl ToString) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The problem's type, without `/problems/`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Says whether the store gave no answer at all.
    #[must_use]
    pub(crate) fn out_of_reach(self, is_out_of_reach: bool) -> Self {
        Self { is_out_of_reach, ..self }
    }

    /// Whether the store gave no answer at all. A conflict or a refusal by a rule is an answer.
    pub fn is_out_of_reach(&self) -> bool {
        self.is_out_of_reach
    }

    /// The problem as an answer: `application/problem+json`.
    pub fn answer(&self) -> Answer {
        // A problem's own members never replace those that every problem has.
        let mut body = self.members.clone();
        body.insert("type".to_owned(), format!("/problems/{}", self.name).into());
        body.insert("title".to_owned(), self.title.into());
        body.insert("status".to_owned(), self.status.into());
        if !self.detail.is_empty() {
            body.insert("detail".to_owned(), self.detail.as_ref().into());
        }
        let answer = Answer::json(self.status, &Value::Object(body))
            .header("content-type", "application/problem+json");
        self.headers.iter().fold(answer, |answer, (name, value)| answer.header(name, value))
    }

    fn refused(rule: &'static Rule, detail: String, members: Map<String, Value>) -> Self {
        let detail = detail.into();
        Self {
            name: rule.name,
            status: 409,
            title: rule.title,
            detail,
            members,
            headers: Box::default(),
            is_out_of_reach: false,
            cause: None,
        }
    }
}

/// For the log and for operators: the problem's type, and what it is about.
impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name, self.detail)?;
        self.members.iter().try_for_each(|(name, value)| write!(f, "; {name}: {value}"))
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Unknown { what } => Self::not_found(&what),
            Rejection::Refused { rule, detail, members } => Self::refused(rule, detail, members),
        }
    }
}

/// `Retry-After` for `newer-event`, in seconds: a deployment takes minutes.
const NEWER_RETRY_AFTER: &str = "5";

/// The problem of an event that only a newer build knows.
pub(crate) fn newer_event(event: &NewerEvent) -> Problem {
    Problem::new(&NEWER_EVENT, "").because(event).header("retry-after", NEWER_RETRY_AFTER)
}

/// A stored event that cannot be read.
impl From<EventError> for Problem {
    fn from(error: EventError) -> Self {
        match error {
            EventError::Newer(event) => newer_event(&event),
            error => Self::internal(error),
        }
    }
}

impl From<InvalidTags> for Problem {
    fn from(error: InvalidTags) -> Self {
        Self::new(&INVALID_TOKEN, error.to_string())
    }
}

/// An id in a path that cannot be a segment names nothing that exists.
impl From<InvalidStreamName> for Problem {
    fn from(error: InvalidStreamName) -> Self {
        Self::new(&NOT_FOUND, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_problem_adds_takes_no_place_of_what_every_problem_has() {
        let problem = Problem::new(&PRECONDITION_FAILED, "why")
            .with("status", "PAID")
            .with("detail", 1)
            .with("type", 2)
            .with("due", "1.00");
        let body: Value = serde_json::from_str(&problem.answer().body).unwrap();
        let (type_, title) = ("/problems/precondition-failed", PRECONDITION_FAILED.title);
        assert_eq!(
            body,
            json!({ "type": type_, "title": title, "status": 412, "detail": "why", "due": "1.00" })
        );
    }
}
