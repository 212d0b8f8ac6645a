use std::collections::BTreeMap;

use futures::future::try_join_all;
use headwater::{Position, ProjectionFn, Row, StreamName};

use super::{ReadError, Views};

/// Rows that are at least as fresh as some tokens demand. They are laid over what the views table
/// has, in lists too.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overlay {
    rows: BTreeMap<StreamName, Row>,
}

impl Overlay {
    /// The row of a stream that a token named.
    pub fn row(&self, stream: &StreamName) -> Option<&Row> {
        self.rows.get(stream)
    }

    /// All rows of a category.
    pub(super) fn of_category(&self, category: &str) -> impl Iterator<Item = (&StreamName, &Row)> {
        self.rows.iter().filter(move |(stream, _)| stream.category() == category)
    }
}

impl Views {
    /// The rows of the streams at these positions, brought up to them: one read each, and one more
    /// where the row is behind. Positions of streams that none of the projections folds are left
    /// out: they do not show in these views.
    ///
    /// # Errors
    /// [`ReadError::Ahead`] if a position is beyond its stream's head, [`ReadError::Parked`] if it
    /// cannot be reached.
    pub async fn overlay(
        &self,
        positions: &[Position],
        projections: &[ProjectionFn],
    ) -> Result<Overlay, ReadError> {
        let mut wanted: BTreeMap<&StreamName, u64> = BTreeMap::new();
        for Position { stream, version } in positions {
            let highest = wanted.entry(stream).or_default();
            *highest = version.max(highest).to_owned();
        }
        let shown = wanted.into_iter().filter(|(stream, _)| stream.domain() == self.domain);
        let rows = shown.map(|(stream, version)| self.overlaid(projections, stream, version));
        Ok(Overlay { rows: try_join_all(rows).await?.into_iter().flatten().collect() })
    }

    /// The rows of one stream: its own or, where it has parts, those of them that the projector has
    /// not brought up yet.
    async fn overlaid(
        &self,
        projections: &[ProjectionFn],
        stream: &StreamName,
        version: u64,
    ) -> Result<Vec<(StreamName, Row)>, ReadError> {
        let category = stream.category();
        match projections.iter().find(|projection| projection.source() == category) {
            None => Ok(Vec::new()),
            Some(part) if part.parts.is_some() => {
                self.overlaid_parts(projections, stream, version).await
            }
            Some(own) => Ok(self
                .get(own, stream, Some(version))
                .await?
                .map(|row| (stream.clone(), row))
                .into_iter()
                .collect()),
        }
    }
}
