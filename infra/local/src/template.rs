//! The model of `template.yaml`: everything that the platform starts, grants and wires up.
//!
//! The file is the one that deploys. It is read in three steps: [`yaml`] parses it and turns the
//! short tags into their long form. [`intrinsics`] resolves references to the names that resources
//! have on one machine. The modules named after the kinds of resource give them types. Resource
//! types that mean nothing on one machine (alarms, log groups) are passed over; a property of an
//! event source that the platform doesn't know is an error, since ignoring it would test something
//! else than what is deployed.

mod events;
mod functions;
mod intrinsics;
mod names;
mod resources;
mod roles;
mod yaml;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use events::{DEFAULT_ROUTE, EventSource, Route, Schedule, SourceKind, StartingPosition};
pub use functions::Function;
pub use names::{ACCOUNT, REGION};
pub use resources::{Authorizer, Bucket, Key, Queue, Stream, Table, Throttle};
pub use roles::{Effect, Role, Statement};

use intrinsics::Scope;

/// The variables that hold secrets of the stores.
const SECRETS: [&str; 2] = ["UNIQUE_KEY", "PERSONAL_KEY"];

/// All that the platform takes from `template.yaml`, with every reference resolved.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use headwater_local::template::Template;
///
/// let text = "
/// Resources:
///   Scans:
///     Type: AWS::Kinesis::Stream
///     Properties: {ShardCount: 1}
/// ";
/// let template = Template::parse(text, &BTreeMap::new(), &mut |_| Ok("a secret".to_owned()))?;
/// assert_eq!(template.streams.len(), 1);
/// assert!(template.function("shop-open-till").is_none());
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Template {
    /// DynamoDB tables.
    pub tables: Vec<Table>,
    /// Kinesis streams.
    pub streams: Vec<Stream>,
    /// S3 buckets.
    pub buckets: Vec<Bucket>,
    /// SQS queues.
    pub queues: Vec<Queue>,
    /// Lambda functions, each with its role, routes and event sources.
    pub functions: Vec<Function>,
    /// Who signs the tokens that the HTTP API accepts; `None` when the template has no JWT
    /// authorizer.
    pub authorizer: Option<Authorizer>,
    /// How many requests each route of the HTTP API takes; `None` when the template does not say.
    pub throttle: Option<Throttle>,
}

impl Template {
    /// Reads a template.
    ///
    /// Parameters have the values that are `given`, else their defaults. `secret` is asked for the
    /// value of each that is `NoEcho` and has neither, by the parameter's name; others without
    /// either get `local:<name>`.
    ///
    /// # Errors
    /// When the text is no YAML, a parameter that is given does not exist, or a reference leads
    /// nowhere. Also when a resource uses what one machine can't do.
    pub fn parse(
        text: &str,
        given: &BTreeMap<String, String>,
        secret: &mut dyn FnMut(&str) -> Result<String>,
    ) -> Result<Self> {
        let document = yaml::parse(text)?;
        let scope = Scope::new(&document, given, secret)?;
        let globals = document.get("Globals").cloned().unwrap_or_default();
        let mut template = Self {
            tables: Vec::new(),
            streams: Vec::new(),
            buckets: Vec::new(),
            queues: Vec::new(),
            functions: Vec::new(),
            authorizer: resources::authorizer(&globals["HttpApi"], &scope)?,
            throttle: resources::throttle(&globals["HttpApi"], &scope)?,
        };
        let roles = roles::read_all(&document, &scope)?;
        for resource in resources::active(&document, &scope)? {
            template
                .add(&resource, &globals, &roles, &scope)
                .with_context(|| format!("resource {}", resource.logical_id))?;
        }
        template.check()?;
        Ok(template)
    }

    /// The function with this name (`Handler`).
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|f| f.name == name)
    }

    /// The variables by which functions know tables, streams and buckets, with their names; and
    /// the secrets, without which unique values cannot be told and what is personal not be read.
    pub fn stores(&self) -> BTreeMap<String, String> {
        let tables = self.tables.iter().map(|table| &table.name);
        let names: BTreeSet<_> = tables
            .chain(self.streams.iter().map(|s| &s.name))
            .chain(self.buckets.iter().map(|b| &b.name))
            .collect();
        let is_store = |name: &String| names.contains(name);
        let variables = self.functions.iter().flat_map(|function| &function.environment);
        let variables = variables
            .filter(|(variable, value)| is_store(value) || SECRETS.contains(&variable.as_str()));
        variables.map(|(variable, name)| (variable.clone(), name.clone())).collect()
    }

    fn add(
        &mut self,
        resource: &resources::Resource<'_>,
        globals: &Value,
        roles: &roles::Roles,
        scope: &Scope,
    ) -> Result<()> {
        match resource.kind {
            "AWS::DynamoDB::Table" => self.tables.push(Table::read(resource, scope)?),
            "AWS::Kinesis::Stream" => self.streams.push(Stream::read(resource, scope)?),
            "AWS::S3::Bucket" => self.buckets.push(Bucket::read(resource, scope)?),
            "AWS::SQS::Queue" => self.queues.push(Queue::read(resource, scope)?),
            "AWS::Serverless::HttpApi" => {
                if let Some(authorizer) = resources::authorizer(resource.properties, scope)? {
                    self.authorizer = Some(authorizer);
                }
                if let Some(throttle) = resources::throttle(resource.properties, scope)? {
                    self.throttle = Some(throttle);
                }
            }
            "AWS::Serverless::Function" => {
                let function = functions::read(resource, &globals["Function"], roles, scope)?;
                self.functions.push(function);
            }
            "AWS::Lambda::EventSourceMapping" => {
                bail!("write the event source under the function's Events")
            }
            _ => {}
        }
        Ok(())
    }

    /// What AWS would refuse at deployment: two functions of one name, an authorised route without
    /// an authorizer, an event source whose function may not read it.
    fn check(&self) -> Result<()> {
        for (index, function) in self.functions.iter().enumerate() {
            if self.functions[..index].iter().any(|f| f.name == function.name) {
                bail!("two functions have the handler {}", function.name);
            }
            let needs_token = function.routes.iter().find(|r| r.authorized);
            if let (Some(route), None) = (needs_token, &self.authorizer) {
                bail!("{} {} wants an authorizer and the API has none", route.method, route.path);
            }
            for source in &function.event_sources {
                source.check_grants(&function.role)?;
            }
        }
        Ok(())
    }
}

/// Gives a resolved value its type; the error names the field that doesn't fit.
fn typed<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| anyhow::anyhow!("{error}"))
}
