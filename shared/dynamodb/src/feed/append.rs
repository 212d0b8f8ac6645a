//! Writing a feed's log.

use std::num::NonZeroUsize;
use std::sync::Arc;

use futures::future::try_join_all;
use headwater::StreamName;
use lru::LruCache;
use tokio::sync::Mutex;

use super::log::newest;
use super::page::{FeedPage, Listed};
use super::streams::{fed_version, move_on};
use crate::connection::Backoff;
use crate::table::{Condition, Table};
use crate::{EventStore, StoreError};

/// The most commits of one page: reading the head reads a whole page.
const MOST_COMMITS: usize = 100;

/// Of how many feeds a process remembers where they end: some MB.
const MOST_ENDS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// The commits of a stream that a projector has to append.
pub(crate) struct Reached {
    /// Which stream.
    pub(crate) stream: StreamName,
    /// What it has reached.
    pub(crate) version: u64,
    /// The commits that are at hand, in order.
    pub(crate) commits: Vec<CommitKey>,
}

/// The place of a commit in its stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CommitKey {
    /// The number of its first event.
    pub(crate) first: u64,
    /// How many events it has.
    pub(crate) count: u64,
}

impl CommitKey {
    /// The number of its last event.
    fn last(&self) -> u64 {
        self.first + self.count - 1
    }
}

/// Appends to the change feeds. It caches where each ends: if another worker was first, the
/// condition tells.
pub(crate) struct Appender {
    table: Table,
    events: EventStore,
    ends: Arc<Mutex<LruCache<(String, String), u64>>>,
}

/// The commits of a stream that its feed lacks.
struct Missing<'a> {
    stream: &'a StreamName,
    /// The version that the feed has reached.
    fed: u64,
    commits: Vec<CommitKey>,
}

impl Appender {
    /// The most streams whose commits one page takes: a transaction has at most 100 items, and the
    /// page is one.
    pub(crate) const MOST_STREAMS: usize = 99;

    pub(crate) fn new(events: EventStore, feed_table: &str) -> Self {
        Self {
            table: Table::new(events.connection(), feed_table),
            events,
            ends: Arc::new(Mutex::new(LruCache::new(MOST_ENDS))),
        }
    }

    /// The same appender for calls with another deadline.
    pub(crate) fn with(&self, events: EventStore) -> Self {
        Self { table: self.table.with(events.connection()), events, ends: Arc::clone(&self.ends) }
    }

    /// Brings a feed to what these streams, at most [`MOST_STREAMS`](Self::MOST_STREAMS) of one
    /// tenant's domain, have reached.
    pub(crate) async fn append(
        &self,
        tenant: &str,
        domain: &str,
        reached: &[Reached],
    ) -> Result<(), StoreError> {
        let mut backoff = Backoff::until(self.events.connection().deadline());
        loop {
            let missing = try_join_all(reached.iter().map(|reached| self.missing(reached))).await?;
            let (page, more) = fill_page(missing);
            if page.is_empty() {
                return Ok(());
            }
            let written = self.write(tenant, domain, page).await?;
            if written && !more {
                return Ok(());
            }
            if !written && !backoff.wait().await {
                return Err(StoreError::Unavailable(
                    "other workers wrote the feed until the deadline".to_owned(),
                ));
            }
        }
    }

    /// What the feed lacks of a stream: from the commits at hand or else, where one is missing
    /// among them, from the events table. It must not append commits that came meanwhile: the rows
    /// have not got there.
    async fn missing<'a>(&self, reached: &'a Reached) -> Result<Missing<'a>, StoreError> {
        let Reached { stream, version, commits } = reached;
        let fed = fed_version(&self.table, stream).await?;
        let commits = match follow(fed, commits) {
            (commits, end) if end >= *version => commits,
            _ => {
                let mut commits = self.events.commit_keys_after(stream, fed).await?;
                commits.retain(|commit| commit.last() <= *version);
                commits
            }
        };
        Ok(Missing { stream, fed, commits })
    }

    /// Writes a page at the end of the feed, and returns whether no other worker had written there
    /// or fed one of its streams.
    async fn write(
        &self,
        tenant: &str,
        domain: &str,
        missing: Vec<Missing<'_>>,
    ) -> Result<bool, StoreError> {
        let feed = (tenant.to_owned(), domain.to_owned());
        let mut ends = self.ends.lock().await;
        let end = match ends.get(&feed) {
            Some(end) => *end,
            None => newest(&self.table, tenant, domain).await?.head(),
        };
        let page = FeedPage {
            first: end + 1,
            commits: missing.iter().flat_map(Missing::listed).collect(),
        };
        let last = page.last();
        let moves = missing
            .iter()
            .map(|missing| move_on(&self.table, missing.stream, missing.fed, missing.end()));
        let mut writes = moves.collect::<Result<Vec<_>, _>>()?;
        writes.push(self.table.put(page.into_item(tenant, domain)?, Some(Condition::absent()))?);
        let written = self.table.transact(writes).await?;
        match written {
            true => ends.put(feed, last),
            false => ends.pop(&feed),
        };
        Ok(written)
    }
}

impl Missing<'_> {
    /// The version that the feed reaches with these commits.
    fn end(&self) -> u64 {
        self.commits.last().map_or(self.fed, CommitKey::last)
    }

    fn listed(&self) -> impl Iterator<Item = Listed> {
        self.commits.iter().map(|CommitKey { first, count }| Listed {
            stream: self.stream.clone(),
            first: *first,
            count: *count,
        })
    }
}

/// The run of commits that follows a version without a gap, and where it ends.
fn follow(fed: u64, commits: &[CommitKey]) -> (Vec<CommitKey>, u64) {
    let mut end = fed;
    let mut run = Vec::new();
    for commit in commits.iter().filter(|commit| commit.first > fed) {
        if commit.first != end + 1 {
            break;
        }
        end += commit.count;
        run.push(*commit);
    }
    (run, end)
}

/// As many of the missing commits as one page takes, and whether there are more.
fn fill_page(missing: Vec<Missing<'_>>) -> (Vec<Missing<'_>>, bool) {
    let total: usize = missing.iter().map(|missing| missing.commits.len()).sum();
    let mut room = MOST_COMMITS;
    let mut page = Vec::with_capacity(missing.len());
    for mut missing in missing {
        missing.commits.truncate(room);
        room -= missing.commits.len();
        if !missing.commits.is_empty() {
            page.push(missing);
        }
    }
    (page, total > MOST_COMMITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_takes_so_many_commits_and_not_one_more() {
        let stream = "acme/identity/users/42".parse().unwrap();
        let missing = |commits: u64| {
            let commits = (1..=commits).map(|first| CommitKey { first, count: 1 }).collect();
            Missing { stream: &stream, fed: 0, commits }
        };
        for (streams, page, more) in [
            (vec![100], vec![100], false),
            (vec![101], vec![100], true),
            (vec![60, 0, 40], vec![60, 40], false),
            (vec![60, 60, 1], vec![60, 40], true),
        ] {
            let (taken, is_more) =
                fill_page(streams.iter().map(|commits| missing(*commits)).collect());
            assert_eq!(
                (taken.iter().map(|missing| missing.commits.len()).collect(), is_more),
                (page, more),
                "{streams:?}"
            );
        }
    }
}
