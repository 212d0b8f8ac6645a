//! DynamoDB, Kinesis and S3 on one machine, each on a loopback port of its own, with the template's
//! tables, streams and buckets.
//!
//! What they hold lives under the data directory and survives `kill -9`; without one it lives in
//! memory and goes with the process. Outside servers may take the place of DynamoDB and Kinesis.
//! They check no credentials: roles are checked by the door before them ([`crate::door`]).

mod dynamodb;
mod kinesis;
mod s3;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::template::Template;

/// Where data is kept.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The directory that keeps everything; `None` keeps it in memory.
    pub data_dir: Option<PathBuf>,
    /// The URL of an outside DynamoDB that takes the place of the embedded one.
    pub dynamodb_endpoint: Option<String>,
    /// The URL of an outside Kinesis that takes the place of the embedded one.
    pub kinesis_endpoint: Option<String>,
}

/// The running emulators. They stop when this is dropped.
#[derive(Debug)]
pub struct Emulators {
    /// The URL of DynamoDB and DynamoDB Streams, without a slash at the end.
    pub dynamodb: String,
    /// The URL of Kinesis, without a slash at the end.
    pub kinesis: String,
    /// The URL of S3, without a slash at the end; objects are addressed by path
    /// (`/<bucket>/<key>`).
    pub s3: String,
    /// Dropping the set ends the servers.
    _servers: JoinSet<()>,
    /// Where objects are kept when there is no data directory.
    _scratch: Option<TempDir>,
}

impl Emulators {
    /// Starts what no outside server replaces, and makes the template's tables, streams and buckets
    /// where they are missing.
    ///
    /// # Errors
    /// When a file of the data directory can't be opened (another platform may have it open). Also
    /// when an outside server doesn't answer, or refuses a table or stream.
    pub async fn start(template: &Template, options: &Options) -> Result<Self> {
        let mut servers = JoinSet::new();
        let data_dir = options.data_dir.as_deref();
        if let Some(dir) = data_dir {
            std::fs::create_dir_all(dir)
                .with_context(|| format!("can't make {}", dir.display()))?;
        }
        let dynamodb = match &options.dynamodb_endpoint {
            Some(outside) => trimmed(outside),
            None => dynamodb::serve(data_dir, &mut servers).await.context("DynamoDB")?,
        };
        dynamodb::create_tables(&dynamodb, &template.tables).await?;
        let kinesis = match &options.kinesis_endpoint {
            Some(outside) => trimmed(outside),
            None => kinesis::serve(data_dir, &mut servers).await.context("Kinesis")?,
        };
        kinesis::create_streams(&kinesis, &template.streams).await?;
        let scratch = if data_dir.is_none() { Some(TempDir::new()?) } else { None };
        let objects = data_dir.or(scratch.as_ref().map(TempDir::path)).unwrap_or(Path::new("."));
        let s3 =
            s3::serve(&objects.join("s3"), &template.buckets, &mut servers).await.context("S3")?;
        Ok(Self { dynamodb, kinesis, s3, _servers: servers, _scratch: scratch })
    }
}

fn trimmed(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

/// Runs a server on a free loopback port and returns its URL.
async fn spawn_on_loopback<F>(
    servers: &mut JoinSet<()>,
    serve: impl FnOnce(TcpListener) -> F,
) -> Result<String>
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    servers.spawn(serve(listener));
    Ok(url)
}
