//! `restore`: a dump's commits, written where none are.
//!
//! The file is read twice: first all of it is checked, so that nothing is written of a file that is
//! not in order; then it is written. The commits of a stream are written one after another, so that
//! what is written of it has no gap, whenever it stops.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use headwater::{Commit, Domains, StreamName};
use headwater_dynamodb::{Effects, EventStore, Imported};
use headwater_services::effects;
use jiff::Timestamp;
use serde::Serialize;

use crate::connection::Connection;
use crate::dumped::{self, Batch, Checked};
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;

/// How many streams are written at a time.
const AT_ONCE: usize = 32;

/// So many streams with another history mean that it is not the dump of this table.
const MOST_CONFLICTS: usize = 100;

#[derive(Args)]
pub(crate) struct Restore {
    /// A file that `dump` has written.
    file: PathBuf,
    /// Only compare, and print what would be done.
    #[arg(long)]
    dry_run: bool,
    /// Restore even if the table or `UNIQUE_KEY` has another key than the dump, to look at the
    /// data: every name is free there.
    #[arg(long)]
    any_key: bool,
    /// Forget those whom the dump tells of and whose keys the keys table does not have. Without it
    /// nothing of them is restored.
    #[arg(long)]
    without_keys: bool,
}

/// The result of a restore.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Restored {
    /// How many commits were written.
    written: u64,
    /// How many were there.
    present: u64,
    /// How many mails, asked for by what was written, are not to be sent.
    mails: u64,
    /// How many were forgotten, since their keys are missing.
    forgotten: u64,
    /// Where a stream has another commit than the dump, from which on nothing of it was written.
    conflicts: Vec<Conflict>,
    dry_run: bool,
}

#[derive(Serialize)]
struct Conflict {
    stream: StreamName,
    /// The number of the commit's first event.
    first: u64,
}

/// How far a stream has been compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// The table has had all commits so far, and may have more.
    Within,
    /// The table had no more.
    Beyond,
    /// The table has another one.
    Differs,
}

/// The result of a batch.
struct Done {
    stream: StreamName,
    stand: Stand,
    written: u64,
    present: u64,
    mails: u64,
    is_forgotten: bool,
    conflict: Option<u64>,
}

/// Where commits are written.
struct Target {
    domains: Domains,
    /// It opens nothing.
    store: EventStore,
    /// It has the keys.
    opening: EventStore,
    without_keys: bool,
    /// By the name of the handler.
    effects: BTreeMap<&'static str, Effects>,
    dry_run: bool,
}

impl Restore {
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let Self { file, dry_run, any_key, without_keys } = self;
        let Checked { commits, handlers, fingerprint } = dumped::check(&connection.domains, &file)?;
        let mut target = Target {
            domains: connection.domains.clone(),
            store: connection.sealed_store().await?,
            opening: connection.store().await?,
            without_keys,
            effects: BTreeMap::new(),
            dry_run,
        };
        if let Some(dumped) = fingerprint.filter(|_| !any_key) {
            has_key(connection, &target.store, &dumped).await?;
        }
        for handler in handlers {
            target.effects.insert(handler, connection.effects(handler).await?);
        }
        let mut restored = Restored { dry_run, ..Restored::default() };
        let mut progress = Progress::start();
        let mut at_work = FuturesUnordered::new();
        // The stream that the file is at, and how far it has been compared. A batch of it waits for
        // the one before; the streams before it do not come again.
        let mut current = None;
        for batch in dumped::batches(&file)? {
            let batch = batch?;
            let is_next = current.as_ref().is_none_or(|(stream, _)| *stream != batch.stream);
            while at_work.len() >= if is_next { AT_ONCE } else { 1 } {
                let Some(done) = at_work.next().await else { break };
                let done: Done = done?;
                if let Some((_, stand)) =
                    current.as_mut().filter(|(stream, _)| *stream == done.stream)
                {
                    *stand = done.stand;
                }
                restored.count(done)?;
            }
            if is_next {
                current = Some((batch.stream.clone(), Stand::Within));
            }
            let stand = current.as_ref().map_or(Stand::Within, |(_, stand)| *stand);
            at_work.push(target.take(batch, stand));
            progress.tell(output, || {
                format!("{} of {commits} commits", restored.written + restored.present)
            })?;
        }
        while let Some(done) = at_work.next().await {
            restored.count(done?)?;
        }
        drop(progress);
        output.one(&restored, |restored| Ok(restored.text()))?;
        restored.verdict()
    }
}

/// That neither the table nor the functions have another key for unique values than the dump.
async fn has_key(connection: &Connection, store: &EventStore, dumped: &str) -> Result<(), Failure> {
    let known = [
        ("the table's key", store.adopted_fingerprint().await?),
        ("UNIQUE_KEY", connection.unique_key().await?.map(|key| key.fingerprint())),
    ];
    for (what, fingerprint) in known {
        if let Some(fingerprint) = fingerprint.filter(|fingerprint| fingerprint != dumped) {
            return Err(anyhow::anyhow!(
                "the dump's unique values are named by another key than here, where every name \
                 would look free, so nothing was written: its key has the fingerprint {dumped}, \
                 {what} has {fingerprint}"
            )
            .into());
        }
    }
    Ok(())
}

