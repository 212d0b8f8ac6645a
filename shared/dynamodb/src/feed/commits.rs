//! From entries of the feed to the commits that they point at.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use headwater::Commit;

use super::{Feed, FeedEntry};
use crate::table::{Consistency, Table};
use crate::{Item, StoreError, commit_from_item};

impl Feed {
    /// The commits of some entries, in their order. Entries must not repeat.
    ///
    /// # Errors
    /// [`StoreError`], among them [`StoreError::Gap`] for a commit that is not there any more.
    pub async fn commits(&self, entries: &[FeedEntry]) -> Result<Vec<Commit>, StoreError> {
        let table = Table::new(self.events.clone(), &self.events.config().events_table);
        let keys: Vec<Item> = entries.iter().map(key).collect();
        let mut commits = HashMap::with_capacity(entries.len());
        for item in table.get_many(&keys, Consistency::Strong).await? {
            let commit = commit_from_item(item)?;
            commits.insert((commit.stream.clone(), commit.first), commit);
        }
        let mut of = |entry: &FeedEntry| {
            let gap = || StoreError::Gap { stream: entry.stream.clone(), missing: entry.first };
            commits.remove(&(entry.stream.clone(), entry.first)).ok_or_else(gap)
        };
        entries.iter().map(&mut of).collect()
    }
}

fn key(entry: &FeedEntry) -> Item {
    let (stream, seq) = (AttributeValue::S(entry.stream.to_string()), AttributeValue::N(entry.first.to_string()));
    HashMap::from([("stream".to_owned(), stream), ("seq".to_owned(), seq)])
}
