//! Rows for queries: what a domain says of them, here; how commits are folded into them, in `fold`;
//! and what handles all rows of a domain alike, in `erased`.

mod erased;
mod fold;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Event, StreamName};

pub use erased::{PartsOf, ProjectionFn, keeps_log, own_row, part_fn, projection_fn};
pub use fold::apply_commits;

/// A query row folded from the events of one kind of stream. `Default` is the row before any event.
///
/// The same fold serves the projector, the forced read and the rebuild, so that they cannot
/// disagree.
///
/// ```
/// # mod till {
/// #     use headwater_core as headwater;
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// # use std::collections::BTreeSet;
/// # use jiff::Timestamp;
/// # use serde::{Deserialize, Serialize};
/// use headwater_core::{IndexKey, Projection, StreamName};
///
/// #[derive(Default, Serialize, Deserialize)]
/// struct CashRow {
///     cents: u64,
/// }
///
/// impl Projection for CashRow {
///     type Event = TillEvent;
///     const CATEGORY: &'static str = "tills";
///     const REVISION: u32 = 1;
///
///     fn evolve(&mut self, event: &TillEvent, _: Timestamp) {
///         if let TillEvent::CoinAdded { cents } = event {
///             self.cents += cents;
///         }
///     }
///
///     fn is_deleted(&self) -> bool {
///         false
///     }
///
///     fn index_keys(&self, till: &StreamName) -> BTreeSet<IndexKey> {
///         BTreeSet::from([IndexKey::new("tills", till.id(), till.id())])
///     }
/// }
/// ```
pub trait Projection: Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The events of its streams.
    type Event: Event;

    /// The categories of the streams that it folds, as `users` or `groups/members`.
    const CATEGORY: &'static str;

    /// Names shape, fold, index keys and contributions together. Raise it whenever one of them
    /// changes, as with a new type of event: a row of another revision is not used, and an older
    /// build does not extend a row that it does not know.
    const REVISION: u32;

    /// Whether each commit of such a stream is noted in the log of the stream above it
    /// ([`StreamName::parent`]), by its time: as a licence's playback in its customer's. So what
    /// happened below a stream is read in order without opening each of the streams below it. It
    /// costs a write for each commit.
    const LOGGED: bool = false;

    /// Folds one event into the row. `at` is the time of its commit.
    fn evolve(&mut self, event: &Self::Event, at: Timestamp);

    /// Whether the thing was deleted. Its row stays as a tombstone, so that a late duplicate cannot
    /// create it again.
    fn is_deleted(&self) -> bool;

    /// The lists and searches in which the row has a place.
    fn index_keys(&self, stream: &StreamName) -> BTreeSet<IndexKey>;

    /// The lists in which the row has a place even if the thing was deleted or does not exist yet.
    /// An example is the list of what waits for a person.
    fn lasting_keys(&self, _stream: &StreamName) -> BTreeSet<IndexKey> {
        BTreeSet::new()
    }

    /// What the row adds to sums over many streams, as an invoice to the revenue of a day. When the
    /// row changes, the sums change by the difference in the same transaction, so duplicate and
    /// late records do not make them wrong.
    ///
    /// A rebuild folds a row to its last version in one step, so over its life a row may add to at
    /// most 99 lines. With the row they are the 100 items of a transaction. A row that changes more
    /// is parked.
    fn contributions(&self, _stream: &StreamName) -> Contributions {
        Contributions::new()
    }
}

/// What a row adds to which sums.
pub type Contributions = BTreeMap<SumKey, Amounts>;

/// Whole numbers by their names, as cents by `net` and `tax`: they are added up exactly, as long as
/// a sum has at most 38 digits.
pub type Amounts = BTreeMap<String, i128>;

/// A sum over many streams of a tenant's domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SumKey {
    /// Which table of sums, as `revenue/EUR`.
    pub index: String,
    /// Which of its lines, as `2026-11-21`: lines are read in this order.
    pub order: String,
}

/// What must be added to sums when a row's contributions change from `old` to `new`. Lines that do
/// not change are left out.
///
/// ```
/// use headwater_core::{Amounts, Contributions, SumKey, contribution_changes};
///
/// let of_day = |cents: i128| {
///     let day = SumKey { index: "revenue".to_owned(), order: "2026-11-28".to_owned() };
///     Contributions::from([(day, Amounts::from([("cents".to_owned(), cents)]))])
/// };
/// assert_eq!(contribution_changes(&of_day(300), &of_day(500)), of_day(200));
/// assert!(contribution_changes(&of_day(300), &of_day(300)).is_empty());
/// ```
pub fn contribution_changes(old: &Contributions, new: &Contributions) -> Contributions {
    let mut changes: Contributions = new.clone();
    for (key, amounts) in old {
        let change = changes.entry(key.clone()).or_default();
        for (name, amount) in amounts {
            *change.entry(name.clone()).or_default() -= amount;
        }
    }
    changes.values_mut().for_each(|amounts| amounts.retain(|_, amount| *amount != 0));
    changes.retain(|_, amounts| !amounts.is_empty());
    changes
}

