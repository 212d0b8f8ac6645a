//! What tests of the emulators and of the door before them share: a template and the SDK's clients.

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use std::collections::BTreeMap;
use std::time::Duration;

use super::{Emulators, Options};
use crate::template::Template;

/// A table, a stream and a bucket, and two functions: `writer`, which may do this and that, and
/// `wildcard`, which may do much by patterns.
const TEMPLATE: &str = include_str!("testing.yaml");

pub(crate) fn template() -> Template {
    Template::parse(TEMPLATE, &BTreeMap::new(), &mut |name| Ok(name.to_owned())).unwrap()
}

pub(crate) async fn start(data_dir: Option<&std::path::Path>) -> Emulators {
    let options =
        Options { data_dir: data_dir.map(std::path::Path::to_owned), ..Options::default() };
    Emulators::start(&template(), &options).await.unwrap()
}

/// A client's configuration: this endpoint, this caller, no second try, and some patience.
macro_rules! config {
    ($sdk:ident, $endpoint:expr, $key:expr) => {
        $sdk::Config::builder()
            .behavior_version_latest()
            .region($sdk::config::Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new($key, "secret", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().operation_timeout(PATIENCE).build())
            .endpoint_url($endpoint)
            .build()
    };
}

/// Enough for any call on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn dynamodb(endpoint: &str, key: &str) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::from_conf(config!(aws_sdk_dynamodb, endpoint, key))
}

pub(crate) fn kinesis(endpoint: &str, key: &str) -> aws_sdk_kinesis::Client {
    aws_sdk_kinesis::Client::from_conf(config!(aws_sdk_kinesis, endpoint, key))
}

pub(crate) fn s3(endpoint: &str, key: &str) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(config!(aws_sdk_s3, endpoint, key))
}
