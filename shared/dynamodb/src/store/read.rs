//! Strong reads: states, commits, versions.

use std::ops::RangeInclusive;

use headwater::{Aggregate, AggregateFn, Commit, Folded, StreamName};
use jiff::Timestamp;
use serde_json::Value;

use super::fold::Tail;
use super::query::{CommitRange, END};
use crate::{EventStore, StoreError};

/// A moment in a stream's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// After this event, which may lie in the middle of a commit.
    Version(u64),
    /// After what had been decided by then.
    Time(Timestamp),
}

impl EventStore {
    /// The present state, read strongly: one request where the newest usable snapshot is among the
    /// [`Aggregate::PAGE`] newest commits, and only for what this process has not seen yet. A
    /// stream without events has the default state at version 0.
    ///
    /// It bills a read unit for each 4 KB of that page. Commits have `c` KB and a state has `s` KB.
    /// Where a share `f` of the commands finds a cold Lambda, the cheapest page is about `sqrt(40·s
    /// / (f·c))`: a write unit costs five read units and bills each KB of one item, a strong read
    /// unit 4 KB of the sum.
    ///
    /// # Errors
    /// [`StoreError`], among them a stored event that this build cannot read.
    pub async fn load<A: Aggregate>(&self, stream: &StreamName) -> Result<Folded<A>, StoreError> {
        self.load_onto(self.cache().get(stream).unwrap_or_default(), stream).await
    }

    /// The present state, from one that is known already.
    pub(crate) async fn load_onto<A: Aggregate>(
        &self,
        known: Folded<A>,
        stream: &StreamName,
    ) -> Result<Folded<A>, StoreError> {
        let folded = self.fold_onto(known, stream, END).await?;
        self.cache().put(stream, &folded);
        Ok(folded)
    }

