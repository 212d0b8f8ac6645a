//! `/execute` and the commands' own calls: two ways to one answer. Twins are led through one life,
//! one by each way, and every answer compared.

pub(crate) mod identity;
mod invoicing;
pub(crate) mod licensing;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use headwater_tests::{Client, Platform, Reply};
use serde_json::{Map, Value, json};

use crate::support::events;

/// One command: its name, the method and path of its own call, and its body. `{id}` stands for the
/// twin's id, `{made}` for the id of what was created last.
pub(crate) struct Step {
    command: &'static str,
    method: &'static str,
    path: &'static str,
    /// The path's parameters that are not the twin's id.
    parameters: BTreeMap<&'static str, &'static str>,
    body: Value,
    headers: &'static [(&'static str, &'static str)],
    /// The answer's status, and the problem's type.
    expected: (u16, &'static str),
}

fn step(
    command: &'static str,
    method: &'static str,
    path: &'static str,
    body: Value,
    expected: (u16, &'static str),
) -> Step {
    Step { command, method, path, parameters: BTreeMap::new(), body, headers: &[], expected }
}

impl Step {
    /// With this parameter of the path.
    fn at(mut self, name: &'static str, value: &'static str) -> Self {
        self.parameters.insert(name, value);
        self
    }
}

/// The calls of a life that changed what was there: method, path and body. In the path, the ids
/// are the given ones.
pub(crate) fn calls_on(
    life: Vec<Step>,
    id_of: impl Fn(&str, &str) -> String,
) -> impl Iterator<Item = (&'static str, String, Value)> {
    let changes = life.into_iter().filter(|step| step.expected.0 == 200);
    changes.filter(|step| step.path.contains("{id}")).map(move |step| {
        let path = names(step.path).into_iter().fold(step.path.to_owned(), |path, name| {
            path.replace(&format!("{{{name}}}"), &id_of(step.path, name))
        });
        let mut body = step.body;
        // What it was decided on is another thing's version here.
        body.as_object_mut().map(|members| members.remove("version"));
        (step.method, path, body)
    })
}

/// One of the twins.
struct Twin {
    id: &'static str,
    /// The id of what was created last.
    made: String,
}

impl Twin {
    fn fill(&self, text: &str) -> String {
        text.replace("{id}", self.id).replace("{made}", &self.made)
    }

    fn body(&self, step: &Step) -> Result<Value> {
        Ok(serde_json::from_str(&self.fill(&step.body.to_string()))?)
    }

    fn parameter(&self, step: &Step, name: &str) -> String {
        self.fill(step.parameters.get(name).copied().unwrap_or("{id}"))
    }

    async fn by_its_own_call(&mut self, client: &Client, step: &Step) -> Result<Reply> {
        let path = names(step.path).into_iter().fold(step.path.to_owned(), |path, name| {
            path.replace(&format!("{{{name}}}"), &self.parameter(step, name))
        });
        let call = client.call(step.method, &path);
        let call = step
            .headers
            .iter()
            .fold(call, |call, (name, value)| call.header(name, &self.fill(value)));
        let reply = call.json(&self.body(step)?).send().await?;
        self.note(reply)
    }

    async fn by_execute(&mut self, client: &Client, step: &Step) -> Result<Reply> {
        let mut payload = match self.body(step)? {
            Value::Array(items) => json!({ "items": items }),
            body => body,
        };
        let (mut others, mut aggregate_id) = (names(step.path), None);
        if others.contains(&"id") {
            others.retain(|name| *name != "id");
            aggregate_id = Some(self.parameter(step, "id"));
        }
        for name in others {
            let value = self.parameter(step, name);
            payload[name] = match value.parse::<u64>() {
                Ok(number) => number.into(),
                Err(_) => value.into(),
            };
        }
        let mut body = json!({ "command": step.command, "payload": payload });
        if let Some(id) = aggregate_id {
            body["aggregateId"] = id.into();
        }
        let domain = step.path.split('/').nth(1).unwrap_or_default();
        let call = client.call("POST", &format!("/{domain}/execute"));
        // Of a key the scope is the path, which is one for all here.
        let key = |name: &str, value: String| {
            if name == "idempotency-key" { format!("{value}-{}", self.id) } else { value }
        };
        let call = step
            .headers
            .iter()
            .fold(call, |call, (name, value)| call.header(name, &key(name, self.fill(value))));
        let reply = call.json(&body).send().await?;
        self.note(reply)
    }

    fn note(&mut self, reply: Reply) -> Result<Reply> {
        if reply.status == 201 {
            self.made = reply.id().to_owned();
        }
        Ok(reply)
    }

    /// What must be the same: status, body and headers, but for the ids and times, and what belongs
    /// to the request itself.
    fn comparable(&self, reply: &Reply) -> Value {
        let own = ["date", "x-correlation-id", "apigw-requestid", "content-length"];
        let headers: Map<String, Value> = reply
            .headers
            .iter()
            .filter(|(name, _)| !own.contains(&name.as_str()))
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().into()))
            .collect();
        let mut body = reply.body.clone();
        without_times(&mut body);
        let all = json!({ "status": reply.status, "headers": headers, "body": body });
        let mut text = all.to_string().replace(self.id, "{id}");
        if !self.made.is_empty() {
            text = text.replace(&self.made, "{made}");
        }
        serde_json::from_str(&text).unwrap_or_default()
    }
}

