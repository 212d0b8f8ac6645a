//! Lists. An index row is a hint that a thing has a place in a list. The primary row says where it
//! really is.
//!
//! A page is read in bounded work, whatever the list holds: in a few parts, each of which may be
//! twice as long as the one before. If many of the rows cannot be shown, or have moved by now, the
//! page is short or empty, and says where to go on.

use std::collections::{BTreeMap, BTreeSet};

use headwater::{IndexKey, ProjectionFn, Row, StreamName};

use super::index::{Hint, Hints, IndexRange};
use super::{Overlay, ReadError, Rows, Views};
use crate::size::json_size;

/// The most parts, that is queries, of a page.
const MOST_PARTS: usize = 8;

/// After this many primary rows no further part is read.
const MOST_ROWS: usize = 512;

/// After this many bytes of them, as JSON, no further row is read. The smallest function has 256
/// MB, and a row in memory takes a few times its JSON.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// How many primary rows are read at once: some 25 MB, if all of them are as large as can be.
const ROWS_AT_ONCE: usize = 64;

/// What part of a list is wanted, and how fresh.
#[derive(Clone, Copy)]
pub struct PageRequest<'a> {
    /// Whose data.
    pub tenant: &'a str,
    /// Which list, as `users` or `members/7`.
    pub index: &'a str,
    /// What folds the things in the list.
    pub projection: &'a ProjectionFn,
    /// Only things whose order is this one; all if absent.
    pub exact_order: Option<&'a str>,
    /// Go on after this place: an earlier page's [`RowPage::next`].
    pub after: Option<&'a str>,
    /// End with the things of this order; at the list's end if absent.
    pub up_to_order: Option<&'a str>,
    /// At most so many things, at least 1.
    pub limit: usize,
    /// What tokens demand. With it all reads are strong.
    pub overlay: Option<&'a Overlay>,
    /// Which things are shown; the others do not count.
    pub keep: &'a (dyn Fn(&Row) -> bool + Send + Sync),
}

/// Part of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct RowPage {
    /// The things, in the list's order: fewer than were asked for, and even none, where more would
    /// have been too much work.
    pub rows: Vec<Listed>,
    /// The place to go on after, unless the list ends here. It lies behind the place that this page
    /// began after, so a list has an end.
    pub next: Option<String>,
}

/// A thing in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Where it stands: a page that goes on after this place goes on after this thing.
    pub place: String,
    /// Whose row it is.
    pub stream: StreamName,
    /// The row.
    pub row: Row,
}

impl Views {
    /// A page of a list. However far the projectors have got with the streams that the overlay
    /// names, these stand where they belong; A thing that moves in the list meanwhile is on the
    /// page once at most. It is not lost if it stays behind the page's beginning.
    ///
    /// It costs one query of the index and one read of each row, where all is to be shown; 8
    /// queries and some 700 rows at the most.
    ///
    /// # Errors
    /// [`ReadError::Cursor`] if `after` is no place of this list, or [`ReadError::Store`].
    pub async fn page(&self, request: PageRequest<'_>) -> Result<RowPage, ReadError> {
        let prefix = request
            .exact_order
            .map(|order| IndexKey::new(request.index, order, "").sort)
            .unwrap_or_default();
        if request.after.is_some_and(|after| !after.starts_with(&prefix)) {
            return Err(ReadError::Cursor);
        }
        // Behind all that have this order: ids are visible ASCII.
        let end =
            request.up_to_order.map(|order| IndexKey::new(request.index, order, "\u{7f}").sort);
        let rows = self.rows().await?;
        let mut learned = Learned::of(&request, &prefix)?;
        let mut after = request.after.map(str::to_owned);
        // One thing more than is shown tells whether the list goes on.
        let mut size = request.limit + 1;
        for _ in 0..MOST_PARTS {
            let range = IndexRange {
                tenant: request.tenant,
                domain: &self.domain,
                index: request.index,
                prefix: &prefix,
                after: after.as_deref(),
            };
            let Hints { hints, stopped_at } =
                rows.hints(range, size, request.overlay.into()).await?;
            let stopped_at = self.learn(&rows, hints, &mut learned).await?.or(stopped_at);
            after = stopped_at.filter(|place| end.as_ref().is_none_or(|end| place < end));
            let Some(place) = &after else { break };
            if learned.things_up_to(Some(place)).count() > request.limit || learned.is_full() {
                break;
            }
            size = (size * 2).min(MOST_ROWS - learned.rows);
        }
        let mut rows: Vec<Listed> = learned
            .things_up_to(after.as_ref().or(end.as_ref()))
            .take(request.limit + 1)
            .cloned()
            .collect();
        let goes_on = rows.len() > request.limit;
        rows.truncate(request.limit);
        // Where more things are known the next page begins with them, else behind what was read.
        let next = if goes_on { rows.last().map(|last| last.place.clone()) } else { after };
        Ok(RowPage { rows, next })
    }

