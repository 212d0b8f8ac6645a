//! The archive table: which run has an event.

use headwater::StreamName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Archive, Run};
use crate::connection::Connection;
use crate::table::{Condition, Consistency, Order, Range, Table, from_item, to_item};
use crate::{Item, StoreError};

/// A run as an item.
#[derive(Serialize, Deserialize)]
struct Note {
    pk: StreamName,
    sk: String,
    #[serde(rename = "l")]
    last: u64,
    #[serde(rename = "o")]
    object: String,
    #[serde(rename = "b")]
    offset: u64,
    #[serde(rename = "n")]
    length: u64,
    #[serde(rename = "d")]
    digest: String,
    /// In milliseconds since the epoch.
    #[serde(rename = "u")]
    until: i64,
}

impl Archive {
    /// The table of the notes.
    pub(crate) fn notes(&self, connection: &Connection) -> Table {
        Table::new(connection, self.table.clone())
    }

    /// Notes where a run is, and says whether it did: not if another run with this first event was
    /// noted before.
    pub(crate) async fn note(
        &self,
        connection: &Connection,
        run: &Run,
    ) -> Result<bool, StoreError> {
        let note = Note {
            pk: run.stream.clone(),
            sk: sort_key(run.first),
            last: run.last,
            object: run.object.clone(),
            offset: run.offset,
            length: run.length,
            digest: run.digest.clone(),
            until: run.until.as_millisecond(),
        };
        self.notes(connection).put_if(to_item(note)?, Condition::absent()).await
    }

    /// The last of a stream's runs that begin with this event or before it.
    pub(crate) async fn newest_run(
        &self,
        connection: &Connection,
        stream: &StreamName,
        first: u64,
    ) -> Result<Option<Run>, StoreError> {
        // Keys before this one, which comes right after that of the event.
        let beyond = sort_key(first) + "~";
        let range = Range {
            pk: stream.to_string(),
            prefix: "",
            after: Some(&beyond),
            limit: 1,
            order: Order::Backwards,
        };
        let found = self.notes(connection).query(range, Consistency::Strong).await?;
        found.items.into_iter().next().map(|item| read(from_item(item)?)).transpose()
    }
}

impl Run {
    /// The run that an item of the archive table notes; `None` for an item that is something else.
    pub(crate) fn noted(item: Item) -> Option<Result<Self, StoreError>> {
        item.contains_key("o").then(|| read(from_item(item)?))
    }
}

fn read(note: Note) -> Result<Run, StoreError> {
    let malformed = |what: &str| {
        StoreError::Refused(format!("the note of the run {} {} has no {what}", note.pk, note.sk))
    };
    Ok(Run {
        first: note.sk.parse().map_err(|_| malformed("first event"))?,
        until: Timestamp::from_millisecond(note.until).map_err(|_| malformed("time"))?,
        stream: note.pk,
        last: note.last,
        object: note.object,
        offset: note.offset,
        length: note.length,
        digest: note.digest,
    })
}

fn sort_key(first: u64) -> String {
    format!("{first:020}")
}
