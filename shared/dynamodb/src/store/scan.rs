//! Strong scans of all commits, in segments that many can read at once: of the events table, and of
//! the archive where a stream begins there.
//!
//! DynamoDB assigns an item to a segment by the hash of its partition key: so a stream is in one
//! segment, its commits come together, and in order. What is written meanwhile may come or not;
//! what was there before the scan came to it does. A stream thus ends somewhere, but never has a
//! gap.

use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use headwater::{Commit, StreamName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::item::COMMIT;
use crate::connection::{Failed, fault};
use crate::{EventStore, Item, ItemError, Segment, StoreError, commit_from_item};

/// Which commits a scan brings. By default all, without their snapshots. Whatever is left out is
/// read and billed all the same.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only this tenant's.
    pub tenant: Option<String>,
    /// Only this domain's, as `identity`.
    pub domain: Option<String>,
    /// Only those of one request.
    pub correlation_id: Option<String>,
    /// Only what was decided then or later.
    pub since: Option<Timestamp>,
    /// Only what was decided then or before.
    pub until: Option<Timestamp>,
    /// With the snapshots that ride in them.
    pub snapshots: bool,
}

/// How far a scan has got, to go on after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanKey {
    /// The last item of the table that was looked at, if any was.
    #[serde(flatten)]
    item: Option<ItemKey>,
    /// What the archive has of the next item's stream comes first, from this event on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    archived: Option<Archived>,
}

/// The key of an item of the events table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ItemKey {
    stream: String,
    seq: u64,
    /// The last event that was brought of its stream. Absent without an archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Archived {
    stream: StreamName,
    number: u64,
}

/// What one request of a scan brought: 1 MB of the table, less what the selection leaves out. It
/// may be empty where there is more to come.
#[derive(Debug)]
pub struct ScanPage {
    /// The commits, each stream's together and in order.
    pub commits: Vec<Result<Commit, Unreadable>>,
    /// How many items were looked at, those left out included.
    pub scanned: u64,
    /// Where the next page begins, if there may be more.
    pub next: Option<ScanKey>,
    /// How many read units it was billed.
    pub units: u64,
}

/// An item that is no commit, or none that this build can read; or a run of the archive that is
/// damaged.
#[derive(Debug, thiserror::Error)]
#[error("{stream}@{seq}: {error}")]
pub struct Unreadable {
    /// Its partition key.
    pub stream: String,
    /// Its sort key, or the run's first event.
    pub seq: u64,
    /// What is wrong with it.
    pub error: ItemError,
}

impl ScanKey {
    /// After this commit of the table.
    pub(crate) fn after(stream: &StreamName, seq: u64) -> Self {
        let item = ItemKey { stream: stream.to_string(), seq, last: None };
        Self { item: Some(item), archived: None }
    }
}

impl ItemKey {
    /// Nothing if the item lacks the key, which DynamoDB does not let happen.
    fn of(item: &Item) -> Option<Self> {
        let stream = item.get("stream")?.as_s().ok()?.clone();
        let seq = item.get("seq")?.as_n().ok()?.parse().ok()?;
        Some(Self { stream, seq, last: None })
    }

    fn item(&self) -> Item {
        let stream = ("stream".to_owned(), AttributeValue::S(self.stream.clone()));
        let seq = ("seq".to_owned(), AttributeValue::N(self.seq.to_string()));
        Item::from([stream, seq])
    }
}

impl Selection {
    /// Leaves the choice to DynamoDB, as far as it can be: with an archive, only that of streams.
    /// Otherwise it would not be seen where a stream begins.
    fn request(&self, request: ScanFluentBuilder, has_archive: bool) -> ScanFluentBuilder {
        let streams = match (&self.tenant, &self.domain) {
            (Some(tenant), Some(domain)) => {
                Some(("begins_with(#stream, :streams)", format!("{tenant}/{domain}/")))
            }
            (Some(tenant), None) => Some(("begins_with(#stream, :streams)", format!("{tenant}/"))),
            // It may stand further back too; `has` looks closer.
            (None, Some(domain)) => Some(("contains(#stream, :streams)", format!("/{domain}/"))),
            (None, None) => None,
        };
        let mut filters = Vec::new();
        let mut request = request;
        if let Some((filter, streams)) = streams {
            filters.push(filter);
            request = request
                .expression_attribute_names("#stream", "stream")
                .expression_attribute_values(":streams", AttributeValue::S(streams));
        }
        if let Some(id) = self.correlation_id.as_ref().filter(|_| !has_archive) {
            filters.push("#m.#r = :correlation");
            request =
                request.expression_attribute_names("#m", "m").expression_attribute_names("#r", "r");
            request =
                request.expression_attribute_values(":correlation", AttributeValue::S(id.clone()));
        }
        for (filter, value, time) in
            [("#at >= :since", ":since", self.since), ("#at <= :until", ":until", self.until)]
        {
            if let Some(time) = time.filter(|_| !has_archive) {
                filters.push(filter);
                let milliseconds = AttributeValue::N(time.as_millisecond().to_string());
                request = request
                    .expression_attribute_names("#at", "at")
                    .expression_attribute_values(value, milliseconds);
            }
        }
        if !self.snapshots {
            request = COMMIT.iter().fold(request, |request, name| {
                request.expression_attribute_names(format!("#{name}"), *name)
            });
            request =
                request.projection_expression(COMMIT.map(|name| format!("#{name}")).join(", "));
        }
        if filters.is_empty() { request } else { request.filter_expression(filters.join(" AND ")) }
    }

