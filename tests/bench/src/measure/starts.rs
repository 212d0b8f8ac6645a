//! From the start of a function's process to its first question for work: by the release binaries,
//! against one that does nothing.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::types::ScalarAttributeType;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::timeout;

use super::binaries::{EMPTY, Folders};
use crate::effort::Effort;
use crate::server::{Server, configuration, create_table};
use crate::stats::Latency;
use crate::systems::{EVENTS, IDEMPOTENCY};

/// What is started beside the empty one: a command and a query.
const STARTED: [&str; 2] = ["identity-patch-user", "identity-get-user"];

/// The executable of those.
const SERVICE: &str = "identity-functions";

/// The first of all questions of a function, as it stands on the wire.
const POLL: &str = "GET /2018-06-01/runtime/invocation/next ";

/// Where rows and change feeds would be.
const VIEWS: &str = "views";
const FEED: &str = "feed";

/// What has not asked by then will not.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a program takes to get ready.
pub struct Started {
    /// Its name.
    pub program: &'static str,
    /// From its start to its first poll.
    pub latency: Latency,
}

/// Starts all programs in turn, the empty one first.
///
/// # Errors
/// If one of them does not ask for work.
pub async fn measure(server: &Server, folders: &Folders, effort: &Effort) -> Result<Vec<Started>> {
    let client = aws_sdk_dynamodb::Client::new(&configuration(server.endpoint()).await);
    create_table(&client, VIEWS, &[("pk", ScalarAttributeType::S), ("sk", ScalarAttributeType::S)])
        .await?;
    let programs = [EMPTY].into_iter().chain(STARTED);
    let mut samples: Vec<(&'static str, Vec<Duration>)> =
        programs.map(|program| (program, Vec::new())).collect();
    for _ in 0..effort.starts {
        for (program, samples) in &mut samples {
            let executable = if *program == EMPTY { EMPTY } else { SERVICE };
            let started = start(&folders.binary(executable), program, server.endpoint()).await;
            samples.push(started.with_context(|| *program)?);
        }
    }
    let started = |(program, samples)| {
        Ok(Started { program, latency: Latency::of(samples).context("nothing was started")? })
    };
    samples.into_iter().map(started).collect()
}

/// Starts an executable as a function, and ends it when it has asked for work.
async fn start(binary: &Path, function: &str, dynamodb: &str) -> Result<Duration> {
    let runtime_api = TcpListener::bind("127.0.0.1:0").await?;
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api.local_addr()?.to_string())
        .env("AWS_ENDPOINT_URL_DYNAMODB", dynamodb)
        .env("_HANDLER", function)
        .envs(ENVIRONMENT)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let began = Instant::now();
    let mut child =
        command.spawn().with_context(|| format!("cannot start {}", binary.display()))?;
    let poll = async {
        let (mut connection, _) = runtime_api.accept().await?;
        let mut request = vec![0; POLL.len()];
        connection.read_exact(&mut request).await?;
        let took = began.elapsed();
        if request != POLL.as_bytes() {
            bail!("it asks {}", String::from_utf8_lossy(&request));
        }
        Ok(took)
    };
    let took = timeout(PATIENCE, poll).await.context("it does not ask")?;
    child.kill().await?;
    took
}

/// What Lambda sets, and the template.
const ENVIRONMENT: [(&str, &str); 13] = [
    ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "headwater"),
    ("AWS_SECRET_ACCESS_KEY", "local"),
    ("EVENTS_TABLE", EVENTS),
    ("IDEMPOTENCY_TABLE", IDEMPOTENCY),
    ("VIEWS_TABLE", VIEWS),
    ("FEED_TABLE", FEED),
    ("UNIQUE_KEY", "0123456789abcdef0123456789abcdef"),
];
