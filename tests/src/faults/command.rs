use serde_json::Value;

/// A command that is to be sent.
pub(super) struct Command {
    pub(super) method: &'static str,
    pub(super) path: String,
    /// The stream that tells of it, within the tenant.
    pub(super) stream: String,
    /// Null for none.
    pub(super) body: Value,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) effect: Effect,
    /// Whether what it is about may not be there.
    pub(super) may_be_missing: bool,
}

/// What must be in the stream once it is carried out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// A commit of its own, which ends with the version of the answer.
    Commit,
    /// That, or nothing where nothing had to change.
    Perhaps,
    /// The licence of the answer, in a commit of its own or of its grant.
    License,
}

impl Command {
    pub(super) fn new(
        method: &'static str,
        path: impl Into<String>,
        stream: impl Into<String>,
    ) -> Self {
        let (path, stream) = (path.into(), stream.into());
        Self {
            method,
            path,
            stream,
            body: Value::Null,
            headers: Vec::new(),
            effect: Effect::Commit,
            may_be_missing: false,
        }
    }

    pub(super) fn body(self, body: Value) -> Self {
        Self { body, ..self }
    }

    /// With a header, if there is something to say in it.
    pub(super) fn header(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.headers.extend(value.map(|value| (name, value.to_owned())));
        self
    }

    pub(super) fn effect(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }

    pub(super) fn may_be_missing(self) -> Self {
        Self { may_be_missing: true, ..self }
    }
}
