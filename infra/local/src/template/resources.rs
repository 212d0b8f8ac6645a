//! Tables, streams, buckets, queues and the API's authorizer.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use super::intrinsics::{Scope, section};
use super::typed;

/// A resource as in the template, with its references unresolved.
pub(super) struct Resource<'a> {
    pub(super) logical_id: &'a str,
    pub(super) kind: &'a str,
    pub(super) properties: &'a Value,
}

/// The resources whose condition holds.
pub(super) fn active<'a>(document: &'a Value, scope: &Scope) -> Result<Vec<Resource<'a>>> {
    let mut active = Vec::new();
    let resources = document.get("Resources").and_then(Value::as_object);
    for (logical_id, resource) in resources.into_iter().flatten() {
        let holds = match resource.get("Condition").and_then(Value::as_str) {
            Some(condition) => scope.holds(condition)?,
            None => true,
        };
        if holds {
            let kind = resource["Type"].as_str().unwrap_or_default();
            active.push(Resource { logical_id, kind, properties: &resource["Properties"] });
        }
    }
    Ok(active)
}

/// A DynamoDB table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name in the template.
    pub logical_id: String,
    /// The name that calls use.
    pub name: String,
    /// Its ARN, which policies name.
    pub arn: String,
    /// The partition key.
    pub partition_key: Key,
    /// The sort key, if it has one.
    pub sort_key: Option<Key>,
    /// The view type of its stream (`NEW_AND_OLD_IMAGES`), if it has one.
    pub stream_view_type: Option<String>,
    /// The ARN by which the template names its stream; whether there is one, `stream_view_type`
    /// says.
    pub stream_arn: String,
    /// The attribute with an item's time of expiry, in seconds since the epoch.
    pub ttl_attribute: Option<String>,
}

/// A key attribute of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The attribute's name.
    pub name: String,
    /// `S`, `N` or `B`.
    pub kind: String,
}

/// A Kinesis stream.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Its name in the template.
    pub logical_id: String,
    /// The name that calls use.
    pub name: String,
    /// Its ARN, which policies and event sources name.
    pub arn: String,
    /// How many shards it starts with; `None` for on-demand.
    pub shards: Option<u32>,
    /// How long it keeps a record, in hours; `None` for the 24 of a new stream.
    pub retention_hours: Option<u32>,
}

/// An S3 bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Its name in the template.
    pub logical_id: String,
    /// The name that calls use.
    pub name: String,
    /// Its ARN; an object's is this with `/<key>` behind.
    pub arn: String,
}

/// An SQS queue.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Its name in the template.
    pub logical_id: String,
    /// The name that calls use.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

/// Whose tokens the HTTP API accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorizer {
    /// The `iss` claim.
    pub issuer: String,
    /// One of these must be in the `aud` claim (or be the `client_id`).
    pub audience: Vec<String>,
}

