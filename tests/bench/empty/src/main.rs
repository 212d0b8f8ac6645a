//! A Lambda function that does nothing but open its connection to DynamoDB, as each of ours does:
//! what the start of a process is compared with.

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let client = Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await);
    let table = std::env::var("EVENTS_TABLE")?;
    let (stream, seq) =
        (AttributeValue::S("warm-up".to_owned()), AttributeValue::N("0".to_owned()));
    client.get_item().table_name(table).key("stream", stream).key("seq", seq).send().await?;
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| Ok::<_, Error>(()))).await
}
