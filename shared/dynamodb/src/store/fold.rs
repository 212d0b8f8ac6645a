//! From commits, read backwards, to a state.

use headwater::{Aggregate, Commit, Folded, StreamName};

use crate::StoreError;

/// What is known while the commits after `base` come in, the newest first.
pub(crate) struct Tail<A> {
    /// The latest state known so far from which the rest can be folded.
    base: Folded<A>,
    /// The last event wanted.
    last: u64,
    /// The commits after `base`, the newest first.
    newer: Vec<Commit>,
    /// Whether a snapshot of another revision was passed on the way.
    foreign_snapshot: bool,
}

impl<A: Aggregate> Tail<A> {
    pub(crate) fn after(base: Folded<A>, last: u64) -> Self {
        Self { base, last, newer: Vec::new(), foreign_snapshot: false }
    }

    /// Takes the next older commits in, and tells whether older ones are needed.
    pub(crate) fn take(&mut self, older: Vec<Commit>) -> bool {
        older.into_iter().all(|commit| self.take_one(commit)) && !self.is_whole()
    }

    fn take_one(&mut self, mut commit: Commit) -> bool {
        let is_wanted_whole = commit.last() <= self.last;
        if let Some(snapshot) = commit.snapshot.take().filter(|_| is_wanted_whole) {
            if let Some(state) = snapshot.read() {
                self.base = Folded {
                    state,
                    version: commit.last(),
                    at: Some(commit.at),
                    since_snapshot: 0,
                };
                return false;
            }
            self.foreign_snapshot = true;
        }
        self.newer.push(commit);
        true
    }

    fn is_whole(&self) -> bool {
        self.newer.last().is_some_and(|oldest| oldest.first == self.base.version + 1)
    }

    /// The state at the event wanted, or at the last one that there is.
    pub(crate) fn fold(self, stream: &StreamName) -> Result<Folded<A>, StoreError> {
        let Self { base: mut folded, last, newer, foreign_snapshot } = self;
        for commit in newer.iter().rev() {
            if commit.first != folded.version + 1 {
                return Err(StoreError::Gap {
                    stream: stream.clone(),
                    missing: folded.version + 1,
                });
            }
            if commit.last() <= last {
                folded.apply(commit)?
            } else {
                folded.apply_events(commit, last)?
            }
        }
        // What another build wrote costs every load of this one a longer way back, so the next
        // commit carries a fresh one.
        if foreign_snapshot {
            folded.since_snapshot = folded.since_snapshot.max(A::PAGE);
        }
        Ok(folded)
    }
}
