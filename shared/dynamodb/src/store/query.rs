//! Strong reads of a stream's commits, a page at a time, from the events table and the archive.
//!
//! The newest commits of a stream are always in the table. So the archive is asked only in two
//! cases: a page of the table does not begin with the event that was wanted, or the table is out of
//! reach. A stream that has nothing there costs no call more.

use std::ops::RangeInclusive;
use std::time::Duration;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Get, ReturnConsumedCapacity, TransactGetItem};
use headwater::{Commit, StreamName};

use super::item::COMMIT;
use crate::connection::{Failed, fault, transaction_fault};
use crate::size::json_size;
use crate::{EventStore, StoreError, commit_from_item};

/// A number that no event reaches, and that a sort key can hold.
pub(crate) const END: u64 = u64::MAX;

/// The table has so long to answer, before the archive is asked for what it may have. It is longer
/// than DynamoDB needs to get over a short shortage, and leaves most of a request's time.
const SOON: Duration = Duration::from_secs(2);

/// Which commits of a stream are wanted.
#[derive(Clone)]
pub(crate) struct CommitRange<'a> {
    stream: &'a StreamName,
    seqs: RangeInclusive<u64>,
    newest_first: bool,
    snapshots: bool,
    /// Whether the archive is asked before the table, since it had what came before.
    archive_first: bool,
}

/// As many commits as one request brings: those asked for, or 1 MB, or up to where the other tier
/// goes on.
pub(crate) struct CommitPage<'a> {
    pub(crate) commits: Vec<Commit>,
    /// What is left of the range, if there may be more in it.
    pub(crate) next: Option<CommitRange<'a>>,
    /// Whether the page ends only because the other tier goes on, or the archive's next run.
    ends_at_seam: bool,
}

/// A page that goes on behind a seam does so up to this many bytes, as one of the table does.
const MOST_BYTES: usize = 1 << 20;

impl<'a> CommitRange<'a> {
    /// Commits whose first event's number is in `seqs`, from the newest to the oldest, snapshots
    /// and all.
    pub(crate) fn newest_first(stream: &'a StreamName, seqs: RangeInclusive<u64>) -> Self {
        Self { stream, seqs, newest_first: true, snapshots: true, archive_first: false }
    }

    /// Commits whose first event's number is in `seqs`, from the oldest to the newest, without
    /// snapshots.
    pub(crate) fn oldest_first(stream: &'a StreamName, seqs: RangeInclusive<u64>) -> Self {
        Self { stream, seqs, newest_first: false, snapshots: false, archive_first: false }
    }

    /// The same commits without their snapshots.
    pub(crate) fn without_snapshots(self) -> Self {
        Self { snapshots: false, ..self }
    }

    /// The same commits, which the archive may have: then it is asked before the table.
    pub(crate) fn archive_first(self, archive_first: bool) -> Self {
        Self { archive_first, ..self }
    }

    /// The same range with other numbers; `None` if there are none.
    fn with(&self, seqs: RangeInclusive<u64>) -> Option<Self> {
        (!seqs.is_empty()).then(|| Self { seqs, ..self.clone() })
    }

    /// What comes after these commits, which are the beginning of the range.
    fn after(&self, commits: &[Commit]) -> Option<Self> {
        let last = commits.last()?;
        if self.newest_first {
            self.with(*self.seqs.start()..=last.first.checked_sub(1)?)
        } else {
            self.with(last.last().checked_add(1)?..=*self.seqs.end())
        }
    }

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

    fn request(&self, store: &EventStore) -> QueryFluentBuilder {
        let number = |seq: &u64| AttributeValue::N(seq.to_string());
        let query = store
            .connection()
            .client()
            .query()
            .table_name(&store.config().events_table)
            .key_condition_expression("#stream = :stream AND #seq BETWEEN :first AND :last")
            .expression_attribute_names("#stream", "stream")
            .expression_attribute_names("#seq", "seq")
            .expression_attribute_values(":stream", AttributeValue::S(self.stream.to_string()))
            .expression_attribute_values(":first", number(self.seqs.start()))
            .expression_attribute_values(":last", number(self.seqs.end()))
            .scan_index_forward(!self.newest_first)
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        if self.snapshots { query } else { without_snapshots(query) }
    }
}

