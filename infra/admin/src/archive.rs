//! `archive`: commits that are older than their aggregate's retention move to the archive, as the
//! function does once a day.

use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use futures::{StreamExt, TryStreamExt, stream};
use headwater_dynamodb::{Archiver, Mode, Moved};
use jiff::Timestamp;
use serde::Serialize;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::Output;
use crate::scope::Speed;
use crate::storage::size;

/// A segment is worked on until it is done.
const PATIENCE: Duration = Duration::from_secs(30 * 24 * 3_600);

#[derive(Args)]
pub(crate) struct Archive {
    /// Only print what would move.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    speed: Speed,
}

/// What was moved, or would be.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    dry_run: bool,
    /// Each of one stream.
    runs: u64,
    commits: u64,
    /// In the events table.
    bytes: u64,
    /// In objects.
    packed: u64,
    objects: u64,
    /// Commits that an earlier pass had archived, and that were deleted now.
    completed: u64,
}

impl Archive {
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let archiver = Archiver::new(
            connection.sealed_store().await?,
            connection.domains.clone(),
            Timestamp::now(),
        )
        .context("there is no archive: ARCHIVE_TABLE and ARCHIVE_BUCKET are not set")?;
        let mode = if self.dry_run { Mode::Count } else { Mode::Move };
        let deadline = Instant::now() + PATIENCE;
        let segments =
            self.speed.segments().map(|segment| {
                let archiver = &archiver;
                async move {
                    Ok::<_, Failure>(archiver.segment(mode, segment, None, deadline).await?.moved)
                }
            });
        let moved: Vec<Moved> =
            stream::iter(segments).buffer_unordered(self.speed.count()).try_collect().await?;
        let moved = moved.into_iter().fold(Moved::default(), Moved::with);
        let shown = Shown {
            dry_run: self.dry_run,
            runs: moved.runs,
            commits: moved.commits,
            bytes: moved.bytes,
            packed: moved.packed,
            objects: moved.objects,
            completed: moved.completed,
        };
        output.one(&shown, |shown| Ok(shown.text()))
    }
}

impl Shown {
    fn text(&self) -> String {
        let Self { commits, completed, .. } = self;
        let done = if self.dry_run { "would move" } else { "moved" };
        let (bytes, packed) = (size(self.bytes), size(self.packed));
        let mut text = format!("{done} {commits} commits: {bytes} of items, {packed} packed");
        if *completed > 0 {
            let done = if self.dry_run { "would delete" } else { "deleted" };
            text += &format!("; {done} {completed} that were archived before");
        }
        text
    }
}
