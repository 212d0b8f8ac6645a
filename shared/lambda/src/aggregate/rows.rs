//! Queries that show rows as they are: one thing, and a list of them.

use std::borrow::Cow;

use headwater::{Aggregate, Projection, StreamName};
use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::{Calls, stream};
use crate::{Answer, Call, Function, List, Problem};

/// How a row is shown. It is part of the tags of answers: raise it if [`Shown`] changes.
const REPRESENTATION: u32 = 1;

/// A row that is shown as it is.
///
/// ```
/// # mod till {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// fn is_shown<R: headwater_lambda::ShownRow>() {}
///
/// // `TillRow` is a `Projection` and derives `ToSchema`.
/// is_shown::<TillRow>();
/// ```
pub trait ShownRow: Projection + ToSchema + PartialSchema {}

impl<R: Projection + ToSchema + PartialSchema> ShownRow for R {}

/// A thing: its id and version, and the members of its row.
#[derive(Serialize)]
struct Shown<R> {
    id: String,
    version: u64,
    #[serde(flatten)]
    row: R,
}

impl<R> Shown<R> {
    fn new(stream: &StreamName, version: u64, row: R) -> Self {
        Self { id: stream.id().to_owned(), version, row }
    }
}

/// The schema of the row, with `id` and `version` before its members.
impl<R: PartialSchema> PartialSchema for Shown<R> {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        let version = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).build();
        let mut schema = R::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.properties.insert("id".to_owned(), text.into());
            object.properties.insert("version".to_owned(), version.into());
            object.required.extend(["id".to_owned(), "version".to_owned()]);
        }
        schema
    }
}

/// `OrderRow` is shown as `Order`.
impl<R: ToSchema> ToSchema for Shown<R> {
    fn name() -> Cow<'static, str> {
        let name = R::name();
        name.strip_suffix("Row").map(|name| name.to_owned().into()).unwrap_or(name)
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        R::schemas(schemas);
    }
}

impl<A: Aggregate> Calls<A> {
    /// `GET /orders/{id}`: a thing, its row as it is with `id` and `version`. The function is named
    /// `<domain>-read-orders`. A query that shows it otherwise has a handler of its own
    /// ([`Calls::call`]).
    #[must_use]
    pub fn row<R: ShownRow>(self, summary: &'static str) -> Self {
        let function = self.function("read");
        let call = Call::entity::<Shown<R>>(&function, &format!("{}/{{id}}", self.path), summary);
        self.call(Function::http(call, |app, request| async move {
            let stream = stream::<A>(&request, request.path("id"))?;
            let (version, row) = app
                .row::<R>(&request, &stream)
                .await?
                .ok_or_else(|| Problem::not_found("such thing"))?;
            let rendering = app.rendering::<R>(&request, REPRESENTATION).await?;
            let shown = Shown::new(&stream, version, row);
            Answer::entity(&request, &stream, version, rendering, &shown)
        }))
    }

    /// `GET /orders`: a list of things in order of the index, each as [`Calls::row`] shows it. The
    /// function is named `<domain>-list-orders`.
    #[must_use]
    pub fn list<R: ShownRow>(self, index: &'static str, summary: &'static str) -> Self {
        let (function, domain) = (self.function("list"), self.domain);
        let call = Call::list::<Shown<R>>(&function, &self.path, summary);
        self.call(Function::http(call, move |app, request| async move {
            let list = List::<R>::new(domain.name, domain.projections, index);
            app.list(&request, list, Shown::new).await
        }))
    }

    /// The name of a function that does this with the things: `shop-list-orders`.
    fn function(&self, does: &str) -> String {
        let things = self.path.rsplit('/').next().unwrap_or_default();
        format!("{}-{does}-{things}", A::DOMAIN)
    }
}
