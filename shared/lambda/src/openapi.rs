//! The OpenAPI document of all calls, made from the same [`Call`]s that the functions are made from.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::call::{Call, Kind, SchemaOf};
use crate::problem::PROBLEM_TYPES;

/// The document (OpenAPI 3.1) of these calls.
pub fn document(calls: &[Call]) -> Value {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut schemas = Map::new();
    for call in calls {
        // OpenAPI knows no greedy parameters.
        let path = call.path.replace("+}", "}");
        paths.entry(path).or_default().insert(call.method.to_lowercase(), operation(call));
        for schema in call.body.iter().chain(&call.answer) {
            add(schema, &mut schemas);
        }
    }
    merge_members(&mut schemas);
    schemas.insert("Problem".to_owned(), problem_schema());
    schemas.insert("CommandAnswer".to_owned(), command_answer());
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Headwater", "version": env!("CARGO_PKG_VERSION"), "license": { "name": "MIT OR Apache-2.0" } },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "jwt": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
        },
    })
}

fn operation(call: &Call) -> Value {
    let mut operation = json!({
        "operationId": call.function,
        "tags": [call.path.split('/').nth(1).unwrap_or_default()],
        "summary": call.summary,
        "parameters": parameters(call),
        "responses": responses(call),
    });
    if let Some(role) = call.access.role() {
        operation["security"] = json!([{ "jwt": [] }]);
        operation["description"] = format!("Needs the role `{role}`.").into();
    }
    if let Some(body) = &call.body {
        let schema = if call.has_list_body { json!({ "type": "array", "items": reference(body) }) } else { reference(body) };
        operation["requestBody"] = json!({ "required": !call.has_optional_body, "content": { "application/json": { "schema": schema } } });
    }
    operation
}

fn parameters(call: &Call) -> Vec<Value> {
    let text = |place: &str, name: &str, meaning: &str, required: bool| json!({ "in": place, "name": name, "description": meaning, "required": required, "schema": { "type": "string" } });
    let in_path = call.path.split('/').filter_map(|segment| segment.strip_prefix('{')).map(|segment| segment.trim_end_matches(['}', '+']));
    let mut parameters: Vec<Value> = in_path.map(|name| text("path", name, "Names the thing.", true)).collect();
    parameters.extend(call.query.iter().map(|(name, meaning)| text("query", name, meaning, false)));
    let headers: &[(&str, &str)] = match call.kind {
        Kind::Create | Kind::Command => &[
            ("If-Match", "Carry out only if all streams in one of these tokens are still at these versions; `*`: if it exists."),
            ("Consistency-Token", "Decide on a state that has reached all of these tokens."),
            ("Idempotency-Key", "The same key and request within 24 hours give the same answer, without a second effect."),
        ],
        Kind::Entity | Kind::Html | Kind::List => &[
            ("If-None-Match", "304 if the answer still has one of these tags."),
            ("Consistency-Token", "Answer from views that have reached all of these tokens."),
            ("Prefer", "`wait=N`: how many seconds the answer may wait for the views, 2 if absent, 10 at most."),
        ],
        Kind::Document => &[],
    };
    parameters.extend(headers.iter().chain(&call.headers).map(|(name, meaning)| text("header", name, meaning, false)));
    parameters
}

fn responses(call: &Call) -> Value {
    let mut responses = Map::new();
    let (status, content) = success(call);
    responses.insert(
        status.to_owned(),
        json!({ "description": call.summary, "content": content.clone(), "headers": answer_headers(call.kind) }),
    );
    if call.may_create {
        let created = json!({ "description": "Something was created.", "content": content, "headers": answer_headers(Kind::Create) });
        responses.insert("201".to_owned(), created);
    }
    if matches!(call.kind, Kind::Entity | Kind::Html | Kind::List) {
        responses.insert("304".to_owned(), json!({ "description": "The caller has it so already." }));
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
        Kind::Document => ("200", json!({})),
    }
}

fn page_of(item: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["items", "next"],
        "properties": { "items": { "type": "array", "items": item }, "next": { "type": ["string", "null"] } },
    })
}

/// The statuses that a call of this kind can have besides its success.
fn statuses(call: &Call) -> Vec<u16> {
    let common: &[u16] = match call.kind {
        Kind::Document => return vec![404],
        Kind::Entity | Kind::Html | Kind::List => &[400, 401, 403, 404, 422, 500, 503],
        Kind::Create | Kind::Command => &[400, 401, 403, 404, 412, 413, 422, 500, 503],
    };
    let mut statuses = common.to_vec();
    statuses.extend(call.problems.iter().map(|kind| kind.status));
    if !call.rules.is_empty() {
        statuses.push(409);
    }
    if call.path.ends_with("/changes") {
        statuses.push(410);
    }
    statuses
}

/// What the gateway answers itself too, in its own words, before a function is asked or when it is gone.
const OF_THE_GATEWAY: [u16; 4] = [401, 413, 500, 503];

fn problem_response(call: &Call, status: u16) -> Value {
    // A conflict is one of the call's own; all else any call can have.
    let common = PROBLEM_TYPES.iter().filter(|kind| kind.status != 409);
    let kinds = common.chain(&call.problems).filter(|kind| kind.status == status).map(|kind| kind.name);
    let rules = call.rules.iter().map(|rule| rule.name).filter(|_| status == 409);
    let types: Vec<&str> = rules.chain(kinds).collect();
    let mut content = json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
    if OF_THE_GATEWAY.contains(&status) {
        content["application/json"] = json!({ "schema": { "type": "object", "properties": { "message": { "type": "string" } } } });
    }
    json!({ "description": types.join(", "), "content": content })
}

