//! Streams whose rows do not go on, in a list for the operators: those that a projector gave up,
//! whose row says why too, and those that wait for a newer build. An entry belongs to a generation:
//! what one build of the rows cannot take in, another may.
//!
//! | item | `pk` | `sk` | attributes |
//! |---|---|---|---|
//! | entry | `g1/parked/identity` | `acme/identity/users/42` | `error`, `at` since when, `version`; `newer` the event of a newer build; `resumed` if it is being taken up |

use aws_sdk_dynamodb::types::AttributeValue;
use headwater::{NewerEvent, StreamName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::row::{Parked, StoredRow};
use super::rows::{Rows, same_as, unchanged_since};
use super::{Generation, Views};
use crate::table::{Condition, Consistency, Key, Order, Range, from_item, to_item};
use crate::{Item, StoreError};

/// A stream whose rows do not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedStream {
    /// The stream, with its tenant.
    pub stream: StreamName,
    /// The version that it should have been brought to.
    pub version: u64,
    /// What is in the way, for an operator.
    pub error: String,
    /// Since when.
    pub at: Timestamp,
    /// Who takes it up.
    pub until: Until,
}

/// Who takes a stream up whose rows do not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Until {
    /// A person, who [resumes](crate::Projector::resume) it after the cause is repaired.
    Resumed,
    /// A projector of a build that knows this event, in its [sweep](crate::Projector::sweep).
    Known(NewerEvent),
    /// Any projector's sweep: it was resumed, and that process may have died.
    Swept,
}

/// An entry in the list of a domain.
#[derive(Serialize, Deserialize)]
struct Entry {
    pk: String,
    sk: StreamName,
    #[serde(flatten)]
    parked: Parked,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newer: Option<NewerEvent>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    resumed: bool,
}

impl Views {
    /// The streams whose rows do not go on in the generation that is read, of one tenant or of all,
    /// in order of name: at most `limit`, those that come after `after` if that is given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn parked(
        &self,
        tenant: Option<&str>,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Result<Vec<ParkedStream>, StoreError> {
        let prefix = tenant.map(|tenant| format!("{tenant}/")).unwrap_or_default();
        self.rows().await?.parked(&self.domain, &prefix, after, limit).await
    }

    /// A stream if its rows do not go on in the generation that is read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn parked_stream(
        &self,
        stream: &StreamName,
    ) -> Result<Option<ParkedStream>, StoreError> {
        self.rows().await?.parked_one(stream).await
    }
}

impl Rows {
    /// A domain's streams whose rows do not go on, whose names begin so and come after `after`, at
    /// most `limit`.
    pub(crate) async fn parked(
        &self,
        domain: &str,
        prefix: &str,
        after: Option<&StreamName>,
        limit: usize,
    ) -> Result<Vec<ParkedStream>, StoreError> {
        let pk = partition(self.generation, domain);
        let range = Range {
            pk,
            prefix,
            after: after.map(StreamName::as_str),
            limit,
            order: Order::Forwards,
        };
        self.table.query_all(range, Consistency::Strong).await?.into_iter().map(read).collect()
    }

    /// A stream if its rows do not go on.
    pub(crate) async fn parked_one(
        &self,
        stream: &StreamName,
    ) -> Result<Option<ParkedStream>, StoreError> {
        self.table
            .get(entry(self.generation, stream), Consistency::Strong)
            .await?
            .map(read)
            .transpose()
    }

    /// Parks a stream whose row is still as it was read, and says whether it was.
    pub(crate) async fn park(
        &self,
        stream: &StreamName,
        row: StoredRow,
        parked: Parked,
    ) -> Result<bool, StoreError> {
        let listed = self.entry(stream, parked.clone(), None, false)?;
        let unchanged = unchanged_since(&row.row);
        let row = StoredRow { parked: Some(parked), ..row }.into_item(self.generation, stream)?;
        self.table
            .transact(vec![self.table.put(row, Some(unchanged))?, self.table.put(listed, None)?])
            .await
    }

    /// Takes the mark away from a stream that is parked. The list has it until it is
    /// [forgotten](Self::forget): the process may die in between.
    pub(crate) async fn unpark(&self, stream: &StreamName) -> Result<(), StoreError> {
        let stored = self.get(stream, Consistency::Strong).await?;
        if let Some(parked) = stored.parked {
            let row = self.table.remove(self.generation.row(stream), "p", same_as(&stored.row))?;
            // If the condition is not met, then somebody else has resumed the stream.
            self.table
                .transact(vec![row, self.table.put(self.entry(stream, parked, None, true)?, None)?])
                .await?;
        }
        Ok(())
    }

    /// Notes that a stream waits for a build that knows an event, to be brought to a version. One
    /// that is parked waits for a person first.
    pub(crate) async fn wait_for(
        &self,
        stream: &StreamName,
        version: u64,
        newer: NewerEvent,
    ) -> Result<(), StoreError> {
        loop {
            let known = self
                .table
                .get(entry(self.generation, stream), Consistency::Strong)
                .await?
                .map(from_item::<Entry>)
                .transpose()?;
            let (at, unchanged) = match known {
                None => (Timestamp::now(), Condition::absent()),
                Some(Entry { newer: None, resumed: false, .. }) => return Ok(()),
                Some(Entry { parked, newer: Some(known), .. })
                    if known == newer && parked.version >= version =>
                {
                    return Ok(());
                }
                Some(Entry { parked, .. }) => (parked.at, is_to_be_taken_up(parked.version)),
            };
            let parked = Parked { error: newer.to_string(), at, version };
            if self
                .table
                .put_if(self.entry(stream, parked, Some(newer.clone()), false)?, unchanged)
                .await?
            {
                return Ok(());
            }
        }
    }

    /// Takes a stream from the list that has been brought to a version, unless it is parked or
    /// waits for a later one.
    pub(crate) async fn forget(&self, stream: &StreamName, version: u64) -> Result<(), StoreError> {
        self.table.delete_if(entry(self.generation, stream), is_to_be_taken_up(version)).await?;
        Ok(())
    }

    fn entry(
        &self,
        stream: &StreamName,
        parked: Parked,
        newer: Option<NewerEvent>,
        resumed: bool,
    ) -> Result<Item, StoreError> {
        let Key { pk, .. } = entry(self.generation, stream);
        to_item(Entry { pk, sk: stream.clone(), parked, newer, resumed })
    }
}

/// The entry is of a stream that is not parked, and is to be brought to this version at the most.
fn is_to_be_taken_up(version: u64) -> Condition {
    Condition {
        expression: "version <= :version AND (attribute_exists(newer) OR \
                     attribute_exists(resumed))",
        values: vec![(":version", AttributeValue::N(version.to_string()))],
    }
}

fn read(item: Item) -> Result<ParkedStream, StoreError> {
    let Entry { sk, parked: Parked { error, at, version }, newer, resumed, .. } = from_item(item)?;
    let until = match newer {
        Some(event) => Until::Known(event),
        None if resumed => Until::Swept,
        None => Until::Resumed,
    };
    Ok(ParkedStream { stream: sk, version, error, at, until })
}

fn entry(generation: Generation, stream: &StreamName) -> Key {
    Key { pk: partition(generation, stream.domain()), sk: stream.to_string() }
}

/// No index's: those have three segments behind the generation.
fn partition(generation: Generation, domain: &str) -> String {
    format!("{}parked/{domain}", generation.prefix())
}
