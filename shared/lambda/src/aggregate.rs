//! The calls on one kind of thing: a line for each command, from which its route, its place in the
//! OpenAPI document, its Lambda function and its entry in `/execute` follow.

mod rows;

use std::marker::PhantomData;

use garde::Validate;
use headwater::{Aggregate, Decide, Domain, StreamName};
use serde::de::DeserializeOwned;
use serde_json::{Number, Value};
use utoipa::{PartialSchema, ToSchema};

use crate::call::{Kind, SchemaOf};
use crate::deployment::UNIQUE_KEY;
use crate::schema::BodySchema;
use crate::{Answer, App, Call, Function, Parameter, Problem, Request, Shape, fresh_id, read_json};

pub use rows::ShownRow;

/// A command that is read from a body as it is.
///
/// ```
/// # mod till {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use garde::Validate;
/// use headwater_lambda::read_json;
/// use serde_json::json;
///
/// fn read<C: headwater_lambda::Readable>(body: serde_json::Value) -> bool {
///     read_json::<C>(body).is_ok()
/// }
///
/// // `AddCoin` derives `Deserialize`, `Validate` and `ToSchema`, and is a `Command`.
/// assert!(read::<AddCoin>(json!({ "cents": 50 })));
/// assert!(!read::<AddCoin>(json!({ "cents": 0 })));
/// ```
pub trait Readable:
    Decide + DeserializeOwned + Validate<Context = ()> + ToSchema + PartialSchema + 'static
{
}

impl<C> Readable for C where
    C: Decide + DeserializeOwned + Validate<Context = ()> + ToSchema + PartialSchema + 'static
{
}

/// The calls on the things of one aggregate.
///
/// ```
/// # mod till {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater::{Domain, aggregate_fn, projection_fn};
/// use headwater_lambda::Service;
///
/// static SHOP: Domain =
///     Domain::new("shop", &[aggregate_fn::<Till>()], &[projection_fn::<TillRow>()]);
///
/// let service = Service::new(&SHOP, "shop").aggregate::<Till>("/tills", |tills| {
///     tills
///         .create::<OpenTill>("Open a till.")
///         .action::<AddCoin>("coins", "Put a coin in.")
///         .row::<TillRow>("A till.")
///         .list::<TillRow>("tills", "All tills, the newest first.")
/// });
/// let functions: Vec<_> = service.functions.iter().map(|f| f.name.as_str()).collect();
/// assert_eq!(
///     functions,
///     ["shop-open-till", "shop-add-coin", "shop-read-tills", "shop-list-tills"]
/// );
/// ```
pub struct Calls<A> {
    domain: &'static Domain,
    /// As `/identity/users`.
    path: String,
    holds_unique_values: bool,
    functions: Vec<Function>,
    aggregate: PhantomData<A>,
}

impl<A: Aggregate> Calls<A> {
    /// The calls below a path of the service, as `/users`.
    pub(crate) fn below(domain: &'static Domain, path: &str) -> Self {
        Self {
            domain,
            path: format!("/{}{path}", A::DOMAIN),
            holds_unique_values: false,
            functions: Vec::new(),
            aggregate: PhantomData,
        }
    }

    pub(crate) fn into_functions(self) -> Vec<Function> {
        self.functions
    }

    /// The things hold [unique values](Aggregate::unique_values): the commands that follow claim
    /// and release some, so their functions get the key.
    #[must_use]
    pub fn with_unique_values(self) -> Self {
        Self { holds_unique_values: true, ..self }
    }

    /// `POST /users`: creates a thing, under the body's `id` or a fresh one.
    #[must_use]
    pub fn create<C: Readable + Decide<Aggregate = A>>(self, summary: &'static str) -> Self {
        let call = Call::of::<C>("POST", &self.path, summary).kind(Kind::Create).reads::<C>();
        self.command(Function::http(call, |app, request| async move {
            let members = request.members()?;
            let id = members.get("id").and_then(Value::as_str).map_or_else(fresh_id, str::to_owned);
            let command: C = read_json(members.into())?;
            app.create(&request, &stream::<A>(&request, &id)?, &command).await
        }))
    }

    /// `PATCH /users/{id}`: changes a thing.
    #[must_use]
    pub fn patch<C: Readable + Decide<Aggregate = A>>(self, summary: &'static str) -> Self {
        self.change::<C>("PATCH", "/{id}", summary)
    }

    /// `PUT /users/{id}`: says anew all of a thing that is there.
    #[must_use]
    pub fn replace<C: Readable + Decide<Aggregate = A>>(self, summary: &'static str) -> Self {
        self.change::<C>("PUT", "/{id}", summary)
    }

    /// `DELETE /users/{id}`: deletes a thing.
    #[must_use]
    pub fn delete<C: Readable + Decide<Aggregate = A>>(self, summary: &'static str) -> Self {
        self.change::<C>("DELETE", "/{id}", summary)
    }

