//! How long a cold start takes, by the binaries as they are deployed, against one that does
//! nothing. It is from the start of a function's process to its first question for work, and to its
//! first answer.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::types::ScalarAttributeType;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
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

/// How the answer to the first piece of work begins on the wire.
const ANSWER: &str = "POST /2018-06-01/runtime/invocation/1/response ";

/// `{"sub":"me","tenant":"acme","roles":["reader","writer"]}`, unsigned.
const TOKEN: &str = "Bearer e30.eyJzdWIiOiJtZSIsInRlbmFudCI6ImFjbWUiLCJyb2xlcyI6WyJyZWFkZXIiLCJ3cml\
                     0ZXIiXX0.c2ln";

/// Where rows and change feeds would be.
const VIEWS: &str = "views";
const FEED: &str = "feed";

/// What has not asked by then will not.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a program takes to get ready, and to do its first work.
pub struct Started {
    /// Its name.
    pub program: &'static str,
    /// From its start to its first poll.
    pub ready: Latency,
    /// From its start to the answer to a request about a user that is not there.
    pub answered: Latency,
}

/// Starts all programs in turn, the empty one first.
///
/// # Errors
/// If one of them does not ask for work, or does not do it.
pub async fn measure(server: &Server, folders: &Folders, effort: &Effort) -> Result<Vec<Started>> {
    let client = aws_sdk_dynamodb::Client::new(&configuration(server.endpoint()).await);
    create_table(&client, VIEWS, &[("pk", ScalarAttributeType::S), ("sk", ScalarAttributeType::S)])
        .await?;
    let programs = [EMPTY].into_iter().chain(STARTED);
    let mut samples: Vec<_> = programs.map(|program| (program, Vec::new(), Vec::new())).collect();
    for _ in 0..effort.starts {
        for (program, ready, answered) in &mut samples {
            let executable = if *program == EMPTY { EMPTY } else { SERVICE };
            let binary = folders.binary(executable);
            let started = start(&binary, program, server.endpoint());
            let times = timeout(PATIENCE, started).await.context("it does not ask or answer");
            let (to_poll, to_answer) = times.and_then(|times| times).with_context(|| *program)?;
            ready.push(to_poll);
            answered.push(to_answer);
        }
    }
    let started = |(program, ready, answered)| {
        let latency = |samples| Latency::of(samples).context("nothing was started");
        Ok(Started { program, ready: latency(ready)?, answered: latency(answered)? })
    };
    samples.into_iter().map(started).collect()
}

/// Starts an executable as a function, and ends it when it has answered a request.
async fn start(binary: &Path, function: &str, dynamodb: &str) -> Result<(Duration, Duration)> {
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
    let (mut connection, _) = runtime_api.accept().await?;
    expect(&mut connection, POLL).await?;
    let to_poll = began.elapsed();
    // Consumes the rest of the question, so that the answer begins what is read next.
    let mut rest = [0; 4096];
    while !rest.ends_with(b"\r\n\r\n") {
        rest.rotate_left(1);
        rest[4095] = connection.read_u8().await?;
    }
    connection.write_all(work(function).as_bytes()).await?;
    // It may use the same connection, or open another.
    tokio::select! {
        answered = expect(&mut connection, ANSWER) => answered?,
        accepted = runtime_api.accept() => expect(&mut accepted?.0, ANSWER).await?,
    }
    let to_answer = began.elapsed();
    child.kill().await?;
    Ok((to_poll, to_answer))
}

/// Reads how a request begins.
async fn expect(connection: &mut TcpStream, beginning: &str) -> Result<()> {
    let mut read = vec![0; beginning.len()];
    connection.read_exact(&mut read).await?;
    if read != beginning.as_bytes() {
        bail!("it sends {} instead of {beginning}", String::from_utf8_lossy(&read));
    }
    Ok(())
}

/// A piece of work as the runtime API hands it on: the request that the function is for, about a
/// user that is not there.
fn work(function: &str) -> String {
    let method = if function == "identity-get-user" { "GET" } else { "PATCH" };
    let event = json!({
        "headers": { "authorization": TOKEN, "content-type": "application/json" },
        "rawPath": "/identity/users/1",
        "rawQueryString": "",
        "pathParameters": { "id": "1" },
        "requestContext": {
            "requestId": "1",
            "timeEpoch": 0,
            "http": { "method": method, "path": "/identity/users/1" },
            "authorizer": { "jwt": {
                "claims": { "sub": "me", "tenant": "acme", "roles": "[reader writer]" },
                "scopes": null,
            } },
        },
        "body": (method == "PATCH").then_some(r#"{"displayName":"Ada"}"#),
        "isBase64Encoded": false,
    });
    let event = event.to_string();
    let deadline = jiff::Timestamp::now().as_millisecond() + 10_000;
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         lambda-runtime-aws-request-id: 1\r\nlambda-runtime-deadline-ms: {deadline}\r\n\
         lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:1:function:bench\r\n\r\n\
         {event}",
        event.len()
    )
}

/// What Lambda sets, and the template.
const ENVIRONMENT: [(&str, &str); 17] = [
    ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "headwater"),
    ("AWS_SECRET_ACCESS_KEY", "local"),
    ("EVENTS_TABLE", EVENTS),
    // Nothing is archived, so neither is asked.
    ("ARCHIVE_TABLE", "archive"),
    ("ARCHIVE_BUCKET", "archive"),
    // Nor is anybody's key: the user is not there.
    ("KEYS_TABLE", "keys"),
    ("PERSONAL_KEY", "0123456789abcdef0123456789abcdef"),
    ("IDEMPOTENCY_TABLE", IDEMPOTENCY),
    ("VIEWS_TABLE", VIEWS),
    ("FEED_TABLE", FEED),
    ("UNIQUE_KEY", "0123456789abcdef0123456789abcdef"),
];
