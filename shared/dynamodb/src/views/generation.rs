use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use headwater::StreamName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;

use crate::StoreError;
use crate::connection::Connection;
use crate::table::{Condition, Consistency, Key, Table, from_item, to_item};

/// How long a process may go on with the generations that it has read.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(30);

/// One build of a domain's rows. Every key of a row in the views table begins with it, so that a
/// new build can grow beside the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Generation(pub u32);

/// Which generations of a domain's rows there are, and what for: all that is known of them is in
/// this one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// The one that queries read.
    pub generation: Generation,
    /// The one that is built beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub building: Option<Building>,
    /// The one that was read before. It is written still: for processes that have yet to learn of
    /// the switch, and to go back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Generation>,
    /// The generation that is no longer read or written, until its rows are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropping: Option<Generation>,
    /// The highest that there ever was, so that no number is used twice.
    pub last: Generation,
    /// When it last changed which of them are read and written.
    pub since: Timestamp,
    /// How often this item was written: a change is made on the condition that no other process
    /// made one.
    pub(crate) changes: u64,
}

/// A generation that is not read yet. It is written from the beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Building {
    /// The generation that is built.
    pub generation: Generation,
    /// In how many segments the events are scanned for it.
    pub segments: u32,
    /// The process that scans; `None` after the scan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<ScanLease>,
}

/// The right to scan. It avoids double work; correctness does not depend on it, nor on clocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanLease {
    /// The id of the scanning process.
    pub owner: String,
    /// When another may take over, unless it is renewed.
    pub until: Timestamp,
}

/// Reads and changes the [`Pointer`] of a domain: the item `generations/<domain>`, `active`.
/// Without it there is generation 1.
#[derive(Clone)]
pub(crate) struct Generations {
    table: Table,
    key: Key,
    remembered: Arc<Mutex<Option<(Instant, Pointer)>>>,
    one: Option<OneGeneration>,
}

/// For what must be all of one generation, as the rows of an answer and its tag: it is the one that
/// was read when it was first asked for, however long it takes.
#[derive(Clone, Debug, Default)]
pub struct OneGeneration(Arc<OnceCell<Generation>>);

#[derive(Serialize, Deserialize)]
struct PointerItem {
    pk: String,
    sk: String,
    #[serde(flatten)]
    pointer: Pointer,
}

impl Generation {
    /// The partition of a stream's primary row: `g1/acme/identity/users/42`.
    pub(crate) fn row(self, stream: &StreamName) -> Key {
        Key { pk: format!("{}{stream}", self.prefix()), sk: "row".to_owned() }
    }

    /// The partition of an index: `g1/acme/identity/members/7`, or `g1/*/identity/*waiting` of one
    /// of all tenants.
    pub(crate) fn index(self, tenant: &str, domain: &str, index: &str) -> String {
        let tenant = if index.starts_with('*') { "*" } else { tenant };
        format!("{}{tenant}/{domain}/{index}", self.prefix())
    }

    /// What the partitions of all its rows begin with: `g1/`.
    pub(crate) fn prefix(self) -> String {
        format!("g{}/", self.0)
    }
}

impl Pointer {
    /// Those that are written: the one that is read first.
    pub(crate) fn written(&self) -> impl Iterator<Item = Generation> {
        std::iter::once(self.generation).chain(self.beside())
    }

    /// Those that are written beside the one that is read.
    pub fn beside(&self) -> impl Iterator<Item = Generation> {
        self.building.as_ref().map(|building| building.generation).into_iter().chain(self.previous)
    }
}

impl Default for Pointer {
    fn default() -> Self {
        let first = Generation(1);
        Self {
            generation: first,
            building: None,
            previous: None,
            dropping: None,
            last: first,
            since: Timestamp::UNIX_EPOCH,
            changes: 0,
        }
    }
}

impl Generations {
    pub(crate) fn new(connection: &Connection, views_table: &str, domain: &str) -> Self {
        let key = Key { pk: partition(domain), sk: "active".to_owned() };
        let table = Table::new(connection, views_table);
        Self { table, key, remembered: Arc::default(), one: None }
    }

    /// The same with the deadline of this connection.
    pub(crate) fn with(&self, connection: &Connection) -> Self {
        Self { table: self.table.with(connection), ..self.clone() }
    }

    pub(crate) fn of_one(&self, one: &OneGeneration) -> Self {
        Self { one: Some(one.clone()), ..self.clone() }
    }

    /// The generation that is read.
    pub(crate) async fn active(&self) -> Result<Generation, StoreError> {
        let remembered = async || Ok(self.remembered().await?.generation);
        match &self.one {
            Some(OneGeneration(one)) => one.get_or_try_init(remembered).await.copied(),
            None => remembered().await,
        }
    }

    /// The pointer as it was at most [`REMEMBERED`] ago: called during init, it costs the first
    /// queries no read.
    pub(crate) async fn remembered(&self) -> Result<Pointer, StoreError> {
        let mut remembered = self.remembered.lock().await;
        match &*remembered {
            Some((read, pointer)) if read.elapsed() < REMEMBERED => Ok(pointer.clone()),
            _ => {
                // Counted from before the read: the answer may be as old as the question.
                let asked = Instant::now();
                let pointer = self.read().await?;
                *remembered = Some((asked, pointer.clone()));
                Ok(pointer)
            }
        }
    }

    /// The pointer as it is.
    pub(crate) async fn read(&self) -> Result<Pointer, StoreError> {
        let item = self.table.get(self.key.clone(), Consistency::Strong).await?;
        Ok(item
            .map(from_item::<PointerItem>)
            .transpose()?
            .map(|item| item.pointer)
            .unwrap_or_default())
    }

    /// Writes the pointer over the `old` one, and says whether that one still stood there.
    pub(crate) async fn change(&self, old: &Pointer, new: Pointer) -> Result<bool, StoreError> {
        let new = Pointer { changes: old.changes + 1, ..new };
        let unchanged = match old.changes {
            0 => Condition::absent(),
            changes => Condition {
                expression: "changes = :changes",
                values: vec![(":changes", AttributeValue::N(changes.to_string()))],
            },
        };
        let Key { pk, sk } = self.key.clone();
        self.table.put_if(to_item(PointerItem { pk, sk, pointer: new })?, unchanged).await
    }
}

/// The partition of what is known about a domain's generations.
pub(crate) fn partition(domain: &str) -> String {
    format!("generations/{domain}")
}
