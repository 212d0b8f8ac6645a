//! Lambda functions, with the template's globals merged in.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::events::{self, EventSource, Route, Schedule};
use super::intrinsics::{Scope, text};
use super::resources::Resource;
use super::roles::{Role, Roles};
use super::typed;

/// A Lambda function.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name in the template.
    pub logical_id: String,
    /// Its `Handler`: the name of the binary, and the name under which the platform shows it.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The template's environment variables.
    pub environment: BTreeMap<String, String>,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// Megabytes; told to the function, not enforced.
    pub memory: u32,
    /// How many instances may run at once, if the template says so.
    pub reserved_concurrency: Option<u32>,
    /// What it may do.
    pub role: Role,
    /// The HTTP routes that lead to it.
    pub routes: Vec<Route>,
    /// The streams that it consumes.
    pub event_sources: Vec<EventSource>,
    /// The schedules that invoke it.
    pub schedules: Vec<Schedule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FunctionProperties {
    handler: String,
    role: Option<String>,
    timeout: Option<u64>,
    memory_size: Option<u32>,
    reserved_concurrent_executions: Option<u32>,
    environment: Option<Environment>,
    #[serde(default)]
    events: BTreeMap<String, Event>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Environment {
    #[serde(default)]
    variables: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Event {
    r#type: String,
    #[serde(default)]
    properties: Value,
}

/// Reads one `AWS::Serverless::Function`.
pub(super) fn read(
    resource: &Resource<'_>,
    globals: &Value,
    roles: &Roles,
    scope: &Scope,
) -> Result<Function> {
    let merged = merge(globals, resource.properties);
    let properties: FunctionProperties = typed(scope.resolve(&merged)?)?;
    let Some(role) = properties.role else {
        bail!("a function needs a Role: the roles that SAM would make up are not known here");
    };
    let environment = properties.environment.unwrap_or_default().variables;
    let mut function = Function {
        logical_id: resource.logical_id.to_owned(),
        arn: scope.identity(resource.logical_id)?.arn(),
        name: properties.handler,
        environment: environment
            .iter()
            .map(|(k, v)| Ok((k.clone(), text(v)?)))
            .collect::<Result<_>>()?,
        timeout: Duration::from_secs(properties.timeout.unwrap_or(3)),
        memory: properties.memory_size.unwrap_or(128),
        reserved_concurrency: properties.reserved_concurrent_executions,
        role: roles.by_arn(&role)?,
        routes: Vec::new(),
        event_sources: Vec::new(),
        schedules: Vec::new(),
    };
    for (name, event) in properties.events {
        add_event(&mut function, event).with_context(|| format!("event {name}"))?;
    }
    Ok(function)
}

fn add_event(function: &mut Function, event: Event) -> Result<()> {
    match event.r#type.as_str() {
        "HttpApi" => function.routes.push(events::route(event.properties)?),
        "DynamoDB" | "Kinesis" => {
            function.event_sources.push(events::event_source(&function.name, event.properties)?);
        }
        "Schedule" => function.schedules.push(events::schedule(event.properties)?),
        other => bail!("events of type {other} are not supported on one machine"),
    }
    Ok(())
}

/// SAM's rule: objects merge, the function's own value wins over the global one, lists are joined.
fn merge(global: &Value, own: &Value) -> Value {
    match (global, own) {
        (Value::Null, own) => own.clone(),
        (global, Value::Null) => global.clone(),
        (Value::Object(global), Value::Object(own)) => {
            let mut merged: Map<String, Value> = global.clone();
            for (key, value) in own {
                let inherited = global.get(key).unwrap_or(&Value::Null);
                merged.insert(key.clone(), merge(inherited, value));
            }
            merged.into()
        }
        (Value::Array(global), Value::Array(own)) => global.iter().chain(own).cloned().collect(),
        (_, own) => own.clone(),
    }
}

#[cfg(test)]
impl Function {
    /// A function with a name and routes, and nothing else of interest.
    pub(crate) fn for_test(name: &str, routes: Vec<Route>) -> Self {
        Self {
            logical_id: name.to_owned(),
            name: name.to_owned(),
            arn: format!("arn:{name}"),
            environment: BTreeMap::new(),
            timeout: Duration::from_secs(3),
            memory: 128,
            reserved_concurrency: None,
            role: Role::default(),
            routes,
            event_sources: Vec::new(),
            schedules: Vec::new(),
        }
    }
}
