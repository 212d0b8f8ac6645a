//! One history from two tiers: the events table, and the archive.
//!
//! The newest commits of a stream are always in the table. So the archive is asked only in two
//! cases: a page of the table does not begin with the event that was wanted, or the table is out of
//! reach. A stream that has nothing there costs no call more.

use std::time::Duration;

use headwater::{Commit, StreamName};

use super::query::{CommitPage, CommitRange, END};
use crate::size::json_size;
use crate::{EventStore, StoreError};

/// The table has so long to answer, before the archive is asked for what it may have. It is longer
/// than DynamoDB needs to get over a short shortage, and leaves most of a request's time.
const SOON: Duration = Duration::from_secs(2);

/// A page that goes on behind a seam does so up to this many bytes, as one of the table does.
const MOST_BYTES: usize = 1 << 20;

impl EventStore {
    /// One page: at most `limit` commits, from the beginning of the range. It is empty only if
    /// there are none in the range.
    pub(crate) async fn page<'a>(
        &self,
        range: &CommitRange<'a>,
        limit: Option<u32>,
    ) -> Result<CommitPage<'a>, StoreError> {
        let mut page = self.sealed_page(range, limit).await?;
        self.open(&mut page.commits).await?;
        Ok(page)
    }

    /// At most `limit` commits from the beginning of a range, from both tiers: 1 MB of them, but
    /// one if there is any.
    pub(crate) async fn at_most(
        &self,
        range: &CommitRange<'_>,
        limit: u32,
    ) -> Result<Vec<Commit>, StoreError> {
        let CommitPage { mut commits, mut next, mut ends_at_seam } =
            self.page(range, Some(limit)).await?;
        while let Some(range) = next.filter(|_| ends_at_seam) {
            let left = (limit as usize).saturating_sub(commits.len());
            let bytes: usize = commits.iter().map(json_size).sum();
            if left == 0 || bytes >= MOST_BYTES {
                break;
            }
            // There is something to answer with already.
            let Ok(page) = self.soon().page(&range, u32::try_from(left).ok()).await else { break };
            commits.extend(page.commits);
            (next, ends_at_seam) = (page.next, page.ends_at_seam);
        }
        Ok(commits)
    }

    async fn sealed_page<'a>(
        &self,
        range: &CommitRange<'a>,
        limit: Option<u32>,
    ) -> Result<CommitPage<'a>, StoreError> {
        if range.seqs.is_empty() {
            return Ok(CommitPage { commits: Vec::new(), next: None, ends_at_seam: false });
        }
        if self.archive().is_none() {
            return self.table_page(range, limit).await;
        }
        if range.archive_first
            && let Some(page) = Box::pin(self.archived_page(range, range, limit)).await?
        {
            return Ok(page);
        }
        let CommitPage { mut commits, next, .. } = if range.begins_with_newest() {
            self.table_page(range, limit).await?
        } else {
            match self.soon().table_page(range, limit).await {
                Ok(page) => page,
                Err(error) => {
                    let archived = Box::pin(self.archived_page(range, range, limit)).await;
                    if let Ok(Some(page)) = archived {
                        tracing::warn!(%error, "the archive answers instead of the events table");
                        return Ok(page);
                    }
                    // Only the table has it: it gets the rest of the time.
                    self.table_page(range, limit).await?
                }
            }
        };
        if let Some(skipped) = range.skipped(&commits)
            && let Some(page) = Box::pin(self.archived_page(range, &skipped, limit)).await?
        {
            return Ok(page);
        }
        let unbroken = range.unbroken(&commits);
        // What the table lacks at the end of the range is in the archive, if it is anywhere; but a
        // stream's newest commits are in the table.
        let may_lack_end = range.newest_first || *range.seqs.end() != END;
        let ends_at_seam = unbroken < commits.len() || next.is_none() && may_lack_end;
        if ends_at_seam {
            commits.truncate(unbroken);
        }
        let next = if ends_at_seam { range.after(&commits) } else { next };
        Ok(CommitPage { commits, next, ends_at_seam })
    }

    /// What one run of the archive has of the beginning of a range, which the table lacks.
    async fn archived_page<'a>(
        &self,
        range: &CommitRange<'a>,
        skipped: &CommitRange<'a>,
        limit: Option<u32>,
    ) -> Result<Option<CommitPage<'a>>, StoreError> {
        let (start, end) = (*skipped.seqs.start(), *skipped.seqs.end());
        let number = if range.newest_first { end } else { start };
        let mut commits = self.archived(range.stream, number).await?;
        commits.retain(|commit| range.seqs.contains(&commit.first));
        if range.newest_first {
            commits.reverse();
        }
        commits.truncate(limit.map_or(usize::MAX, |limit| limit as usize));
        let next = range.after(&commits).map(|next| next.archive_first(true));
        let page = CommitPage { commits, next, ends_at_seam: true };
        Ok((!page.commits.is_empty()).then_some(page))
    }

    /// The commits of the run of the archive that has an event; none if it is in no run.
    pub(crate) async fn archived(
        &self,
        stream: &StreamName,
        number: u64,
    ) -> Result<Vec<Commit>, StoreError> {
        let Some(archive) = self.archive() else { return Ok(Vec::new()) };
        match archive.run_with(self.connection(), stream, number).await? {
            Some(run) => archive.read(&run).await,
            None => Ok(Vec::new()),
        }
    }

    /// The newest commit of a stream that the archive has.
    pub(crate) async fn newest_archived(
        &self,
        stream: &StreamName,
    ) -> Result<Option<Commit>, StoreError> {
        let Some(archive) = self.archive() else { return Ok(None) };
        match archive.newest_run(self.connection(), stream, END).await? {
            Some(run) => Ok(archive.read(&run).await?.pop()),
            None => Ok(None),
        }
    }

    /// Whether the archive has a commit whose item may be deleted from the table. The first of a
    /// stream stays in any case.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_archived(&self, stream: &StreamName, number: u64) -> Result<bool, StoreError> {
        let Some(archive) = self.archive().filter(|_| number != 1) else { return Ok(false) };
        Ok(archive.run_with(self.connection(), stream, number).await?.is_some())
    }

    /// The same store, whose calls give up soon: the archive may have what is wanted.
    pub(crate) fn soon(&self) -> Self {
        let soon = (tokio::time::Instant::now() + SOON).min(self.connection().deadline());
        self.within(soon.into_std())
    }
}