    /// Reads the primary rows of the streams that are hinted at, save those known already: within
    /// one page a thing has one state. Answers with the last hint's place that it came to, if it
    /// did not come to all.
    async fn learn(
        &self,
        rows: &Rows,
        hints: Vec<Hint>,
        learned: &mut Learned<'_>,
    ) -> Result<Option<String>, ReadError> {
        let mut hints = hints.into_iter().peekable();
        let mut last = None;
        while hints.peek().is_some() {
            let mut unknown: BTreeMap<StreamName, u64> = BTreeMap::new();
            for Hint { place, stream, version } in hints.by_ref().take(ROWS_AT_ONCE) {
                last = Some(place);
                if !learned.known.contains(&stream) {
                    let highest = unknown.entry(stream).or_default();
                    *highest = version.max(*highest);
                }
            }
            learned.rows += unknown.len();
            learned.known.extend(unknown.keys().cloned());
            for (stream, row) in self
                .hydrate(rows, learned.request.projection, unknown, learned.request.overlay.into())
                .await?
            {
                learned.bytes += json_size(&row.data);
                learned.place(stream, row)?;
            }
            if learned.is_full() {
                return Ok(last.filter(|_| hints.peek().is_some()));
            }
        }
        Ok(None)
    }
}

/// What a page has learned so far.
struct Learned<'a> {
    request: &'a PageRequest<'a>,
    prefix: &'a str,
    /// The streams that were asked about.
    known: BTreeSet<StreamName>,
    /// The things that are to be shown and stand in this list behind the page's beginning, by their
    /// places.
    things: BTreeMap<String, Listed>,
    /// How many rows were read.
    rows: usize,
    /// How large they are.
    bytes: usize,
}

impl<'a> Learned<'a> {
    /// What the overlay knows.
    fn of(request: &'a PageRequest<'a>, prefix: &'a str) -> Result<Self, ReadError> {
        let mut learned = Self {
            request,
            prefix,
            known: BTreeSet::new(),
            things: BTreeMap::new(),
            rows: 0,
            bytes: 0,
        };
        for (stream, row) in request
            .overlay
            .into_iter()
            .flat_map(|overlay| overlay.of_category(request.projection.category))
        {
            learned.known.insert(stream.clone());
            learned.place(stream.clone(), row.clone())?;
        }
        Ok(learned)
    }

    /// Puts a thing where its row says that it stands.
    fn place(&mut self, stream: StreamName, row: Row) -> Result<(), ReadError> {
        let Self { request, prefix, .. } = *self;
        if !(request.keep)(&row) {
            return Ok(());
        }
        let applied = (request.projection.apply)(&stream, &row, &[])
            .map_err(|error| ReadError::of(&stream, error.into()))?;
        let is_here = |key: &IndexKey| {
            key.index == request.index
                && key.sort.starts_with(prefix)
                && request.after.is_none_or(|after| key.sort.as_str() > after)
        };
        for IndexKey { sort, .. } in applied.keys.into_iter().filter(is_here) {
            self.things.insert(
                sort.clone(),
                Listed { place: sort, stream: stream.clone(), row: row.clone() },
            );
        }
        Ok(())
    }

    /// The things in order, up to a place and with it, or all.
    fn things_up_to<'b>(&'b self, place: Option<&'b String>) -> impl Iterator<Item = &'b Listed> {
        self.things
            .values()
            .take_while(move |thing| place.is_none_or(|place| thing.place <= *place))
    }

    fn is_full(&self) -> bool {
        self.rows >= MOST_ROWS || self.bytes >= MOST_BYTES
    }
}
