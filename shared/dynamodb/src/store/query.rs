//! Strong reads of a stream's commits, a page at a time.

use std::ops::RangeInclusive;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Get, ReturnConsumedCapacity, TransactGetItem};
use headwater::{Commit, StreamName};

use super::item::COMMIT;
use crate::connection::{Failed, fault, transaction_fault};
use crate::{EventStore, StoreError, commit_from_item};

/// A number that no event reaches, and that a sort key can hold.
pub(crate) const END: u64 = u64::MAX;

/// Which commits of a stream are wanted.
#[derive(Clone)]
pub(crate) struct CommitRange<'a> {
    pub(super) stream: &'a StreamName,
    pub(super) seqs: RangeInclusive<u64>,
    pub(super) newest_first: bool,
    snapshots: bool,
    /// Whether the archive is asked before the table, since it had what came before.
    pub(super) archive_first: bool,
}

/// As many commits as one request brings: those asked for, or 1 MB, or up to where the other tier
/// goes on.
pub(crate) struct CommitPage<'a> {
    pub(crate) commits: Vec<Commit>,
    /// What is left of the range, if there may be more in it.
    pub(crate) next: Option<CommitRange<'a>>,
    /// Whether the page ends only because the other tier goes on, or the archive's next run.
    pub(super) ends_at_seam: bool,
}

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
    pub(super) fn with(&self, seqs: RangeInclusive<u64>) -> Option<Self> {
        (!seqs.is_empty()).then(|| Self { seqs, ..self.clone() })
    }

    /// What comes after these commits, which are the beginning of the range.
    pub(super) fn after(&self, commits: &[Commit]) -> Option<Self> {
        let last = commits.last()?;
        if self.newest_first {
            self.with(*self.seqs.start()..=last.first.checked_sub(1)?)
        } else {
            self.with(last.last().checked_add(1)?..=*self.seqs.end())
        }
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
    /// What the table has.
    pub(super) async fn table_page<'a>(
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
