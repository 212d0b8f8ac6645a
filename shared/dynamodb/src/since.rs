//! What was appended since the version that a caller decided on.

use headwater::{Command, Commit, StreamName, decode};

use crate::{Concurrent, EventStore, StoreError};

/// The commits after a version, as far as they are known in this request. They never change, so what is known needs no second look.
#[derive(Default)]
pub(crate) struct Since(Vec<Commit>);

impl Since {
    /// What does not commute with the command, if something does not: among all events after `decided_on`, read as far as the stream's
    /// version `head` at least.
    pub(crate) async fn conflict<C: Command>(
        &mut self,
        store: &EventStore,
        stream: &StreamName,
        command: &C,
        decided_on: u64,
        head: u64,
    ) -> Result<Option<Concurrent>, StoreError> {
        if self.0.last().map_or(decided_on, Commit::last) < head {
            self.read(store, stream, decided_on).await?;
        }
        for event in self.0.iter().flat_map(|commit| &commit.events).filter(|event| event.number > decided_on) {
            if !command.commutes_with(&decode(event)?) {
                return Ok(Some(Concurrent { decided_on, commits: self.0.clone() }));
            }
        }
        Ok(None)
    }

    /// Takes in the commit that won, which saves a read if it is the next one.
    pub(crate) fn note(&mut self, winner: &Commit, decided_on: u64) {
        if winner.first == self.0.last().map_or(decided_on, Commit::last) + 1 {
            self.0.push(Commit { snapshot: None, ..winner.clone() });
        }
    }

    async fn read(&mut self, store: &EventStore, stream: &StreamName, decided_on: u64) -> Result<(), StoreError> {
        let known = self.0.last().map_or(decided_on, Commit::last);
        let next = store.commits_after(stream, known).await?;
        if next.first().is_none_or(|commit| commit.first != known + 1) {
            // The version lies in the middle of a commit.
            self.0.extend(store.newest(stream, 1..=known).await?);
        }
        self.0.extend(next);
        Ok(())
    }
}
