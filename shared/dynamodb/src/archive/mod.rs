//! The archive: commits that are too old for the events table, in objects that cost a tenth of it.
//!
//! An object holds *runs*. A run is commits of one stream that follow each other: JSON lines, as
//! `headwater dump` writes them, in a zstd frame of their own. So one range read brings a run, and
//! any tool reads a whole object (`zstd -dc`, DuckDB, Athena). The archive table says where each
//! run is. A stream's runs follow each other without a gap from its first event on. Its newest
//! commits are never archived, and its first one is in both.
//!
//! | item | `pk` | `sk` | attributes |
//! |---|---|---|---|
//! | run | `acme/licensing/customers/7` | its first event, 20 digits | `l` its last event, `o` the object, `b` and `n` the first byte and how many, `d` the SHA-256 of its lines, `u` the time of its newest commit |
//!
//! 1. `run`: from commits to a frame and back;
//! 2. `notes`: which run has an event.
//!
//! [`EventStore`](crate::EventStore) reads both tiers, and [`Archiver`](crate::Archiver) moves
//! commits from one to the other.

mod notes;
mod run;

use std::ops::Range;
use std::sync::Arc;

use futures::future::BoxFuture;
use headwater::Commit;

use crate::StoreError;
use crate::connection::Connection;
pub(crate) use run::Frame;
pub use run::Run;

/// Where the objects are: S3, behind functions. It gives up by itself when a call takes too long.
/// They may be anywhere, as in a folder:
///
/// ```
/// use std::ops::Range;
/// use std::path::PathBuf;
/// use std::sync::Arc;
///
/// use futures::future::{BoxFuture, FutureExt};
/// use headwater_dynamodb::{Archive, Objects, StoreError};
///
/// struct Folder(PathBuf);
///
/// impl Objects for Folder {
///     fn put<'a>(
///         &'a self,
///         name: &'a str,
///         body: Vec<u8>,
///     ) -> BoxFuture<'a, Result<(), StoreError>> {
///         let written = std::fs::write(self.0.join(name.replace('/', "-")), body);
///         async { written.map_err(|error| StoreError::Unavailable(error.to_string())) }.boxed()
///     }
///
///     fn get<'a>(
///         &'a self,
///         name: &'a str,
///         bytes: Range<u64>,
///     ) -> BoxFuture<'a, Result<Vec<u8>, StoreError>> {
///         let read = std::fs::read(self.0.join(name.replace('/', "-")));
///         async move {
///             let object = read.map_err(|error| StoreError::Unavailable(error.to_string()))?;
///             let part = object.get(bytes.start as usize..bytes.end as usize);
///             Ok(part.unwrap_or_default().to_vec())
///         }
///         .boxed()
///     }
/// }
///
/// let archive = Archive::new("archive", Arc::new(Folder(std::env::temp_dir())));
/// # let _ = archive;
/// ```
pub trait Objects: Send + Sync {
    /// Writes an object, all of it or nothing.
    fn put<'a>(&'a self, name: &'a str, body: Vec<u8>) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Reads some bytes of an object; none if there is no such object.
    fn get<'a>(
        &'a self,
        name: &'a str,
        bytes: Range<u64>,
    ) -> BoxFuture<'a, Result<Vec<u8>, StoreError>>;
}

/// The archive of an events table. Cheap to clone.
///
/// ```
/// use std::sync::Arc;
///
/// use headwater_dynamodb::{Archive, EventStore, Objects, StoreConfig};
///
/// fn store(
///     client: aws_sdk_dynamodb::Client,
///     config: StoreConfig,
///     objects: Arc<dyn Objects>,
/// ) -> EventStore {
///     EventStore::with_archive(client, config, Archive::new("archive", objects))
/// }
/// ```
#[derive(Clone)]
pub struct Archive {
    table: String,
    objects: Arc<dyn Objects>,
}

impl Archive {
    /// The archive whose runs this table notes, in these objects.
    pub fn new(table: impl Into<String>, objects: Arc<dyn Objects>) -> Self {
        Self { table: table.into(), objects }
    }

    /// Writes an object.
    pub(crate) async fn put(&self, object: &str, body: Vec<u8>) -> Result<(), StoreError> {
        self.objects.put(object, body).await
    }

    /// The commits of a run, in order. What was read is what was written, or it is an error.
    pub(crate) async fn read(&self, run: &Run) -> Result<Vec<Commit>, StoreError> {
        run.decode(&self.objects.get(&run.object, run.bytes()).await?)
    }

    /// The run that holds an event.
    pub(crate) async fn run_with(
        &self,
        connection: &Connection,
        stream: &headwater::StreamName,
        number: u64,
    ) -> Result<Option<Run>, StoreError> {
        let newest = self.newest_run(connection, stream, number).await?;
        Ok(newest.filter(|run| run.last >= number))
    }
}
