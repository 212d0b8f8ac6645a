//! The OpenAPI document of all calls, made from the same [`Call`]s that the functions are made
//! from.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::call::{Call, Kind, SchemaOf};
use crate::problem::PROBLEM_TYPES;
use crate::schema::{self, BodySchema};
use crate::{Parameter, Shape};

/// The document (OpenAPI 3.1) of these calls.
///
/// ```
/// # mod till {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater_lambda::{Call, openapi};
///
/// let call = Call::entity::<TillRow>("shop-get-till", "/shop/tills/{id}", "A till.");
/// let document = openapi::document(&[call]);
/// let get = &document["paths"]["/shop/tills/{id}"]["get"];
/// assert_eq!(get["description"], "Needs the role `reader`.");
/// ```
pub fn document(calls: &[Call]) -> Value {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut schemas = Map::new();
    for call in calls.iter().filter(|call| call.kind != Kind::Fallback) {
        schemas.extend(parameters(call).into_iter().filter_map(|(_, parameter)| {
            let Shape { name, schema } = parameter.shape;
            Some((name?.to_owned(), schema))
        }));
        // OpenAPI knows no greedy parameters.
        let path = call.path.replace("+}", "}");
        paths.entry(path).or_default().insert(call.method.to_lowercase(), operation(call));
        for schema in call.body.iter().chain(&call.answer) {
            add(schema, &mut schemas);
        }
    }
    let known = schemas.clone();
    schemas.values_mut().for_each(|schema| *schema = schema::merged(schema, &known));
    for call in calls.iter().filter(|call| call.takes_version()) {
        schemas.insert(call.command.unwrap_or_default().to_owned(), body_of_command(call));
    }
    schemas.insert("Problem".to_owned(), problem_schema());
    schemas.insert("CommandAnswer".to_owned(), command_answer());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Headwater",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0" },
            "description": "`HEAD` is answered wherever `GET` is, with the same headers. \
                            Any other method that a path lacks is 405, with `Allow`.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "jwt": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
        },
    })
}

fn operation(call: &Call) -> Value {
    let mut operation = json!({
        "operationId": call.function,
        "tags": [call.path.split('/').nth(1).unwrap_or_default()],
        "summary": call.summary,
        "parameters": parameters(call).into_iter().map(describe).collect::<Vec<_>>(),
        "responses": responses(call),
    });
    if let Some(role) = call.access.role() {
        operation["security"] = json!([{ "jwt": [] }]);
        operation["description"] = format!("Needs the role `{role}`.").into();
    }
    if let Some((schema, is_required)) = body(call) {
        operation["requestBody"] = json!({
            "required": is_required,
            "content": { "application/json": { "schema": schema } },
        });
    }
    operation
}

/// The schema of a call's body, and whether there must be one: not if all its members may be left
/// out.
fn body(call: &Call) -> Option<(Value, bool)> {
    if call.takes_version() {
        let required = body_of_command(call)["required"].as_array().map_or(0, Vec::len);
        let name = call.command.unwrap_or_default();
        return Some((json!({ "$ref": format!("#/components/schemas/{name}") }), required > 0));
    }
    let schema = reference(call.body.as_ref()?);
    let list = json!({ "type": "array", "items": schema });
    Some((if call.has_list_body { list } else { schema }, true))
}

