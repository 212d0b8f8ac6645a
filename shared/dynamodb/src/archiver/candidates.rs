//! Which commits may move, from a scan that brings each stream's together and in order.

use std::collections::VecDeque;

use headwater::{Commit, Domains, StreamName};
use jiff::Timestamp;

use crate::store::ScanKey;

/// A run ends when its lines have about so many bytes: it is read as a whole.
const RUN_BYTES: usize = 512 << 10;

/// Commits of one stream that may move.
pub(super) struct Found {
    pub(super) stream: StreamName,
    pub(super) commits: Vec<Commit>,
    /// Whether they are enough for a run. Fewer than that are looked at only where commits were
    /// archived before: some of these may be in the archive already.
    pub(super) is_run: bool,
}

/// The commits of the stream that the scan is at.
pub(super) struct Candidates<'a> {
    domains: &'a Domains,
    now: Timestamp,
    stream: Option<Current>,
    /// The last commit that came before that stream.
    before: Option<ScanKey>,
    last: Option<ScanKey>,
}

struct Current {
    stream: StreamName,
    /// What was decided before may move; `None` for a kind of stream that stays for ever.
    old_before: Option<Timestamp>,
    /// So many of the newest commits stay, and fewer than this do not move: a page of a load.
    page: usize,
    /// What may move.
    old: Vec<Commit>,
    bytes: usize,
    /// The last event that came.
    last: u64,
    /// Whether some were archived before: there is a hole.
    has_hole: bool,
    /// What stays, unless newer commits follow.
    newest: VecDeque<Commit>,
}

impl<'a> Candidates<'a> {
    pub(super) fn new(domains: &'a Domains, now: Timestamp) -> Self {
        Self { domains, now, stream: None, before: None, last: None }
    }

    /// Takes the scan's next commit, and gives a run if one is complete.
    pub(super) fn take(&mut self, commit: Commit) -> Option<Found> {
        let key = ScanKey::after(&commit.stream, commit.first);
        let before = self.last.replace(key);
        if self.stream.as_ref().is_some_and(|current| current.stream == commit.stream) {
            return self.stream.as_mut()?.take(commit);
        }
        let ended = self.finish();
        self.before = before;
        let aggregate = self.domains.of(&commit.stream);
        let aggregate = aggregate.and_then(|domain| domain.aggregate(&commit.stream.category()));
        let retention = aggregate.and_then(|aggregate| aggregate.retention);
        let old_before = retention.and_then(|retention| self.now.checked_sub(retention).ok());
        let mut current = Current {
            stream: commit.stream.clone(),
            old_before,
            page: aggregate.map_or(0, |aggregate| aggregate.page as usize),
            old: Vec::new(),
            bytes: 0,
            last: 0,
            has_hole: false,
            newest: VecDeque::new(),
        };
        current.take(commit);
        self.stream = Some(current);
        ended
    }

    /// Where a scan goes on that is to see the present stream from its beginning; `None` if that is
    /// where this one began.
    pub(super) fn before(&self) -> Option<ScanKey> {
        self.before.clone()
    }

    /// What is left of the stream that the scan was at, if there is something to be done.
    pub(super) fn finish(&mut self) -> Option<Found> {
        let Current { stream, page, old, has_hole, .. } = self.stream.take()?;
        let is_run = !old.is_empty() && old.len() >= page;
        let may_be_noted = has_hole && old.iter().any(super::is_deleted);
        (is_run || may_be_noted).then_some(Found { stream, commits: old, is_run })
    }
}

impl Current {
    fn take(&mut self, commit: Commit) -> Option<Found> {
        let old_before = self.old_before?;
        self.has_hole |= commit.first != self.last + 1;
        self.last = commit.last();
        self.newest.push_back(Commit { snapshot: None, ..commit });
        // A load reads a page, and one more if the snapshot is right behind it.
        if self.newest.len() <= 2 * self.page {
            return None;
        }
        let oldest = self.newest.pop_front()?;
        if oldest.at >= old_before {
            return None;
        }
        self.bytes += super::bytes(&oldest) as usize;
        self.old.push(oldest);
        (self.bytes >= RUN_BYTES).then(|| {
            self.bytes = 0;
            let commits = std::mem::take(&mut self.old);
            Found { stream: self.stream.clone(), commits, is_run: true }
        })
    }
}
