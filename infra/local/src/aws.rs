//! The platform's own calls to DynamoDB, its streams and Kinesis, in their JSON protocol. They go
//! straight to the servers: it is the platform that calls, not a function, so no role, fault or
//! meter applies.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;

/// What the platform shows instead of a signature. The emulators want to see one and check nothing;
/// one key for all callers keeps them in one account where a server tells accounts by it.
pub(crate) const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 \
                                        Credential=headwater/20200101/us-east-1/local/\
                                        aws4_request, SignedHeaders=host, Signature=0";

/// How a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
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
    #[error("{url} doesn't answer")]
    Unreachable {
        /// Where it should have come from.
        url: String,
        /// Why not.
        source: reqwest::Error,
    },
}

impl From<reqwest::Error> for CallError {
    fn from(source: reqwest::Error) -> Self {
        let url = source
            .url()
            .map_or_else(String::new, |url| url.as_str().trim_end_matches('/').to_owned());
        Self::Unreachable { url, source }
    }
}

impl CallError {
    /// Whether the server refused with this exception.
    pub(crate) fn is(&self, exception: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == exception)
    }
}

/// A server that speaks the AWS JSON protocol.
#[derive(Debug, Clone)]
pub(crate) struct JsonClient {
    http: reqwest::Client,
    endpoint: String,
    api: &'static str,
    content_type: &'static str,
}

impl JsonClient {
    /// A client of DynamoDB.
    pub(crate) fn dynamodb(endpoint: &str) -> Result<Self> {
        Self::new(endpoint, "DynamoDB_20120810", "application/x-amz-json-1.0")
    }

    /// A client of DynamoDB Streams.
    pub(crate) fn dynamodb_streams(endpoint: &str) -> Result<Self> {
        Self::new(endpoint, "DynamoDBStreams_20120810", "application/x-amz-json-1.0")
    }

    /// A client of Kinesis.
    pub(crate) fn kinesis(endpoint: &str) -> Result<Self> {
        Self::new(endpoint, "Kinesis_20131202", "application/x-amz-json-1.1")
    }

    fn new(endpoint: &str, api: &'static str, content_type: &'static str) -> Result<Self> {
        Ok(Self { http: client()?, endpoint: endpoint.to_owned(), api, content_type })
    }

    /// Calls an operation.
    pub(crate) async fn call(&self, operation: &str, input: &Value) -> Result<Value, CallError> {
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

    /// As [`Self::call`], for making something that may be there already.
    pub(crate) async fn create(&self, operation: &str, input: &Value) -> Result<()> {
        match self.call(operation, input).await {
            Err(error) if !error.is("ResourceInUseException") => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Asks until the answer has `ACTIVE` at `status` (a JSON pointer): what was just made can't be
    /// used before.
    pub(crate) async fn wait_until_active(
        &self,
        operation: &str,
        input: &Value,
        status: &str,
    ) -> Result<()> {
        // Twenty seconds: AWS takes some; the embedded servers need no more than a scheduler's
        // tick.
        for _ in 0..1000 {
            if self
                .call(operation, input)
                .await?
                .pointer(status)
                .is_some_and(|status| status == "ACTIVE")
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("it did not become active")
    }
}

/// A client that goes straight to loopback, whatever proxy the environment names.
pub(crate) fn client() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder().no_proxy().build()?)
}
