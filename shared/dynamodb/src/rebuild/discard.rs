use futures::{StreamExt, TryStreamExt};

use super::segment::marks;
use super::{Rebuild, RebuildError, SEGMENTS_AT_ONCE, VIEWS_SEGMENTS};
use crate::table::{Consistency, Filter, Key, Order, Range, from_item};
use crate::views::{Generation, Pointer, partition};
use crate::{Item, Segment, StoreError};

/// How many marks one read brings.
const PAGE: usize = 1_000;

#[derive(serde::Deserialize)]
struct KeyItem {
    pk: String,
    sk: String,
}

impl Rebuild {
    /// Deletes the generation that is not read: the previous one, or one that is built, whole or in
    /// part. Says which it was and how many items it had still. It scans the views table; each item
    /// costs the write units of its size.
    ///
    /// # Errors
    /// [`RebuildError::NothingToDrop`], and [`RebuildError::Held`] while another scans.
    pub async fn discard(&self) -> Result<(Generation, u64), RebuildError> {
        let pointer = self.give_up().await?;
        let generation = pointer.dropping.ok_or(RebuildError::NothingToDrop)?;
        self.wait_out(&pointer).await;
        let segments: Vec<_> = Segment::all(VIEWS_SEGMENTS)
            .map(|segment| self.delete_segment(generation, segment))
            .collect();
        let parts = futures::stream::iter(segments).buffer_unordered(SEGMENTS_AT_ONCE);
        let deleted = parts.try_fold(0, async |sum, deleted| Ok(sum + deleted)).await?;
        self.delete_marks(generation).await?;
        // The one who does the same has done it already.
        let unchanged = self
            .generations()
            .change(&pointer, Pointer { dropping: None, ..pointer.clone() })
            .await?;
        if unchanged || self.generations().read().await?.dropping.is_none() {
            Ok((generation, deleted))
        } else {
            Err(RebuildError::Raced)
        }
    }

    /// Makes the pointer say that the generation is no longer read or written.
    async fn give_up(&self) -> Result<Pointer, RebuildError> {
        let old = self.generations().read().await?;
        if old.dropping.is_some() {
            return Ok(old);
        }
        if old.previous.is_some() {
            // Processes that have yet to learn of the switch find fresh rows until they do.
            self.wait_out(&old).await;
        }
        if let Some(building) = &old.building {
            // Whoever scans must not be left without what he scans for; whoever died does not mind.
            building.lease.as_ref().map(|lease| self.lease_after(Some(lease))).transpose()?;
        }
        let dropping = Some(old.beside().next().ok_or(RebuildError::NothingToDrop)?);
        let new =
            Pointer { dropping, building: None, previous: None, since: self.now(), ..old.clone() };
        self.change(&old, new.clone()).await?;
        self.generations().read().await.map_err(Into::into)
    }

    async fn delete_segment(
        &self,
        generation: Generation,
        segment: Segment,
    ) -> Result<u64, StoreError> {
        let prefix = generation.prefix();
        let wanted = Filter { prefix: &prefix, sk: None, attributes: &["pk", "sk"] };
        let (mut deleted, mut start) = (0, None);
        loop {
            let (_, views, _) = self.patient();
            let (items, next) = views.scan(wanted, segment, start).await?;
            let keys = self.own(items, &prefix)?;
            deleted += keys.len() as u64;
            views.delete_many(keys.into_iter().map(Key::into_item)).await?;
            start = next;
            if start.is_none() {
                return Ok(deleted);
            }
        }
    }

    /// The keys of items that belong to this domain: another's generation may have the same number.
    fn own(&self, items: Vec<Item>, prefix: &str) -> Result<Vec<Key>, StoreError> {
        let keys = items.into_iter().map(from_item::<KeyItem>).collect::<Result<Vec<_>, _>>()?;
        let is_own = |pk: &str| {
            pk.strip_prefix(prefix).and_then(|pk| pk.split('/').nth(1)) == Some(&self.domain)
        };
        Ok(keys
            .into_iter()
            .filter(|key| is_own(&key.pk))
            .map(|KeyItem { pk, sk }| Key { pk, sk })
            .collect())
    }

    async fn delete_marks(&self, generation: Generation) -> Result<(), StoreError> {
        let prefix = marks(generation);
        loop {
            let range = Range {
                pk: partition(&self.domain),
                prefix: &prefix,
                after: None,
                limit: PAGE,
                order: Order::Forwards,
            };
            let (_, views, _) = self.patient();
            let marks = views.query(range, Consistency::Strong).await?.items;
            if marks.is_empty() {
                return Ok(());
            }
            let keys =
                marks.into_iter().map(from_item::<KeyItem>).collect::<Result<Vec<_>, _>>()?;
            views
                .delete_many(keys.into_iter().map(|KeyItem { pk, sk }| Key { pk, sk }.into_item()))
                .await?;
        }
    }
}
