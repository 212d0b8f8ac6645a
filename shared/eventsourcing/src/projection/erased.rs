//! Projections with their types erased.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::fold::{apply_commits, apply_to_part, parts_of};
use super::{Applied, Contributions, Part, Projection, Row};
use crate::{Commit, Event, EventError, StreamName, knows};

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
    /// [`Event::FORGETS`] of its events.
    pub forgets: Option<&'static str>,
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
///
/// ```
/// # mod till {
/// #     use headwater_core as headwater;
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater_core::{ProjectionFn, projection_fn};
///
/// const ROWS: [ProjectionFn; 1] = [projection_fn::<TillRow>()];
/// assert_eq!((ROWS[0].category, ROWS[0].revision), ("tills", 1));
/// ```
pub const fn projection_fn<P: Projection>() -> ProjectionFn {
    ProjectionFn {
        category: P::CATEGORY,
        revision: P::REVISION,
        apply: apply_commits::<P>,
        parts: None,
        knows: knows::<P::Event>,
        logged: P::LOGGED,
        forgets: P::Event::FORGETS,
    }
}

/// Erases a part's type.
///
/// ```
/// use headwater_core::{Part, ProjectionFn, part_fn};
///
/// /// The rows of a domain whose things have parts of two kinds.
/// const fn rows<License: Part, Device: Part>() -> [ProjectionFn; 2] {
///     [part_fn::<License>(), part_fn::<Device>()]
/// }
/// ```
pub const fn part_fn<P: Part>() -> ProjectionFn {
    ProjectionFn {
        category: P::CATEGORY,
        revision: P::REVISION,
        apply: apply_to_part::<P>,
        parts: Some(parts_of::<P>),
        knows: knows::<P::Event>,
        logged: false,
        forgets: P::Event::FORGETS,
    }
}

/// What folds the own row of the streams of a category, among a domain's projections. Where the
/// streams have parts their own row is a *mark*: it holds only a version, which all parts have
/// reached. Its revision is the sum of theirs, so it becomes invalid when one of them is raised.
///
/// ```
/// # mod till {
/// #     use headwater_core as headwater;
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater_core::{own_row, projection_fn};
///
/// let rows = [projection_fn::<TillRow>()];
/// assert!(own_row(&rows, "tills").is_some_and(|row| row.category == "tills"));
/// assert!(own_row(&rows, "safes").is_none());
/// ```
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
        forgets: first.forgets,
    })
}

/// Whether the streams of a category have a [log](Projection::LOGGED) of the streams below them.
///
/// ```
/// # mod till {
/// #     use headwater_core as headwater;
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater_core::{keeps_log, projection_fn};
///
/// // No row below a till says `LOGGED`.
/// assert!(!keeps_log(&[projection_fn::<TillRow>()], "tills"));
/// ```
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
