//! Streams that the projector gave up: their row says why, and a list names them for the operators.

use headwater::StreamName;
use serde::Serialize;

use super::row::{Parked, StoredRow};
use super::rows::{Rows, at_version, unchanged_since};
use crate::StoreError;
use crate::table::{Consistency, Key, to_item};

/// An entry in the list of a domain's parked streams.
#[derive(Serialize)]
struct Entry<'a> {
    pk: String,
    sk: &'a StreamName,
    #[serde(flatten)]
    parked: &'a Parked,
}

impl Rows {
    /// Parks a stream whose row is still as it was read, and says whether it was.
    pub(crate) async fn park(&self, stream: &StreamName, row: StoredRow, parked: Parked) -> Result<bool, StoreError> {
        let Key { pk, .. } = entry(stream);
        let listed = to_item(Entry { pk, sk: stream, parked: &parked })?;
        let unchanged = unchanged_since(row.row.version);
        let row = StoredRow { parked: Some(parked), ..row }.into_item(self.generation, stream)?;
        self.table.transact(vec![self.table.put(row, Some(unchanged))?, self.table.put(listed, None)?]).await
    }

    /// Takes the mark away from a stream that is parked.
    pub(crate) async fn unpark(&self, stream: &StreamName) -> Result<(), StoreError> {
        let stored = self.get(stream, Consistency::Strong).await?;
        if stored.parked.is_some() {
            let row = self.table.remove(self.generation.row(stream), "p", at_version(stored.row.version))?;
            // If the condition is not met, then somebody else has resumed the stream.
            self.table.transact(vec![row, self.table.delete(entry(stream))?]).await?;
        }
        Ok(())
    }
}

fn entry(stream: &StreamName) -> Key {
    Key { pk: format!("parked/{}", stream.domain()), sk: stream.to_string() }
}
