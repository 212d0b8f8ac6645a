//! YAML to JSON, with CloudFormation's short tags in their long form: `!Ref X` becomes
//! `{"Ref": "X"}`, `!Sub X` `{"Fn::Sub": "X"}`.

use std::fmt;

use anyhow::{Context, Result};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};
use serde_saphyr::Tagged;

/// Parses a template.
pub(super) fn parse(text: &str) -> Result<Value> {
    // Else a key of type `N` would be read as "no".
    let options = serde_saphyr::options! { strict_booleans: true };
    let node: Node = serde_saphyr::from_str_with_options(text, options)
        .context("the template is not valid YAML")?;
    Ok(node.0)
}

/// A value whose tag, if it had one, has been turned into the function that it abbreviates.
struct Node(Value);

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Tagged(Plain(value), tag) = Tagged::<Plain>::deserialize(deserializer)?;
        Ok(Self(match tag.as_deref().and_then(long_form) {
            Some(function) => json!({ function: value }),
            None => value,
        }))
    }
}

/// `!Sub` is `Fn::Sub`; `Ref` and `Condition` have no prefix. Tags of YAML itself (`!!str`) are no
/// functions.
fn long_form(tag: &str) -> Option<String> {
    match tag.strip_prefix('!')? {
        name @ ("Ref" | "Condition") => Some(name.to_owned()),
        name if name.starts_with('!') || name.is_empty() => None,
        name => Some(format!("Fn::{name}")),
    }
}

/// A value without its own tag; the values inside keep theirs.
struct Plain(Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor).map(Self)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Node(value)) = seq.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some((key, Node(value))) = map.next_entry::<String, Node>()? {
            values.insert(key, value);
        }
        Ok(values.into())
    }
}
