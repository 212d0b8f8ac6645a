//! The way from the door to the servers behind it.

use anyhow::Result;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;

use super::call::{AwsCall, Service};
use super::{Answer, Dropped};
use crate::aws;
use crate::emulators::Emulators;

/// Headers that belong to one connection or describe a body that may be changed.
const NOT_PASSED_ON: [header::HeaderName; 4] =
    [header::HOST, header::CONTENT_LENGTH, header::CONNECTION, header::TRANSFER_ENCODING];
/// DynamoDB's checksum of the body it sent.
const CHECKSUM: &str = "x-amz-crc32";

/// The servers behind the door.
#[derive(Debug)]
pub(super) struct Backends {
    client: reqwest::Client,
    dynamodb: String,
    kinesis: String,
    s3: String,
}

/// What a server answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Backends {
    pub(super) fn new(emulators: &Emulators) -> Result<Self> {
        Ok(Self {
            client: aws::client()?,
            dynamodb: emulators.dynamodb.clone(),
            kinesis: emulators.kinesis.clone(),
            s3: emulators.s3.clone(),
        })
    }

    /// Sends a call to its service. A server that can't be reached looks to the caller like one:
    /// its connection is dropped.
    pub(super) async fn send(&self, call: &AwsCall) -> Result<Reply, Dropped> {
        let base = match call.service {
            Service::DynamoDb => &self.dynamodb,
            Service::Kinesis => &self.kinesis,
            Service::S3 => &self.s3,
        };
        let request = self
            .client
            .request(call.method.clone(), format!("{base}{}", call.target))
            .headers(passed_on(&call.headers))
            .body(call.body.clone());
        reply(request).await.map_err(|error| {
            tracing::warn!(
                operation = call.operation,
                %error,
                "the server behind the door didn't answer",
            );
            Dropped
        })
    }
}

async fn reply(request: reqwest::RequestBuilder) -> reqwest::Result<Reply> {
    let response = request.send().await?;
    let (status, mut headers) = (response.status(), response.headers().clone());
    for name in NOT_PASSED_ON {
        headers.remove(name);
    }
    Ok(Reply { status, headers, body: response.bytes().await? })
}

/// The headers that a server gets to see. It doesn't see who is calling: some keep the tables of
/// different callers apart.
fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in NOT_PASSED_ON {
        headers.remove(name);
    }
    headers.insert(header::AUTHORIZATION, HeaderValue::from_static(aws::AUTHORIZATION));
    headers
}

impl Reply {
    /// DynamoDB's answer to what was done.
    pub(super) fn json(output: &Value) -> Self {
        let headers = HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-amz-json-1.0"),
        )]);
        Self { status: StatusCode::OK, headers, body: output.to_string().into() }
    }

    /// DynamoDB's refusal.
    pub(super) fn refusal(error: &Value) -> Self {
        Self { status: StatusCode::BAD_REQUEST, ..Self::json(error) }
    }

    /// Replaces the body.
    pub(super) fn set_body(&mut self, body: &Value) {
        self.body = body.to_string().into();
        self.headers.remove(CHECKSUM);
    }

    pub(super) fn into_response(self) -> Answer {
        let mut answer = Answer::new(Full::new(self.body));
        *answer.status_mut() = self.status;
        *answer.headers_mut() = self.headers;
        answer
    }
}
