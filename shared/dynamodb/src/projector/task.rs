use std::collections::BTreeMap;

use headwater::{Commit, StreamName};

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
pub(super) struct Task {
    pub(super) stream: StreamName,
    /// The highest version that was rung.
    pub(super) version: u64,
    /// The commits that came along, in order, each once.
    commits: BTreeMap<u64, Commit>,
    /// Which places in the batch the doorbells had.
    pub(super) places: Vec<usize>,
}

impl Task {
    /// A task that no record told of: bring the stream to this version.
    pub(super) fn new(stream: StreamName, version: u64) -> Self {
        Self { stream, version, commits: BTreeMap::new(), places: Vec::new() }
    }

    /// The commits from `after` to the version that was rung, if they all came along.
    pub(super) fn commits_after(&self, after: u64) -> Option<Vec<Commit>> {
        let commits: Vec<Commit> = self.commits.range(after + 1..).map(|(_, commit)| commit.clone()).collect();
        (end_of_run(after, &commits) == Some(self.version)).then_some(commits)
    }

    /// The commits that came along, as first event's number and count of events.
    pub(super) fn known(&self) -> impl Iterator<Item = (u64, u64)> {
        self.commits.values().map(|commit| (commit.first, commit.events.len() as u64))
    }
}

/// The version that a stream at version `after` reaches with these commits, if they follow it and each other without a gap.
pub(super) fn end_of_run(after: u64, commits: &[Commit]) -> Option<u64> {
    commits.iter().try_fold(after, |version, commit| (commit.first == version + 1).then(|| commit.last()))
}

/// One task for each stream of a batch.
pub(super) fn coalesce(doorbells: Vec<Doorbell>) -> Vec<Task> {
    let mut tasks: BTreeMap<StreamName, Task> = BTreeMap::new();
    for (place, Doorbell { stream, version, commit }) in doorbells.into_iter().enumerate() {
        let task = tasks.entry(stream.clone()).or_insert_with(|| Task::new(stream, version));
        task.version = task.version.max(version);
        task.commits.extend(commit.map(|commit| (commit.first, commit)));
        task.places.push(place);
    }
    tasks.into_values().collect()
}
