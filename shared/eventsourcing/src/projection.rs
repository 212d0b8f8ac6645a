use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Commit, Event, EventError, StreamName, decode, knows};

/// A query row folded from the events of one kind of stream. `Default` is the row before any event.
///
/// The same fold serves the projector, the forced read and the rebuild, so that they cannot
/// disagree.
///
/// ```
/// # extern crate headwater_core as headwater;
/// # mod till { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs")); }
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

/// Names the rows of parts that commits of a stream concern.
pub type PartsOf = fn(&StreamName, &[Commit]) -> Result<BTreeSet<StreamName>, EventError>;

/// A projection with its type erased, for code that handles all projections of a domain: rows go in
/// and out serialized.
#[derive(Clone, Copy)]
pub struct ProjectionFn {
    /// [`Projection::CATEGORY`].
    pub category: &'static str,
    /// [`Projection::REVISION`].
    pub revision: u32,
    /// [`apply_commits`] for this projection; the name is the row's.
    pub apply: fn(&StreamName, &Row, &[Commit]) -> Result<Applied, EventError>,
    /// Of a [`Part`]: which rows commits concern.
    pub parts: Option<PartsOf>,
    /// Whether this build knows an event's type in a schema version: [`knows`] for this
    /// projection's events.
    pub knows: fn(&str, u32) -> bool,
    /// [`Projection::LOGGED`]; of a [`Part`] it is `false`, since its events are its stream's.
    pub logged: bool,
}

impl ProjectionFn {
    /// The category of the streams whose events it folds: its own, or for a part the one that the
    /// part's is added to.
    pub fn source(&self) -> &'static str {
        match self.parts {
            Some(_) => self.category.rsplit_once('/').map_or(self.category, |(source, _)| source),
            None => self.category,
        }
    }
}

/// Erases a projection's type.
pub const fn projection_fn<P: Projection>() -> ProjectionFn {
    ProjectionFn {
        category: P::CATEGORY,
        revision: P::REVISION,
        apply: apply_commits::<P>,
        parts: None,
        knows: knows::<P::Event>,
        logged: P::LOGGED,
    }
}

/// Erases a part's type.
pub const fn part_fn<P: Part>() -> ProjectionFn {
    ProjectionFn {
        category: P::CATEGORY,
        revision: P::REVISION,
        apply: apply_to_part::<P>,
        parts: Some(parts_of::<P>),
        knows: knows::<P::Event>,
        logged: false,
    }
}

/// What folds the own row of the streams of a category, among a domain's projections. Where the
/// streams have parts their own row is a *mark*: it holds only a version, which all parts have
/// reached. Its revision is the sum of theirs, so it becomes invalid when one of them is raised.
pub fn own_row(projections: &[ProjectionFn], category: &str) -> Option<ProjectionFn> {
    let mut folds = projections.iter().filter(|projection| projection.source() == category);
    let first = folds.next()?;
    if first.parts.is_none() {
        return Some(*first);
    }
    let revision = first.revision + folds.map(|part| part.revision).sum::<u32>();
    Some(ProjectionFn {
        category: first.source(),
        revision,
        apply: mark,
        parts: None,
        knows: first.knows,
        logged: false,
    })
}

/// Whether the streams of a category have a [log](Projection::LOGGED) of the streams below them.
pub fn keeps_log(projections: &[ProjectionFn], category: &str) -> bool {
    let mut logged = projections.iter().filter(|projection| projection.logged);
    logged.any(|below| below.category.rsplit_once('/').is_some_and(|(above, _)| above == category))
}

/// Advances a mark. The caller, which knows the domain's projections, sets its revision.
#[expect(
    clippy::unnecessary_wraps,
    reason = "it is one of the functions that apply commits to rows"
)]
fn mark(_: &StreamName, row: &Row, commits: &[Commit]) -> Result<Applied, EventError> {
    let version = commits.last().map_or(row.version, Commit::last);
    let row =
        Row { version, revision: row.revision, deleted: false, data: Value::Object(Map::new()) };
    Ok(Applied {
        row,
        keys: BTreeSet::new(),
        put: BTreeSet::new(),
        removed: BTreeSet::new(),
        contributions: Contributions::new(),
    })
}

