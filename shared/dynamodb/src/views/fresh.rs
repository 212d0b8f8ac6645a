//! Forced reads: rows as fresh as is demanded, whatever the projectors have got to.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use headwater::{ProjectionFn, Row, StreamName};

use super::{ReadError, Rows, StoredRow, Views, fold, fold_missing, gap, usable};
use crate::table::Consistency;
use crate::{EventStore, StoreError};

impl EventStore {
    /// The row of a stream as it was after event `version`, in the middle of a commit too, folded
    /// from the events alone; nothing if the stream has not got that far.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn row_at(
        &self,
        projection: &ProjectionFn,
        stream: &StreamName,
        version: u64,
    ) -> Result<Option<Row>, ReadError> {
        let commits = self.commits_until(stream, version).await?;
        let folded = match gap(0, &commits) {
            Some(missing) => Err(StoreError::Gap { stream: stream.clone(), missing }.into()),
            None => fold(projection, stream, &Row::default(), &commits),
        };
        let row = folded.map_err(|error| ReadError::of(stream, error))?.row;
        Ok(Some(row).filter(|row| row.version > 0 && row.version == version))
    }
}

impl Views {
    /// Folds from the events what a row lacks: one strong read where it is behind, none where it is
    /// not. A row of another revision counts as nothing.
    ///
    /// Where a newer build has folded the row on with events that this one does not know, whoever
    /// reads eventually gets what came before them. A strong read must not: the row's version may
    /// be what a token stands for.
    pub(super) async fn freshen(
        &self,
        projection: &ProjectionFn,
        stream: &StreamName,
        stored: StoredRow,
        at_least: u64,
        consistency: Consistency,
    ) -> Result<Option<Row>, ReadError> {
        let StoredRow { row, parked, .. } = stored;
        if usable(projection, &row) && row.version >= at_least {
            return Ok(Some(row));
        }
        if let Some(parked) = parked {
            return Err(ReadError::Parked { stream: stream.clone(), reason: parked.error });
        }
        if row.version == 0 && at_least == 0 {
            return Ok(None);
        }
        let known = fold_missing(&self.events, projection, stream, &row)
            .await
            .map_err(|error| ReadError::of(stream, error))?;
        let is_whole = known.newer.is_none();
        let demanded =
            if consistency == Consistency::Strong { at_least.max(row.version) } else { 1 };
        let row = known.row_at_least(demanded).map_err(|error| ReadError::of(stream, error))?;
        if row.version < at_least && is_whole {
            return Err(ReadError::Ahead { stream: stream.clone(), head: row.version });
        }
        Ok(Some(row))
    }

    /// The rows of many streams, each of at least the version given. For a list, so that nothing
    /// about one stream is an error: a parked one stands where it had got to. Only what a newer
    /// build has folded on is one, where the read is strong.
    pub(super) async fn hydrate(
        &self,
        rows: &Rows,
        projection: &ProjectionFn,
        wanted: BTreeMap<StreamName, u64>,
        consistency: Consistency,
    ) -> Result<Vec<(StreamName, Row)>, ReadError> {
        let stored = rows.get_many(wanted.keys().cloned().collect(), consistency).await?;
        let fresh = stored.into_iter().map(|(stream, mut stored)| async {
            let at_least = wanted.get(&stream).copied().unwrap_or(0);
            if stored.row.version < at_least && consistency == Consistency::Eventual {
                stored = rows.get(&stream, Consistency::Strong).await?;
            }
            let stopped = Some(stored.row.clone()).filter(|row| usable(projection, row));
            let row = match self.freshen(projection, &stream, stored, at_least, consistency).await {
                Err(ReadError::Store(error)) => return Err(ReadError::Store(error)),
                Err(error @ ReadError::Newer { .. }) if consistency == Consistency::Strong => {
                    return Err(error);
                }
                Err(_) => stopped,
                Ok(row) => row,
            };
            Ok(row.map(|row| (stream, row)))
        });
        Ok(try_join_all(fresh).await?.into_iter().flatten().collect())
    }
}
