use std::collections::BTreeMap;

use headwater::{Commit, StreamName};

use crate::feed::{CommitKey, Reached};
use crate::views::gap;

/// What one record of the commits stream says: "this stream has reached this version".
#[derive(Clone, Debug, PartialEq)]
pub struct Doorbell {
    /// Which stream.
    pub stream: StreamName,
    /// The number of the last event of the commit that rang.
    pub version: u64,
    /// That commit, so that it need not be read, unless it was too large for a record.
    pub commit: Option<Commit>,
}

/// All doorbells of a batch that one stream rang.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) stream: StreamName,
    /// The highest version that was rung.
    pub(crate) version: u64,
    /// The commits that came along, in order, each once.
    commits: BTreeMap<u64, Commit>,
    /// Which places in the batch the doorbells had.
    pub(super) places: Vec<usize>,
}

impl Task {
    /// The commits from `after` to the version that was rung, if they all came along.
    pub(super) fn commits_after(&self, after: u64) -> Option<Vec<Commit>> {
        let commits: Vec<Commit> =
            self.commits.range(after + 1..).map(|(_, commit)| commit.clone()).collect();
        let complete = gap(after, &commits).is_none()
            && commits.last().map(Commit::last) == Some(self.version);
        complete.then_some(commits)
    }

    /// Whether the stream's first commit came along.
    pub(crate) fn is_from_the_start(&self) -> bool {
        self.commits.contains_key(&1)
    }

    /// What the change feed has to tell of the stream, whose rows have got to a version.
    pub(super) fn reached(&self, version: u64) -> Reached {
        let version = version.min(self.version);
        let commits = self
            .commits
            .values()
            .filter(|commit| commit.last() <= version)
            .map(|commit| CommitKey { first: commit.first, count: commit.events.len() as u64 });
        Reached { stream: self.stream.clone(), version, commits: commits.collect() }
    }
}

/// One task for each stream of a batch.
pub(crate) fn coalesce(doorbells: Vec<Doorbell>) -> Vec<Task> {
    let mut tasks: BTreeMap<StreamName, Task> = BTreeMap::new();
    for (place, Doorbell { stream, version, commit }) in doorbells.into_iter().enumerate() {
        let task = tasks.entry(stream.clone()).or_insert_with(|| Task {
            stream,
            version,
            commits: BTreeMap::new(),
            places: Vec::new(),
        });
        task.version = task.version.max(version);
        task.commits.extend(commit.map(|commit| (commit.first, commit)));
        task.places.push(place);
    }
    tasks.into_values().collect()
}
