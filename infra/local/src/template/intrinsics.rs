//! CloudFormation's intrinsic functions and conditions, resolved to local names.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Value};

use super::names::{ACCOUNT, Identity, REGION, STACK};

/// What references may lead to: parameters, conditions and resources.
pub(super) struct Scope {
    parameters: BTreeMap<String, Value>,
    conditions: Map<String, Value>,
    resources: BTreeMap<String, Identity>,
}

impl Scope {
    pub(super) fn new(
        document: &Value,
        given: &BTreeMap<String, String>,
        secret: &mut dyn FnMut(&str) -> Result<String>,
    ) -> Result<Self> {
        let mut scope = Self {
            parameters: BTreeMap::new(),
            conditions: section(document, "Conditions"),
            resources: BTreeMap::new(),
        };
        for (name, declaration) in section(document, "Parameters") {
            scope
                .parameters
                .insert(name.clone(), parameter(&name, &declaration, given.get(&name), secret)?);
        }
        if let Some(unknown) = given.keys().find(|name| !scope.parameters.contains_key(*name)) {
            bail!("the template has no parameter {unknown}");
        }
        for (logical_id, resource) in section(document, "Resources") {
            let identity = scope.identify(&logical_id, &resource)?;
            scope.resources.insert(logical_id, identity);
        }
        Ok(scope)
    }

    /// The identity of a resource of the template.
    pub(super) fn identity(&self, logical_id: &str) -> Result<&Identity> {
        self.resources.get(logical_id).with_context(|| format!("there is no resource {logical_id}"))
    }

    /// Resolves every function inside a value; a missing value (`AWS::NoValue`) becomes null.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value> {
        Ok(self.resolve_optional(value)?.unwrap_or_default())
    }

    /// Whether a named condition holds.
    pub(super) fn holds(&self, name: &str) -> Result<bool> {
        let condition =
            self.conditions.get(name).with_context(|| format!("there is no condition {name}"))?;
        self.test(condition)
    }

    fn identify(&self, logical_id: &str, resource: &Value) -> Result<Identity> {
        let kind =
            resource["Type"].as_str().with_context(|| format!("{logical_id} has no Type"))?;
        let name = Identity::name_property(kind)
            .and_then(|property| resource["Properties"].get(property))
            .map(|name| self.resolve(name).and_then(|name| text(&name)))
            .transpose()
            .with_context(|| format!("the name of {logical_id}"))?;
        Ok(Identity::new(kind, logical_id, name))
    }

    fn resolve_optional(&self, value: &Value) -> Result<Option<Value>> {
        match value {
            Value::Array(items) => {
                let items = items.iter().filter_map(|v| self.resolve_optional(v).transpose());
                Ok(Some(Value::Array(items.collect::<Result<_>>()?)))
            }
            Value::Object(object) => match single_entry(object) {
                Some((name, argument)) if is_function(name) => self.call(name, argument),
                _ => self.resolve_object(object).map(Some),
            },
            plain => Ok(Some(plain.clone())),
        }
    }

    fn resolve_object(&self, object: &Map<String, Value>) -> Result<Value> {
        let mut resolved = Map::new();
        for (key, value) in object {
            if let Some(value) = self.resolve_optional(value)? {
                resolved.insert(key.clone(), value);
            }
        }
        Ok(resolved.into())
    }

    fn call(&self, function: &str, argument: &Value) -> Result<Option<Value>> {
        match function {
            "Ref" => self.reference(&text(argument)?),
            "Fn::GetAtt" => self.attribute(argument).map(Some),
            "Fn::Sub" => self.substitute(argument).map(Some),
            "Fn::If" => {
                let [condition, then, otherwise] = arguments(argument)?;
                let holds = self.holds(&text(condition)?)?;
                self.resolve_optional(if holds { then } else { otherwise })
            }
            "Fn::Join" => {
                let [separator, parts] = arguments(argument)?;
                let parts = self.resolve(parts)?;
                let parts = parts.as_array().context("Join wants a list")?;
                let parts = parts.iter().map(text).collect::<Result<Vec<_>>>()?;
                Ok(Some(parts.join(&text(separator)?).into()))
            }
            other => bail!("{other} is not supported on one machine"),
        }
    }

    /// `Ref`; `None` for `AWS::NoValue`.
    fn reference(&self, name: &str) -> Result<Option<Value>> {
        Ok(Some(match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::Region" => REGION.into(),
            "AWS::AccountId" => ACCOUNT.into(),
            "AWS::Partition" => "aws".into(),
            "AWS::StackName" => STACK.into(),
            "AWS::URLSuffix" => "amazonaws.com".into(),
            _ => match self.parameters.get(name) {
                Some(value) => value.clone(),
                None => self.identity(name)?.reference(),
            },
        }))
    }

    /// `GetAtt`, written as `Resource.Attribute` or as a list of the two.
    fn attribute(&self, argument: &Value) -> Result<Value> {
        let path = match argument {
            Value::String(path) => path.clone(),
            list => {
                let [resource, attribute] = arguments(list)?;
                format!("{}.{}", text(resource)?, text(attribute)?)
            }
        };
        let (resource, attribute) = path.split_once('.').context("GetAtt wants an attribute")?;
        Ok(self.identity(resource)?.attribute(attribute))
    }

    /// `Sub`, with its own variables or without; `${!literal}` stays as `${literal}`.
    fn substitute(&self, argument: &Value) -> Result<Value> {
        let (pattern, variables) = match argument {
            Value::String(pattern) => (pattern.clone(), Value::Null),
            list => {
                let [pattern, variables] = arguments(list)?;
                (text(pattern)?, self.resolve(variables)?)
            }
        };
        let mut out = String::new();
        let mut rest = pattern.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, tail) = after.split_once('}').context("Sub with an unclosed ${")?;
            out.push_str(before);
            match name.strip_prefix('!') {
                Some(literal) => out.push_str(&format!("${{{literal}}}")),
                None => out.push_str(&self.variable(name.trim(), &variables)?),
            }
            rest = tail;
        }
        out.push_str(rest);
        Ok(out.into())
    }

    fn variable(&self, name: &str, variables: &Value) -> Result<String> {
        if let Some(value) = variables.get(name) {
            return text(value);
        }
        if name.contains('.') {
            return text(&self.attribute(&name.into())?);
        }
        let value = self.reference(name)?.context("Sub of AWS::NoValue")?;
        text(&value)
    }

    fn test(&self, condition: &Value) -> Result<bool> {
        let (function, argument) = condition
            .as_object()
            .and_then(single_entry)
            .with_context(|| format!("not a condition: {condition}"))?;
        match function {
            "Condition" => self.holds(&text(argument)?),
            "Fn::Equals" => {
                let [left, right] = arguments(argument)?;
                Ok(text(&self.resolve(left)?)? == text(&self.resolve(right)?)?)
            }
            "Fn::Not" => {
                let [inner] = arguments(argument)?;
                Ok(!self.test(inner)?)
            }
            other => bail!("{other} in a condition is not supported on one machine"),
        }
    }
}

