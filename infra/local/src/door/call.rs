//! A call as it arrives: who calls which operation of which service.

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::Value;

/// More than any of the services takes in one request here.
const LARGEST_BODY: usize = 64 << 20;

/// A call.
#[derive(Debug, Clone)]
pub(super) struct AwsCall {
    /// Who is calling.
    pub(super) access_key: String,
    pub(super) service: Service,
    /// The operation's name (`PutItem`).
    pub(super) operation: String,
    pub(super) method: Method,
    /// The path and the query.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The body of a call in JSON; null for S3.
    pub(super) input: Value,
}

/// The services behind the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// DynamoDB and DynamoDB Streams.
    DynamoDb,
    Kinesis,
    S3,
}

impl Service {
    /// The service by the name under which requests are signed for it.
    fn signed_as(name: &str) -> Option<Self> {
        match name {
            "dynamodb" => Some(Self::DynamoDb),
            "kinesis" => Some(Self::Kinesis),
            "s3" => Some(Self::S3),
            _ => None,
        }
    }
}

/// Why a request is no call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoCall {
    /// It is not signed, or for a service that is not here.
    Unsigned,
    /// The body is too long or not in JSON.
    Unreadable(Service),
}

impl AwsCall {
    /// Reads a request to its end.
    ///
    /// # Errors
    /// [`NoCall`].
    pub(super) async fn read(request: http::Request<Incoming>) -> Result<Self, NoCall> {
        let (head, body) = request.into_parts();
        let (access_key, service) = credential(&head.headers).ok_or(NoCall::Unsigned)?;
        let body = Limited::new(body, LARGEST_BODY)
            .collect()
            .await
            .map_err(|_| NoCall::Unreadable(service))?
            .to_bytes();
        let (operation, input) = match service {
            Service::S3 => (s3_operation(&head.method, head.uri.path()).to_owned(), Value::Null),
            Service::DynamoDb | Service::Kinesis => {
                let input =
                    serde_json::from_slice(&body).map_err(|_| NoCall::Unreadable(service))?;
                (json_operation(&head.headers), input)
            }
        };
        Ok(Self {
            access_key,
            service,
            operation,
            method: head.method,
            target: head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned(),
            headers: head.headers,
            body,
            input,
        })
    }

    /// The records of `PutRecords`.
    pub(super) fn records(&self) -> &[Value] {
        self.input["Records"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Whether it is about a table, perhaps among others.
    pub(super) fn is_about(&self, table: &str) -> bool {
        names_table(&self.input, table)
    }

    /// Replaces the input.
    pub(super) fn set_input(&mut self, input: Value) {
        self.body = input.to_string().into();
        self.input = input;
    }
}

/// Whether an input names a table: by itself, in an action of a transaction, or in a batch.
fn names_table(input: &Value, table: &str) -> bool {
    match input {
        Value::Array(values) => values.iter().any(|value| names_table(value, table)),
        Value::Object(members) => members.iter().any(|(name, value)| {
            name == "TableName" && value == table
                || name == "RequestItems" && value.get(table).is_some()
                || names_table(value, table)
        }),
        _ => false,
    }
}

/// The key and the service in
/// `Authorization: AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …`.
fn credential(headers: &HeaderMap) -> Option<(String, Service)> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let scope = authorization
        .strip_prefix("AWS4-HMAC-SHA256 ")?
        .split(',')
        .find_map(|part| part.trim().strip_prefix("Credential="))?;
    let mut parts = scope.split('/');
    let key = parts.next()?;
    Some((key.to_owned(), Service::signed_as(parts.nth(2)?)?))
}

/// The operation in `X-Amz-Target: DynamoDB_20120810.PutItem`.
fn json_operation(headers: &HeaderMap) -> String {
    let target =
        headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default().to_owned()
}

/// S3 names its operations by method and path.
fn s3_operation(method: &Method, path: &str) -> &'static str {
    let on_object =
        path.trim_start_matches('/').split_once('/').is_some_and(|(_, key)| !key.is_empty());
    match (method.as_str(), on_object) {
        ("PUT", true) => "PutObject",
        ("GET", true) => "GetObject",
        ("HEAD", true) => "HeadObject",
        ("DELETE", true) => "DeleteObject",
        ("GET", false) => "ListObjectsV2",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_signature_names_caller_and_service() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            credential(&headers)
        };
        let scope = "relay/20260101/us-east-1/kinesis/aws4_request";
        let expected = Some(("relay".to_owned(), Service::Kinesis));
        assert_eq!(
            read(&format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0")),
            expected
        );
        assert_eq!(
            read(&format!("AWS4-HMAC-SHA256 SignedHeaders=host,Credential={scope}")),
            expected
        );
        for other in [
            "",
            "Bearer x",
            "AWS4-HMAC-SHA256 Credential=relay",
            "AWS4-HMAC-SHA256 Credential=relay/1/2/sqs/x",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn a_call_names_its_tables_in_one_of_three_ways() {
        let names = |input: Value| ["a", "b", "c"].map(|table| names_table(&input, table));
        assert_eq!(names(json!({ "TableName": "a", "Item": { "b": "c" } })), [true, false, false]);
        let put = |table: &str| json!({ "Put": { "TableName": table } });
        assert_eq!(names(json!({ "TransactItems": [put("a"), put("c")] })), [true, false, true]);
        assert_eq!(names(json!({ "RequestItems": { "b": { "Keys": [] } } })), [false, true, false]);
        assert_eq!(names(Value::Null), [false; 3]);
    }

    #[test]
    fn s3_operations_have_a_method_and_a_path() {
        for (method, path, operation) in [
            (Method::PUT, "/bucket/a/b", "PutObject"),
            (Method::GET, "/bucket/a", "GetObject"),
            (Method::HEAD, "/bucket/a", "HeadObject"),
            (Method::DELETE, "/bucket/a", "DeleteObject"),
            (Method::GET, "/bucket", "ListObjectsV2"),
            (Method::GET, "/bucket/", "ListObjectsV2"),
            (Method::DELETE, "/bucket", "Other"),
            (Method::POST, "/bucket/a", "Other"),
        ] {
            assert_eq!(s3_operation(&method, path), operation, "{method} {path}");
        }
    }
}