    /// The state as it was, in the middle of a commit too. Its version is less than was asked for
    /// where the stream has not got that far.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn load_at<A: Aggregate>(
        &self,
        stream: &StreamName,
        at: At,
    ) -> Result<Folded<A>, StoreError> {
        let version = match at {
            At::Version(version) => version,
            At::Time(time) => self.version_at(stream, time).await?,
        };
        self.fold_onto(Folded::default(), stream, version).await
    }

    /// As [`load_at`](Self::load_at), for an aggregate whose type is forgotten.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn state_at(
        &self,
        aggregate: &AggregateFn,
        stream: &StreamName,
        at: At,
    ) -> Result<Folded<Value>, StoreError> {
        let last = match at {
            At::Version(version) => version,
            At::Time(time) => self.version_at(stream, time).await?,
        };
        let wanted = CommitRange::newest_first(stream, 1..=last);
        let is_enough = |commit: &Commit| {
            commit.last() <= last && commit.snapshot.as_ref().is_some_and(aggregate.reads)
        };
        let mut commits = Vec::new();
        let mut page = self.page(&wanted, Some(aggregate.page)).await?;
        loop {
            for commit in page.commits {
                let is_last = is_enough(&commit);
                commits.push(commit);
                if is_last {
                    page.next = None;
                    break;
                }
            }
            let Some(rest) = page.next else { break };
            page = self.page(&rest, None).await?;
        }
        commits.reverse();
        whole(stream, &commits)?;
        Ok((aggregate.state_at)(&commits, last)?)
    }

    /// All commits that begin after `version`, in order, without their snapshots.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn commits_after(
        &self,
        stream: &StreamName,
        version: u64,
    ) -> Result<Vec<Commit>, StoreError> {
        self.pages(&CommitRange::oldest_first(stream, version.saturating_add(1)..=END)).await
    }

    /// The commits that hold the first events after `version`, at most `limit` (and 1 MB) of them,
    /// in order, without their snapshots. Where `version` lies in the middle of a commit, that one
    /// comes first, whole. Fewer than `limit` commits need not mean the end; none does.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn commits_page(
        &self,
        stream: &StreamName,
        version: u64,
        limit: u32,
    ) -> Result<Vec<Commit>, StoreError> {
        let begun =
            self.newest(stream, 1..=version).await?.filter(|commit| commit.last() > version);
        let rest = CommitRange::oldest_first(stream, version.saturating_add(1)..=END);
        let limit = limit.saturating_sub(u32::from(begun.is_some()));
        let page = if limit == 0 { Vec::new() } else { self.at_most(&rest, limit).await? };
        Ok(begun.into_iter().chain(page).collect())
    }

    /// The commits that begin with one of these events, in order, without their snapshots: at most
    /// 1 MB of them, but one if there is any. One strong query.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn commits_in(
        &self,
        stream: &StreamName,
        first: RangeInclusive<u64>,
    ) -> Result<Vec<Commit>, StoreError> {
        Ok(self.page(&CommitRange::oldest_first(stream, first), None).await?.commits)
    }

    /// The last commits that begin before event `number`, at most `limit` (and 1 MB) of them, in
    /// order, without their snapshots. There are none only at the stream's beginning.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn commits_before(
        &self,
        stream: &StreamName,
        number: u64,
        limit: u32,
    ) -> Result<Vec<Commit>, StoreError> {
        // Before the end of all numbers, the stream's newest commit comes first.
        let last = if number == END { END } else { number.saturating_sub(1) };
        let wanted = CommitRange::newest_first(stream, 1..=last).without_snapshots();
        let mut commits = self.at_most(&wanted, limit).await?;
        commits.reverse();
        Ok(commits)
    }

    /// The commits that hold the events up to `version`, in order, without their snapshots. Where
    /// `version` lies in the middle of a commit, that one ends there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn commits_until(
        &self,
        stream: &StreamName,
        version: u64,
    ) -> Result<Vec<Commit>, StoreError> {
        let mut commits = self.pages(&CommitRange::oldest_first(stream, 1..=version)).await?;
        if let Some(last) = commits.last_mut() {
            last.events.retain(|event| event.number <= version);
        }
        Ok(commits)
    }

    /// The stream's version: the number of its last event, 0 before any.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn head(&self, stream: &StreamName) -> Result<u64, StoreError> {
        Ok(self.newest(stream, 1..=END).await?.map_or(0, |commit| commit.last()))
    }

    /// Folds what lies after `base`, up to event `last`, reading backwards no further than to a
    /// snapshot that this build can use.
    async fn fold_onto<A: Aggregate>(
        &self,
        base: Folded<A>,
        stream: &StreamName,
        last: u64,
    ) -> Result<Folded<A>, StoreError> {
        let wanted = CommitRange::newest_first(stream, base.version + 1..=last);
        let mut tail = Tail::after(base, last);
        let mut page = self.page(&wanted, Some(A::PAGE)).await?;
        while tail.take(page.commits)
            && let Some(rest) = page.next
        {
            page = self.page(&rest, None).await?;
        }
        tail.fold(stream)
    }

    /// The version that a stream had at a time. A commit's time is never before the previous one's,
    /// so halving finds it.
    async fn version_at(&self, stream: &StreamName, time: Timestamp) -> Result<u64, StoreError> {
        let (head, is_archived) = match self.soon().newest(stream, 1..=END).await {
            Ok(head) => (head, false),
            // For a time before the archive's newest commit, nothing else is needed.
            Err(_) => match self.newest_archived(stream).await {
                Ok(Some(newest)) if time < newest.at => (Some(newest), true),
                _ => (self.newest(stream, 1..=END).await?, false),
            },
        };
        let Some(head) = head else { return Ok(0) };
        if head.at <= time {
            return Ok(head.last());
        }
        let mut known = 0;
        let mut end = head.first - 1;
        loop {
            let half = known + 1..=known + (end - known).div_ceil(2);
            let newest = CommitRange::newest_first(stream, half).without_snapshots();
            match self.first_of(&newest.archive_first(is_archived)).await? {
                Some(commit) if commit.at <= time => known = commit.last(),
                Some(commit) => end = commit.first - 1,
                None => break,
            }
        }
        Ok(known)
    }
}

/// That no event is missing: the first commit begins the stream or holds a snapshot.
fn whole(stream: &StreamName, commits: &[Commit]) -> Result<(), StoreError> {
    let mut next = match commits.first() {
        Some(first) if first.snapshot.is_some() => first.first,
        _ => 1,
    };
    for commit in commits {
        if commit.first != next {
            return Err(StoreError::Gap { stream: stream.clone(), missing: next });
        }
        next = commit.last() + 1;
    }
    Ok(())
}