/// A section of the document, or an empty one.
pub(super) fn section(document: &Value, name: &str) -> Map<String, Value> {
    document.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// A scalar as text: what CloudFormation makes of numbers and booleans.
pub(super) fn text(value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => bail!("expected a text, not {other}"),
    }
}

fn parameter(
    name: &str,
    declaration: &Value,
    given: Option<&String>,
    secret: &mut dyn FnMut(&str) -> Result<String>,
) -> Result<Value> {
    let value = match (given, declaration.get("Default")) {
        (Some(given), _) => given.clone(),
        (None, Some(default)) => text(default)?,
        (None, None) if is_true(declaration.get("NoEcho")) => secret(name)?,
        (None, None) => format!("local:{name}"),
    };
    Ok(match declaration["Type"].as_str() {
        Some("CommaDelimitedList") => value.split(',').map(|s| Value::from(s.trim())).collect(),
        Some("Number") => Value::Number(
            value
                .parse()
                .with_context(|| format!("the parameter {name} is a number, not {value}"))?,
        ),
        _ => value.into(),
    })
}

/// CloudFormation takes `true` and `"true"` alike.
fn is_true(value: Option<&Value>) -> bool {
    value.and_then(|v| text(v).ok()).as_deref() == Some("true")
}

fn single_entry(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = object.iter();
    match (entries.next(), entries.next()) {
        (Some((name, value)), None) => Some((name, value)),
        _ => None,
    }
}

fn is_function(name: &str) -> bool {
    name == "Ref" || name.starts_with("Fn::")
}

fn arguments<const N: usize>(value: &Value) -> Result<&[Value; N]> {
    value
        .as_array()
        .and_then(|list| list.as_slice().try_into().ok())
        .ok_or_else(|| anyhow!("expected a list of {N}, not {value}"))
}
