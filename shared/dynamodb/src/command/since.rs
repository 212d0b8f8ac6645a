//! What was appended since the version that a caller decided on.

use headwater::{Commit, Decide, StreamName, decode};

use crate::store::{CommitRange, END};
use crate::{Concurrent, EventStore, StoreError};

/// How many pages of 1 MB are read to find events that do not commute. Whoever decided longer ago
/// than that decides again.
const MOST_PAGES: usize = 4;

/// The commits after a version, as far as they are known in this request. They never change, so
/// what is known needs no second look.
#[derive(Default)]
pub(crate) struct Since {
    commits: Vec<Commit>,
    /// Whether there are more than [`MOST_PAGES`]; then `commits` are the newest.
    is_too_much: bool,
}

impl Since {
    /// What does not commute with the command, if something does not: among all events after
    /// `decided_on`, read as far as the stream's version `head` at least.
    pub(crate) async fn conflict<C: Decide>(
        &mut self,
        store: &EventStore,
        stream: &StreamName,
        command: &C,
        decided_on: u64,
        head: u64,
    ) -> Result<Option<Concurrent>, StoreError> {
        if self.last(decided_on) < head {
            self.read(store, stream, decided_on).await?;
        }
        let found = || {
            Some(Concurrent {
                decided_on,
                version: self.last(decided_on),
                commits: self.commits.clone(),
            })
        };
        if self.is_too_much {
            return Ok(found());
        }
        for event in self
            .commits
            .iter()
            .flat_map(|commit| &commit.events)
            .filter(|event| event.number > decided_on)
        {
            if !command.commutes_with(&decode(event)?) {
                return Ok(found());
            }
        }
        Ok(None)
    }

    /// Takes in the commit that won, which saves a read if it is the next one.
    pub(crate) fn note(&mut self, winner: &Commit, decided_on: u64) {
        if winner.first == self.last(decided_on) + 1 {
            self.commits.push(Commit { snapshot: None, ..winner.clone() });
        }
    }

    /// The number of the last event that is known.
    fn last(&self, decided_on: u64) -> u64 {
        self.commits.last().map_or(decided_on, Commit::last)
    }

    async fn read(
        &mut self,
        store: &EventStore,
        stream: &StreamName,
        decided_on: u64,
    ) -> Result<(), StoreError> {
        let known = self.last(decided_on);
        let wanted = CommitRange::oldest_first(stream, known.saturating_add(1)..=END);
        let mut page = store.page(&wanted, None).await?;
        if page.commits.first().is_none_or(|commit| commit.first != known + 1) {
            // The version lies in the middle of a commit.
            self.commits.extend(store.newest(stream, 1..=known).await?);
        }
        for _ in 1..MOST_PAGES {
            self.commits.append(&mut page.commits);
            let Some(rest) = page.next else { return Ok(()) };
            page = store.page(&rest, None).await?;
        }
        self.commits.append(&mut page.commits);
        if page.next.is_some() {
            self.is_too_much = true;
            self.commits = store.newest_page(stream, decided_on).await?;
        }
        Ok(())
    }
}
