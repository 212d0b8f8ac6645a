//! A pass over the whole table, in as many runs as it takes.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Archiver, Mode, Moved};
use crate::StoreError;
use crate::store::ScanKey;
use crate::table::{Consistency, Key, Segment, from_item, to_item};

/// A pass begins so long after the one before it.
const PERIOD: SignedDuration = SignedDuration::from_hours(24);

/// How far a pass has got is noted so often.
const STEP: Duration = Duration::from_secs(30);

/// How far the newest pass has got. No stream has this name.
#[derive(Serialize, Deserialize)]
struct Mark {
    pk: String,
    sk: String,
    /// When it began, in milliseconds since the epoch.
    began: i64,
    /// Where it goes on; absent once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<ScanKey>,
}

impl Archiver {
    /// Moves what is old until a deadline, from where the run before this one stopped. Once all of
    /// the table was looked at, it does nothing for the rest of the day. Runs at the same time do
    /// no harm.
    ///
    /// # Errors
    /// As [`segment`](Self::segment). The next run goes on from where this one was half a minute
    /// before.
    pub async fn go_on(&self, deadline: Instant) -> Result<Moved, StoreError> {
        let connection = self.store.connection();
        let table = self.archive.notes(connection);
        let (pk, sk) = ("archiver".to_owned(), "pass".to_owned());
        let key = Key { pk: pk.clone(), sk: sk.clone() };
        let mark: Option<Mark> =
            table.get(key, Consistency::Strong).await?.map(from_item).transpose()?;
        let began = |mark: &Mark| Timestamp::from_millisecond(mark.began).unwrap_or(self.now);
        let mut mark = match mark {
            Some(mark) if mark.next.is_some() => mark,
            Some(mark) if self.now.duration_since(began(&mark)) < PERIOD => {
                return Ok(Moved::default());
            }
            _ => {
                let next = Some(ScanKey::default());
                Mark { pk, sk, began: self.now.as_millisecond(), next }
            }
        };
        let mut moved = Moved::default();
        let whole = Segment { index: 0, of: 1 };
        while mark.next.is_some() && Instant::now() < deadline {
            let until = deadline.min(Instant::now() + STEP);
            let done = self.segment(Mode::Move, whole, mark.next.take(), until).await?;
            moved = moved.with(done.moved);
            mark.next = done.next;
            table.write(to_item(&mark)?).await?;
        }
        Ok(moved)
    }
}
