//! The door over the wire, before the emulators.

mod faulty;
mod metering;
mod roles;
mod torn;
mod writes;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use super::*;
use crate::emulators::testing;

/// A door with the emulators behind it.
struct Rig {
    door: Door,
    emulators: Emulators,
}

impl Rig {
    async fn start() -> Self {
        Self::with_chaos(None).await
    }

    async fn with_chaos(seed: Option<u64>) -> Self {
        let emulators = testing::start(None).await;
        let door = Door::start(&testing::template(), &emulators, seed).await.unwrap();
        Self { door, emulators }
    }

    fn dynamodb(&self, key: &str) -> aws_sdk_dynamodb::Client {
        testing::dynamodb(self.door.endpoint(), key)
    }

    fn kinesis(&self, key: &str) -> aws_sdk_kinesis::Client {
        testing::kinesis(self.door.endpoint(), key)
    }

    fn s3(&self, key: &str) -> aws_sdk_s3::Client {
        testing::s3(self.door.endpoint(), key)
    }

    fn fault(&self, request: Value) {
        self.door.set_fault(request).unwrap();
    }

    /// Calls DynamoDB without an SDK, to see what exactly comes back: the status and the body.
    async fn call(&self, key: &str, operation: &str, input: Value) -> (u16, Value) {
        let response = crate::aws::client()
            .unwrap()
            .post(self.door.endpoint())
            .header(
                "authorization",
                format!(
                    "AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/dynamodb/aws4_request, \
                     Signature=0"
                ),
            )
            .header("x-amz-date", "20260101T000000Z")
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .body(input.to_string())
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// How many commits the table holds, seen without the door.
    async fn commits(&self) -> i32 {
        let client = testing::dynamodb(&self.emulators.dynamodb, OPERATOR);
        client.scan().table_name("Events").send().await.unwrap().count()
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: usize) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A commit in DynamoDB's JSON, of about so many bytes.
fn commit(stream: &str, seq: usize, bytes: usize) -> Value {
    json!({
        "stream": {"S": stream},
        "seq": {"N": seq.to_string()},
        "data": {"S": "x".repeat(bytes)},
    })
}
