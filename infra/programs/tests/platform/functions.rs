//! The functions of the small system in `template.yaml`, on the real `lambda_runtime`.

use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_kinesis::primitives::Blob;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

/// Serves the function that `_HANDLER` names.
pub(crate) async fn run(name: &str) -> Result<(), Error> {
    match name {
        "echo" => lambda_runtime::run(service_fn(echo)).await,
        "put" => lambda_runtime::run(service_fn(put)).await,
        "forward" => lambda_runtime::run(service_fn(forward)).await,
        "sum" => lambda_runtime::run(service_fn(sum)).await,
        "note" => lambda_runtime::run(service_fn(note)).await,
        other => Err(format!("no function {other}").into()),
    }
}

async fn echo(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let query = &event.payload["queryStringParameters"];
    let milliseconds = query["sleep"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    match query["do"].as_str() {
        Some("fail") => Err("as asked".into()),
        Some("exit") => std::process::exit(7),
        Some("nonsense") => Ok(json!({"statusCode": "?"})),
        _ => Ok(json!({
            "event": event.payload,
            "pid": std::process::id(),
            "secret": std::env::var("SECRET")?,
            "memory": event.context.env_config.memory,
            "deadline": event.context.deadline,
            "arn": event.context.invoked_function_arn,
        })),
    }
}

async fn put(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let id = event.payload["pathParameters"]["id"].as_str().unwrap_or_default();
    let (table, key) = (std::env::var("TABLE")?, AttributeValue::S(id.to_owned()));
    if event.payload["requestContext"]["http"]["method"] == "DELETE" {
        let refused = dynamodb()?.delete_item().table_name(table).key("id", key).send().await;
        let why = refused.err().and_then(|error| error.code().map(str::to_owned));
        return Ok(json!({"statusCode": 403, "body": why}));
    }
    dynamodb()?.put_item().table_name(table).item("id", key).send().await?;
    Ok(json!({"statusCode": 204}))
}

async fn forward(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let kinesis = aws_sdk_kinesis::Client::from_conf(
        aws_sdk_kinesis::Config::builder()
            .behavior_version(aws_sdk_kinesis::config::BehaviorVersion::latest())
            .region(aws_sdk_kinesis::config::Region::new(std::env::var("AWS_REGION")?))
            .endpoint_url(std::env::var("AWS_ENDPOINT_URL_KINESIS")?)
            .credentials_provider(credentials()?)
            .build(),
    );
    for record in event.payload["Records"].as_array().into_iter().flatten() {
        let id = record["dynamodb"]["Keys"]["id"]["S"].as_str().unwrap_or_default();
        let request = kinesis.put_record().stream_name(std::env::var("STREAM")?).partition_key(id);
        request.data(Blob::new(id)).send().await?;
    }
    Ok(Value::Null)
}

async fn sum(event: LambdaEvent<Value>) -> Result<Value, Error> {
    for record in event.payload["Records"].as_array().into_iter().flatten() {
        let data = STANDARD.decode(record["kinesis"]["data"].as_str().unwrap_or_default())?;
        let id = String::from_utf8(data)?;
        if id == "13" {
            return Ok(json!({
                "batchItemFailures": [{"itemIdentifier": record["kinesis"]["sequenceNumber"]}]
            }));
        }
        let put = dynamodb()?.put_item().table_name(std::env::var("TABLE")?);
        put.item("id", AttributeValue::S(id)).send().await?;
    }
    Ok(json!({"batchItemFailures": []}))
}

async fn note(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let id = AttributeValue::S(event.payload["id"].as_str().unwrap_or_default().to_owned());
    let put = dynamodb()?.put_item().table_name(std::env::var("TABLE")?);
    put.item("id", id).send().await?;
    Ok(Value::Null)
}

fn dynamodb() -> Result<aws_sdk_dynamodb::Client, Error> {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
        .region(aws_sdk_dynamodb::config::Region::new(std::env::var("AWS_REGION")?))
        .endpoint_url(std::env::var("AWS_ENDPOINT_URL_DYNAMODB")?)
        .credentials_provider(credentials()?);
    Ok(aws_sdk_dynamodb::Client::from_conf(config.build()))
}

fn credentials() -> Result<aws_credential_types::Credentials, Error> {
    let (key, secret) =
        (std::env::var("AWS_ACCESS_KEY_ID")?, std::env::var("AWS_SECRET_ACCESS_KEY")?);
    Ok(aws_credential_types::Credentials::new(key, secret, None, None, "environment"))
}