/// Folds commits into a row. Those that it has already are skipped; a row of another revision is
/// folded from nothing, so all commits must then be given.
///
/// Every state on the way counts for the index keys, not only the first and the last: another
/// worker may have stopped at any of them.
///
/// # Errors
/// [`EventError`] if an event cannot be read, or the row is not what its revision says.
pub fn apply_commits<P: Projection>(
    name: &StreamName,
    row: &Row,
    commits: &[Commit],
) -> Result<Applied, EventError> {
    let commits = commits
        .iter()
        .map(|commit| Ok((commit, decode_all(commit)?)))
        .collect::<Result<Vec<_>, EventError>>()?;
    fold_into_row::<P>(name, row, &commits)
}

/// As [`apply_commits`], with those events only that concern the part of this name. The row's
/// version is that of the last commit that has one, however many follow.
fn apply_to_part<P: Part>(
    name: &StreamName,
    row: &Row,
    commits: &[Commit],
) -> Result<Applied, EventError> {
    let mut own = Vec::new();
    for commit in commits {
        let mut events = decode_all::<P::Event>(commit)?;
        events.retain(|(_, event)| P::id(event) == Some(name.id()));
        if !events.is_empty() {
            own.push((commit, events));
        }
    }
    fold_into_row::<P>(name, row, &own)
}

/// The names of the parts that these commits concern. An id that cannot be in a name is passed
/// over: nobody could ask for its row.
fn parts_of<P: Part>(
    stream: &StreamName,
    commits: &[Commit],
) -> Result<BTreeSet<StreamName>, EventError> {
    let kind = P::CATEGORY.rsplit('/').next().unwrap_or_default();
    let mut names = BTreeSet::new();
    for commit in commits {
        for (_, event) in decode_all::<P::Event>(commit)? {
            names.extend(P::id(&event).and_then(|id| stream.child(kind, id).ok()));
        }
    }
    Ok(names)
}

/// The events of a commit, each with its number.
fn decode_all<E: Event>(commit: &Commit) -> Result<Vec<(u64, E)>, EventError> {
    commit.events.iter().map(|event| Ok((event.number, decode(event)?))).collect()
}

/// A commit and those of its events that are to be folded, each with its number.
type Decoded<'a, E> = (&'a Commit, Vec<(u64, E)>);

fn fold_into_row<P: Projection>(
    name: &StreamName,
    row: &Row,
    commits: &[Decoded<'_, P::Event>],
) -> Result<Applied, EventError> {
    let usable = row.version > 0 && row.revision == P::REVISION;
    let mut projection =
        if usable { row.read::<P>().map_err(|error| damaged::<P>(&error))? } else { P::default() };
    let mut version = if usable { row.version } else { 0 };
    let mut keys = if version > 0 { live_keys(&projection, name) } else { BTreeSet::new() };
    let mut ever = keys.clone();
    let mut always = keys.clone();
    for (commit, events) in commits {
        for (_, event) in events.iter().filter(|(number, _)| *number > version) {
            projection.evolve(event, commit.at);
        }
        version = version.max(commit.last());
        keys = live_keys(&projection, name);
        ever.extend(keys.iter().cloned());
        always.retain(|key| keys.contains(key));
    }
    let data = serde_json::to_value(&projection).map_err(|error| damaged::<P>(&error))?;
    let is_live = version > 0 && !projection.is_deleted();
    Ok(Applied {
        contributions: if is_live { projection.contributions(name) } else { Contributions::new() },
        row: Row { version, revision: P::REVISION, deleted: projection.is_deleted(), data },
        put: keys.difference(&always).cloned().collect(),
        removed: ever.difference(&keys).cloned().collect(),
        keys,
    })
}

fn live_keys<P: Projection>(projection: &P, stream: &StreamName) -> BTreeSet<IndexKey> {
    let mut keys = projection.lasting_keys(stream);
    if !projection.is_deleted() {
        keys.extend(projection.index_keys(stream));
    }
    keys
}

fn damaged<P: Projection>(error: &serde_json::Error) -> EventError {
    EventError::Unreadable {
        event_type: format!("row of {}", P::CATEGORY),
        version: P::REVISION,
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
