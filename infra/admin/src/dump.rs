use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;

use anyhow::Context;
use clap::Args;
use futures::TryStreamExt;
use headwater::{Commit, Domains, StreamName, erased};
use headwater_dynamodb::{EventStore, Selection, StoreError};
use jiff::Timestamp;
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::{Output, json};
use crate::progress::Progress;
use crate::scope::{Scope, all_pages};
use crate::sorted::{Line, Sorter};

/// How many commits of one stream are read at a time.
const PAGE: u32 = 1_000;

#[derive(Args)]
pub(crate) struct Dump {
    #[command(flatten)]
    scope: Scope,
    /// Only this stream, without reading the others: acme/identity/users/ada
    #[arg(long, conflicts_with_all = ["tenant", "domain", "segments"])]
    stream: Option<StreamName>,
    /// Leave out commits after this time: 2026-11-21T10:00:00Z
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Write to this file, which appears when it is complete, instead of to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Seal what is personal in events that were written before it was sealed. It needs the
    /// functions' keys, and makes those that there are not yet.
    #[arg(long)]
    seal: bool,
}

/// What is in a dump.
#[derive(Default, Serialize)]
struct Dumped {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    streams: u64,
    commits: u64,
}

impl Dump {
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let store = connection.sealed_store().await?;
        let sealing = Sealing::new(connection, self.seal).await?;
        let folder = match &self.output {
            Some(file) => folder(file),
            None => std::env::temp_dir(),
        };
        let mut sorter = Sorter::new(folder.clone());
        self.read(&store, &sealing, output, &mut sorter).await?;
        let Some(file) = self.output else {
            let dumped = write(sorter, output.raw())?;
            return output.remark(&dumped.text());
        };
        let wrong = || format!("cannot write {}", file.display());
        let mut draft = NamedTempFile::new_in(folder).with_context(wrong)?;
        let dumped = write(sorter, &mut draft)?;
        draft.as_file().sync_all().with_context(wrong)?;
        draft.persist(&file).with_context(wrong)?;
        output.one(&Dumped { file: Some(file), ..dumped }, |dumped| Ok(dumped.text()))
    }

    /// Reads what is wanted, in whatever order it comes.
    async fn read(
        &self,
        store: &EventStore,
        sealing: &Sealing,
        output: &mut Output<'_>,
        sorter: &mut Sorter,
    ) -> Result<(), Failure> {
        if let Some(stream) = &self.stream {
            return read_stream(store, sealing, stream, self.until, sorter).await;
        }
        let selection = self.scope.select(Selection { until: self.until, ..Selection::default() });
        let mut pages = pin!(all_pages(store, &selection, self.scope.segments()));
        let (mut commits, mut progress) = (0, Progress::start());
        while let Some(page) = pages.try_next().await? {
            commits += page.len();
            for commit in page {
                sorter.push(line(&sealing.sealed(commit).await?)?)?;
            }
            progress.tell(output, || format!("{commits} commits read"))?;
        }
        Ok(())
    }
}

/// What makes ciphertext of what older builds wrote.
struct Sealing {
    domains: Domains,
    /// The store with keys; `None` if commits are dumped as they are.
    store: Option<EventStore>,
}

impl Sealing {
    async fn new(connection: &Connection, is_wanted: bool) -> Result<Self, Failure> {
        let store = match is_wanted {
            true => Some(connection.store_with_keys().await?),
            false => None,
        };
        Ok(Self { domains: connection.domains.clone(), store })
    }

    async fn sealed(&self, mut commit: Commit) -> Result<Commit, Failure> {
        let Some(store) = &self.store else { return Ok(commit) };
        let domain = self.domains.of(&commit.stream);
        let Some(aggregate) = domain.and_then(|d| d.aggregate(&commit.stream.category())) else {
            return Ok(commit);
        };
        for event in &mut commit.events {
            if let Some(marked) = (aggregate.plain)(event) {
                *event = marked;
            }
        }
        match store.seal(&mut commit).await {
            // There is no key any more under which it could be kept.
            Err(StoreError::Erased { .. }) => {
                let data = commit.events.iter_mut().map(|event| &mut event.data);
                data.for_each(|data| *data = erased(std::mem::take(data)));
            }
            sealed => sealed?,
        }
        Ok(commit)
    }
}

async fn read_stream(
    store: &EventStore,
    sealing: &Sealing,
    stream: &StreamName,
    until: Option<Timestamp>,
    sorter: &mut Sorter,
) -> Result<(), Failure> {
    let mut last = 0;
    loop {
        let commits = store.commits_page(stream, last, PAGE).await?;
        let Some(newest) = commits.last() else { break };
        last = newest.last();
        let wanted = |commit: &Commit| until.is_none_or(|until| commit.at <= until);
        for commit in commits.into_iter().filter(wanted) {
            sorter.push(line(&sealing.sealed(commit).await?)?)?;
        }
    }
    if last == 0 { Err(Failure::NotFound("there is no such stream".to_owned())) } else { Ok(()) }
}

fn line(commit: &Commit) -> Result<Line, Failure> {
    let text = json(commit)?;
    Ok(Line { stream: commit.stream.to_string(), first: commit.first, last: commit.last(), text })
}

/// Writes the lines in order, and fails if a stream has a gap: it could not be restored.
fn write(sorter: Sorter, out: &mut (impl Write + ?Sized)) -> Result<Dumped, Failure> {
    let mut out = BufWriter::new(out);
    let mut dumped = Dumped::default();
    let (mut stream, mut version) = (String::new(), 0);
    for line in sorter.finish()? {
        let line = line?;
        if line.stream != stream {
            dumped.streams += 1;
            (stream, version) = (line.stream, 0);
        }
        if line.first != version + 1 {
            let stream = stream.parse().map_err(StoreError::from)?;
            return Err(StoreError::Gap { stream, missing: version + 1 }.into());
        }
        version = line.last;
        dumped.commits += 1;
        writeln!(out, "{}", line.text)?;
    }
    out.flush()?;
    Ok(dumped)
}

impl Dumped {
    fn text(&self) -> String {
        let Self { file, streams, commits } = self;
        let place =
            file.as_ref().map(|file| format!(", in {}", file.display())).unwrap_or_default();
        format!("streams: {streams}, commits: {commits}{place}")
    }
}

/// Where a file is, or is to be.
fn folder(file: &Path) -> PathBuf {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or_else(|| PathBuf::from("."), Path::to_owned)
}