    /// Whether a stream of this name is among those wanted, as far as the request cannot tell.
    fn has(&self, stream: &str) -> bool {
        self.domain.as_deref().is_none_or(|domain| stream.split('/').nth(1) == Some(domain))
    }

    /// Whether a commit of such a stream is wanted.
    fn wants(&self, commit: &Commit) -> bool {
        let Commit { at, metadata, .. } = commit;
        self.correlation_id.as_ref().is_none_or(|id| metadata.correlation_id == *id)
            && self.since.is_none_or(|since| *at >= since)
            && self.until.is_none_or(|until| *at <= until)
    }
}

impl EventStore {
    /// One page of a segment, from its beginning or after `start`. It costs a read unit for each 4
    /// KB that are looked at, and a call of the archive for each run.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB or the archive does not answer; what DynamoDB answered with may
    /// be unreadable, each commit for itself.
    pub async fn scan(
        &self,
        selection: &Selection,
        segment: Segment,
        start: Option<&ScanKey>,
    ) -> Result<ScanPage, StoreError> {
        let mut page = self.scan_sealed(selection, segment, start).await?;
        for commit in page.commits.iter_mut().flatten() {
            self.open(std::slice::from_mut(commit)).await?;
        }
        Ok(page)
    }

    async fn scan_sealed(
        &self,
        selection: &Selection,
        segment: Segment,
        start: Option<&ScanKey>,
    ) -> Result<ScanPage, StoreError> {
        let Some(archive) = self.archive() else {
            return self.scan_table(selection, segment, start).await;
        };
        let mut item = start.and_then(|key| key.item.clone());
        // The stream that the scan is at, and its next event, if that is known.
        let mut at = item.as_ref().and_then(|item| Some((item.stream.clone(), item.last? + 1)));
        if let Some(Archived { stream, number }) = start.and_then(|key| key.archived.clone()) {
            if let Some(run) = archive.run_with(self.connection(), &stream, number).await? {
                let commits: Vec<Result<Commit, Unreadable>> = match archive.read(&run).await {
                    Ok(commits) => commits
                        .into_iter()
                        .filter(|commit| commit.first >= number && selection.wants(commit))
                        .map(Ok)
                        .collect(),
                    Err(error @ StoreError::Archive { .. }) => {
                        let error = ItemError::Archived(error.to_string());
                        vec![Err(Unreadable { stream: stream.to_string(), seq: run.first, error })]
                    }
                    Err(error) => return Err(error),
                };
                let archived = Some(Archived { stream, number: run.last + 1 });
                return Ok(ScanPage {
                    scanned: commits.len() as u64,
                    commits,
                    next: Some(ScanKey { item, archived }),
                    units: 0,
                });
            }
            at = Some((stream.to_string(), number));
        }
        let mut page = self.scan_table(selection, segment, start).await?;
        for commit in std::mem::take(&mut page.commits) {
            let Ok(commit) = commit else {
                page.commits.push(commit);
                continue;
            };
            let next = match &at {
                Some((stream, next)) if *stream == commit.stream.as_str() => *next,
                // A page of an older build ended in the middle of this stream.
                _ if item.as_ref().is_some_and(|item| item.stream == commit.stream.as_str()) => {
                    commit.first
                }
                _ => 1,
            };
            if commit.first > next
                && archive.run_with(self.connection(), &commit.stream, next).await?.is_some()
            {
                let archived = Some(Archived { stream: commit.stream, number: next });
                page.next = Some(ScanKey { item, archived });
                return Ok(page);
            }
            let last = commit.last().max(next.saturating_sub(1));
            at = Some((commit.stream.to_string(), last + 1));
            let (stream, seq) = (commit.stream.to_string(), commit.first);
            item = Some(ItemKey { stream, seq, last: Some(last) });
            // What was archived, and is not deleted yet, came from the archive.
            if commit.first >= next && selection.wants(&commit) {
                page.commits.push(Ok(commit));
            }
        }
        if let Some(next) = &mut page.next
            && let Some(key) = &mut next.item
            && let Some(item) = item.filter(|item| item.seq == key.seq && item.stream == key.stream)
        {
            key.last = item.last;
        }
        Ok(page)
    }

    /// One page of a segment of the table, the archive aside.
    pub(crate) async fn scan_table(
        &self,
        selection: &Selection,
        segment: Segment,
        start: Option<&ScanKey>,
    ) -> Result<ScanPage, StoreError> {
        let request = self
            .connection()
            .client()
            .scan()
            .table_name(&self.config().events_table)
            .segment(i32::try_from(segment.index).unwrap_or(i32::MAX))
            .total_segments(i32::try_from(segment.of).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start.and_then(|key| key.item.as_ref()).map(ItemKey::item))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let request = selection.request(request, self.archive().is_some());
        let answer = self.connection().settle(fault, || request.clone().send()).await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.connection().meter().read(&output.consumed_capacity);
        let commits = output.items.unwrap_or_default().into_iter().filter_map(|item| {
            let key = ItemKey::of(&item)?;
            let read = |item| {
                commit_from_item(item).map_err(|error| Unreadable {
                    stream: key.stream.clone(),
                    seq: key.seq,
                    error,
                })
            };
            selection.has(&key.stream).then(|| read(item))
        });
        let units = output
            .consumed_capacity
            .as_ref()
            .and_then(|capacity| capacity.capacity_units)
            .unwrap_or_default();
        let last = output.last_evaluated_key.as_ref().and_then(ItemKey::of);
        Ok(ScanPage {
            units: units.ceil() as u64,
            commits: commits.collect(),
            scanned: u64::try_from(output.scanned_count).unwrap_or_default(),
            next: last.map(|item| ScanKey { item: Some(item), archived: None }),
        })
    }
}