impl Target {
    /// Writes what the table lacks of a batch.
    async fn take(&self, Batch { stream, commits }: Batch, stand: Stand) -> Result<Done, Failure> {
        let is_forgotten = self.forget_without_key(&stream, &commits).await?;
        let there =
            if stand == Stand::Within { self.there(&stream, &commits).await? } else { Vec::new() };
        let mut there = there.into_iter();
        let mut done =
            Done { stream, stand, written: 0, present: 0, mails: 0, is_forgotten, conflict: None };
        for commit in commits {
            if done.stand == Stand::Differs {
                break;
            }
            let first = commit.first;
            let imported = match there.next() {
                Some(found) if found == commit => Imported::Present,
                Some(_) => Imported::Conflict,
                None => self.write(commit, &mut done).await?,
            };
            match imported {
                Imported::Written => (done.stand, done.written) = (Stand::Beyond, done.written + 1),
                Imported::Present => done.present += 1,
                Imported::Conflict => (done.stand, done.conflict) = (Stand::Differs, Some(first)),
            }
        }
        Ok(done)
    }

    /// Forgets the subject of these commits if the keys table does not have its key; says whether
    /// it did.
    async fn forget_without_key(
        &self,
        stream: &StreamName,
        commits: &[Commit],
    ) -> Result<bool, Failure> {
        if !self.opening.lacks_key(commits).await? {
            return Ok(false);
        }
        if !self.without_keys {
            return Err(anyhow::anyhow!(
                "the keys table has no key of {stream}, so nobody could read what is personal in \
                 it: bring the keys table and PERSONAL_KEY of the dump here first, or give \
                 --without-keys to forget all whose keys are missing"
            )
            .into());
        }
        if !self.dry_run {
            self.opening.forget(stream, Timestamp::now()).await?;
        }
        Ok(true)
    }

    /// The commits that the table has where these belong, as far as there are any.
    async fn there(&self, stream: &StreamName, commits: &[Commit]) -> Result<Vec<Commit>, Failure> {
        let (Some(first), Some(last)) = (commits.first(), commits.last()) else {
            return Ok(Vec::new());
        };
        let (mut there, mut version) = (Vec::new(), first.first - 1);
        while version < last.last() {
            let page = self
                .store
                .commits_page(stream, version, u32::try_from(commits.len()).unwrap_or(u32::MAX))
                .await?;
            let Some(newest) = page.last() else { break };
            version = newest.last();
            there.extend(page);
        }
        Ok(there)
    }

    /// Writes a commit. First it notes that the commit's effects outside are not to be carried out:
    /// where the dump comes from, they were done or not. So they are not repeated even if this
    /// process dies.
    async fn write(&self, commit: Commit, done: &mut Done) -> Result<Imported, Failure> {
        for (handler, effect) in effects(&self.domains, &commit) {
            done.mails += 1;
            if let Some(effects) = self.effects.get(handler).filter(|_| !self.dry_run) {
                effects.forgo(&effect).await?;
            }
        }
        if self.dry_run { Ok(Imported::Written) } else { Ok(self.store.import(commit).await?) }
    }
}

impl Restored {
    fn count(&mut self, done: Done) -> Result<(), Failure> {
        let Done { stream, written, present, mails, is_forgotten, conflict, .. } = done;
        self.written += written;
        self.present += present;
        self.mails += mails;
        self.forgotten += u64::from(is_forgotten);
        self.conflicts.extend(conflict.map(|first| Conflict { stream, first }));
        if self.conflicts.len() < MOST_CONFLICTS { Ok(()) } else { self.verdict() }
    }

    /// Whether all went well.
    fn verdict(&self) -> Result<(), Failure> {
        if self.conflicts.is_empty() {
            return Ok(());
        }
        let streams: Vec<String> = self
            .conflicts
            .iter()
            .map(|Conflict { stream, first }| format!("{stream} from event {first} on"))
            .collect();
        Err(anyhow::anyhow!(
            "the table has another history than the dump, which stays as it is: {}",
            streams.join(", ")
        )
        .into())
    }

    fn text(&self) -> String {
        let Self { written, present, mails, forgotten, dry_run, .. } = self;
        let would = if *dry_run { "would be" } else { "were" };
        let mails = if *mails == 0 {
            String::new()
        } else {
            format!("; mails that will not be sent: {mails}")
        };
        let forgotten = if *forgotten == 0 {
            String::new()
        } else {
            format!("; forgotten, since their keys are missing: {forgotten}")
        };
        format!(
            "commits that {would} written: {written}, that were there: {present}{mails}{forgotten}"
        )
    }
}
