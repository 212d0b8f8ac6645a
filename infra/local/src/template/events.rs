//! What invokes a function: HTTP routes, streams, schedules.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::roles::Role;
use super::typed;

/// The path of the route that takes what no other takes.
pub const DEFAULT_ROUTE: &str = "$default";

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Route {
    /// An upper-case method, or `ANY`.
    pub method: String,
    /// A path with `{name}` and, at its end, `{name+}`; or [`DEFAULT_ROUTE`].
    pub path: String,
    /// Whether a valid token is needed.
    pub authorized: bool,
    /// How long the API waits for the function.
    pub timeout: Duration,
}

/// A stream that a function consumes: an event source mapping.
#[derive(Debug, Clone)]
pub struct EventSource {
    /// The same at every start for the same function and stream, since checkpoints are kept under
    /// it.
    pub id: Uuid,
    /// Which of the two kinds of stream it is.
    pub kind: SourceKind,
    /// The stream's ARN as the template knows it.
    pub stream_arn: String,
    /// Whether it is polled from the start.
    pub enabled: bool,
    /// Where to begin when there is no checkpoint yet.
    pub starting_position: StartingPosition,
    /// The most records in one invocation.
    pub batch_size: usize,
    /// How long to gather records for a batch.
    pub batching_window: Duration,
    /// How many batches of one shard may run at once.
    pub parallelization_factor: usize,
    /// Invocations after the first failed one; `None` for no bound.
    pub retries: Option<u32>,
    /// Records older than this are given up; `None` for no bound.
    pub maximum_record_age: Option<Duration>,
    /// Whether a failed batch is halved.
    pub bisect: bool,
    /// Whether the function's answer names the records that failed.
    pub reports_item_failures: bool,
    /// The bucket where batches go that were given up.
    pub failure_bucket: Option<String>,
}

/// The kinds of stream that can invoke a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// The stream of a DynamoDB table.
    DynamoDb,
    /// A Kinesis stream.
    Kinesis,
}

/// Where an event source without a checkpoint begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum StartingPosition {
    /// At the oldest record.
    #[serde(rename = "TRIM_HORIZON")]
    TrimHorizon,
    /// At the records that arrive from now on.
    #[serde(rename = "LATEST")]
    Latest,
}