/// A row for each part of a stream, where the stream's things are many but its rules span them: a
/// customer's licences.
///
/// [`Projection::CATEGORY`] is the stream's with that of the part behind it, as
/// `customers/licenses`, and the row is named as if it were a stream's own:
/// `acme/licensing/customers/7/licenses/4`. It is folded from those events of the stream that
/// concern the part. A kind of stream has either a row of its own or rows of parts, of any number
/// of kinds.
///
/// ```
/// # use std::collections::BTreeSet;
/// # use headwater_core::{Event, IndexKey, StreamName};
/// # use jiff::Timestamp;
/// use headwater_core::{Part, Projection, part_fn};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Serialize, Deserialize)]
/// #[serde(tag = "type", content = "data")]
/// enum TillEvent {
///     TillOpened {},
///     CardPaid { card: String, cents: u64 },
/// }
///
/// impl Event for TillEvent {}
///
/// /// What one card has paid at a till.
/// #[derive(Default, Serialize, Deserialize)]
/// struct CardRow {
///     cents: u64,
/// }
///
/// impl Projection for CardRow {
///     type Event = TillEvent;
///     const CATEGORY: &'static str = "tills/cards";
///     const REVISION: u32 = 1;
///
///     fn evolve(&mut self, event: &TillEvent, _: Timestamp) {
///         if let TillEvent::CardPaid { cents, .. } = event {
///             self.cents += cents;
///         }
///     }
/// #
/// #   fn is_deleted(&self) -> bool {
/// #       false
/// #   }
/// #
/// #   fn index_keys(&self, card: &StreamName) -> BTreeSet<IndexKey> {
/// #       BTreeSet::from([IndexKey::new("cards", card.id(), card.id())])
/// #   }
/// }
///
/// impl Part for CardRow {
///     fn id(event: &TillEvent) -> Option<&str> {
///         match event {
///             TillEvent::CardPaid { card, .. } => Some(card),
///             TillEvent::TillOpened {} => None,
///         }
///     }
/// }
///
/// assert_eq!(part_fn::<CardRow>().source(), "tills");
/// ```
pub trait Part: Projection {
    /// The id of the part that an event concerns; nothing if it concerns none of this kind.
    fn id(event: &Self::Event) -> Option<&str>;
}

/// A place in an index, which is an ordered list of rows of a tenant's domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IndexKey {
    /// Which list, as `users` or `members/7`.
    pub index: String,
    /// Where in it: sorts as bytes, and is unique by ending in the row's id.
    pub sort: String,
}

impl IndexKey {
    /// The list of all tenants' rows that wait for a person, each tenant's together. An index whose
    /// name begins with `*` holds rows of all tenants of the domain; only operators read it.
    pub const WAITING: &'static str = "*waiting";

    /// The place of a row that waits for a person.
    pub fn waiting(row: &StreamName) -> Self {
        Self::new(Self::WAITING, row.tenant(), row.within_tenant())
    }

    /// A key whose order is `order` and which the row's id makes unique. A NUL separates them: it
    /// sorts first, so a shorter text comes before a longer one that begins with it. Only the first
    /// 800 bytes of the order count, since stores limit the length of a key.
    pub fn new(index: impl Into<String>, order: &str, id: &str) -> Self {
        let order = &order[..order.floor_char_boundary(800)];
        Self { index: index.into(), sort: format!("{order}\0{id}") }
    }

    /// An order that puts the newest first: the time counted down. It is that of what has happened:
    /// times before 1970 or after 2286 are as the nearest of these.
    ///
    /// ```
    /// use headwater_core::IndexKey;
    /// use jiff::{SignedDuration, Timestamp};
    ///
    /// let at = Timestamp::UNIX_EPOCH;
    /// let later = at + SignedDuration::from_secs(1);
    /// assert!(IndexKey::newest_first(later) < IndexKey::newest_first(at));
    /// ```
    pub fn newest_first(at: Timestamp) -> String {
        const LAST: i64 = 9_999_999_999_999;
        format!("{:013}", LAST - at.as_millisecond().clamp(0, LAST))
    }

    /// An order that puts the earliest first, of any time: as what is due next.
    ///
    /// ```
    /// use std::collections::BTreeSet;
    ///
    /// use headwater_core::IndexKey;
    /// use jiff::Timestamp;
    ///
    /// fn index_keys(due: Timestamp, id: &str) -> BTreeSet<IndexKey> {
    ///     BTreeSet::from([IndexKey::new("tasks-by-due", &IndexKey::earliest_first(due), id)])
    /// }
    ///
    /// let soon = index_keys(Timestamp::UNIX_EPOCH, "2");
    /// assert!(soon < index_keys(Timestamp::MAX, "1"));
    /// ```
    pub fn earliest_first(at: Timestamp) -> String {
        format!("{:015}", at.as_millisecond() - Timestamp::MIN.as_millisecond())
    }
}

/// A primary row: a stream's events, folded, and the version up to which they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The number of the last event folded, 0 before any.
    pub version: u64,
    /// The [`Projection::REVISION`] that folded it.
    pub revision: u32,
    /// Whether the thing is gone.
    pub deleted: bool,
    /// The projection, serialized.
    pub data: Value,
}

impl Row {
    /// The projection that the row holds.
    ///
    /// # Errors
    /// If the data is not of that shape, although the revision says so: a defect.
    pub fn read<P: Projection>(&self) -> Result<P, serde_json::Error> {
        serde_json::from_value(self.data.clone())
    }
}

/// The result of folding commits into a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The row afterwards.
    pub row: Row,
    /// All index keys of the row afterwards.
    pub keys: BTreeSet<IndexKey>,
    /// Index rows to be put: those that were missing after at least one of the commits folded, or
    /// before.
    pub put: BTreeSet<IndexKey>,
    /// Index rows to be removed: places that the row had before or after one of the commits folded,
    /// and has no more.
    pub removed: BTreeSet<IndexKey>,
    /// All that the row adds to sums afterwards.
    pub contributions: Contributions,
}

#[cfg(test)]
mod tests;
