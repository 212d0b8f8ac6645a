//! One process of a function.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{Deployment, Runtime};
use crate::runtime_api::Mailbox;
use crate::template::REGION;

/// A running process and its mailbox, which closes when the process ends.
pub(super) struct Instance {
    pub(super) mailbox: Arc<Mailbox>,
    kill: Arc<Notify>,
}

impl Instance {
    /// Starts a process of the function.
    pub(super) fn start(runtime: &Arc<Runtime>, deployment: &Deployment) -> Result<Self> {
        let id = Uuid::new_v4().to_string();
        let name = &deployment.function.name;
        let log_path = runtime.launch.logs.join(format!("{name}.log"));
        let log = OpenOptions::new().create(true).append(true).open(&log_path)?;
        let mut child = Command::new(&runtime.launch.executable)
            .args(&runtime.launch.arguments)
            .env_clear()
            .envs(environment(runtime, deployment, &id))
            // Never written to: it closes when the platform ends, see `exit_with_parent`.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("can't start {}", runtime.launch.executable.display()))?;
        let verbose = runtime.launch.verbose.then(|| name.clone());
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(copy_lines(stdout, log.try_clone()?, verbose.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(copy_lines(stderr, log, verbose));
        }
        let mailbox = runtime.mailboxes.open(&id);
        let kill = Arc::new(Notify::new());
        tokio::spawn(watch(child, kill.clone(), runtime.clone(), id));
        Ok(Self { mailbox, kill })
    }

    /// Kills the process. The mailbox closes at once, so that nothing more is delivered to it.
    pub(super) fn kill(&self) {
        self.mailbox.close();
        self.kill.notify_one();
    }
}

/// Waits for the process to end, or ends it.
async fn watch(mut child: Child, kill: Arc<Notify>, runtime: Arc<Runtime>, id: String) {
    // Waiting for a child closes its input, by which it would think us gone.
    let _stdin = child.stdin.take();
    let killed = tokio::select! {
        _ = child.wait() => false,
        () = kill.notified() => true,
    };
    if killed {
        // An error means that it ended by itself in the meantime.
        let _ = child.kill().await;
    }
    runtime.mailboxes.close(&id);
}

/// Appends a process's output to its function's log, whole lines at a time.
async fn copy_lines(output: impl AsyncRead + Unpin, mut log: File, echo_as: Option<String>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let _ = log.write_all(format!("{line}\n").as_bytes());
        if let Some(name) = &echo_as {
            let _ = writeln!(std::io::stderr(), "{name}: {}", headwater::shown(&line));
        }
    }
}

/// The environment as Lambda sets it, and the template's.
fn environment(runtime: &Runtime, deployment: &Deployment, id: &str) -> Vec<(String, String)> {
    let function = &deployment.function;
    let mut all = vec![
        ("_HANDLER", function.name.clone()),
        ("AWS_LAMBDA_RUNTIME_API", format!("http://{}/{id}", runtime.address)),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory.to_string()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".into()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", id.to_owned()),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON".into()),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_rust".into()),
        ("AWS_REGION", REGION.into()),
        ("AWS_DEFAULT_REGION", REGION.into()),
        ("LANG", "en_US.UTF-8".into()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin".into()),
        ("TZ", ":UTC".into()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect::<Vec<_>>();
    all.extend(deployment.environment.iter().cloned());
    all.extend(function.environment.clone());
    all
}

/// Ends this process when the platform that started it is gone, killed or not: its end of our
/// standard input closes then.
///
/// A process that waits for work would notice by its failed poll; one in the middle of an
/// invocation would not.
pub fn exit_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
}
