//! Calls to DynamoDB Streams, Kinesis and S3, as the event source mappings need them. They go straight to the servers: it is
//! Lambda that reads, not a function, so no role, fault or meter applies.

use serde_json::Value;

use crate::emulators::{AUTHORIZATION, client};

/// How a call failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// The server refused.
    #[error("{code}: {message}")]
    Refused {
        /// The name of the exception.
        code: String,
        /// What it says.
        message: String,
    },
    /// The server answered with a record that lacks what every record has.
    #[error("a record without its sequence number, key or time")]
    Malformed,
    /// There was no answer.
    #[error("no answer: {0}")]
    Unreachable(#[from] reqwest::Error),
}

impl CallError {
    /// Whether the server refused with this exception.
    pub(super) fn is(&self, exception: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == exception)
    }
}

/// A server that speaks the AWS JSON protocol.
#[derive(Debug, Clone)]
pub(super) struct JsonClient {
    http: reqwest::Client,
    endpoint: String,
    api: &'static str,
    content_type: &'static str,
}

impl JsonClient {
    /// A client of DynamoDB Streams.
    pub(super) fn dynamodb_streams(endpoint: &str) -> anyhow::Result<Self> {
        Self::new(endpoint, "DynamoDBStreams_20120810", "application/x-amz-json-1.0")
    }

    /// A client of Kinesis.
    pub(super) fn kinesis(endpoint: &str) -> anyhow::Result<Self> {
        Self::new(endpoint, "Kinesis_20131202", "application/x-amz-json-1.1")
    }

    fn new(endpoint: &str, api: &'static str, content_type: &'static str) -> anyhow::Result<Self> {
        Ok(Self { http: client()?, endpoint: endpoint.to_owned(), api, content_type })
    }

    /// Calls an operation.
    pub(super) async fn call(&self, operation: &str, input: &Value) -> Result<Value, CallError> {
        let response = self
            .http
            .post(&self.endpoint)
            .header("content-type", self.content_type)
            .header("x-amz-target", format!("{}.{operation}", self.api))
            .header("x-amz-date", "20200101T000000Z")
            .header("authorization", AUTHORIZATION)
            .body(input.to_string())
            .send()
            .await?;
        let succeeded = response.status().is_success();
        let body = response.bytes().await?;
        let output: Value = serde_json::from_slice(&body).unwrap_or_default();
        if succeeded {
            return Ok(output);
        }
        let text = |name: &str| output[name].as_str().unwrap_or_default().to_owned();
        // `com.amazonaws.…#ExpiredIteratorException`, or without the prefix.
        let code = text("__type").rsplit('#').next().unwrap_or_default().to_owned();
        let message = output["message"].as_str().or(output["Message"].as_str());
        Err(CallError::Refused { code, message: message.unwrap_or_default().to_owned() })
    }
}

/// The S3 that keeps what was given up.
#[derive(Debug, Clone)]
pub(super) struct ObjectStore {
    http: reqwest::Client,
    endpoint: String,
}

impl ObjectStore {
    pub(super) fn new(endpoint: &str) -> anyhow::Result<Self> {
        Ok(Self { http: client()?, endpoint: endpoint.to_owned() })
    }

    /// Writes an object.
    pub(super) async fn put(&self, bucket: &str, key: &str, body: String) -> Result<(), CallError> {
        let request = self
            .http
            .put(format!("{}/{bucket}/{key}", self.endpoint))
            .header("content-type", "application/json")
            .header("authorization", AUTHORIZATION);
        request.body(body).send().await?.error_for_status()?;
        Ok(())
    }
}
