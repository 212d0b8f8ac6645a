use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use headwater::{Row, StreamName, contribution_changes};

use super::row::StoredRow;
use super::{FoldError, Generation};
use crate::table::{Condition, Consistency, Table};
use crate::{Item, StoreError, size};

/// What a line of sums is taken for: it has some numbers, so only how many lines there are matters.
const LINE_SIZE: usize = 1024;

/// The rows of one generation in the views table. Here are the primary rows; those of the indexes
/// are next door, in `index`.
#[derive(Clone)]
pub(crate) struct Rows {
    pub(super) table: Table,
    pub(super) generation: Generation,
}

impl Rows {
    pub(crate) fn new(table: Table, generation: Generation) -> Self {
        Self { table, generation }
    }

    /// Whose rows they are.
    pub(crate) fn generation(&self) -> Generation {
        self.generation
    }

    /// A stream's row; one of version 0 if there is none.
    pub(crate) async fn get(
        &self,
        stream: &StreamName,
        consistency: Consistency,
    ) -> Result<StoredRow, StoreError> {
        match self.table.get(self.generation.row(stream), consistency).await? {
            Some(item) => Ok(StoredRow::read(item)?.1),
            None => Ok(StoredRow::default()),
        }
    }

    /// Two rows as they were at one moment, read strongly.
    pub(crate) async fn get_together(
        &self,
        streams: [&StreamName; 2],
    ) -> Result<[StoredRow; 2], StoreError> {
        let keys = streams.map(|stream| self.generation.row(stream)).to_vec();
        let mut rows = [StoredRow::default(), StoredRow::default()];
        for (row, item) in rows.iter_mut().zip(self.table.get_together(keys).await?) {
            if let Some(item) = item {
                *row = StoredRow::read(item)?.1;
            }
        }
        Ok(rows)
    }

    /// The rows of many streams, which must not repeat; one of version 0 where there is none.
    pub(crate) async fn get_many(
        &self,
        streams: Vec<StreamName>,
        consistency: Consistency,
    ) -> Result<BTreeMap<StreamName, StoredRow>, StoreError> {
        let keys: Vec<Item> =
            streams.iter().map(|stream| self.generation.row(stream).into_item()).collect();
        let items = self.table.get_many(&keys, consistency).await?;
        let mut found =
            items.into_iter().map(StoredRow::read).collect::<Result<HashMap<_, _>, _>>()?;
        let row_of = |stream: StreamName| {
            let stored = found.remove(&self.generation.row(&stream).pk).unwrap_or_default();
            (stream, stored)
        };
        Ok(streams.into_iter().map(row_of).collect())
    }

    /// Whether DynamoDB would take a row over the `old` one, with the lines of sums that change.
    pub(crate) fn check_size(
        &self,
        stream: &StreamName,
        row: &StoredRow,
        old: &StoredRow,
    ) -> Result<(), FoldError> {
        let item = row.clone().into_item(self.generation, stream)?;
        let mut sizes = vec![size::item_size(&item)];
        sizes.resize(
            1 + contribution_changes(&old.contributions, &row.contributions).len(),
            LINE_SIZE,
        );
        size::check(&sizes).map_err(|too_large| FoldError::Poison(too_large.to_string()))
    }

    /// Waits until nobody is at work any more on the lines of sums that were changed with a row.
    /// Of a transaction whoever reads may see the row first. One that was seen, and written over or
    /// told of before its lines can be seen, would leave nobody who knows of them.
    pub(crate) async fn see_lines(
        &self,
        stream: &StreamName,
        stored: &StoredRow,
    ) -> Result<(), StoreError> {
        let keys: Vec<_> = stored
            .lines
            .iter()
            .map(|line| self.sum_key(stream.tenant(), stream.domain(), line))
            .collect();
        if !keys.is_empty() {
            self.table.get_together(keys).await?;
        }
        Ok(())
    }

    /// Writes a row over the `old` one, and says whether that one still stood there, not parked.
    /// What it adds to sums is added in the same transaction, less what the old one had added: so a
    /// sum counts every row once, whoever writes it how often.
    pub(crate) async fn put(
        &self,
        stream: &StreamName,
        row: StoredRow,
        old: &StoredRow,
    ) -> Result<bool, StoreError> {
        let changes = contribution_changes(&old.contributions, &row.contributions);
        let (item, unchanged) =
            (row.into_item(self.generation, stream)?, unchanged_since(&old.row));
        if changes.is_empty() {
            return self.table.put_if(item, unchanged).await;
        }
        let mut writes = vec![self.table.put(item, Some(unchanged))?];
        for (key, amounts) in &changes {
            writes.push(
                self.table.add(self.sum_key(stream.tenant(), stream.domain(), key), amounts)?,
            );
        }
        self.table.transact(writes).await
    }

    /// Notes that all index rows that this row had left are removed. If it is another row by now,
    /// then another worker saw to that.
    pub(crate) async fn clear_pending(
        &self,
        stream: &StreamName,
        row: &Row,
    ) -> Result<(), StoreError> {
        self.table.remove_if(self.generation.row(stream), "k", same_as(row)).await
    }
}

/// The row is the one that was read, and is not parked.
pub(crate) fn unchanged_since(row: &Row) -> Condition {
    let expression = match row.version {
        0 => "attribute_not_exists(pk) OR (v = :v AND r = :r AND attribute_not_exists(p))",
        _ => "v = :v AND r = :r AND attribute_not_exists(p)",
    };
    Condition { expression, ..same_as(row) }
}

/// The row is this one: version and revision say what is in it. The version alone does not, since a
/// part's row that another build folded anew stays at its version.
pub(crate) fn same_as(row: &Row) -> Condition {
    let number = |number: u64| AttributeValue::N(number.to_string());
    Condition {
        expression: "v = :v AND r = :r",
        values: vec![(":v", number(row.version)), (":r", number(row.revision.into()))],
    }
}
