//! HTTP calls: the gateway's routes are checked against them, and the OpenAPI document is made from
//! them.

use headwater::{Aggregate, Decide, Rule};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::problem::{CONCURRENT_MODIFICATION, ProblemType};
use crate::{Parameter, Shape};

/// One HTTP call and the function that answers it.
///
/// ```
/// # mod till {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater_lambda::{Access, Call, Shape};
///
/// let call = Call::list::<TillRow>("shop-find-tills", "/shop/tills", "Tills.")
///     .param("open", Shape::boolean(), "Only those that are open.")
///     .operator();
/// assert_eq!((call.method, call.access), ("GET", Access::Operator));
/// let parameters: Vec<_> = call.query.iter().map(|parameter| &parameter.name).collect();
/// assert_eq!(parameters, ["limit", "cursor", "open"]);
///
/// let call = Call::of::<AddCoin>("POST", "/shop/tills/{id}/coins", "Put a coin in.");
/// assert_eq!((call.function.as_str(), call.access), ("shop-add-coin", Access::Writer));
/// ```
#[derive(Clone)]
pub struct Call {
    /// The function's name, as `identity-create-user`.
    pub function: String,
    /// As `POST`.
    pub method: &'static str,
    /// As `/identity/users/{id}`.
    pub path: String,
    /// One sentence.
    pub summary: &'static str,
    /// The role that it needs.
    pub access: Access,
    /// What kind of answer it has.
    pub kind: Kind,
    /// Whether its headers can name versions of streams.
    pub is_about_streams: bool,
    /// Parameters of the path that are not ids.
    pub in_path: Vec<Parameter>,
    /// The parameters of the query string. Any other is refused.
    pub query: Vec<Parameter>,
    /// Headers of its own.
    pub headers: Vec<Parameter>,
    /// The body's schema, of one item where the body is a list.
    pub body: Option<SchemaOf>,
    /// Whether the body is a list.
    pub has_list_body: bool,
    /// The [name](Decide::NAME) of the command that it carries out, if it is one.
    pub command: Option<&'static str>,
    /// Whether it may be answered as [`Kind::Create`] as well.
    pub may_create: bool,
    /// The answer's schema, of one item where the answer is a list. A command without one answers
    /// with `{"id", "version"}`.
    pub answer: Option<SchemaOf>,
    /// The rules that can refuse it.
    pub rules: Vec<&'static Rule>,
    /// Problems of its own, besides those that any call can have.
    pub problems: Vec<&'static ProblemType>,
}

/// Which role a call needs; none implies another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// No token at all.
    Public,
    /// Queries.
    Reader,
    /// Commands.
    Writer,
    /// Audit, streams, policy.
    Operator,
}

impl Access {
    /// The role's name in the claim `roles`.
    pub fn role(self) -> Option<&'static str> {
        match self {
            Self::Public => None,
            Self::Reader => Some("reader"),
            Self::Writer => Some("writer"),
            Self::Operator => Some("operator"),
        }
    }
}

/// What kind of answer a call has, and so which headers it takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 201, `Location`, `{"id", "version"}`.
    Create,
    /// 200, `{"id", "version"}`.
    Command,
    /// One entity, with a strong `ETag`.
    Entity,
    /// One entity as a page of HTML, with a strong `ETag`.
    Html,
    /// A page `{"items", "next"}`.
    List,
    /// A document that is the same for everybody, as a problem's page, with an `ETag`.
    Document,
    /// The answer where there is no call.
    Fallback,
}

/// How to name a type in the OpenAPI document and list what it needs.
#[derive(Clone, Copy)]
pub struct SchemaOf {
    /// Its name among the components.
    pub name: fn() -> String,
    /// Its schema.
    pub schema: fn() -> RefOr<Schema>,
    /// Adds the schemas that it refers to.
    pub others: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl SchemaOf {
    /// The schema of a type.
    pub(crate) fn of<T: ToSchema + PartialSchema>() -> Self {
        Self { name: || T::name().into_owned(), schema: T::schema, others: T::schemas }
    }
}

impl Call {
    /// A command that creates something: role writer.
    pub fn create<Body: ToSchema>(function: &str, path: &str, summary: &'static str) -> Self {
        Self { kind: Kind::Create, ..Self::command(function, "POST", path, summary) }.body::<Body>()
    }

