//! A row: a call, and how it comes about.

use serde_json::Value;

/// A call that is measured, and what goes before it.
pub(super) struct Case {
    /// What is special about it; empty for the plain call.
    pub(super) note: &'static str,
    /// What there is before.
    pub(super) given: Vec<Step>,
    /// What happens after the function has seen the state, and, before a query, after the views
    /// have: they are behind then.
    pub(super) meanwhile: Vec<Step>,
    /// The call.
    pub(super) call: Step,
    /// What it is answered with.
    pub(super) status: u16,
    /// Whether it heeds `If-Match`.
    pub(super) is_conditional: bool,
}

/// Something that is done to the service.
#[derive(Clone, PartialEq)]
pub(super) enum Step {
    Call(Request),
    /// The mail of this event of invoice `i` waits for a person.
    WaitingMail(u64),
}

/// A call. In its path `{last}` stands for the id that was last answered.
#[derive(Clone, PartialEq)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) path: String,
    /// Null for none.
    pub(super) body: Value,
    pub(super) headers: Vec<(&'static str, Text)>,
}

/// The text of a header.
#[derive(Clone, PartialEq)]
pub(super) enum Text {
    Is(&'static str),
    /// The `ETag` of the last answer.
    LastTag,
    /// The `Consistency-Token` of the last answer.
    LastToken,
    /// The `ETag` of the last answer, and a position of this other stream of the tenant besides.
    LastTagAnd(&'static str),
}

/// A call with a body.
pub(super) fn send(method: &'static str, path: &str, body: Value) -> Step {
    Step::Call(Request { method, path: path.to_owned(), body, headers: Vec::new() })
}

/// A call without a body.
pub(super) fn call(method: &'static str, path: &str) -> Step {
    send(method, path, Value::Null)
}

/// A query.
pub(super) fn get(path: &str) -> Step {
    call("GET", path)
}

impl Step {
    /// With a header.
    pub(super) fn header(self, name: &'static str, text: Text) -> Self {
        match self {
            Self::Call(mut request) => {
                request.headers.push((name, text));
                Self::Call(request)
            }
            other => other,
        }
    }
}

impl Case {
    /// A call that succeeds.
    pub(super) fn new(call: Step, given: &[Step]) -> Self {
        let status = match &call {
            Step::Call(request) if request.method == "POST" && creates(&request.path) => 201,
            _ => 200,
        };
        Self {
            note: "",
            given: given.to_vec(),
            meanwhile: Vec::new(),
            call,
            status,
            is_conditional: true,
        }
    }

    /// With what is special about it.
    pub(super) fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }

    /// With what happens meanwhile.
    pub(super) fn meanwhile(self, steps: &[Step]) -> Self {
        Self { meanwhile: steps.to_vec(), ..self }
    }

    /// Answered with another status.
    pub(super) fn answers(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Of a command that heeds no `If-Match`.
    pub(super) fn unconditional(self) -> Self {
        Self { is_conditional: false, ..self }
    }
}

/// Whether a POST there is one to a collection.
fn creates(path: &str) -> bool {
    ["/users", "/groups", "/licenses", "/invoices", "/customers"]
        .iter()
        .any(|collection| path.ends_with(collection))
}
