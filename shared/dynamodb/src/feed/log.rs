//! Reading a feed's log.

use headwater::FeedPosition;
use serde::Deserialize;

use super::page::{FeedPage, PAGES, log, sort_key};
use super::{Feed, FeedEntry, FeedError};
use crate::table::{Consistency, Order, Range, Table, from_item};
use crate::{Item, StoreError};

/// Where a feed stands.
#[derive(Debug)]
pub(super) struct Newest {
    /// The newest page, if anything was ever fed.
    page: Option<FeedPage>,
    epoch: u32,
}

#[derive(Deserialize)]
struct Epoch {
    epoch: u32,
}

impl Feed {
    /// How far a feed has got: one read.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub async fn head(&self, tenant: &str, domain: &str) -> Result<FeedPosition, StoreError> {
        let newest = newest(&self.table, tenant, domain).await?;
        let (position, epoch) = (newest.head(), newest.epoch);
        Ok(FeedPosition { tenant: tenant.to_owned(), domain: domain.to_owned(), position, epoch })
    }

    /// The position before a feed's first entry, from which a reader without a token begins: one
    /// read, for the epoch.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub async fn start(&self, tenant: &str, domain: &str) -> Result<FeedPosition, StoreError> {
        Ok(FeedPosition { position: 0, ..self.head(tenant, domain).await? })
    }

    /// The commits after a position, at most `limit` of them, in order; none at the head, which
    /// costs one read.
    ///
    /// # Errors
    /// [`FeedError::Resync`] and [`FeedError::Ahead`] if the position is none of this feed's.
    pub async fn read_after(
        &self,
        after: &FeedPosition,
        limit: usize,
    ) -> Result<Vec<FeedEntry>, FeedError> {
        let newest = newest(&self.table, &after.tenant, &after.domain).await?;
        newest.check(after)?;
        let wanted = (newest.head() - after.position).min(limit as u64);
        let Some(mut page) = newest.page else { return Ok(Vec::new()) };
        if page.first > after.position + 1 {
            page = self.page_with(after).await?;
        }
        let mut key = page.first;
        let mut entries: Vec<FeedEntry> = page.entries_after(after.position).collect();
        while (entries.len() as u64) < wanted {
            let pages = self.pages_after(after, key, limit).await?;
            key = pages.last().ok_or_else(|| hole(after))?.first;
            entries.extend(pages.into_iter().flat_map(|page| page.entries_after(after.position)));
        }
        entries.truncate(limit);
        Ok(entries)
    }

    /// The page that holds the position after this one, which is not the head.
    async fn page_with(&self, after: &FeedPosition) -> Result<FeedPage, StoreError> {
        let beyond = sort_key(after.position + 2);
        let range = Range {
            pk: log(&after.tenant, &after.domain),
            prefix: PAGES,
            after: Some(&beyond),
            limit: 1,
            order: Order::Backwards,
        };
        let page = self
            .table
            .query(range, Consistency::Strong)
            .await?
            .items
            .into_iter()
            .next()
            .map(FeedPage::read)
            .transpose()?;
        page.ok_or_else(|| hole(after))
    }

    /// The pages that follow the one that begins at `first`.
    async fn pages_after(
        &self,
        feed: &FeedPosition,
        first: u64,
        limit: usize,
    ) -> Result<Vec<FeedPage>, StoreError> {
        let after = sort_key(first);
        let range = Range {
            pk: log(&feed.tenant, &feed.domain),
            prefix: PAGES,
            after: Some(&after),
            limit,
            order: Order::Forwards,
        };
        self.table
            .query(range, Consistency::Strong)
            .await?
            .items
            .into_iter()
            .map(FeedPage::read)
            .collect()
    }
}

/// Pages were removed: positions have no gaps.
fn hole(after: &FeedPosition) -> StoreError {
    StoreError::Refused(format!("the feed has a hole after {after}"))
}

/// Reads where a feed stands: one call.
pub(super) async fn newest(
    table: &Table,
    tenant: &str,
    domain: &str,
) -> Result<Newest, StoreError> {
    let range = Range {
        pk: log(tenant, domain),
        prefix: "",
        after: None,
        limit: 2,
        order: Order::Backwards,
    };
    let mut items: Vec<Item> = table.query(range, Consistency::Strong).await?.items;
    let epoch = match items.first() {
        Some(item) if item.contains_key("epoch") => from_item::<Epoch>(items.remove(0))?.epoch,
        _ => 1,
    };
    Ok(Newest { page: items.into_iter().next().map(FeedPage::read).transpose()?, epoch })
}

impl Newest {
    /// The position of the newest entry, 0 before any.
    pub(super) fn head(&self) -> u64 {
        self.page.as_ref().map_or(0, FeedPage::last)
    }

    /// Whether a position is one that this feed has given.
    pub(super) fn check(&self, position: &FeedPosition) -> Result<(), FeedError> {
        if position.epoch != self.epoch {
            Err(FeedError::Resync { epoch: self.epoch })
        } else if position.position > self.head() {
            Err(FeedError::Ahead { head: self.head() })
        } else {
            Ok(())
        }
    }
}
