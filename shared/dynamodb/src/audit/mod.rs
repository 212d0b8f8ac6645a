//! Whether the rows that are read are what the events say: each row, its places in lists and its
//! part of sums, and whether there is anything else.
//!
//! It looks at tables that are written meanwhile, so not everything that seems wrong is. A caller
//! that asks again after a while learns which is which.

mod inventory;
mod stream;

use headwater::{ProjectionFn, StreamName};
use serde::Serialize;

pub use self::inventory::{Inventory, SumLine};
pub use self::stream::Audited;
use crate::table::Table;
use crate::views::{Generations, Rows};
use crate::{EventStore, StoreError};

/// Compares the rows of one domain with its events.
///
/// ```no_run
/// # mod till {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater::{ProjectionFn, StreamName, projection_fn};
/// use headwater_dynamodb::{Audit, EventStore};
///
/// static ROWS: [ProjectionFn; 1] = [projection_fn::<TillRow>()];
///
/// # async fn test(store: EventStore) -> Result<(), Box<dyn std::error::Error>> {
/// let till: StreamName = "acme/shop/tills/front".parse()?;
/// let commits = store.commits_after(&till, 0).await?;
/// let audited = Audit::new(store, "views", "shop", &ROWS).stream(&till, &commits).await?;
/// assert_eq!(audited.findings, []);
/// # Ok(())
/// # }
/// ```
pub struct Audit {
    domain: String,
    projections: &'static [ProjectionFn],
    events: EventStore,
    views: Table,
    generations: Generations,
}

/// Something that is not as it should be.
///
/// ```
/// use headwater_dynamodb::Finding;
///
/// let till = "acme/shop/tills/front".parse()?;
/// let finding = Finding::new("gap", &till, "event 7 is missing");
/// assert_eq!((finding.kind, finding.stream.as_str()), ("gap", "acme/shop/tills/front"));
/// # Ok::<(), headwater::InvalidStreamName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Of what sort, in a word: the CLI's page lists them.
    pub kind: &'static str,
    /// The stream that it concerns, or what else has a name.
    pub stream: String,
    /// What is wrong, for an operator.
    pub what: String,
}

impl Finding {
    /// A finding about a stream.
    pub fn new(kind: &'static str, stream: &StreamName, what: impl Into<String>) -> Self {
        Self { kind, stream: stream.to_string(), what: what.into() }
    }
}

impl Audit {
    /// An audit of the rows of `domain` in the views table of this name, which these projections
    /// fold.
    pub fn new(
        events: EventStore,
        views_table: &str,
        domain: &str,
        projections: &'static [ProjectionFn],
    ) -> Self {
        Self {
            domain: domain.to_owned(),
            projections,
            views: Table::new(events.connection(), views_table),
            generations: Generations::new(events.connection(), views_table, domain),
            events,
        }
    }

    /// What folds the row of this name: a stream's own, or a part's.
    fn fold_of(&self, name: &StreamName) -> Option<ProjectionFn> {
        let category = name.category();
        let named =
            self.projections.iter().find(|projection| projection.category == category).copied();
        named.or_else(|| headwater::own_row(self.projections, &category))
    }

    async fn rows(&self) -> Result<Rows, StoreError> {
        Ok(Rows::new(self.views.clone(), self.generations.active().await?))
    }
}