/// Takes out what depends on when the request was made.
fn without_times(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let is_time = |name: &str| name == "at" || name.ends_with("At");
            members.retain(|name, _| !is_time(name) && name != "correlationId");
            members.values_mut().for_each(without_times);
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}

/// The names of a path's parameters.
fn names(path: &str) -> Vec<&str> {
    path.split('/').filter_map(|s| s.strip_prefix('{')?.strip_suffix('}')).collect()
}

/// Leads both twins of a service through a life that has each of its commands.
async fn twins_have_one_life(platform: &Platform, service: &str, life: Vec<Step>) -> Result<()> {
    let client = platform.client(&format!("twins-{service}")).await?;
    let mut castor = Twin { id: "castor", made: String::new() };
    let mut pollux = Twin { id: "pollux", made: String::new() };
    let mut covered = BTreeSet::new();
    for (place, step) in life.iter().enumerate() {
        let one = castor.by_its_own_call(&client, step).await?;
        let other = pollux.by_execute(&client, step).await?;
        let what = format!("step {place}, {} {}", step.command, step.body);
        assert_eq!(castor.comparable(&one), pollux.comparable(&other), "{what}");
        let (status, problem) = step.expected;
        assert_eq!(one.status, status, "{what}: {}", one.body);
        assert!(
            problem.is_empty() || one.body["type"] == format!("/problems/{problem}"),
            "{what}: {}",
            one.body
        );
        covered.insert(step.command);
    }
    let unknown = client
        .post(&format!("/{service}/execute"), &json!({ "command": "Nonsense" }))
        .await?
        .problem(422, "invalid-request")?;
    let detail = unknown.body["errors"][0]["detail"].as_str().unwrap_or_default().to_owned();
    let known: BTreeSet<&str> = detail.trim_start_matches("one of ").split(", ").collect();
    assert_eq!(covered, known, "every command is compared");
    Ok(())
}

/// That both have the same history, at this path with the twin's id at its end.
async fn same_history(platform: &Platform, service: &str, stream: &str) -> Result<()> {
    let client = platform.client(&format!("twins-{service}")).await?;
    let facts = |events: Vec<Value>| {
        events
            .into_iter()
            .map(|event| (event["type"].clone(), event["command"].clone()))
            .collect::<Vec<_>>()
    };
    let one = events(&client, &format!("{stream}/castor")).await?;
    let other = events(&client, &format!("{stream}/pollux")).await?;
    assert_eq!(facts(one), facts(other), "{stream}");
    Ok(())
}