    /// Another command: role writer.
    pub fn command(
        function: &str,
        method: &'static str,
        path: &str,
        summary: &'static str,
    ) -> Self {
        Self {
            access: Access::Writer,
            kind: Kind::Command,
            method,
            ..Self::get(function, path, summary)
        }
    }

    /// The call of a command: role writer, named after it, refused by its rules. All members of the
    /// body but `version` are for the handler, which decides on that version.
    pub fn of<C: Decide>(method: &'static str, path: &str, summary: &'static str) -> Self {
        let function = format!("{}-{}", C::Aggregate::DOMAIN, kebab(C::NAME));
        Self {
            command: Some(C::NAME),
            rules: C::RULES.to_vec(),
            problems: vec![&CONCURRENT_MODIFICATION],
            ..Self::command(&function, method, path, summary)
        }
    }

    /// A query for one entity: role reader.
    pub fn entity<Answer: ToSchema>(function: &str, path: &str, summary: &'static str) -> Self {
        Self { answer: Some(SchemaOf::of::<Answer>()), ..Self::get(function, path, summary) }
    }

    /// A query for one entity as a page of HTML: role reader.
    pub fn html(function: &str, path: &str, summary: &'static str) -> Self {
        Self { kind: Kind::Html, ..Self::get(function, path, summary) }
    }

    /// A query for a page of items: role reader, with `limit` and `cursor`.
    pub fn list<Item: ToSchema>(function: &str, path: &str, summary: &'static str) -> Self {
        Self { kind: Kind::List, ..Self::entity::<Item>(function, path, summary) }
            .param(
                "limit",
                Shape::limit(),
                "How many items at the most; there may be fewer before the list ends.",
            )
            .param(
                "cursor",
                Shape::cursor(),
                "Where to go on: `next` of the page before. The list ends where that is null.",
            )
    }

    /// A call without a token whose answer is a document.
    pub fn public(function: &str, path: &str, summary: &'static str) -> Self {
        Self { access: Access::Public, kind: Kind::Document, ..Self::get(function, path, summary) }
    }

    /// What answers every request that no other call takes. It takes all that comes.
    pub fn fallback(function: &str) -> Self {
        let call = Self::public(function, "$default", "There is no such call.");
        Self { kind: Kind::Fallback, method: "ANY", ..call }
    }

    /// With the function named otherwise than the command, as `send-invoice`.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        let domain = self.function.split('-').next().unwrap_or_default();
        Self { function: format!("{domain}-{name}"), ..self }
    }

    /// With an answer of another kind.
    #[must_use]
    pub fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// With a body.
    #[must_use]
    pub fn body<Body: ToSchema>(self) -> Self {
        Self { body: Some(SchemaOf::of::<Body>()), ..self }
    }

    /// With all rules and problems that can refuse another call, and its headers.
    pub(crate) fn also_refused_as(mut self, other: &Self) -> Self {
        let is_new = |rule: &&'static Rule| !self.rules.iter().any(|known| known.name == rule.name);
        let rules: Vec<_> = other.rules.iter().copied().filter(is_new).collect();
        self.rules.extend(rules);
        let is_new = |kind: &&'static ProblemType| !self.problems.contains(kind);
        let problems: Vec<_> = other.problems.iter().copied().filter(is_new).collect();
        self.problems.extend(problems);
        let is_new = |header: &&Parameter| !self.headers.iter().any(|h| h.name == header.name);
        let headers: Vec<_> = other.headers.iter().filter(is_new).cloned().collect();
        self.headers.extend(headers);
        self
    }

    /// For a command that creates something in some cases: 201, `Location`.
    #[must_use]
    pub fn may_create(self) -> Self {
        Self { may_create: true, ..self }
    }