/// A schedule that invokes a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The time between two invocations.
    pub every: Duration,
    /// The payload, where the template replaces EventBridge's.
    pub input: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RouteProperties {
    method: Option<String>,
    path: Option<String>,
    #[serde(rename = "ApiId")]
    _api_id: Option<Value>,
    auth: Option<RouteAuth>,
    payload_format_version: Option<String>,
    timeout_in_millis: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RouteAuth {
    authorizer: String,
}

/// Reads an event of type `HttpApi`.
pub(super) fn route(properties: Value) -> Result<Route> {
    let route: RouteProperties = typed(properties)?;
    if route.payload_format_version.is_some_and(|version| version != "2.0") {
        bail!("only payload format 2.0 is supported on one machine");
    }
    let (method, path) = match (route.method, route.path) {
        (Some(method), Some(path)) => (method.to_uppercase().replace('*', "ANY"), path),
        (None, None) => ("ANY".to_owned(), DEFAULT_ROUTE.to_owned()),
        _ => bail!("a route has a method and a path, or neither"),
    };
    Ok(Route {
        method,
        path,
        authorized: route.auth.is_none_or(|auth| auth.authorizer != "NONE"),
        timeout: Duration::from_millis(route.timeout_in_millis.unwrap_or(30_000).min(30_000)),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SourceProperties {
    stream: String,
    starting_position: StartingPosition,
    batch_size: Option<usize>,
    maximum_batching_window_in_seconds: Option<u64>,
    parallelization_factor: Option<usize>,
    maximum_retry_attempts: Option<i64>,
    maximum_record_age_in_seconds: Option<i64>,
    #[serde(default)]
    bisect_batch_on_function_error: bool,
    #[serde(default)]
    function_response_types: Vec<ResponseType>,
    destination_config: Option<DestinationConfig>,
    enabled: Option<bool>,
}

#[derive(Deserialize, PartialEq)]
enum ResponseType {
    ReportBatchItemFailures,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DestinationConfig {
    on_failure: OnFailure,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct OnFailure {
    destination: String,
    #[serde(rename = "Type")]
    _kind: Option<String>,
}

/// Reads an event of type `DynamoDB` or `Kinesis`; the ARN says which.
pub(super) fn event_source(function: &str, properties: Value) -> Result<EventSource> {
    let source: SourceProperties = typed(properties)?;
    let kind = match source.stream.split(':').nth(2) {
        Some("dynamodb") => SourceKind::DynamoDb,
        Some("kinesis") => SourceKind::Kinesis,
        _ => bail!("{} is no stream of DynamoDB or Kinesis", source.stream),
    };
    // -1 is AWS's way to say "no bound".
    let bound = |limit: Option<i64>| limit.and_then(|limit| u64::try_from(limit).ok());
    Ok(EventSource {
        id: stable_id(function, &source.stream),
        kind,
        enabled: source.enabled.unwrap_or(true),
        starting_position: source.starting_position,
        batch_size: source.batch_size.unwrap_or(100).max(1),
        batching_window: Duration::from_secs(
            source.maximum_batching_window_in_seconds.unwrap_or(0),
        ),
        parallelization_factor: source.parallelization_factor.unwrap_or(1).clamp(1, 10),
        retries: bound(source.maximum_retry_attempts).and_then(|n| u32::try_from(n).ok()),
        maximum_record_age: bound(source.maximum_record_age_in_seconds).map(Duration::from_secs),
        bisect: source.bisect_batch_on_function_error,
        reports_item_failures: source
            .function_response_types
            .contains(&ResponseType::ReportBatchItemFailures),
        failure_bucket: source
            .destination_config
            .map(|config| bucket(&config.on_failure.destination))
            .transpose()?,
        stream_arn: source.stream,
    })
}

/// A UUID of version 8 (custom), made of the names.
fn stable_id(function: &str, stream_arn: &str) -> Uuid {
    let name = format!("{function} {stream_arn}");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// The name in a bucket's ARN. Other destinations keep only a batch's place in the stream, not the
/// records.
fn bucket(arn: &str) -> Result<String> {
    match arn.strip_prefix("arn:aws:s3:::") {
        Some(bucket) => Ok(bucket.to_owned()),
        None => bail!("{arn}: only S3 is supported as a failure destination on one machine"),
    }
}

impl EventSource {
    /// The role must let Lambda read the stream and write the failure destination, as AWS checks
    /// when it makes the mapping.
    pub(super) fn check_grants(&self, role: &Role) -> Result<()> {
        let (service, actions): (_, &[&str]) = match self.kind {
            SourceKind::DynamoDb => {
                ("dynamodb", &["DescribeStream", "GetRecords", "GetShardIterator"])
            }
            SourceKind::Kinesis => {
                ("kinesis", &["DescribeStream", "GetRecords", "GetShardIterator", "ListShards"])
            }
        };
        let mut needed: Vec<(String, String)> = actions
            .iter()
            .map(|action| (format!("{service}:{action}"), self.stream_arn.clone()))
            .collect();
        if let Some(bucket) = &self.failure_bucket {
            let object = format!("arn:aws:s3:::{bucket}/aws/lambda/{}", self.id);
            needed.push(("s3:PutObject".into(), object));
        }
        match needed.into_iter().find(|(action, resource)| !role.allows(action, resource)) {
            Some((action, resource)) => {
                bail!("the role {} needs {action} on {resource}", role.name)
            }
            None => Ok(()),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ScheduleProperties {
    schedule: String,
    input: Option<String>,
    #[serde(rename = "Name")]
    _name: Option<String>,
    #[serde(rename = "Description")]
    _description: Option<String>,
}

/// Reads an event of type `Schedule`.
pub(super) fn schedule(properties: Value) -> Result<Schedule> {
    let schedule: ScheduleProperties = typed(properties)?;
    let every = rate(&schedule.schedule).with_context(|| {
        format!("only rate(…) is supported on one machine, not {}", schedule.schedule)
    })?;
    Ok(Schedule { every, input: schedule.input })
}

/// `rate(5 minutes)`.
fn rate(expression: &str) -> Option<Duration> {
    let (number, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let seconds = match unit.trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok().filter(|n| *n > 0).map(|n| Duration::from_secs(n * seconds))
}
