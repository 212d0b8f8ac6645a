//! Strong scans of the whole events table, in segments that many can read at once.
//!
//! DynamoDB assigns an item to a segment by the hash of its partition key: so a stream is in one
//! segment, its commits come together, and in order. What is written meanwhile may come or not;
//! what was there before the scan came to it does. A stream thus ends somewhere, but never has a
//! gap.

use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use headwater::Commit;
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

/// The last item that a page of a scan looked at, to go on after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanKey {
    stream: String,
    seq: u64,
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

/// An item that is no commit, or none that this build can read.
#[derive(Debug, thiserror::Error)]
#[error("{stream}@{seq}: {error}")]
pub struct Unreadable {
    /// Its partition key.
    pub stream: String,
    /// Its sort key.
    pub seq: u64,
    /// What is wrong with it.
    pub error: ItemError,
}

impl ScanKey {
    /// Nothing if the item lacks the key, which DynamoDB does not let happen.
    fn of(item: &Item) -> Option<Self> {
        let stream = item.get("stream")?.as_s().ok()?.clone();
        let seq = item.get("seq")?.as_n().ok()?.parse().ok()?;
        Some(Self { stream, seq })
    }

    fn item(&self) -> Item {
        let stream = ("stream".to_owned(), AttributeValue::S(self.stream.clone()));
        let seq = ("seq".to_owned(), AttributeValue::N(self.seq.to_string()));
        Item::from([stream, seq])
    }
}

impl Selection {
    fn request(&self, request: ScanFluentBuilder) -> ScanFluentBuilder {
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
        if let Some(id) = &self.correlation_id {
            filters.push("#m.#r = :correlation");
            request =
                request.expression_attribute_names("#m", "m").expression_attribute_names("#r", "r");
            request =
                request.expression_attribute_values(":correlation", AttributeValue::S(id.clone()));
        }
        for (filter, value, time) in
            [("#at >= :since", ":since", self.since), ("#at <= :until", ":until", self.until)]
        {
            if let Some(time) = time {
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
}

impl EventStore {
    /// One page of a segment, from its beginning or after `start`. It costs a read unit for each 4
    /// KB that are looked at.
    ///
    /// # Errors
    /// [`StoreError`] if DynamoDB does not answer; what it answered with may be unreadable, each
    /// commit for itself.
    pub async fn scan(
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
            .set_exclusive_start_key(start.map(ScanKey::item))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let request = selection.request(request);
        let answer = self.connection().settle(fault, || request.clone().send()).await;
        let output = answer.map_err(Failed::into_store_error)?;
        self.connection().meter().read(&output.consumed_capacity);
        let commits = output.items.unwrap_or_default().into_iter().filter_map(|item| {
            let key = ScanKey::of(&item)?;
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
        Ok(ScanPage {
            units: units.ceil() as u64,
            commits: commits.collect(),
            scanned: u64::try_from(output.scanned_count).unwrap_or_default(),
            next: output.last_evaluated_key.as_ref().and_then(ScanKey::of),
        })
    }
}