    /// With a body that is a list.
    #[must_use]
    pub fn list_body<Item: ToSchema>(self) -> Self {
        Self { has_list_body: true, ..self.body::<Item>() }
    }

    /// With an answer of its own.
    #[must_use]
    pub fn answer<Answer: ToSchema>(self) -> Self {
        Self { answer: Some(SchemaOf::of::<Answer>()), ..self }
    }

    /// For operators.
    #[must_use]
    pub fn operator(self) -> Self {
        Self { access: Access::Operator, ..self }
    }

    /// With problems of its own.
    #[must_use]
    pub fn problems(mut self, problems: &[&'static ProblemType]) -> Self {
        self.problems.extend(problems);
        self
    }

    /// About something else than streams, which has no versions: no header of a stream's version is
    /// heeded or given.
    #[must_use]
    pub fn apart_from_streams(self) -> Self {
        Self { is_about_streams: false, ..self }
    }

    /// With a header of its own.
    #[must_use]
    pub fn header(mut self, name: &str, shape: Shape, meaning: &'static str) -> Self {
        self.headers.push(Parameter { name: name.to_owned(), shape, meaning });
        self
    }

    /// With a parameter of the query string.
    #[must_use]
    pub fn param(mut self, name: &str, shape: Shape, meaning: &'static str) -> Self {
        self.query.push(Parameter { name: name.to_owned(), shape, meaning });
        self
    }

    /// With a parameter of the path that is not the name of a thing.
    #[must_use]
    pub fn in_path(mut self, name: &str, shape: Shape, meaning: &'static str) -> Self {
        self.in_path.push(Parameter { name: name.to_owned(), shape, meaning });
        self
    }

    /// Whether its body may name the version that the caller decided on. What creates something has
    /// none.
    pub fn takes_version(&self) -> bool {
        self.command.is_some() && self.kind == Kind::Command && !self.has_list_body
    }

    /// The names of the path's parameters, as `id`.
    pub fn parameters_of_path(&self) -> impl Iterator<Item = &str> {
        let segments = self.path.split('/').filter_map(|segment| segment.strip_prefix('{'));
        segments.map(|name| name.trim_end_matches(['}', '+']))
    }

    /// Whether a path is one of this call's, whatever the method.
    pub fn has_path(&self, path: &str) -> bool {
        let mut parts = path.split('/');
        let mut is_greedy = false;
        let fits = self.path.split('/').all(|segment| {
            is_greedy = segment.ends_with("+}");
            parts.next().is_some_and(|part| {
                if segment.starts_with('{') { !part.is_empty() } else { part == segment }
            })
        });
        fits && (is_greedy || parts.next().is_none())
    }

    fn get(function: &str, path: &str, summary: &'static str) -> Self {
        Self {
            function: function.to_owned(),
            method: "GET",
            path: path.to_owned(),
            summary,
            access: Access::Reader,
            kind: Kind::Entity,
            is_about_streams: true,
            in_path: Vec::new(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            has_list_body: false,
            command: None,
            may_create: false,
            answer: None,
            rules: Vec::new(),
            problems: Vec::new(),
        }
    }
}

/// A name in the form of functions: `CreateUser` is `create-user`.
fn kebab(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_the_calls_whose_segments_fit() {
        for (of, path, expected) in [
            ("/users", "/users", true),
            ("/users", "/users/", false),
            ("/users", "/user", false),
            ("/users/{id}", "/users/7", true),
            ("/users/{id}", "/users/", false),
            ("/users/{id}", "/users/7/audit", false),
            ("/users/{id}/audit", "/users/7/audit", true),
            ("/events/{stream+}", "/events/a", true),
            ("/events/{stream+}", "/events/a/b/c", true),
            ("/events/{stream+}", "/events", false),
            ("/events/{stream+}", "/events/", false),
            ("$default", "/", false),
        ] {
            assert_eq!(Call::public("f", of, "s").has_path(path), expected, "{of} {path}");
        }
    }
}
