//! Logs: the commits of all streams below another one, by their times. So a reader who wants them
//! in order opens only the streams that have something there.
//!
//! | item | `pk` | `sk` | attributes |
//! |---|---|---|---|
//! | entry | `g1/acme/licensing/log/customers/7` | time in milliseconds, the stream's name below that one, the number of the commit's last event | `f` the number of its first |
//!
//! An entry is put before the row that has its commit, is never changed, and is true for ever. So
//! no worker can do harm, whoever puts it how often. What is not said by the entries is whether
//! there is one for each commit: a build that keeps no logs may have folded some. Therefore the row
//! of the stream above notes that it was made, from nothing, by a build that keeps logs
//! (`StoredRow::logs`). The streams below begin later than that one, so all they have is in the
//! log, as far as their rows have got. A build that keeps no logs drops the note with its next
//! write.

use futures::{StreamExt, TryStreamExt};
use headwater::StreamName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Rows, Views};
use crate::StoreError;
use crate::table::{Condition, Consistency, Key, Order, Range, from_item, to_item};

/// How many entries are put at a time.
const AT_ONCE: usize = 16;

/// A commit that a log names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Of which stream.
    pub stream: StreamName,
    /// When it was decided, to the millisecond.
    pub at: Timestamp,
    /// The number of its first event.
    pub first: u64,
    /// The number of its last event.
    pub last: u64,
}

/// An event's place in a log: what comes after it is read on.
#[derive(Clone, Copy, Debug)]
pub struct LogPlace<'a> {
    /// When its commit was decided.
    pub at: Timestamp,
    /// Of which stream: one below, or the one above, which at one time comes before those.
    pub stream: &'a StreamName,
    /// The event's number.
    pub number: u64,
}

/// The item, under the short names that are billed.
#[derive(Serialize, Deserialize)]
struct Entry {
    pk: String,
    sk: String,
    #[serde(rename = "f")]
    first: u64,
}

impl Views {
    /// Whether the log of a stream has all commits of those below it, as far as the projector has
    /// got: not if another build has folded some, nor while one of them is parked. Two strong
    /// reads.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn log_is_whole(&self, above: &StreamName) -> Result<bool, StoreError> {
        let rows = self.rows().await?;
        if !rows.get(above, Consistency::Strong).await?.logs {
            return Ok(false);
        }
        let parked = rows.parked(&self.domain, &format!("{above}/"), None, 1).await?;
        Ok(parked.is_empty())
    }

    /// The commits below a stream that have events after a place, in order of their times: at most
    /// `limit`. One strong query, which finds fewer only at the log's end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn log(
        &self,
        above: &StreamName,
        after: Option<LogPlace<'_>>,
        limit: usize,
    ) -> Result<Vec<Logged>, StoreError> {
        let rows = self.rows().await?;
        let after =
            after.map(|LogPlace { at, stream, number }| sort(at, below(above, stream), number));
        let range = Range {
            pk: rows.log(above),
            prefix: "",
            after: after.as_deref(),
            limit,
            order: Order::Forwards,
        };
        let items = rows.table.query_all(range, Consistency::Strong).await?;
        items.into_iter().map(|item| read(above, from_item(item)?)).collect()
    }
}

impl Rows {
    /// Notes commits of a stream in the log of the one above it.
    pub(crate) async fn put_into_log(
        &self,
        stream: &StreamName,
        commits: &[(Timestamp, u64, u64)],
    ) -> Result<(), StoreError> {
        let Some(above) = stream.parent() else { return Ok(()) };
        let puts = commits.iter().map(|&(at, first, last)| {
            let Key { pk, sk } = self.log_key(&above, stream, at, last);
            async move {
                let item = to_item(Entry { pk, sk, first })?;
                self.table.put_if(item, Condition::absent()).await.map(|_| ())
            }
        });
        // Collected, or the compiler cannot tell that the whole may move between threads.
        let puts: Vec<_> = puts.collect();
        futures::stream::iter(puts).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// The place of a commit in the log of the stream above it.
    pub(crate) fn log_key(
        &self,
        above: &StreamName,
        stream: &StreamName,
        at: Timestamp,
        last: u64,
    ) -> Key {
        Key { pk: self.log(above), sk: sort(at, below(above, stream), last) }
    }

    fn log(&self, above: &StreamName) -> String {
        let name = above.within_tenant().split_once('/').map_or("", |(_, name)| name);
        self.generation.index(above.tenant(), above.domain(), &format!("log/{name}"))
    }
}

/// A stream's name below another: `playback/4`; nothing for that one itself.
fn below<'a>(above: &StreamName, stream: &'a StreamName) -> Option<&'a str> {
    stream.as_str().strip_prefix(above.as_str())?.strip_prefix('/')
}

/// At one time an entry comes after all of the stream above, and is in order of its stream's name.
/// A space sorts before all that a name may hold, so that no name changes places with one that it
/// begins.
fn sort(at: Timestamp, below: Option<&str>, number: u64) -> String {
    let at = at.as_millisecond();
    below.map_or_else(|| format!("{at:013}"), |below| format!("{at:013} {below} {number:020}"))
}

fn read(above: &StreamName, Entry { sk, first, .. }: Entry) -> Result<Logged, StoreError> {
    let parse = || {
        let mut parts = sk.splitn(3, ' ');
        let (at, below, last) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Logged {
            stream: format!("{above}/{below}").parse().ok()?,
            at: Timestamp::from_millisecond(at.parse().ok()?).ok()?,
            first,
            last: last.parse().ok()?,
        })
    };
    parse().ok_or_else(|| StoreError::Refused(format!("an entry of a log is {sk:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_in_order_of_time_then_stream_then_number() {
        let name = |name: &str| name.parse::<StreamName>().unwrap();
        let above = name("acme/licensing/customers/7");
        let (early, late) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(1_800_000_000).unwrap());
        let places = [
            (early, &above, 9),
            (early, &name("acme/licensing/customers/7/playback/a"), 9),
            (early, &name("acme/licensing/customers/7/playback/a"), 10),
            (early, &name("acme/licensing/customers/7/playback/a-b"), 1),
            (early, &name("acme/licensing/customers/7/playback/aa"), 1),
            (late, &above, 1),
            (late, &name("acme/licensing/customers/7/playback/a"), 1),
        ];
        let sorts = places.map(|(at, stream, number)| sort(at, below(&above, stream), number));
        assert!(sorts.is_sorted(), "{sorts:?}");
        let entry = Entry { pk: String::new(), sk: sorts[3].clone(), first: 1 };
        let logged = Logged { stream: places[3].1.clone(), at: early, first: 1, last: 1 };
        assert_eq!(read(&above, entry).unwrap(), logged);
    }
}
