//! A command, from the members that say what is wanted to the answer: the same piece for the
//! command's own call and for `/execute`, so that the two cannot differ.

use garde::Validate;
use headwater::{Aggregate, Command, StreamName};
use headwater_lambda::{Answer, App, Problem, Request, fresh_id, read_json};
use invoicing::OnVersion;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The members of a command's body.
pub(crate) type Payload = Map<String, Value>;

/// A command that can be read from a payload.
pub(crate) trait Readable: Command + DeserializeOwned + Validate<Context = ()> {}

impl<C: Command + DeserializeOwned + Validate<Context = ()>> Readable for C {}

/// Carries out a command that creates something, under the payload's `id` or a fresh one: 201.
pub(crate) async fn create<C: Readable>(
    app: &App,
    request: &Request,
    payload: Payload,
) -> Result<Answer, Problem> {
    let id = payload.get("id").and_then(Value::as_str).map_or_else(fresh_id, str::to_owned);
    let command: C = read_json(payload.into())?;
    app.create(request, &stream::<C>(request, &id)?, &command).await
}

/// Carries out a command on what has this id, decided on the payload's `version` or the latest:
/// 200.
pub(crate) async fn change<C: Readable>(
    app: &App,
    request: &Request,
    id: &str,
    payload: Payload,
) -> Result<Answer, Problem> {
    let OnVersion { version, command } = read_json::<OnVersion<C>>(payload.into())?;
    app.change(&request.clone().decided_on(version), &stream::<C>(request, id)?, &command).await
}

/// The payload with a member that the request says elsewhere, as in its path.
///
/// # Errors
/// 422 if the payload says another.
pub(crate) fn with(
    mut payload: Payload,
    name: &str,
    value: impl Into<Value>,
) -> Result<Payload, Problem> {
    let value = value.into();
    match payload.get(name) {
        Some(other) if !other.is_null() && *other != value => Err(Problem::invalid([(
            format!("/{name}"),
            format!("the request says {value} elsewhere"),
        )])),
        _ => {
            payload.insert(name.to_owned(), value);
            Ok(payload)
        }
    }
}

fn stream<C: Command>(request: &Request, id: &str) -> Result<StreamName, Problem> {
    Ok(StreamName::new(request.tenant(), C::Aggregate::DOMAIN, C::Aggregate::CATEGORY, id)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_payload_may_repeat_what_the_request_says_elsewhere_but_not_gainsay_it() {
        let payload = |json: Value| json.as_object().cloned().unwrap();
        for same in [json!({ "a": 1 }), json!({ "a": 1, "n": 2 }), json!({ "a": 1, "n": null })] {
            let merged = with(payload(same), "n", 2).unwrap();
            assert_eq!(merged["n"], 2);
        }
        for other in [json!({ "n": 3 }), json!({ "n": "2" })] {
            let problem = with(payload(other), "n", 2).unwrap_err();
            assert_eq!((problem.status(), problem.name()), (422, "invalid-request"));
        }
    }
}