/// It bills the same, but less crosses the wire.
fn without_snapshots(query: QueryFluentBuilder) -> QueryFluentBuilder {
    COMMIT
        .into_iter()
        .fold(query, |query, name| query.expression_attribute_names(format!("#{name}"), name))
        .projection_expression(COMMIT.map(|name| format!("#{name}")).join(", "))
}

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

    /// What the table has.
    async fn table_page<'a>(
        &self,
        range: &CommitRange<'a>,
        limit: Option<u32>,
    ) -> Result<CommitPage<'a>, StoreError> {
        let limit = limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX));
        let request = range.request(self).set_limit(limit);
        let answer = self.connection().settle(fault, || request.clone().send()).await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.connection().meter().read(&output.consumed_capacity);
        let commits: Vec<Commit> = output
            .items
            .unwrap_or_default()
            .into_iter()
            .map(commit_from_item)
            .collect::<Result<_, _>>()?;
        let next = output.last_evaluated_key.and_then(|_| range.after(&commits));
        Ok(CommitPage { commits, next, ends_at_seam: false })
    }

    /// The same store, whose calls give up soon: the archive may have what is wanted.
    pub(crate) fn soon(&self) -> Self {
        let soon = (tokio::time::Instant::now() + SOON).min(self.connection().deadline());
        self.within(soon.into_std())
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

    /// Whether the archive has a commit whose item may be deleted from the table. The first of a
    /// stream stays in any case.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_archived(&self, stream: &StreamName, number: u64) -> Result<bool, StoreError> {
        let Some(archive) = self.archive().filter(|_| number != 1) else { return Ok(false) };
        Ok(archive.run_with(self.connection(), stream, number).await?.is_some())
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

    /// All pages.
    pub(crate) async fn pages(&self, range: &CommitRange<'_>) -> Result<Vec<Commit>, StoreError> {
        let mut commits = Vec::new();
        let mut next = Some(range.clone());
        while let Some(range) = next {
            let page = self.page(&range, None).await?;
            commits.extend(page.commits);
            next = page.next;
        }
        Ok(commits)
    }

    /// The newest of the commits that begin after `version`, in order, without their snapshots: as
    /// many as one request brings.
    pub(crate) async fn newest_page(
        &self,
        stream: &StreamName,
        version: u64,
    ) -> Result<Vec<Commit>, StoreError> {
        let newest = CommitRange {
            snapshots: false,
            ..CommitRange::newest_first(stream, version.saturating_add(1)..=END)
        };
        let mut commits = self.page(&newest, None).await?.commits;
        commits.reverse();
        Ok(commits)
    }

    /// The newest of the commits whose first event's number is in `seqs`, without its snapshot.
    pub(crate) async fn newest(
        &self,
        stream: &StreamName,
        seqs: RangeInclusive<u64>,
    ) -> Result<Option<Commit>, StoreError> {
        self.first_of(&CommitRange::newest_first(stream, seqs).without_snapshots()).await
    }

    /// The first commit of a range.
    pub(crate) async fn first_of(
        &self,
        range: &CommitRange<'_>,
    ) -> Result<Option<Commit>, StoreError> {
        Ok(self.page(range, Some(1)).await?.commits.into_iter().next())
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

    /// The commit whose first event has this number. A plain read would not do: it misses a commit
    /// that is written and yet to be seen. This one waits until that can be seen.
    pub(crate) async fn commit_at(
        &self,
        stream: &StreamName,
        first: u64,
    ) -> Result<Option<Commit>, StoreError> {
        let get = Get::builder()
            .table_name(&self.config().events_table)
            .key("stream", AttributeValue::S(stream.to_string()))
            .key("seq", AttributeValue::N(first.to_string()))
            .build()
            .map_err(|incomplete| StoreError::Refused(incomplete.to_string()))?;
        let request = self
            .connection()
            .client()
            .transact_get_items()
            .transact_items(TransactGetItem::builder().get(get).build())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = self.connection().settle(transaction_fault, || request.clone().send()).await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.connection().meter().read(output.consumed_capacity());
        let item = output.responses.into_iter().flatten().find_map(|response| response.item);
        Ok(item.map(commit_from_item).transpose()?)
    }
}
