//! `POST /<service>/execute`: any command of a service by its name, answered as by its own call.
//! That call's own handler answers, so the two cannot differ.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use garde::Validate;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::deployment::Role;
use crate::function::{HttpHandler, checked};
use crate::{Call, Function, Problem, Request, read_json};

/// The member of the payload that is the body of a command whose own call takes a list.
const LIST: &str = "items";

/// A command by name, with what its own call takes.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
struct Execute {
    /// The command's name, as `CreateUser`.
    command: String,
    /// The `id` of the path of the command's own call. To create something it may be left out, or
    /// be in the payload.
    aggregate_id: Option<String>,
    /// The body of the command's own call (`items`, if that is a list), and the other parameters of
    /// its path. Errors point into it: the pointers are those of the command's own call.
    #[serde(default)]
    #[schema(value_type = Object)]
    payload: Map<String, Value>,
    /// As in the body of the command's own call: the version that the caller decided on.
    #[schema(value_type = Option<u64>, maximum = 9_007_199_254_740_991_u64)]
    version: Option<Value>,
}

/// A command's own call.
struct OwnCall {
    call: Call,
    handler: HttpHandler,
}

/// The function of the call, from those of a service.
pub(crate) fn execute(service: &str, functions: &[Function]) -> Function {
    let own_calls: Vec<OwnCall> = functions
        .iter()
        .filter_map(Function::answering)
        .filter(|(call, _)| call.command.is_some())
        .map(|(call, handler)| OwnCall { call: call.clone(), handler: Arc::clone(handler) })
        .collect();
    let call = Call::command(
        &format!("{service}-execute"),
        "POST",
        &format!("/{service}/execute"),
        "Any command by its name, answered as by its own call.",
    );
    let call = own_calls
        .iter()
        .fold(call.body::<Execute>().may_create(), |call, own| call.also_refused_as(&own.call));
    let own_calls = Arc::new(own_calls);
    let commands: Vec<&Function> = functions
        .iter()
        .filter(|function| function.call().is_some_and(|call| call.command.is_some()))
        .collect();
    let (roles, variables) = (roles(&commands), commands.iter().flat_map(|f| f.environment()));
    let function = Function::http(call, move |app, request| {
        let own_calls = Arc::clone(&own_calls);
        async move {
            let (own, request) = translated(&own_calls, &request)?;
            let request = checked(&own.call, request)?;
            (own.handler)(app, request).await
        }
    });
    let variables: BTreeSet<_> = variables.collect();
    variables.into_iter().fold(function.with_roles(roles), Function::variable)
}

/// The permissions of all these functions: their common role, else one of its own.
fn roles(functions: &[&Function]) -> Vec<&'static Role> {
    let mut roles: Vec<&'static Role> = Vec::new();
    for role in functions.iter().flat_map(|function| &function.roles) {
        if !roles.contains(role) {
            roles.push(role);
        }
    }
    if roles.len() > 1 {
        roles.insert(0, &EXECUTE);
    }
    roles
}

/// Names all that the commands of a service may do.
static EXECUTE: Role = Role { name: "Execute", variables: &[], statements: &[] };

/// The own call that is meant, and the request that it would have had.
fn translated<'a>(
    own_calls: &'a [OwnCall],
    request: &Request,
) -> Result<(&'a OwnCall, Request), Problem> {
    let Execute { command, aggregate_id, mut payload, version } =
        read_json(request.members()?.into())?;
    let own = own_calls
        .iter()
        .find(|own| own.call.command == Some(&command))
        .ok_or_else(|| unknown(own_calls))?;
    let mut path = HashMap::new();
    for name in own.call.parameters_of_path().filter(|name| *name != "id") {
        path.insert(name.to_owned(), parameter(&own.call, name, payload.remove(name))?);
    }
    let has_id = own.call.parameters_of_path().any(|name| name == "id");
    match aggregate_id {
        Some(id) if has_id => {
            path.insert("id".to_owned(), id);
        }
        Some(id) => repeat(&mut payload, "id", id.into())?,
        None if has_id => {
            let missing = format!("{command} needs the id of what it is about");
            return Err(Problem::invalid([("/aggregateId".to_owned(), missing)]));
        }
        None => {}
    }
    if let Some(version) = version {
        repeat(&mut payload, "version", version)?;
    }
    let body = match own.call.has_list_body {
        true => payload.remove(LIST).unwrap_or(Value::Array(Vec::new())),
        false => payload.into(),
    };
    Ok((own, request.for_call(path, body)))
}

/// A parameter of the own call's path, as its text.
fn parameter(call: &Call, name: &str, value: Option<Value>) -> Result<String, Problem> {
    let shape = call.in_path.iter().find(|parameter| parameter.name == name);
    let is_number = shape.is_some_and(|parameter| parameter.shape.is_number());
    match value {
        Some(Value::Number(number)) if is_number => Ok(number.to_string()),
        Some(Value::String(text)) if !is_number => Ok(text),
        _ => {
            let expected = if is_number { "must be a number" } else { "must be an id" };
            Err(Problem::invalid([(format!("/{name}"), expected.to_owned())]))
        }
    }
}

/// Adds a member that the request says elsewhere.
///
/// # Errors
/// 422 if the payload says another.
fn repeat(payload: &mut Map<String, Value>, name: &str, value: Value) -> Result<(), Problem> {
    match payload.get(name) {
        Some(other) if !other.is_null() && *other != value => Err(Problem::invalid([(
            format!("/{name}"),
            format!("the request says {value} elsewhere"),
        )])),
        _ => {
            payload.insert(name.to_owned(), value);
            Ok(())
        }
    }
}

fn unknown(own_calls: &[OwnCall]) -> Problem {
    let names: Vec<&str> = own_calls.iter().filter_map(|own| own.call.command).collect();
    Problem::invalid([("/command".to_owned(), format!("one of {}", names.join(", ")))])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_payload_may_repeat_what_the_request_says_elsewhere_but_not_gainsay_it() {
        let payload = |json: Value| json.as_object().cloned().unwrap();
        for same in [json!({ "a": 1 }), json!({ "a": 1, "n": 2 }), json!({ "a": 1, "n": null })] {
            let mut merged = payload(same);
            repeat(&mut merged, "n", 2.into()).unwrap();
            assert_eq!(merged["n"], 2);
        }
        for other in [json!({ "n": 3 }), json!({ "n": "2" })] {
            let problem = repeat(&mut payload(other), "n", 2.into()).unwrap_err();
            assert_eq!((problem.status(), problem.name()), (422, "invalid-request"));
        }
    }
}