impl CommitRange<'_> {
    /// How many of the commits follow each other. Behind that some are missing: a page of the table
    /// that is read while commits are deleted has holes.
    fn unbroken(&self, commits: &[Commit]) -> usize {
        let follows = |pair: &[Commit]| match pair {
            [newer, older] if self.newest_first => older.last().saturating_add(1) == newer.first,
            [older, newer] => older.last().saturating_add(1) == newer.first,
            _ => true,
        };
        1 + commits.windows(2).take_while(|pair| follows(pair)).count()
    }

    /// What lies before the first of these commits, which is where the range should begin: nothing
    /// if it does.
    fn skipped(&self, commits: &[Commit]) -> Option<Self> {
        let (start, end) = (*self.seqs.start(), *self.seqs.end());
        match commits.first() {
            // A stream's newest commits are in the table: here it has no more.
            None if end == END => None,
            None => Some(self.clone()),
            Some(_) if self.begins_with_newest() => None,
            Some(newest) if self.newest_first => self.with(newest.last().checked_add(1)?..=end),
            Some(oldest) => self.with(start..=oldest.first.checked_sub(1)?),
        }
    }

    /// Whether it begins with the stream's newest commit, which only the table has.
    fn begins_with_newest(&self) -> bool {
        self.newest_first && *self.seqs.end() == END
    }
}
