//! All that is in the rows' generation: rows of nothing, places in lists where nobody stands, and
//! what sums are made of.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use futures::{StreamExt, TryStreamExt};
use headwater::{Amounts, IndexKey, StreamName, SumKey};

use super::{Audit, Finding};
use crate::table::{Consistency, Filter, Key, from_item};
use crate::views::{IndexItem, Rows, StoredRow};
use crate::{Item, Segment, StoreError};

/// Into how many segments the views table is divided, and how many of them are read at a time.
const SEGMENTS: u32 = 64;
const AT_ONCE: usize = 16;

/// A line of a tenant's table of sums.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SumLine {
    /// The tenant of the sum.
    pub tenant: String,
    /// The table of sums, and the line.
    pub key: SumKey,
}

/// What there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Rows and places in lists that should not be there.
    pub findings: Vec<Finding>,
    /// The sums as they stand, without zeros.
    pub sums: BTreeMap<SumLine, Amounts>,
    /// What the rows have added to them.
    pub contributed: BTreeMap<SumLine, Amounts>,
    /// How many places in lists lead nowhere, which a worker has left that was overtaken and died.
    /// No reader sees them, and a rebuild has none.
    pub strays: u64,
}

impl Audit {
    /// Goes through all that is in the generation that is read, of one tenant if it is given: it
    /// scans the views table. `has_events` says of streams whether they are known to have any; of
    /// the others it is asked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn inventory(
        &self,
        tenant: Option<&str>,
        has_events: &(dyn Fn(&StreamName) -> bool + Sync),
    ) -> Result<Inventory, StoreError> {
        let rows = self.rows().await?;
        let segments: Vec<_> = Segment::all(SEGMENTS)
            .map(|segment| self.segment(&rows, segment, tenant, has_events))
            .collect();
        let mut parts = futures::stream::iter(segments).buffer_unordered(AT_ONCE);
        let mut all = Inventory::default();
        while let Some(part) = parts.try_next().await? {
            all.take(part);
        }
        all.sums.retain(|_, amounts| !amounts.is_empty());
        all.contributed.values_mut().for_each(|amounts| amounts.retain(|_, amount| *amount != 0));
        all.contributed.retain(|_, amounts| !amounts.is_empty());
        Ok(all)
    }

    async fn segment(
        &self,
        rows: &Rows,
        segment: Segment,
        tenant: Option<&str>,
        has_events: &(dyn Fn(&StreamName) -> bool + Sync),
    ) -> Result<Inventory, StoreError> {
        let prefix = match tenant {
            Some(tenant) => format!("{}{tenant}/{}/", rows.generation().prefix(), self.domain),
            None => rows.generation().prefix(),
        };
        let wanted = Filter { prefix: &prefix, sk: None, attributes: &[] };
        let (mut found, mut start) = (Inventory::default(), None);
        loop {
            let (items, next) = self.views.scan(wanted, segment, start).await?;
            self.page(rows, items, has_events, &mut found).await?;
            start = next;
            if start.is_none() {
                return Ok(found);
            }
        }
    }

    async fn page(
        &self,
        rows: &Rows,
        items: Vec<Item>,
        has_events: &(dyn Fn(&StreamName) -> bool + Sync),
        found: &mut Inventory,
    ) -> Result<(), StoreError> {
        let mut places = Vec::new();
        for item in items {
            let text = |name: &str| {
                item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
            };
            let (pk, sk) = (text("pk").to_owned(), text("sk").to_owned());
            let Some((tenant, index)) = self.own(rows, &pk) else { continue };
            if sk == "row" {
                self.row(rows, StoredRow::read(item)?.1, &pk, has_events, found).await?;
            } else if item.contains_key("s") {
                places.push(from_item::<IndexItem>(item)?);
            } else if let Some(order) = sk.strip_suffix('\0') {
                let line = SumLine {
                    tenant: tenant.to_owned(),
                    key: SumKey { index: index.to_owned(), order: order.to_owned() },
                };
                found.sums.insert(line, amounts(&item));
            }
        }
        places.retain(|place| !place.gone);
        self.strays(rows, places, found).await
    }

    /// Tenant and rest of a partition of this domain: `acme` and `users/42` of
    /// `g1/acme/identity/users/42`.
    fn own<'a>(&self, rows: &Rows, pk: &'a str) -> Option<(&'a str, &'a str)> {
        let (tenant, rest) = pk.strip_prefix(&rows.generation().prefix())?.split_once('/')?;
        Some((tenant, rest.strip_prefix(&self.domain)?.strip_prefix('/')?))
    }

    /// Takes in what a row adds to sums, and sees whether its stream has any events.
    async fn row(
        &self,
        rows: &Rows,
        stored: StoredRow,
        pk: &str,
        has_events: &(dyn Fn(&StreamName) -> bool + Sync),
        found: &mut Inventory,
    ) -> Result<(), StoreError> {
        let Ok(name) = pk.trim_start_matches(&rows.generation().prefix()).parse::<StreamName>()
        else {
            return Ok(());
        };
        let is_part = self
            .projections
            .iter()
            .any(|part| part.parts.is_some() && part.category == name.category());
        let stream = name.parent().filter(|_| is_part).unwrap_or_else(|| name.clone());
        if stored.row.version > 0 && !has_events(&stream) && self.events.head(&stream).await? == 0 {
            found.findings.push(Finding::new("row", &name, "has no events"));
        }
        for (key, amounts) in stored.contributions {
            add(
                found
                    .contributed
                    .entry(SumLine { tenant: name.tenant().to_owned(), key })
                    .or_default(),
                amounts,
            );
        }
        Ok(())
    }

    /// The places that no row should have. A place is one of them if its row lacks it, is not about
    /// to clear it, and the place is still taken. The row is read after the place. Of an earlier
    /// version than the row's it is a stray; of the same, nobody can have put it there.
    async fn strays(
        &self,
        rows: &Rows,
        places: Vec<IndexItem>,
        found: &mut Inventory,
    ) -> Result<(), StoreError> {
        let names: BTreeSet<StreamName> = places.iter().map(|place| place.stream.clone()).collect();
        let stored = rows.get_many(names.into_iter().collect(), Consistency::Strong).await?;
        for IndexItem { pk, sk, stream, version, revision, .. } in places {
            let Some((_, index)) = self.own(rows, &pk) else { continue };
            let (Some(stored), key) =
                (stored.get(&stream), IndexKey { index: index.to_owned(), sort: sk.clone() })
            else {
                continue;
            };
            if version > stored.row.version
                || stored.pending.contains(&key)
                || self.stands(&stream, stored, &key)?
            {
                continue;
            }
            let now =
                self.views.get(Key { pk: pk.clone(), sk: sk.clone() }, Consistency::Strong).await?;
            if now.is_none_or(|item| item.contains_key("x")) {
                continue;
            }
            if (version, revision) < (stored.row.version, stored.row.revision) {
                found.strays += 1;
            } else {
                let what =
                    format!("stands in the list {index}, at {sk:?}, where it does not belong");
                found.findings.push(Finding::new("list", &stream, what));
            }
        }
        Ok(())
    }

    /// Whether a row, as it is, belongs at a place. Of what this build does not know how to read it
    /// is not doubted.
    fn stands(
        &self,
        name: &StreamName,
        stored: &StoredRow,
        key: &IndexKey,
    ) -> Result<bool, StoreError> {
        match self.fold_of(name) {
            Some(fold) if fold.revision == stored.row.revision => {
                Ok((fold.apply)(name, &stored.row, &[])?.keys.contains(key))
            }
            _ => Ok(true),
        }
    }
}

impl Inventory {
    fn take(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.strays += other.strays;
        self.sums.extend(other.sums);
        for (line, amounts) in other.contributed {
            add(self.contributed.entry(line).or_default(), amounts);
        }
    }
}

fn add(sum: &mut Amounts, amounts: Amounts) {
    for (name, amount) in amounts {
        *sum.entry(name).or_default() += amount;
    }
}

/// The numbers of an item that are not 0.
fn amounts(item: &Item) -> Amounts {
    let number = |value: &AttributeValue| {
        value.as_n().ok()?.parse::<i128>().ok().filter(|number| *number != 0)
    };
    item.iter().filter_map(|(name, value)| Some((name.clone(), number(value)?))).collect()
}
