//! The connection to DynamoDB.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

/// A connection opens within a few milliseconds unless there is a fault.
const CONNECT: Duration = Duration::from_secs(1);

/// Unless the configuration says otherwise. DynamoDB answers in milliseconds; a request of a
/// command lives for seconds, and a lost reply must leave time to settle it.
const ATTEMPT: Duration = Duration::from_secs(2);

/// A client of what a configuration names. An attempt has 2 s, or as long as the configuration
/// says.
///
/// The SDK's own retries are off: only this crate knows which failures may be repeated, with what,
/// and until when.
///
/// ```no_run
/// # async fn test() {
/// let config = aws_config::load_from_env().await;
/// let client = headwater_dynamodb::connect(&config);
/// # }
/// ```
pub fn connect(shared: &SdkConfig) -> Client {
    let attempt = shared
        .timeout_config()
        .and_then(TimeoutConfig::operation_attempt_timeout)
        .unwrap_or(ATTEMPT);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(attempt)
        .build();
    let config = aws_sdk_dynamodb::config::Builder::from(shared)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts);
    Client::from_conf(config.build())
}

/// Opens the connection, so that TLS is set up while a Lambda starts and not in its first request.
///
/// It gets an item that cannot exist from `table`; whatever the answer is, even a refusal, the
/// connection stands then.
///
/// ```no_run
/// # async fn test(config: aws_config::SdkConfig) {
/// let client = headwater_dynamodb::connect(&config);
/// headwater_dynamodb::warm_up(&client, "events").await;
/// # }
/// ```
pub async fn warm_up(client: &Client, table: &str) {
    let request = client
        .get_item()
        .table_name(table)
        .key("stream", AttributeValue::S("warm-up".to_owned()))
        .key("seq", AttributeValue::N("0".to_owned()));
    if let Err(error) = request.send().await {
        tracing::debug!(%error, table, "warm-up was refused");
    }
}
