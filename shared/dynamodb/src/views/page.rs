//! Lists. An index row is a hint that a thing stands in this part of a list; where it does stand is what its primary row says.

use std::collections::BTreeMap;

use headwater::{IndexKey, ProjectionFn, Row, StreamName};

use super::index::{Hints, IndexRange};
use super::{Overlay, ReadError, Rows, Views};

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
    /// Go on after this place: an earlier page's [`Page::next`].
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
pub struct Page {
    /// The things, in the list's order.
    pub rows: Vec<(StreamName, Row)>,
    /// The place to go on after, unless the list ends here.
    pub next: Option<String>,
}

/// A thing at its place.
struct Place {
    sort: String,
    stream: StreamName,
    row: Row,
}

impl Views {
    /// A page of a list. However far the projectors have got with the streams that the overlay names, these stand where they belong;
    /// and a thing that moves in the list meanwhile stands on the page once at most, and is not lost where it stays behind the page's beginning.
    ///
    /// # Errors
    /// [`ReadError::Cursor`] if `after` is no place of this list, or [`ReadError::Store`].
    pub async fn page(&self, request: PageRequest<'_>) -> Result<Page, ReadError> {
        let prefix = request.exact_order.map(|order| IndexKey::new(request.index, order, "").sort).unwrap_or_default();
        if request.after.is_some_and(|after| !after.starts_with(&prefix)) {
            return Err(ReadError::Cursor);
        }
        // Behind all that have this order: ids are visible ASCII.
        let end = request.up_to_order.map(|order| IndexKey::new(request.index, order, "\u{7f}").sort);
        let overlaid = request.overlay.into_iter().flat_map(|overlay| overlay.of_category(request.projection.category));
        let rows = self.rows().await?;
        let mut known: BTreeMap<StreamName, Row> = overlaid.map(|(stream, row)| (stream.clone(), row.clone())).collect();
        let mut places = Vec::new();
        let mut after = request.after.map(str::to_owned);
        // One thing more than is shown tells whether the list goes on.
        while places.len() <= request.limit {
            let learned = self.learn(&rows, &request, &prefix, after.as_deref(), &mut known).await?;
            let stopped_at = learned.filter(|place| end.as_ref().is_none_or(|end| place < end));
            let up_to = stopped_at.as_ref().or(end.as_ref()).map(String::as_str);
            // Anew from the beginning: what was learned last may have moved to where there was nothing before.
            places = Span { index: request.index, prefix: &prefix, after: request.after, up_to }.places(&request, &known)?;
            if stopped_at.is_none() {
                break;
            }
            after = stopped_at;
        }
        let goes_on = places.len() > request.limit;
        places.truncate(request.limit);
        let next = places.last().filter(|_| goes_on).map(|place| place.sort.clone());
        Ok(Page { rows: places.into_iter().map(|place| (place.stream, place.row)).collect(), next })
    }

    /// Reads the next part of the index and the primary rows of the streams that it hints at, save those known already: within one
    /// page a thing has one state. Answers with how far that part goes.
    async fn learn(
        &self,
        rows: &Rows,
        request: &PageRequest<'_>,
        prefix: &str,
        after: Option<&str>,
        known: &mut BTreeMap<StreamName, Row>,
    ) -> Result<Option<String>, ReadError> {
        let consistency = request.overlay.into();
        let range = IndexRange { tenant: request.tenant, domain: &self.domain, index: request.index, prefix, after };
        let Hints { hints, stopped_at } = rows.hints(range, request.limit + 1, consistency).await?;
        let mut unknown: BTreeMap<StreamName, u64> = BTreeMap::new();
        for hint in hints.into_iter().filter(|hint| !known.contains_key(&hint.stream)) {
            let highest = unknown.entry(hint.stream).or_default();
            *highest = hint.version.max(*highest);
        }
        known.extend(self.hydrate(rows, request.projection, unknown, consistency).await?);
        Ok(stopped_at)
    }
}

/// Part of an index.
struct Span<'a> {
    index: &'a str,
    prefix: &'a str,
    after: Option<&'a str>,
    /// Its last place, unless it goes to the end.
    up_to: Option<&'a str>,
}

impl Span<'_> {
    fn contains(&self, key: &IndexKey) -> bool {
        let sort = key.sort.as_str();
        key.index == self.index
            && sort.starts_with(self.prefix)
            && self.after.is_none_or(|after| sort > after)
            && self.up_to.is_none_or(|up_to| sort <= up_to)
    }

    /// The things that stand here and are to be shown, in order.
    fn places(&self, request: &PageRequest<'_>, known: &BTreeMap<StreamName, Row>) -> Result<Vec<Place>, ReadError> {
        let mut places = Vec::new();
        for (stream, row) in known.iter().filter(|(_, row)| (request.keep)(row)) {
            let keys = (request.projection.apply)(stream, row, &[]).map_err(|error| ReadError::of(stream, error.into()))?.keys;
            let here = keys.into_iter().filter(|key| self.contains(key));
            places.extend(here.map(|key| Place { sort: key.sort, stream: stream.clone(), row: row.clone() }));
        }
        places.sort_unstable_by(|a, b| a.sort.cmp(&b.sort));
        Ok(places)
    }
}
