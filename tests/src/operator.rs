//! The operators' CLI, run in this process.

use anyhow::{Result, ensure};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Platform;

/// Runs a command line of the CLI on a platform, which must go well, and gives the documents that
/// it answers with.
///
/// # Errors
/// If it ends with another code than 0: what it said.
pub async fn headwater<T: DeserializeOwned>(platform: &Platform, line: &str) -> Result<Vec<T>> {
    let (code, documents) = run(platform, line).await?;
    ensure!(code == 0, "{line} ended with {code}");
    Ok(documents)
}

/// Lets `headwater verify` go through a platform whose processes were killed, and gives what is
/// wrong: a mail of which nobody knows whether it was sent is not, nor is a user's update that
/// waits. They are where a person finds them.
///
/// # Errors
/// If it cannot be done.
pub async fn wrong(platform: &Platform) -> Result<Vec<Value>> {
    let (code, mut findings) = run::<Value>(platform, "verify --pause 2").await?;
    ensure!(code < 2, "verify could not be done");
    let waits = |finding: &Value| match finding["kind"].as_str() {
        Some("update") => true,
        Some("mail") => {
            finding["what"].as_str().is_some_and(|what| what.contains("may have been sent"))
        }
        _ => false,
    };
    findings.retain(|finding| !waits(finding));
    Ok(findings)
}

/// Runs a command line of the CLI on a platform: its exit code, and the documents that it answers
/// with.
async fn run<T: DeserializeOwned>(platform: &Platform, line: &str) -> Result<(u8, Vec<T>)> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let line = format!("headwater {line} --json --local={}", platform.url());
    let domains = headwater_lambda::domains(&platform_functions::services());
    let code =
        headwater_admin::run(domains, line.split(' ').map(Into::into), &mut out, &mut err).await;
    let out = String::from_utf8(out)?;
    ensure!(code < 2, "{line}: {}\n{out}", String::from_utf8_lossy(&err));
    Ok((code, out.lines().map(serde_json::from_str).collect::<Result<_, _>>()?))
}
