//! From entries of the feed to the commits that they point at.

use std::collections::HashMap;

use headwater::Commit;

use super::{Feed, FeedEntry};
use crate::size::item_size;
use crate::table::{Consistency, Table};
use crate::{Item, StoreError, commit_from_item};

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
        let table = Table::new(self.events.connection(), &self.events.config().events_table);
        let mut commits = Vec::with_capacity(entries.len());
        let mut bytes = 0;
        for chunk in entries.chunks(AT_ONCE) {
            if bytes >= MOST_BYTES {
                break;
            }
            let key = |entry: &FeedEntry| self.events.key(&entry.stream, entry.first);
            let keys: Vec<Item> = chunk.iter().map(key).collect();
            let mut found = HashMap::with_capacity(chunk.len());
            for item in table.get_many(&keys, Consistency::Strong).await? {
                bytes += item_size(&item);
                let commit = commit_from_item(item)?;
                found.insert((commit.stream.clone(), commit.first), commit);
            }
            for entry in chunk {
                if found.contains_key(&(entry.stream.clone(), entry.first)) {
                    continue;
                }
                for commit in Box::pin(self.events.archived(&entry.stream, entry.first)).await? {
                    found.entry((commit.stream.clone(), commit.first)).or_insert(commit);
                }
            }
            let mut of = |entry: &FeedEntry| {
                let gap = || StoreError::Gap { stream: entry.stream.clone(), missing: entry.first };
                found.remove(&(entry.stream.clone(), entry.first)).ok_or_else(gap)
            };
            commits.extend(chunk.iter().map(&mut of).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(commits)
    }
}