    /// `POST /users/{id}/deactivate`: does something with a thing.
    #[must_use]
    pub fn action<C: Readable + Decide<Aggregate = A>>(
        self,
        below: &str,
        summary: &'static str,
    ) -> Self {
        self.change::<C>("POST", &format!("/{{id}}/{below}"), summary)
    }

    /// `PUT /invoices/{id}/line-items/{n}`: sets a part of a thing. A parameter of the path is the
    /// command's member of that name.
    #[must_use]
    pub fn put<C: Readable + Decide<Aggregate = A>>(
        self,
        below: &str,
        summary: &'static str,
    ) -> Self {
        self.change::<C>("PUT", &format!("/{{id}}/{below}"), summary)
    }

    /// `DELETE /invoices/{id}/line-items/{n}`: removes a part of a thing, as in [`Calls::put`].
    #[must_use]
    pub fn remove<C: Readable + Decide<Aggregate = A>>(
        self,
        below: &str,
        summary: &'static str,
    ) -> Self {
        self.change::<C>("DELETE", &format!("/{{id}}/{below}"), summary)
    }

    /// `PUT /policy`: sets the tenant's only thing of this kind.
    #[must_use]
    pub fn put_only<C: Readable + Decide<Aggregate = A>>(self, summary: &'static str) -> Self {
        self.change::<C>("PUT", "", summary)
    }

    fn change<C: Readable + Decide<Aggregate = A>>(
        self,
        method: &'static str,
        below: &str,
        summary: &'static str,
    ) -> Self {
        let call = Call::of::<C>(method, &format!("{}{below}", self.path), summary).reads::<C>();
        let in_path = call.in_path.clone();
        self.command(Function::http(call, move |app, request| {
            let in_path = in_path.clone();
            async move { carry_out::<C>(&app, &request, &in_path).await }
        }))
    }

    /// Gives the function of the last call another name than its command's, as `send-invoice`.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        self.last(|call| call.named(name))
    }

    /// Makes the last call require the role `operator`.
    #[must_use]
    pub fn operator(self) -> Self {
        self.last(Call::operator)
    }

    fn last(mut self, with: impl FnOnce(Call) -> Call) -> Self {
        let last = self.functions.pop().map(|function| function.with_call(with));
        self.functions.extend(last);
        self
    }

    /// A command with a handler of its own, made from [`Call::of`].
    #[must_use]
    pub fn command(mut self, function: Function) -> Self {
        self.functions.push(match self.holds_unique_values {
            true => function.variable(UNIQUE_KEY),
            false => function,
        });
        self
    }

    /// A function that carries out no command: a query, or one behind a stream.
    #[must_use]
    pub fn call(mut self, function: Function) -> Self {
        self.functions.push(function);
        self
    }
}

async fn carry_out<C: Readable>(
    app: &App,
    request: &Request,
    in_path: &[Parameter],
) -> Result<Answer, Problem> {
    let mut members = request.members()?;
    for parameter in in_path {
        let text = request.path(&parameter.name);
        let value = parameter
            .shape
            .read(text)
            .ok_or_else(|| Problem::not_found(&format!("{} {text}", parameter.name)))?;
        members.insert(parameter.name.clone(), value);
    }
    let command: C = read_json(members.into())?;
    app.change(request, &stream::<C::Aggregate>(request, request.path("id"))?, &command).await
}

/// The stream of the thing of this id; without one that of the tenant's only thing of its kind.
fn stream<A: Aggregate>(request: &Request, id: &str) -> Result<StreamName, Problem> {
    match id {
        "" => Ok(StreamName::singleton(request.tenant(), A::DOMAIN, A::CATEGORY)?),
        id => Ok(StreamName::new(request.tenant(), A::DOMAIN, A::CATEGORY, id)?),
    }
}

impl Shape {
    /// A segment of a path as the JSON that a body would have there; `None` if it is none. There is
    /// one way to write a number: neither `+1` nor `01` is one.
    fn read(&self, text: &str) -> Option<Value> {
        if !self.is_number() {
            return Some(text.into());
        }
        let range = self.schema["minimum"].as_u64()?..=self.schema["maximum"].as_u64()?;
        let number: u64 = text.parse().ok()?;
        (number.to_string() == text && range.contains(&number)).then(|| Number::from(number).into())
    }
}

impl Call {
    /// With the body that the command is read from: its members, but for those that the path has.
    fn reads<C: Readable>(mut self) -> Self {
        let names = self.parameters_of_path().filter(|name| *name != "id").map(str::to_owned);
        let names: Vec<String> = names.collect();
        // Only where it is needed: a process that starts makes the calls of its whole service.
        if !names.is_empty() {
            let schema = BodySchema::of(&SchemaOf::of::<C>());
            self.in_path.extend(names.iter().map(|name| schema.parameter(name)));
        }
        self.body::<C>()
    }
}

#[cfg(test)]
mod tests;
