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
        let others: Map<String, Value> =
            others.into_iter().map(|(name, schema)| (name, json(schema))).collect();
        Self(merged(&json((schema.schema)()), &others))
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

/// A schema as one object. What is flattened into an object is described as `allOf`; but a part
/// that refuses unknown members refuses those of the others, so such an object is described by all
/// members at once.
pub(crate) fn merged(schema: &Value, known: &Map<String, Value>) -> Value {
    let name = schema["$ref"].as_str().and_then(|place| place.rsplit('/').next());
    if let Some(other) = name.and_then(|name| known.get(name)) {
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
