//! A command, from the members that say what is wanted to the answer: the same piece for the command's own call and for `/execute`, so
//! that the two cannot differ.

use garde::Validate;
use headwater::{Aggregate, Command, StreamName};
use headwater_lambda::{Answer, App, Problem, Request, fresh_id, read_json};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The members of a command's body.
pub(crate) type Payload = Map<String, Value>;

/// A command that can be read from a payload.
pub(crate) trait Readable: Command + DeserializeOwned + Validate<Context = ()> {}

impl<C: Command + DeserializeOwned + Validate<Context = ()>> Readable for C {}

/// Carries out a command that creates something, under the payload's `id` or a fresh one: 201.
pub(crate) async fn create<C: Readable>(app: &App, request: &Request, payload: Payload) -> Result<Answer, Problem> {
    let id = payload.get("id").and_then(Value::as_str).map_or_else(fresh_id, str::to_owned);
    let command: C = read_json(payload.into())?;
    app.create(request, &stream::<C>(request, &id)?, &command).await
}

fn stream<C: Command>(request: &Request, id: &str) -> Result<StreamName, Problem> {
    Ok(StreamName::new(request.tenant(), C::Aggregate::DOMAIN, C::Aggregate::CATEGORY, id)?)
}
