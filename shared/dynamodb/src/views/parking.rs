//! Streams that the projector gave up: their row says why, and a list names them for the operators. Both belong to a generation: what one
//! build of the rows cannot take in, another may.

use headwater::StreamName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::row::{Parked, StoredRow};
use super::rows::{Rows, same_as, unchanged_since};
use super::{Generation, Views};
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
    /// The streams that are parked in the generation that is read, of one tenant or of all, in
    /// order of name: at most `limit`, those that come after `after` if that is given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn parked(&self, tenant: Option<&str>, after: Option<&StreamName>, limit: usize) -> Result<Vec<ParkedStream>, StoreError> {
        let prefix = tenant.map(|tenant| format!("{tenant}/")).unwrap_or_default();
        self.rows().await?.parked(&self.domain, &prefix, after, limit).await
    }

    /// A stream if it is parked in the generation that is read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn parked_stream(&self, stream: &StreamName) -> Result<Option<ParkedStream>, StoreError> {
        let Rows { table, generation } = self.rows().await?;
        table.get(entry(generation, stream), Consistency::Strong).await?.map(read).transpose()
    }
}

impl Rows {
    /// A domain's parked streams whose names begin so and come after `after`, at most `limit`.
    pub(crate) async fn parked(
        &self,
        domain: &str,
        prefix: &str,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Result<Vec<ParkedStream>, StoreError> {
        let pk = partition(self.generation, domain);
        let range = Range { pk, prefix, after: after.map(StreamName::as_str), limit, order: Order::Forwards };
        self.table.query_all(range, Consistency::Strong).await?.into_iter().map(read).collect()
    }

    /// Parks a stream whose row is still as it was read, and says whether it was.
    pub(crate) async fn park(&self, stream: &StreamName, row: StoredRow, parked: Parked) -> Result<bool, StoreError> {
        let Key { pk, .. } = entry(self.generation, stream);
        let listed = to_item(Entry { pk, sk: stream.clone(), parked: parked.clone() })?;
        let unchanged = unchanged_since(&row.row);
        let row = StoredRow { parked: Some(parked), ..row }.into_item(self.generation, stream)?;
        self.table.transact(vec![self.table.put(row, Some(unchanged))?, self.table.put(listed, None)?]).await
    }

    /// Takes the mark away from a stream that is parked.
    pub(crate) async fn unpark(&self, stream: &StreamName) -> Result<(), StoreError> {
        let stored = self.get(stream, Consistency::Strong).await?;
        if stored.parked.is_some() {
            let row = self.table.remove(self.generation.row(stream), "p", same_as(&stored.row))?;
            // If the condition is not met, then somebody else has resumed the stream.
            self.table.transact(vec![row, self.table.delete(entry(self.generation, stream))?]).await?;
        }
        Ok(())
    }
}

fn read(item: Item) -> Result<ParkedStream, StoreError> {
    let Entry { sk, parked: Parked { error, at, version }, .. } = from_item(item)?;
    Ok(ParkedStream { stream: sk, version, error, at })
}

fn entry(generation: Generation, stream: &StreamName) -> Key {
    Key { pk: partition(generation, stream.domain()), sk: stream.to_string() }
}

/// No index's: those have three segments behind the generation.
fn partition(generation: Generation, domain: &str) -> String {
    format!("{}parked/{domain}", generation.prefix())
}
