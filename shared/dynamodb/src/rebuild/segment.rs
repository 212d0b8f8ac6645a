//! One segment of the scan: page by page into the new generation's rows, each page noted when its
//! rows are there.

use aws_sdk_dynamodb::types::AttributeValue;
use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use super::{Progress, Rebuild};
use crate::StoreError;
use crate::projector::{Doorbell, coalesce};
use crate::store::{ScanKey, ScanPage, Selection, Unreadable};
use crate::table::{Condition, Consistency, Key, Segment, from_item, to_item};
use crate::views::{Generation, Rows, partition};

/// How many streams of a page are worked on at a time.
const CONCURRENCY: usize = 16;

/// How far a segment has got.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Mark {
    /// Where the next page begins, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<ScanKey>,
    scanned: u64,
    streams: u64,
    units: u64,
}

#[derive(Serialize, Deserialize)]
struct MarkItem {
    pk: String,
    sk: String,
    #[serde(flatten)]
    mark: Mark,
}

impl Rebuild {
    /// Folds what is in a segment, from where it was left.
    pub(super) async fn scan_segment(
        &self,
        generation: Generation,
        segment: Segment,
        progress: &Progress,
    ) -> Result<(), StoreError> {
        let mut start = None;
        if let Some(mark) = self.mark(generation, segment).await? {
            progress.advance(mark.scanned, mark.streams, mark.units);
            start = Some(mark);
        }
        loop {
            let mark = match start {
                Some(mark) if mark.next.is_none() => break,
                mark => mark.unwrap_or_default(),
            };
            start = Some(self.scan_page(generation, segment, mark, progress).await?);
        }
        progress.end_segment();
        Ok(())
    }

    /// Works off the next page, and notes that it is done.
    async fn scan_page(
        &self,
        generation: Generation,
        segment: Segment,
        mark: Mark,
        progress: &Progress,
    ) -> Result<Mark, StoreError> {
        let (upkeep, views, events) = self.patient();
        let rows = Rows::new(views, generation);
        let selection = Selection { domain: Some(self.domain.clone()), ..Selection::default() };
        let ScanPage { commits, scanned, next, units } =
            events.scan(&selection, segment, mark.next.as_ref()).await?;
        let tasks = coalesce(commits.into_iter().filter_map(doorbell).collect());
        let tasks: Vec<_> = tasks.into_iter().filter(|task| upkeep.keeps(&task.stream)).collect();
        let streams = tasks.iter().filter(|task| task.is_from_the_start()).count() as u64;
        let work: Vec<_> = tasks.iter().map(|task| upkeep.bring_up_new(&rows, task)).collect();
        futures::stream::iter(work)
            .buffer_unordered(CONCURRENCY)
            .try_for_each(async |_| Ok(()))
            .await?;
        let mark = Mark {
            next,
            scanned: mark.scanned + scanned,
            streams: mark.streams + streams,
            units: mark.units + units,
        };
        self.note(generation, segment, mark.clone()).await?;
        progress.advance(scanned, streams, units);
        Ok(mark)
    }

    async fn mark(
        &self,
        generation: Generation,
        segment: Segment,
    ) -> Result<Option<Mark>, StoreError> {
        let (_, views, _) = self.patient();
        let item = views.get(self.mark_key(generation, segment), Consistency::Strong).await?;
        Ok(item.map(from_item::<MarkItem>).transpose()?.map(|item| item.mark))
    }

    /// A mark only ever advances, even if another process scans, too.
    async fn note(
        &self,
        generation: Generation,
        segment: Segment,
        mark: Mark,
    ) -> Result<(), StoreError> {
        let Key { pk, sk } = self.mark_key(generation, segment);
        let scanned = AttributeValue::N(mark.scanned.to_string());
        let further = Condition {
            expression: "attribute_not_exists(pk) OR scanned < :scanned",
            values: vec![(":scanned", scanned)],
        };
        let (_, views, _) = self.patient();
        views.put_if(to_item(MarkItem { pk, sk, mark })?, further).await?;
        Ok(())
    }

    fn mark_key(&self, generation: Generation, segment: Segment) -> Key {
        Key {
            pk: partition(&self.domain),
            sk: format!("{}{:05}", marks(generation), segment.index),
        }
    }
}

/// What the sort keys of a generation's marks begin with.
pub(super) fn marks(generation: Generation) -> String {
    format!("{}segment/", generation.prefix())
}

/// What a commit tells of its stream. One that cannot be read rings all the same, so that its
/// stream is parked where it could not go on; only what has no stream's name concerns no row.
fn doorbell(found: Result<headwater::Commit, Unreadable>) -> Option<Doorbell> {
    match found {
        Ok(commit) => Some(Doorbell {
            stream: commit.stream.clone(),
            version: commit.last(),
            commit: Some(commit),
        }),
        Err(unreadable) => {
            tracing::error!(%unreadable, "an item of the events table cannot be read");
            Some(Doorbell {
                stream: unreadable.stream.parse().ok()?,
                version: unreadable.seq,
                commit: None,
            })
        }
    }
}
