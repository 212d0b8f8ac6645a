use headwater::StreamName;
use jiff::Timestamp;

use super::task::Task;
use super::{Outcome, Projector};
use crate::StoreError;
use crate::views::{Parked, Rows, StoredRow};

impl Projector {
    /// Gives a stream up until somebody resumes it; nothing if another worker wrote its row meanwhile.
    pub(super) async fn park(&self, rows: &Rows, task: &Task, old: StoredRow, error: String) -> Result<Option<Outcome>, StoreError> {
        tracing::error!(stream = %task.stream, version = task.version, error, "stream parked");
        let parked = Parked { error, at: Timestamp::now(), version: task.version };
        // What was pending has just been seen to.
        let row = StoredRow { pending: Vec::new(), ..old };
        Ok(rows.park(&task.stream, row, parked).await?.then_some(Outcome::Parked))
    }

    /// Takes the mark away from a parked stream.
    pub(super) async fn unpark(&self, stream: &StreamName) -> Result<(), StoreError> {
        self.rows().await?.unpark(stream).await
    }
}
