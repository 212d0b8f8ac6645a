//! Streams that the projector gave up: their row says why, and a list names them for the operators.

use headwater::StreamName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Views;
use super::row::{Parked, StoredRow};
use super::rows::{Rows, at_version, unchanged_since};
use crate::table::{Consistency, Key, Order, Range, from_item, to_item};
use crate::{Item, StoreError};

/// A stream that the projector gave up until somebody [resumes](crate::Projector::resume) it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedStream {
    /// Which.
    pub stream: StreamName,
    /// The version that it should have been brought to.
    pub version: u64,
    /// What went wrong.
    pub error: String,
    /// When.
    pub at: Timestamp,
}

/// An entry in the list of a domain's parked streams.
#[derive(Serialize, Deserialize)]
struct Entry {
    pk: String,
    sk: StreamName,
    #[serde(flatten)]
    parked: Parked,
}

impl Views {
    /// A tenant's parked streams, in order of name: at most `limit`, those that come after `after` if that is given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn parked(&self, tenant: &str, after: Option<&StreamName>, limit: usize) -> Result<Vec<ParkedStream>, StoreError> {
        let (pk, prefix) = (partition(&self.domain), format!("{tenant}/"));
        let range = Range { pk, prefix: &prefix, after: after.map(StreamName::as_str), limit, order: Order::Forwards };
        self.table.query(range, Consistency::Strong).await?.items.into_iter().map(read).collect()
    }

    /// A stream if it is parked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn parked_stream(&self, stream: &StreamName) -> Result<Option<ParkedStream>, StoreError> {
        self.table.get(entry(stream), Consistency::Strong).await?.map(read).transpose()
    }
}

impl Rows {
    /// Parks a stream whose row is still as it was read, and says whether it was.
    pub(crate) async fn park(&self, stream: &StreamName, row: StoredRow, parked: Parked) -> Result<bool, StoreError> {
        let Key { pk, .. } = entry(stream);
        let listed = to_item(Entry { pk, sk: stream.clone(), parked: parked.clone() })?;
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

fn read(item: Item) -> Result<ParkedStream, StoreError> {
    let Entry { sk, parked: Parked { error, at, version }, .. } = from_item(item)?;
    Ok(ParkedStream { stream: sk, version, error, at })
}

fn entry(stream: &StreamName) -> Key {
    Key { pk: partition(stream.domain()), sk: stream.to_string() }
}

fn partition(domain: &str) -> String {
    format!("parked/{domain}")
}