fn answer_headers(kind: Kind) -> Value {
    let header = |meaning: &str| json!({ "description": meaning, "schema": { "type": "string" } });
    let tags = json!({ "ETag": header("The version of what was answered."), "Consistency-Token": header("A token to read or decide by.") });
    match (kind, tags) {
        (Kind::Document, _) => json!({}),
        (Kind::Create, Value::Object(mut tags)) => {
            tags.insert("Location".to_owned(), header("Where the new thing is."));
            Value::Object(tags)
        }
        (Kind::List, Value::Object(mut tags)) => {
            tags.insert("Link".to_owned(), header("The next page, `rel=\"next\"`."));
            Value::Object(tags)
        }
        (_, tags) => tags,
    }
}

fn reference(schema: &SchemaOf) -> Value {
    json!({ "$ref": format!("#/components/schemas/{}", (schema.name)()) })
}

fn add(schema: &SchemaOf, schemas: &mut Map<String, Value>) {
    let mut found = vec![((schema.name)(), (schema.schema)())];
    (schema.others)(&mut found);
    for (name, schema) in found {
        // A schema is plain data, so it can always be written.
        schemas.insert(name, serde_json::to_value(schema).unwrap_or_default());
    }
}

/// What is flattened into an object is described as `allOf`; but a part that refuses unknown members refuses those of the others. So
/// such an object is described by all members at once.
fn merge_members(schemas: &mut Map<String, Value>) {
    let known = schemas.clone();
    let resolve = |part: &'_ Value| match part["$ref"].as_str().and_then(|place| place.strip_prefix("#/components/schemas/")) {
        Some(name) => known.get(name).cloned().unwrap_or_default(),
        None => part.clone(),
    };
    for schema in schemas.values_mut() {
        let Some(parts) = schema["allOf"].as_array().map(|parts| parts.iter().map(resolve).collect::<Vec<_>>()) else { continue };
        let properties: Map<String, Value> = parts.iter().filter_map(|part| part["properties"].as_object()).flatten().map(own).collect();
        let required: Vec<Value> = parts.iter().filter_map(|part| part["required"].as_array()).flatten().cloned().collect();
        let description = schema["description"].take();
        *schema = json!({ "type": "object", "properties": properties, "required": required });
        if !description.is_null() {
            schema["description"] = description;
        }
    }
}

fn own((name, schema): (&String, &Value)) -> (String, Value) {
    (name.clone(), schema.clone())
}

fn command_answer() -> Value {
    json!({
        "type": "object",
        "required": ["id", "version"],
        "properties": {
            "id": { "type": "string", "description": "What was changed." },
            "version": { "type": "integer", "minimum": 0, "description": "The number of its last event." },
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
                "items": { "type": "object", "properties": { "pointer": { "type": "string" }, "detail": { "type": "string" } } },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A part that refuses unknown members.
    #[derive(serde::Deserialize, utoipa::ToSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is only described")]
    struct Part {
        limit: u32,
    }

    #[derive(serde::Deserialize, utoipa::ToSchema)]
    #[expect(dead_code, reason = "it is only described")]
    struct Whole {
        version: u64,
        #[serde(flatten)]
        part: Part,
    }

    #[test]
    fn what_is_flattened_is_described_with_the_members_beside_it() {
        let document = document(&[Call::entity::<Whole>("get-whole", "/whole", "Both.")]);
        let schemas = &document["components"]["schemas"];
        let members: Vec<&String> = schemas["Whole"]["properties"].as_object().into_iter().flatten().map(|(name, _)| name).collect();
        assert_eq!(members, ["limit", "version"], "{}", schemas["Whole"]);
        assert_eq!((&schemas["Whole"]["additionalProperties"], &schemas["Part"]["additionalProperties"]), (&Value::Null, &json!(false)));
    }

    #[test]
    fn what_the_gateway_answers_itself_is_no_problem_document() {
        let document = document(&[Call::html("get-page", "/page", "A page.")]);
        let media = |status: &str| {
            let content = document["paths"]["/page"]["get"]["responses"][status]["content"].as_object().cloned().unwrap_or_default();
            content.into_iter().map(|(media, _)| media).collect::<Vec<_>>()
        };
        assert_eq!((media("401"), media("404")), (vec!["application/json".to_owned(), PROBLEM.to_owned()], vec![PROBLEM.to_owned()]));
    }

    const PROBLEM: &str = "application/problem+json";

    #[test]
    fn a_page_of_html_is_told_as_one() {
        let document = document(&[Call::html("get-page", "/things/{id}/page", "A page.")]);
        let get = &document["paths"]["/things/{id}/page"]["get"];
        assert_eq!(get["responses"]["200"]["content"], json!({ "text/html": { "schema": { "type": "string" } } }));
        assert!(get["responses"]["200"]["headers"]["ETag"].is_object() && get["responses"]["304"].is_object());
        assert_eq!(get["description"], "Needs the role `reader`.");
    }

    #[test]
    fn a_command_that_may_create_has_both_answers() {
        let changes = || Call::command("do", "POST", "/do", "Do.");
        let answers = |call| document(&[call])["paths"]["/do"]["post"]["responses"].clone();
        let (either, change) = (answers(changes().may_create()), answers(changes()));
        assert!(either["200"].is_object() && either["201"]["headers"]["Location"].is_object(), "{either}");
        assert!(change["200"].is_object() && change["201"].is_null(), "{change}");
    }
}
