//! The schema of a command's body, as plain JSON.

use serde_json::{Map, Value, json};

use headwater::field::LARGEST_INTEGER;

use crate::call::SchemaOf;
use crate::{Parameter, Shape};

/// An object's schema: its parts merged, and the type that it is nothing but another name of
/// looked up.
pub(crate) struct BodySchema(Value);

impl BodySchema {
    /// The schema of a type.
    pub(crate) fn of(schema: &SchemaOf) -> Self {
        let mut others = Vec::new();
        (schema.others)(&mut others);
        // A schema is plain data, so it can always be written.
        let json = |schema| serde_json::to_value(schema).unwrap_or_default();
        let mut all: Map<String, Value> =
            others.into_iter().map(|(name, schema)| (name, json(schema))).collect();
        let name = (schema.name)();
        all.insert(name.clone(), json((schema.schema)()));
        let all = with_texts_in_place(all);
        Self(merged(&all[&name], &all))
    }

    /// A member as a parameter of the path.
    pub(crate) fn parameter(&self, name: &str) -> Parameter {
        let member = &self.0["properties"][name];
        let shape = if member["type"] == "integer" {
            let bound = |bound: &str, otherwise| member[bound].as_u64().unwrap_or(otherwise);
            Shape::number(bound("minimum", 0)..=bound("maximum", u32::MAX.into()))
        } else {
            Shape::id()
        };
        Parameter { name: name.to_owned(), shape, meaning: "Names the thing." }
    }

    /// The schema without these members, and with the version that the caller decided on.
    pub(crate) fn of_body(mut self, in_path: &[&str], takes_version: bool) -> Value {
        if let Some(members) = self.0["properties"].as_object_mut() {
            members.retain(|name, _| !in_path.contains(&name.as_str()));
        }
        if let Some(required) = self.0["required"].as_array_mut() {
            required.retain(|name| !in_path.iter().any(|gone| name == gone));
        }
        if takes_version {
            self.0["properties"]["version"] = version();
        }
        self.0
    }
}

/// The member `version` of a command's body.
pub(crate) fn version() -> Value {
    json!({
        "type": ["integer", "null"],
        "format": "int64",
        "minimum": 0,
        "maximum": LARGEST_INTEGER,
        "description": "The number of the last event that the caller knew. Left out, the command \
                        is decided on the latest state.",
    })
}

/// Schemas of a document, each text of them where it is used: a text with limits
/// ([`Text`](headwater::field::Text)) is no component of its own. Its limits in words follow the
/// description of the member.
pub(crate) fn with_texts_in_place(schemas: Map<String, Value>) -> Map<String, Value> {
    let (texts, others): (Map<_, _>, Map<_, _>) =
        schemas.into_iter().partition(|(_, schema)| is_text(schema));
    others.into_iter().map(|(name, schema)| (name, in_place(schema, &texts))).collect()
}

/// Whether a component is a text, and not one of some words.
fn is_text(schema: &Value) -> bool {
    schema["type"] == "string" && schema.get("enum").is_none()
}

fn in_place(schema: Value, texts: &Map<String, Value>) -> Value {
    if let Some(text) = referred_to(&schema, texts) {
        return described(text.clone(), [&schema["description"], &text["description"]]);
    }
    // An optional member is described as the text or null.
    let null = json!({ "type": "null" });
    if let Some([one, other]) = schema["oneOf"].as_array().map(Vec::as_slice)
        && let Some(reference) = [one, other].into_iter().find(|part| **part != null)
        && let Some(text) = referred_to(reference, texts)
        && [one, other].contains(&&null)
    {
        let own = [&schema, reference].into_iter().find(|part| part["description"].is_string());
        let own = own.map_or(&Value::Null, |part| &part["description"]);
        let mut text = described(text.clone(), [own, &text["description"]]);
        text["type"] = json!(["string", "null"]);
        return text;
    }
    match schema {
        Value::Object(members) => {
            members.into_iter().map(|(name, member)| (name, in_place(member, texts))).collect()
        }
        Value::Array(items) => items.into_iter().map(|item| in_place(item, texts)).collect(),
        other => other,
    }
}

fn referred_to<'a>(schema: &Value, known: &'a Map<String, Value>) -> Option<&'a Value> {
    known.get(schema["$ref"].as_str()?.rsplit('/').next()?)
}

fn described(mut schema: Value, parts: [&Value; 2]) -> Value {
    let parts: Vec<&str> = parts.into_iter().filter_map(Value::as_str).collect();
    schema["description"] = parts.join(" ").into();
    schema
}

/// A schema as one object. What is flattened into an object is described as `allOf`; but a part
/// that refuses unknown members refuses those of the others, so such an object is described by all
/// members at once.
pub(crate) fn merged(schema: &Value, known: &Map<String, Value>) -> Value {
    if let Some(other) = referred_to(schema, known) {
        return merged(other, known);
    }
    let Some(parts) = schema["allOf"].as_array() else { return schema.clone() };
    let parts: Vec<Value> = parts.iter().map(|part| merged(part, known)).collect();
    let properties: Map<String, Value> = parts
        .iter()
        .filter_map(|part| part["properties"].as_object())
        .flatten()
        .map(|(name, schema)| (name.clone(), schema.clone()))
        .collect();
    let required: Vec<Value> =
        parts.iter().filter_map(|part| part["required"].as_array()).flatten().cloned().collect();
    let mut whole = json!({ "type": "object", "properties": properties, "required": required });
    if let Some(description) = schema.get("description") {
        whole["description"] = description.clone();
    }
    whole
}
