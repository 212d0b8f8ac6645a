//! DynamoDB, in a process of its own, so that the time of this one's processors is the clients'
//! alone.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use dynoxide::Database;
use headwater_local::door::OPERATOR;
use headwater_local::host::exit_with_parent;
use tokio::net::TcpListener;

/// Set in the environment of a started server: the program knows by it what it is to be.
pub const RUNS_AS_SERVER: &str = "HEADWATER_BENCH_SERVER";

/// A running server. It ends with its owner.
pub struct Server {
    child: Child,
    endpoint: String,
}

impl Server {
    /// Starts an empty one. `program` is a program that calls [`serve`] when [`RUNS_AS_SERVER`] is
    /// set.
    ///
    /// # Errors
    /// If it does not get ready.
    pub fn start(program: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .env(RUNS_AS_SERVER, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        match line.strip_prefix("ready ") {
            Some(endpoint) => Ok(Self { child, endpoint: endpoint.trim().to_owned() }),
            None => bail!("the server ended before it was ready"),
        }
    }

    /// Where it answers.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; there is nothing to do about it here.
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}

/// Serves tables in memory, until the process that started this one is gone.
///
/// # Errors
/// If no port can be had.
#[tokio::main]
pub async fn serve() -> Result<()> {
    exit_with_parent();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(&format!("ready http://{}", listener.local_addr()?));
    dynoxide::server::serve_on(listener, Database::memory()?).await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "whoever starts it waits for this line")]
fn announce(line: &str) {
    println!("{line}");
}

/// The SDK's configuration for a server at `endpoint`, and else what the SDK takes by default.
pub async fn configuration(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new(OPERATOR, "local", None, None, "bench");
    let loader = aws_config::defaults(BehaviorVersion::latest()).region(Region::new("us-east-1"));
    loader.credentials_provider(credentials).endpoint_url(endpoint).load().await
}

/// Makes a table with these keys, billed on demand, without a stream.
///
/// # Errors
/// If it is there already.
pub async fn create_table(
    client: &Client,
    name: &str,
    keys: &[(&str, ScalarAttributeType)],
) -> Result<()> {
    let mut request =
        client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for ((name, kind), key_type) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
        let definition =
            AttributeDefinition::builder().attribute_name(*name).attribute_type(kind.clone());
        let element = KeySchemaElement::builder().attribute_name(*name).key_type(key_type);
        request = request.attribute_definitions(definition.build()?).key_schema(element.build()?);
    }
    request.send().await.with_context(|| format!("the table {name}"))?;
    Ok(())
}
