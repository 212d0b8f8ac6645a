//! The operators' CLI, run in this process.

use anyhow::{Result, ensure};
use serde::de::DeserializeOwned;

use crate::Platform;

/// Runs a command line of the CLI on a platform, which must go well, and gives the documents that it answers with.
///
/// # Errors
/// If it ends with another code than 0: what it said.
pub async fn headwater<T: DeserializeOwned>(platform: &Platform, line: &str) -> Result<Vec<T>> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let line = format!("headwater {line} --json --local={}", platform.url());
    let code = headwater_admin::run(line.split(' ').map(Into::into), &mut out, &mut err).await;
    let out = String::from_utf8(out)?;
    ensure!(code == 0, "{line}: {}\n{out}", String::from_utf8_lossy(&err));
    Ok(out.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}
