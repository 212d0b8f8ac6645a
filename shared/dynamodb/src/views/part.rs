//! Rows of parts, as fresh as is demanded. The stream's own row, the mark, says how far all of its
//! parts have got; a part's row may be ahead of it, where the projector has written the one and not
//! yet the other.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use headwater::{Commit, NewerEvent, ProjectionFn, Row, StreamName, own_row};

use super::{ReadError, StoredRow, Views, fold, fold_missing, gap, known, usable};
use crate::StoreError;
use crate::table::Consistency;

/// A part's row, and the version of its stream as of which it is so.
#[derive(Clone, Debug, PartialEq)]
pub struct PartRow {
    /// The version of the whole stream.
    pub version: u64,
    /// The row; its own version is that of the last commit that concerned the part.
    pub row: Row,
}

impl Views {
    /// The row of one part of a stream, nothing if there is none: one transactional read of the
    /// mark and the row, so that the version of the stream as of which the row holds is exact. With
    /// `at_least`, what is missing is folded from the events, for one call more. Without it, where
    /// a newer build has folded the row on with events that this one does not know, it is the row
    /// before them.
    ///
    /// `id` is the part's, `projections` are the domain's.
    ///
    /// # Errors
    /// [`ReadError`]; that the stream is parked, or waits for a newer build, is one only where the
    /// row does not suffice.
    pub async fn part(
        &self,
        projection: &ProjectionFn,
        projections: &[ProjectionFn],
        stream: &StreamName,
        id: &str,
        at_least: Option<u64>,
    ) -> Result<Option<PartRow>, ReadError> {
        let kind = projection.category.rsplit('/').next().unwrap_or_default();
        // What cannot be named is not there.
        let Ok(name) = stream.child(kind, id) else { return Ok(None) };
        let [mark, part] = self.rows().await?.get_together([stream, &name]).await?;
        let has_part = part.row.version > 0;
        let parts_are_there = is_usable_mark(projections, stream, &mark.row)
            && (!has_part || usable(projection, &part.row));
        let version = mark.row.version.max(part.row.version);
        let wanted = at_least.unwrap_or(0);
        if parts_are_there && version >= wanted {
            return Ok(has_part.then_some(PartRow { version, row: part.row }));
        }
        if version == 0 && wanted == 0 {
            return Ok(None);
        }
        let after = if parts_are_there { mark.row.version } else { 0 };
        let (commits, newer) = self.commits(projections, stream, &mark, after, wanted).await?;
        let head = commits.last().map_or(after, Commit::last);
        let row = fold(projection, &name, &part.row, &commits)
            .map_err(|error| ReadError::of(stream, error))?
            .row;
        let suffices =
            at_least.map_or(!has_part || row.version > 0, |at_least| head >= at_least.max(version));
        match newer {
            Some(event) if !suffices => Err(ReadError::Newer { stream: stream.clone(), event }),
            _ => Ok((row.version > 0).then_some(PartRow { version: head.max(row.version), row })),
        }
    }

    /// The rows of all parts of a stream that the projector has not yet brought up to `at_least`.
    pub(super) async fn overlaid_parts(
        &self,
        projections: &[ProjectionFn],
        stream: &StreamName,
        at_least: u64,
    ) -> Result<Vec<(StreamName, Row)>, ReadError> {
        let rows = self.rows().await?;
        let mark = rows.get(stream, Consistency::Strong).await?;
        let is_usable = is_usable_mark(projections, stream, &mark.row);
        if is_usable && mark.row.version >= at_least {
            return Ok(Vec::new());
        }
        let after = if is_usable { mark.row.version } else { 0 };
        let (commits, newer) = self.commits(projections, stream, &mark, after, at_least).await?;
        let head = commits.last().map_or(after, Commit::last);
        if let Some(event) = newer.filter(|_| head < at_least.max(mark.row.version)) {
            return Err(ReadError::Newer { stream: stream.clone(), event });
        }
        let category = stream.category();
        let mut found = Vec::new();
        for projection in projections.iter().filter(|projection| projection.source() == category) {
            let names = concerned(projection, stream, &commits)?;
            let stored = rows.get_many(names.into_iter().collect(), Consistency::Strong).await?;
            let fresh = stored
                .into_iter()
                .map(|(name, stored)| self.fold_part(projection, name, stored, &commits));
            found.extend(try_join_all(fresh).await?);
        }
        Ok(found)
    }

    /// What a part lacks is among these commits, unless its row is of another revision.
    async fn fold_part(
        &self,
        projection: &ProjectionFn,
        name: StreamName,
        stored: StoredRow,
        commits: &[Commit],
    ) -> Result<(StreamName, Row), ReadError> {
        let row = if stored.row.version == 0 || usable(projection, &stored.row) {
            fold(projection, &name, &stored.row, commits).map(|applied| applied.row)
        } else {
            let known = fold_missing(&self.events, projection, &name, &stored.row).await;
            known.and_then(|known| known.row_at_least(stored.row.version))
        };
        Ok((name.clone(), row.map_err(|error| ReadError::of(&name, error))?))
    }

    /// The commits of a stream after a version that its mark has reached, up to the first event of
    /// a newer build; and that event.
    async fn commits(
        &self,
        projections: &[ProjectionFn],
        stream: &StreamName,
        mark: &StoredRow,
        after: u64,
        at_least: u64,
    ) -> Result<(Vec<Commit>, Option<NewerEvent>), ReadError> {
        if let Some(parked) = &mark.parked {
            return Err(ReadError::Parked { stream: stream.clone(), reason: parked.error.clone() });
        }
        let commits = self.events.commits_after(stream, after).await?;
        if let Some(missing) = gap(after, &commits) {
            return Err(StoreError::Gap { stream: stream.clone(), missing }.into());
        }
        let head = commits.last().map_or(after, Commit::last);
        if head < at_least {
            return Err(ReadError::Ahead { stream: stream.clone(), head });
        }
        Ok(match own_row(projections, &stream.category()) {
            Some(own) => known(&own, commits),
            None => (commits, None),
        })
    }
}

fn is_usable_mark(projections: &[ProjectionFn], stream: &StreamName, mark: &Row) -> bool {
    own_row(projections, &stream.category()).is_some_and(|own| usable(&own, mark))
}

/// The rows of one kind of part that commits concern.
fn concerned(
    projection: &ProjectionFn,
    stream: &StreamName,
    commits: &[Commit],
) -> Result<BTreeSet<StreamName>, ReadError> {
    match projection.parts {
        Some(parts) => parts(stream, commits).map_err(|error| ReadError::of(stream, error.into())),
        None => Ok(BTreeSet::new()),
    }
}
