use std::collections::{BTreeMap, BTreeSet};

use headwater::{
    Commit, IndexKey, Part, Projection, ProjectionFn, Row, StreamName, part_fn, projection_fn,
};
use proptest::prelude::*;

/// One attempt of a projector to bring the rows up to date.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Up to which commit the projector got them: an index, cut to how many there are.
    pub upto: usize,
    /// It had read the primary row before the previous delivery, and writes only now.
    pub stale: bool,
    /// It dies after this many index rows were written, before it writes the primary row.
    pub dies_after: Option<usize>,
}

/// Deliveries as the pipeline may make them: repeated, late, overlapping, broken off anywhere.
///
/// ```
/// # mod till { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs")); }
/// # use till::*;
/// use headwater::StreamName;
/// use headwater_testkit::{assert_converges, commits, deliveries};
/// use proptest::prelude::*;
///
/// let till = StreamName::new("acme", "shop", "tills", "front")?;
/// let coin = || vec![TillEvent::CoinAdded { cents: 50 }];
/// let commits = commits(&till, [vec![TillEvent::TillOpened {}], coin(), coin()]);
/// proptest!(|(deliveries in deliveries())| {
///     assert_converges::<TillRow>(&till, &commits, &deliveries);
/// });
/// # Ok::<(), headwater::InvalidStreamName>(())
/// ```
pub fn deliveries() -> impl Strategy<Value = Vec<Delivery>> {
    let delivery = (0..20_usize, any::<bool>(), prop::option::of(0..8_usize));
    prop::collection::vec(
        delivery.prop_map(|(upto, stale, dies_after)| Delivery { upto, stale, dies_after }),
        0..12,
    )
}

/// Shows that rows do not depend on how commits are delivered: after any deliveries, and a last one
/// that gets through, they are what folding all commits at once makes them.
///
/// ```
/// # mod till { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs")); }
/// # use till::*;
/// use headwater::StreamName;
/// use headwater_testkit::{Delivery, assert_converges, commits};
///
/// let till = StreamName::new("acme", "shop", "tills", "front")?;
/// let coin = || vec![TillEvent::CoinAdded { cents: 50 }];
/// let commits = commits(&till, [vec![TillEvent::TillOpened {}], coin(), coin()]);
/// let once_more = Delivery { upto: 2, stale: true, dies_after: Some(1) };
/// assert_converges::<TillRow>(&till, &commits, &[once_more.clone(), once_more]);
/// # Ok::<(), headwater::InvalidStreamName>(())
/// ```
///
/// # Panics
/// If they are not.
#[track_caller]
pub fn assert_converges<P: Projection>(
    stream: &StreamName,
    commits: &[Commit],
    deliveries: &[Delivery],
) {
    assert_row_converges(projection_fn::<P>(), stream, commits, deliveries);
}

/// As [`assert_converges`], for the rows of all parts that the commits concern.
///
/// ```
/// use headwater::{Commit, Part, StreamName};
/// use headwater_testkit::{assert_parts_converge, deliveries};
/// use proptest::prelude::*;
///
/// fn converges<P: Part>(stream: &StreamName, commits: &[Commit]) {
///     proptest!(|(deliveries in deliveries())| {
///         assert_parts_converge::<P>(stream, commits, &deliveries);
///     });
/// }
/// ```
///
/// # Panics
/// If a row is not what folding all commits at once makes it.
#[track_caller]
pub fn assert_parts_converge<P: Part>(
    stream: &StreamName,
    commits: &[Commit],
    deliveries: &[Delivery],
) {
    let part = part_fn::<P>();
    let names = part.parts.map(|names| names(stream, commits).expect("events can be read"));
    for name in names.unwrap_or_default() {
        assert_row_converges(part, &name, commits, deliveries);
    }
}

#[track_caller]
fn assert_row_converges(
    projection: ProjectionFn,
    name: &StreamName,
    commits: &[Commit],
    deliveries: &[Delivery],
) {
    let at_once = (projection.apply)(name, &Row::default(), commits).expect("events can be read");
    let mut view = View::default();
    let mut before = Row::default();
    for delivery in deliveries {
        let read = if delivery.stale { before } else { view.row.clone() };
        before = view.row.clone();
        view.deliver(
            projection,
            name,
            &read,
            &commits[..delivery.upto.min(commits.len())],
            delivery.dies_after,
        );
    }
    let read = view.row.clone();
    view.deliver(projection, name, &read, commits, None);
    assert_eq!(view.row, at_once.row, "the primary row, then what folding at once gives");
    let index: BTreeSet<IndexKey> = view.index.into_keys().collect();
    if deliveries.iter().any(|delivery| delivery.stale && delivery.dies_after.is_some()) {
        // Who dies while others have overtaken it may leave places of states that are over.
        assert!(
            index.is_superset(&at_once.keys),
            "the index rows, then those that folding at once gives: {index:?}, {:?}",
            at_once.keys
        );
    } else {
        assert_eq!(index, at_once.keys, "the index rows, then what folding at once gives");
    }
}

/// The rows of one stream, or of one part, as the views table holds them, with its conditions.
#[derive(Default)]
struct View {
    row: Row,
    /// Each index row's version.
    index: BTreeMap<IndexKey, u64>,
}

impl View {
    /// Index rows first, then the primary row, and what it has left last: so whoever dies on the
    /// way has left the work to be done again.
    fn deliver(
        &mut self,
        projection: ProjectionFn,
        name: &StreamName,
        read: &Row,
        commits: &[Commit],
        dies_after: Option<usize>,
    ) {
        let applied = (projection.apply)(name, read, commits).expect("events can be read");
        for key in applied.put.iter().take(dies_after.unwrap_or(usize::MAX)) {
            self.put(key, applied.row.version);
        }
        if dies_after.is_some() {
            return;
        }
        if self.row.version == read.version {
            self.row = applied.row;
            applied.removed.iter().for_each(|key| self.remove(key));
        } else {
            // Another was faster: what was put for nothing is taken back.
            let present = (projection.apply)(name, &self.row, &[]).expect("events can be read");
            applied.put.difference(&present.keys).for_each(|key| self.remove(key));
        }
    }

    fn put(&mut self, key: &IndexKey, version: u64) {
        let stored = self.index.entry(key.clone()).or_default();
        *stored = version.max(*stored);
    }

    /// Takes a place away that is of an earlier version than the row.
    fn remove(&mut self, key: &IndexKey) {
        self.index.retain(|stored, version| stored != key || *version >= self.row.version);
    }
}
