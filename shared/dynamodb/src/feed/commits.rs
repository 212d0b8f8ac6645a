//! From entries of the feed to the commits that they point at.

use std::collections::HashMap;

use headwater::{Commit, StreamName};

use super::{Feed, FeedEntry};
use crate::size::item_size;
use crate::table::{Consistency, Table};
use crate::{EventStore, Item, StoreError, commit_from_item};

/// Commits by their stream and their first event.
type Found = HashMap<(StreamName, u64), Commit>;

/// How many commits are read at once: some 10 MB, if all of them are as large as can be.
const AT_ONCE: usize = 25;

/// After so many bytes of them no more are read. The smallest function has 256 MB.
const MOST_BYTES: usize = 6 * 1024 * 1024;

impl Feed {
    /// The commits of some entries, in their order: all of them, or if they are large as many as a
    /// function has room for, which are 6 MB, and one at least. Entries must not repeat.
    ///
    /// # Errors
    /// [`StoreError`], among them [`StoreError::Gap`] for a commit that is not there any more.
    pub async fn commits(&self, entries: &[FeedEntry]) -> Result<Vec<Commit>, StoreError> {
        let mut commits = Vec::with_capacity(entries.len());
        let mut bytes = 0;
        for chunk in entries.chunks(AT_ONCE) {
            if bytes >= MOST_BYTES {
                break;
            }
            let mut found = HashMap::with_capacity(chunk.len());
            for item in self.in_table(chunk, &mut found).await? {
                bytes += item_size(&item);
                let commit = commit_from_item(item)?;
                found.insert((commit.stream.clone(), commit.first), commit);
            }
            Box::pin(self.fill(chunk, &mut found)).await?;
            let mut of = |entry: &FeedEntry| {
                let gap = || StoreError::Gap { stream: entry.stream.clone(), missing: entry.first };
                found.remove(&(entry.stream.clone(), entry.first)).ok_or_else(gap)
            };
            let mut chunk = chunk.iter().map(&mut of).collect::<Result<Vec<_>, _>>()?;
            self.events.open(&mut chunk).await?;
            commits.extend(chunk);
        }
        Ok(commits)
    }

    /// What the table has of them; nothing if it is out of reach and the archive has them all.
    async fn in_table(
        &self,
        entries: &[FeedEntry],
        found: &mut Found,
    ) -> Result<Vec<Item>, StoreError> {
        if self.events.archive().is_none() {
            return in_table(&self.events, entries).await;
        }
        match in_table(&self.events.soon(), entries).await {
            Ok(items) => Ok(items),
            Err(_) => {
                Box::pin(self.fill(entries, found)).await?;
                let has =
                    |entry: &FeedEntry| found.contains_key(&(entry.stream.clone(), entry.first));
                if entries.iter().all(has) {
                    return Ok(Vec::new());
                }
                in_table(&self.events, entries).await
            }
        }
    }

    /// Adds what the table lacks and the archive has.
    async fn fill(&self, entries: &[FeedEntry], found: &mut Found) -> Result<(), StoreError> {
        for entry in entries {
            if found.contains_key(&(entry.stream.clone(), entry.first)) {
                continue;
            }
            for commit in self.events.archived(&entry.stream, entry.first).await? {
                found.entry((commit.stream.clone(), commit.first)).or_insert(commit);
            }
        }
        Ok(())
    }
}

async fn in_table(events: &EventStore, entries: &[FeedEntry]) -> Result<Vec<Item>, StoreError> {
    let table = Table::new(events.connection(), &events.config().events_table);
    let keys: Vec<Item> =
        entries.iter().map(|entry| events.key(&entry.stream, entry.first)).collect();
    table.get_many(&keys, Consistency::Strong).await
}
