//! Strong reads of a stream's commits, a page at a time.

use std::ops::RangeInclusive;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Get, ReturnConsumedCapacity, TransactGetItem};
use headwater::{Commit, StreamName};

use super::item::COMMIT;
use crate::connection::{Failed, fault, transaction_fault};
use crate::{EventStore, Item, StoreError, commit_from_item};

/// A number that no event reaches, and that a sort key can hold.
pub(crate) const END: u64 = u64::MAX;

/// Which commits of a stream are wanted.
#[derive(Clone)]
pub(crate) struct CommitRange<'a> {
    stream: &'a StreamName,
    seqs: RangeInclusive<u64>,
    newest_first: bool,
    snapshots: bool,
}

/// As many commits as one request brings: those asked for, or 1 MB.
pub(crate) struct CommitPage {
    pub(crate) commits: Vec<Commit>,
    /// Where the next page begins, if there may be more.
    pub(crate) next: Option<Item>,
}

impl<'a> CommitRange<'a> {
    /// Commits whose first event's number is in `seqs`, from the newest to the oldest, snapshots
    /// and all.
    pub(crate) fn newest_first(stream: &'a StreamName, seqs: RangeInclusive<u64>) -> Self {
        Self { stream, seqs, newest_first: true, snapshots: true }
    }

    /// Commits whose first event's number is in `seqs`, from the oldest to the newest, without
    /// snapshots.
    pub(crate) fn oldest_first(stream: &'a StreamName, seqs: RangeInclusive<u64>) -> Self {
        Self { stream, seqs, newest_first: false, snapshots: false }
    }

    /// The same commits without their snapshots.
    pub(crate) fn without_snapshots(self) -> Self {
        Self { snapshots: false, ..self }
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
    /// One page: at most `limit` commits, from `start` on.
    pub(crate) async fn page(
        &self,
        range: &CommitRange<'_>,
        limit: Option<u32>,
        start: Option<Item>,
    ) -> Result<CommitPage, StoreError> {
        if range.seqs.is_empty() {
            return Ok(CommitPage { commits: Vec::new(), next: None });
        }
        let limit = limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX));
        let request = range.request(self).set_limit(limit).set_exclusive_start_key(start);
        let answer = self.connection().settle(fault, || request.clone().send()).await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.connection().meter().read(&output.consumed_capacity);
        let commits = output
            .items
            .unwrap_or_default()
            .into_iter()
            .map(commit_from_item)
            .collect::<Result<_, _>>()?;
        Ok(CommitPage { commits, next: output.last_evaluated_key })
    }

    /// All pages.
    pub(crate) async fn pages(&self, range: &CommitRange<'_>) -> Result<Vec<Commit>, StoreError> {
        let mut commits = Vec::new();
        let mut start = None;
        loop {
            let page = self.page(range, None, start).await?;
            commits.extend(page.commits);
            start = page.next;
            if start.is_none() {
                return Ok(commits);
            }
        }
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
        let mut commits = self.page(&newest, None, None).await?.commits;
        commits.reverse();
        Ok(commits)
    }

    /// The newest of the commits whose first event's number is in `seqs`, without its snapshot.
    pub(crate) async fn newest(
        &self,
        stream: &StreamName,
        seqs: RangeInclusive<u64>,
    ) -> Result<Option<Commit>, StoreError> {
        let newest = CommitRange::newest_first(stream, seqs).without_snapshots();
        let page = self.page(&newest, Some(1), None).await?;
        Ok(page.commits.into_iter().next())
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
