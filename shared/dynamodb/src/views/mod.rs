//! The query side: rows folded from events, lists over them, and reads that are as fresh as a token
//! demands.
//!
//! | item | `pk` | `sk` | attributes |
//! |---|---|---|---|
//! | primary row | `g1/acme/identity/users/42` | `row` | `v` version, `r` revision, `d` data; where it is so: `x` deleted, `k` index keys yet to be removed, `c` what it has added to sums, `l` the lines of sums that were changed with it, `p` why it is parked, `g` that the log below the stream is whole |
//! | row of a part | `g1/acme/licensing/customers/7/licenses/4` | `row` | as a primary row; the primary row of the stream is then a mark: it has no data |
//! | index row | `g1/acme/identity/members/7` | the place in the list | `s` stream, `v` version and `r` revision of its row; of a tombstone, as builds before this one left them for a week, also `x` and `ttl` |
//! | sum | `g1/acme/invoicing/revenue/EUR` | the line's order | whole numbers by name |
//! | entry of a log | `g1/acme/licensing/log/customers/7` | time, stream, number | see `log` |
//! | parked stream | `g1/parked/identity` | stream | `error`, `at`, `version` |
//! | pointer | `generations/identity` | `active` | `generation` that is read; where it is so: one that is `building`, `previous`, `dropping`; and the `last` that there was |
//! | how far a scan has got | `generations/identity` | `g2/segment/00003` | see [`crate::rebuild`] |
//!
//! The projector writes them. How, and why a reader can rely on them, is in [`crate::projector`]. A
//! reader without a token reads rows as they are, eventually consistent. With a token it reads
//! strongly and folds what is missing itself, with the same code.

mod error;
mod fold;
mod fresh;
mod generation;
mod index;
mod log;
mod overlay;
mod page;
mod parking;
mod part;
mod row;
mod rows;
mod sums;

use std::collections::{BTreeMap, HashMap};

use headwater::{ProjectionFn, Row, StreamName};

pub use self::error::ReadError;
pub(crate) use self::fold::{FoldError, fold, fold_missing, gap, known, missing, usable};
pub use self::generation::{Building, Generation, OneGeneration, Pointer, ScanLease};
pub(crate) use self::generation::{Generations, REMEMBERED, partition};
pub(crate) use self::index::IndexItem;
pub use self::log::{LogPlace, Logged};
pub use self::overlay::Overlay;
pub use self::page::{Listed, PageRequest, RowPage};
pub use self::parking::{ParkedStream, Until};
pub use self::part::PartRow;
pub(crate) use self::row::{Parked, StoredRow};
pub(crate) use self::rows::Rows;
pub use self::sums::Sum;
use crate::table::{Consistency, Table};
use crate::{EventStore, StoreError};

/// The views of one domain, for its query functions.
///
/// ```no_run
/// # mod till {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater::{StreamName, projection_fn};
/// use headwater_dynamodb::{EventStore, Views};
///
/// # async fn test(store: EventStore) -> Result<(), Box<dyn std::error::Error>> {
/// let views = Views::new(store, "views", "shop");
/// let till: StreamName = "acme/shop/tills/front".parse()?;
/// // Whatever the projector has done so far, event 7 is in the row.
/// let row = views.get(&projection_fn::<TillRow>(), &till, Some(7)).await?;
/// let cents = row.map(|row| row.read::<TillRow>()).transpose()?.map(|till| till.cents);
/// println!("{cents:?}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Views {
    events: EventStore,
    table: Table,
    domain: String,
    generations: Generations,
}

/// How a stream's row is stored, whatever is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowStatus {
    /// The number of the last event folded into it, 0 if there is none.
    pub version: u64,
    /// The revision of the projection that folded it; readers don't use a row of another than
    /// theirs.
    pub revision: u32,
    /// Whether the stream is parked.
    pub is_parked: bool,
}

impl Views {
    /// The views in the table of this name; `events` holds what they may lack.
    pub fn new(events: EventStore, views_table: &str, domain: &str) -> Self {
        let generations = Generations::new(events.connection(), views_table, domain);
        Self {
            table: Table::new(events.connection(), views_table),
            domain: domain.to_owned(),
            generations,
            events,
        }
    }

    /// The same views for one request: its calls give up at `deadline`.
    #[must_use]
    pub fn within(&self, deadline: std::time::Instant) -> Self {
        let events = self.events.within(deadline);
        Self {
            table: self.table.with(events.connection()),
            generations: self.generations.with(events.connection()),
            events,
            ..self.clone()
        }
    }

    /// The same views of one generation, whatever is switched to meanwhile.
    #[must_use]
    pub fn of_one(&self, generation: &OneGeneration) -> Self {
        Self { generations: self.generations.of_one(generation), ..self.clone() }
    }

    /// The generation of the rows that are read. A process remembers it for 30 seconds: asked for
    /// during init, it saves the first query a read.
    ///
    /// # Errors
    /// [`StoreError`] if it has to be read and cannot be.
    pub async fn generation(&self) -> Result<Generation, StoreError> {
        self.generations.active().await
    }

    /// The row of a stream, nothing if the stream has no events. Without `at_least` it is whatever
    /// the table has: one call. With it, the row is read strongly and has at least that version:
    /// what it lacks is folded from the events, for one call more.
    ///
    /// # Errors
    /// [`ReadError`]; that the stream is parked, or waits for a newer build, is one only where its
    /// row does not suffice.
    pub async fn get(
        &self,
        projection: &ProjectionFn,
        stream: &StreamName,
        at_least: Option<u64>,
    ) -> Result<Option<Row>, ReadError> {
        let consistency =
            if at_least.is_some() { Consistency::Strong } else { Consistency::Eventual };
        let stored = self.rows().await?.get(stream, consistency).await?;
        self.freshen(projection, stream, stored, at_least.unwrap_or(0), consistency).await
    }

    /// The rows of many streams, without those that have no events. Rows of the overlay take the
    /// place of older ones; with an overlay all others are read strongly. A parked stream has the
    /// row that it had got to.
    ///
    /// # Errors
    /// [`ReadError::Store`].
    pub async fn get_many(
        &self,
        projection: &ProjectionFn,
        streams: impl IntoIterator<Item = StreamName>,
        overlay: Option<&Overlay>,
    ) -> Result<HashMap<StreamName, Row>, ReadError> {
        let mut overlaid = HashMap::new();
        let mut others = BTreeMap::new();
        for stream in streams {
            match overlay.and_then(|overlay| overlay.row(&stream)) {
                Some(row) => overlaid.insert(stream, row.clone()).map(|_| ()),
                None => others.insert(stream, 0).map(|_| ()),
            };
        }
        overlaid
            .extend(self.hydrate(&self.rows().await?, projection, others, overlay.into()).await?);
        Ok(overlaid)
    }

    /// How a stream's row is stored, read strongly: one call.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn status(&self, stream: &StreamName) -> Result<RowStatus, StoreError> {
        let StoredRow { row, parked, .. } =
            self.rows().await?.get(stream, Consistency::Strong).await?;
        Ok(RowStatus { version: row.version, revision: row.revision, is_parked: parked.is_some() })
    }

    async fn rows(&self) -> Result<Rows, StoreError> {
        Ok(Rows::new(self.table.clone(), self.generations.active().await?))
    }
}

/// Who brings tokens wants to see what they stand for.
impl From<Option<&Overlay>> for Consistency {
    fn from(overlay: Option<&Overlay>) -> Self {
        if overlay.is_some() { Self::Strong } else { Self::Eventual }
    }
}