/// How many requests each route takes before it answers 429.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Throttle {
    /// Requests a second in the long run; `None` for no limit.
    #[serde(rename = "ThrottlingRateLimit")]
    pub rate: Option<f64>,
    /// Requests at once; `None` for no limit.
    #[serde(rename = "ThrottlingBurstLimit")]
    pub burst: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TableProperties {
    key_schema: Vec<KeySchema>,
    attribute_definitions: Vec<AttributeDefinition>,
    stream_specification: Option<StreamSpecification>,
    time_to_live_specification: Option<TimeToLive>,
    #[serde(default)]
    global_secondary_indexes: Vec<Value>,
    #[serde(default)]
    local_secondary_indexes: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeySchema {
    attribute_name: String,
    key_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AttributeDefinition {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StreamSpecification {
    stream_view_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TimeToLive {
    attribute_name: String,
    enabled: bool,
}

impl Table {
    pub(super) fn read(resource: &Resource<'_>, scope: &Scope) -> Result<Self> {
        let table: TableProperties = typed(scope.resolve(resource.properties)?)?;
        if !table.global_secondary_indexes.is_empty() || !table.local_secondary_indexes.is_empty() {
            bail!("secondary indexes are not supported on one machine");
        }
        let identity = scope.identity(resource.logical_id)?;
        Ok(Self {
            logical_id: resource.logical_id.to_owned(),
            name: identity.name.clone(),
            arn: identity.arn(),
            partition_key: table.key("HASH")?.context("the table has no HASH key")?,
            sort_key: table.key("RANGE")?,
            stream_view_type: table.stream_specification.map(|s| s.stream_view_type),
            stream_arn: format!("{}/stream/local", identity.arn()),
            ttl_attribute: table
                .time_to_live_specification
                .filter(|ttl| ttl.enabled)
                .map(|ttl| ttl.attribute_name),
        })
    }
}

impl TableProperties {
    fn key(&self, role: &str) -> Result<Option<Key>> {
        let Some(key) = self.key_schema.iter().find(|k| k.key_type == role) else {
            return Ok(None);
        };
        let definition = self
            .attribute_definitions
            .iter()
            .find(|a| a.attribute_name == key.attribute_name)
            .with_context(|| format!("the key {} has no definition", key.attribute_name))?;
        let kind = definition.attribute_type.clone();
        Ok(Some(Key { name: key.attribute_name.clone(), kind }))
    }
}

impl Stream {
    pub(super) fn read(resource: &Resource<'_>, scope: &Scope) -> Result<Self> {
        let shards = scope.resolve(&resource.properties["ShardCount"])?;
        let retention = scope.resolve(&resource.properties["RetentionPeriodHours"])?;
        let identity = scope.identity(resource.logical_id)?;
        Ok(Self {
            logical_id: resource.logical_id.to_owned(),
            name: identity.name.clone(),
            arn: identity.arn(),
            shards: typed(shards).context("ShardCount")?,
            retention_hours: typed(retention).context("RetentionPeriodHours")?,
        })
    }
}

impl Bucket {
    pub(super) fn read(resource: &Resource<'_>, scope: &Scope) -> Result<Self> {
        let identity = scope.identity(resource.logical_id)?;
        let (logical_id, name) = (resource.logical_id.to_owned(), identity.name.clone());
        Ok(Self { logical_id, name, arn: identity.arn() })
    }
}

impl Queue {
    pub(super) fn read(resource: &Resource<'_>, scope: &Scope) -> Result<Self> {
        let identity = scope.identity(resource.logical_id)?;
        let (logical_id, name) = (resource.logical_id.to_owned(), identity.name.clone());
        Ok(Self { logical_id, name, arn: identity.arn() })
    }
}

#[derive(Deserialize)]
struct JwtConfiguration {
    issuer: String,
    audience: Vec<String>,
}

/// The default authorizer of an `AWS::Serverless::HttpApi`.
pub(super) fn authorizer(api: &Value, scope: &Scope) -> Result<Option<Authorizer>> {
    let auth = scope.resolve(&api["Auth"])?;
    let Some(name) = auth["DefaultAuthorizer"].as_str() else { return Ok(None) };
    let authorizers = section(&auth, "Authorizers");
    let authorizer =
        authorizers.get(name).with_context(|| format!("there is no authorizer {name}"))?;
    let source = authorizer["IdentitySource"].as_str().unwrap_or("$request.header.Authorization");
    if source != "$request.header.Authorization" {
        bail!("the authorizer's IdentitySource {source} is not supported on one machine");
    }
    let jwt: JwtConfiguration = typed(authorizer["JwtConfiguration"].clone())?;
    Ok(Some(Authorizer { issuer: jwt.issuer, audience: jwt.audience }))
}

/// The limits of the routes of an `AWS::Serverless::HttpApi`.
pub(super) fn throttle(api: &Value, scope: &Scope) -> Result<Option<Throttle>> {
    if !api["RouteSettings"].is_null() {
        bail!(
            "RouteSettings are not supported on one machine: limit all routes by \
             DefaultRouteSettings"
        );
    }
    let settings = scope.resolve(&api["DefaultRouteSettings"])?;
    if settings.is_null() {
        Ok(None)
    } else {
        typed(settings).map(Some).context("DefaultRouteSettings")
    }
}