/// All parameters of a call, each with where it stands.
fn parameters(call: &Call) -> Vec<(&'static str, Parameter)> {
    let mut parameters: Vec<_> = call
        .path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{'))
        .map(|name| ("path", in_path(call, name)))
        .collect();
    parameters.extend(call.query.iter().cloned().map(|parameter| ("query", parameter)));
    parameters.extend(
        headers(call).into_iter().map(|(name, shape, meaning)| {
            ("header", Parameter { name: name.into(), shape, meaning })
        }),
    );
    parameters.extend(call.headers.iter().cloned().map(|parameter| ("header", parameter)));
    parameters
}

/// The headers that all calls of this kind take.
fn headers(call: &Call) -> Vec<(&'static str, Shape, &'static str)> {
    let if_match = "Carry out only if all streams in one of these tokens are still at these \
                    versions; `*`: if it exists.";
    let absent = "Carry out only if the version is that of none of these tags; `*`: only if it \
                  does not exist.";
    let key = "The same key and request within 24 hours give the same answer, without a second \
               effect. The request is the body, compared as JSON, with the versions that \
               `If-Match` and `If-None-Match` name. What decides nothing for good is not kept: \
               404, 412, 409 `concurrent-modification`, and 5xx.";
    let cause = "The event that the command follows from, as `identity/users/ada@4`, or a \
                 commit's id; kept with its events.";
    let wait =
        "`wait=N`: how many seconds the answer may wait for the views, 2 if absent, 10 at most.";
    let unchanged =
        ("If-None-Match", Shape::if_none_match(), "304 if the answer still has one of these tags.");
    let same =
        ("If-Match", Shape::if_match(), "412 unless the answer still has one of these tags.");
    match call.kind {
        Kind::Create | Kind::Command if call.is_about_streams => vec![
            ("If-Match", Shape::if_match(), if_match),
            ("If-None-Match", Shape::if_none_match(), absent),
            (
                "Consistency-Token",
                Shape::tokens(),
                "Decide on a state that has reached all of these tokens.",
            ),
            ("Idempotency-Key", Shape::idempotency_key(), key),
            ("X-Causation-Id", Shape::cause(), cause),
        ],
        Kind::Entity | Kind::Html | Kind::List if call.is_about_streams => vec![
            same,
            unchanged,
            (
                "Consistency-Token",
                Shape::tokens(),
                "Answer from views that have reached all of these tokens.",
            ),
            ("Prefer", Shape::text(), wait),
        ],
        Kind::Entity | Kind::Html | Kind::List | Kind::Document => vec![same, unchanged],
        Kind::Create | Kind::Command | Kind::Fallback => vec![],
    }
}

/// The parameter that a segment of the path is, without its first brace.
fn in_path(call: &Call, segment: &str) -> Parameter {
    let name = segment.trim_end_matches(['}', '+']);
    let own = call.in_path.iter().find(|parameter| parameter.name == name).cloned();
    own.unwrap_or_else(|| match segment.contains('+') {
        true => Parameter {
            name: name.to_owned(),
            shape: Shape::stream(),
            meaning: "Names the stream, without the tenant.",
        },
        false => {
            Parameter { name: name.to_owned(), shape: Shape::id(), meaning: "Names the thing." }
        }
    })
}

fn describe((place, Parameter { name, shape, meaning }): (&str, Parameter)) -> Value {
    let schema = match shape.name {
        Some(name) => json!({ "$ref": format!("#/components/schemas/{name}") }),
        None => shape.schema,
    };
    json!({
        "in": place,
        "name": name,
        "description": meaning,
        "required": place == "path",
        "schema": schema,
    })
}

fn responses(call: &Call) -> Value {
    let mut responses = Map::new();
    let (status, content) = success(call);
    responses.insert(
        status.to_owned(),
        json!({
            "description": call.summary,
            "content": content.clone(),
            "headers": answer_headers(call, call.kind),
        }),
    );
    if call.may_create {
        let created = json!({
            "description": "Something was created.",
            "content": content,
            "headers": answer_headers(call, Kind::Create),
        });
        responses.insert("201".to_owned(), created);
    }
    if call.method == "GET" {
        responses
            .insert("304".to_owned(), json!({ "description": "The caller has it so already." }));
    }
    for status in statuses(call) {
        responses.insert(status.to_string(), problem_response(call, status));
    }
    Value::Object(responses)
}

fn success(call: &Call) -> (&'static str, Value) {
    let json_of = |schema: Value| json!({ "application/json": { "schema": schema } });
    let command_answer = || json!({ "$ref": "#/components/schemas/CommandAnswer" });
    let answer = call.answer.as_ref().map_or_else(command_answer, reference);
    match call.kind {
        Kind::Create => ("201", json_of(answer)),
        Kind::Command => ("200", json_of(answer)),
        Kind::Entity => ("200", json_of(answer)),
        Kind::Html => ("200", json!({ "text/html": { "schema": { "type": "string" } } })),
        Kind::List => ("200", json_of(page_of(&answer))),
        Kind::Document | Kind::Fallback => ("200", json!({})),
    }
}

fn page_of(item: &Value) -> Value {
    let items = json!({
        "type": "array",
        "items": item,
        "description": "At most `limit`. A page may have fewer, or none, and \
                        still not be the last.",
    });
    let next = json!({
        "type": ["string", "null"],
        "description": "What `cursor` takes for the next page; null only on the last.",
    });
    json!({
        "type": "object",
        "required": ["items", "next"],
        "properties": { "items": items, "next": next },
    })
}

/// The statuses that a call of this kind can have besides its success.
fn statuses(call: &Call) -> Vec<u16> {
    let common: &[u16] = match call.kind {
        Kind::Document | Kind::Fallback => &[400, 404, 412, 413, 415, 422, 500, 503],
        Kind::Entity | Kind::Html | Kind::List => {
            &[400, 401, 403, 404, 412, 413, 415, 422, 500, 503]
        }
        Kind::Create | Kind::Command => &[400, 401, 403, 404, 413, 415, 422, 500, 503],
    };
    let mut statuses = common.to_vec();
    if matches!(call.kind, Kind::Create | Kind::Command) && call.is_about_streams {
        statuses.push(412);
    }
    statuses.extend(call.problems.iter().map(|kind| kind.status));
    if !call.rules.is_empty() {
        statuses.push(409);
    }
    if matches!(call.kind, Kind::Entity | Kind::Html | Kind::List) && call.is_about_streams {
        statuses.push(410);
    }
    statuses
}

/// What the gateway answers itself too, in its own words, before a function is asked or when it is
/// gone.
const OF_THE_GATEWAY: [u16; 4] = [401, 413, 500, 503];

fn problem_response(call: &Call, status: u16) -> Value {
    // A conflict is one of the call's own; all else any call can have.
    let common = PROBLEM_TYPES.iter().filter(|kind| kind.status != 409);
    let kinds =
        common.chain(&call.problems).filter(|kind| kind.status == status).map(|kind| kind.name);
    let rules = call.rules.iter().map(|rule| rule.name).filter(|_| status == 409);
    let types: Vec<&str> = rules.chain(kinds).collect();
    let mut content = json!({
        "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } }
    });
    let is_command = matches!(call.kind, Kind::Create | Kind::Command) && call.is_about_streams;
    if OF_THE_GATEWAY.contains(&status) {
        content["application/json"] = json!({
            "schema": { "type": "object", "properties": { "message": { "type": "string" } } }
        });
    }
    let mut response = json!({ "description": types.join(", "), "content": content });
    if is_command && [409, 412].contains(&status) {
        response["headers"] =
            json!({ "ETag": header("The present version of what the command is about.") });
    }
    if is_command && status == 409 {
        response["headers"]["Idempotency-Replayed"] = replayed();
    }
    response
}

fn header(meaning: &str) -> Value {
    json!({ "description": meaning, "schema": { "type": "string" } })
}

fn replayed() -> Value {
    let meaning = "`true` if the answer was given before, under the same key; else absent.";
    json!({ "description": meaning, "schema": { "type": "string", "enum": ["true"] } })
}

fn answer_headers(call: &Call, kind: Kind) -> Value {
    let (tag, token) =
        (header("The version of what was answered."), header("A token to read or decide by."));
    let tags = match (call.is_about_streams, kind) {
        (true, Kind::Create | Kind::Command) => {
            json!({ "ETag": tag, "Consistency-Token": token, "Idempotency-Replayed": replayed() })
        }
        (true, _) => json!({ "ETag": tag, "Consistency-Token": token }),
        (false, Kind::Create | Kind::Command) => json!({}),
        (false, _) => json!({ "ETag": tag }),
    };
    match (kind, tags) {
        (Kind::Document, _) => json!({ "ETag": tag }),
        (Kind::Create, Value::Object(mut tags)) => {
            tags.insert("Location".to_owned(), header("Where the new thing is."));
            Value::Object(tags)
        }
        (Kind::List, Value::Object(mut tags)) => {
            tags.insert(
                "Link".to_owned(),
                header(
                    "The next page, `rel=\"next\"`; absent only on the last, however many items \
                     there are.",
                ),
            );
            Value::Object(tags)
        }
        (_, tags) => tags,
    }
}

fn reference(schema: &SchemaOf) -> Value {
    json!({ "$ref": format!("#/components/schemas/{}", (schema.name)()) })
}

fn add(schema_of: &SchemaOf, schemas: &mut Map<String, Value>) {
    let mut found = vec![((schema_of.name)(), (schema_of.schema)())];
    (schema_of.others)(&mut found);
    // A schema is plain data, so it can always be written.
    let json = |schema| serde_json::to_value(schema).unwrap_or_default();
    let found = found.into_iter().map(|(name, schema)| (name, json(schema))).collect();
    schemas.extend(schema::with_texts_in_place(found));
}

/// The body of a command, as its own component: without what the path has, and with the version.
fn body_of_command(call: &Call) -> Value {
    let in_path: Vec<&str> = call.parameters_of_path().collect();
    match &call.body {
        Some(body) => BodySchema::of(body).of_body(&in_path, call.takes_version()),
        None => json!({
            "type": "object",
            "additionalProperties": false,
            "properties": { "version": schema::version() },
        }),
    }
}

fn command_answer() -> Value {
    json!({
        "type": "object",
        "required": ["id", "version"],
        "properties": {
            "id": { "type": "string", "description": "What was changed." },
            "version": {
                "type": "integer", "minimum": 0, "description": "The number of its last event.",
            },
        },
    })
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457. `type` leads to a page that explains it.",
        "required": ["type", "title", "status"],
        "properties": {
            "type": { "type": "string", "format": "uri-reference" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "pointer": { "type": "string" }, "detail": { "type": "string" },
                    },
                },
            },
        },
    })
}

#[cfg(test)]
mod tests;
