//! A row: a call, and how it comes about.

use serde_json::Value;

/// A call that is measured, and what goes before it.
///
/// ```
/// use headwater_testing::costs::{Case, call, get, send};
/// use serde_json::json;
///
/// let open = || send("POST", "/shop/tills", json!({ "id": "front" }));
/// let again = Case::new(open(), &[open()]).answers(409).note("that is there");
/// assert_eq!((again.status, again.given.len()), (Some(409), 1));
///
/// let closed = Case::new(get("/shop/tills/front"), &[open()])
///     .meanwhile(&[call("POST", "/shop/tills/front/close")])
///     .note("behind by a commit");
/// assert_eq!(closed.meanwhile.len(), 1);
/// ```
pub struct Case {
    /// What is special about it; empty for the plain call.
    pub note: &'static str,
    /// What there is before.
    pub given: Vec<Step>,
    /// What happens after the function has seen the state, and, before a query, after the views
    /// have: they are behind then.
    pub meanwhile: Vec<Step>,
    /// The call.
    pub call: Step,
    /// What it is answered with; by default the success that its description names first.
    pub status: Option<u16>,
    /// Whether it heeds `If-Match`.
    pub is_conditional: bool,
}

/// Something that is done to the service.
///
/// ```
/// use headwater_testing::costs::{Step, Text, call, get};
///
/// let read = get("/shop/tills/front").header("consistency-token", Text::LastToken);
/// let Step::Call(request) = read else { unreachable!() };
/// assert_eq!((request.method, request.headers.len()), ("GET", 1));
/// assert!(call("GET", "/shop/tills/front") == get("/shop/tills/front"));
/// ```
#[derive(Clone, PartialEq)]
pub enum Step {
    /// A call, which must succeed.
    Call(Request),
    /// An item is put into the table with this logical id, as if a process had died there. In its
    /// texts `{tenant}` stands for the tenant.
    Item(&'static str, Value),
}

/// A call. In its path `{last}` stands for the id that was last answered.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// As `POST`.
    pub method: &'static str,
    /// Absolute, with the query string.
    pub path: String,
    /// Null for none.
    pub body: Value,
    /// By their names.
    pub headers: Vec<(&'static str, Text)>,
}

/// The text of a header.
#[derive(Clone, PartialEq)]
pub enum Text {
    /// This one.
    Is(&'static str),
    /// The `ETag` of the last answer.
    LastTag,
    /// The `Consistency-Token` of the last answer.
    LastToken,
    /// The `ETag` of the last answer, and a position of this other stream of the tenant besides.
    LastTagAnd(&'static str),
}

/// A call with a body.
pub fn send(method: &'static str, path: &str, body: Value) -> Step {
    Step::Call(Request { method, path: path.to_owned(), body, headers: Vec::new() })
}

/// A call without a body.
pub fn call(method: &'static str, path: &str) -> Step {
    send(method, path, Value::Null)
}

/// A query.
pub fn get(path: &str) -> Step {
    call("GET", path)
}

impl Step {
    /// With a header.
    #[must_use]
    pub fn header(self, name: &'static str, text: Text) -> Self {
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
    #[must_use]
    pub fn new(call: Step, given: &[Step]) -> Self {
        Self {
            note: "",
            given: given.to_vec(),
            meanwhile: Vec::new(),
            call,
            status: None,
            is_conditional: true,
        }
    }

    /// With what is special about it.
    #[must_use]
    pub fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }

    /// With what happens meanwhile.
    #[must_use]
    pub fn meanwhile(self, steps: &[Step]) -> Self {
        Self { meanwhile: steps.to_vec(), ..self }
    }

    /// Answered with another status.
    #[must_use]
    pub fn answers(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    /// Of a command that heeds no `If-Match`.
    #[must_use]
    pub fn unconditional(self) -> Self {
        Self { is_conditional: false, ..self }
    }
}
