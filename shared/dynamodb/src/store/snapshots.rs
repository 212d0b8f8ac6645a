//! When a commit carries a snapshot: seldom enough to be cheap, often enough that a load never
//! reads more than one page.

use headwater::{Aggregate, Folded, Snapshot};

use super::item::{SNAPSHOT, snapshot_attribute};
use crate::size::{attribute_size, item_size};
use crate::{Item, StoreError};

/// The state after a commit, if that may carry it.
pub(crate) fn candidate<A: Aggregate>(
    after: &Folded<A>,
    since_snapshot: u32,
) -> Result<Option<Snapshot>, StoreError> {
    if since_snapshot < earliest(A::PAGE) {
        return Ok(None);
    }
    Ok(Some(Snapshot { revision: A::REVISION, state: serde_json::to_value(&after.state)? }))
}

/// Puts the state after a commit into the commit's item if it is due and `room` bytes hold both,
/// and says whether it did.
pub(crate) fn ride<A: Aggregate>(
    item: &mut Item,
    snapshot: Snapshot,
    since_snapshot: u32,
    room: usize,
) -> Result<bool, StoreError> {
    let attribute = snapshot_attribute(snapshot)?;
    let (commit, snapshot) = (item_size(item), attribute_size(SNAPSHOT, &attribute));
    let is_due = due(since_snapshot, A::PAGE, commit, snapshot, room);
    if is_due {
        item.insert(SNAPSHOT.to_owned(), attribute);
    }
    Ok(is_due)
}

/// Puts a snapshot that need not be due into a commit's item if `room` bytes hold both.
pub(crate) fn ride_along(
    item: &mut Item,
    snapshot: Snapshot,
    room: usize,
) -> Result<(), StoreError> {
    let attribute = snapshot_attribute(snapshot)?;
    if item_size(item) + attribute_size(SNAPSHOT, &attribute) <= room {
        item.insert(SNAPSHOT.to_owned(), attribute);
    }
    Ok(())
}

/// Whether the next commit of `commit` bytes carries a snapshot of `snapshot` bytes, where
/// `since_snapshot` commits carry none.
///
/// It must where otherwise a page of commits would pass without one. From half the page on it may,
/// if it costs nothing: if it fits into the KB that are billed for the commit anyway. It does not
/// where both are more than `room`: a snapshot is dropped, not a command.
fn due(since_snapshot: u32, page: u32, commit: usize, snapshot: usize, room: usize) -> bool {
    let both = commit + snapshot;
    let must = since_snapshot.saturating_add(1) >= page;
    let is_free = since_snapshot >= earliest(page) && both.div_ceil(1024) == commit.div_ceil(1024);
    both <= room && (must || is_free)
}

fn earliest(page: u32) -> u32 {
    page.saturating_sub(1).min(page / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_rides_when_it_must_or_costs_nothing() {
        const ROOM: usize = 400 * 1024;
        for (since_snapshot, page, commit, snapshot, room, expected) in [
            // Too early, even if it were free.
            (0, 8, 300, 100, ROOM, false),
            (3, 8, 300, 100, ROOM, false),
            // From half the page on: only inside the KB that is paid already.
            (4, 8, 300, 724, ROOM, true),
            (4, 8, 300, 725, ROOM, false),
            (6, 8, 1_900, 148, ROOM, true),
            (6, 8, 1_900, 149, ROOM, false),
            // The eighth of eight: whatever it costs.
            (7, 8, 300, 5_000, ROOM, true),
            (100, 8, 300, 5_000, ROOM, true),
            // What the item or the transaction cannot hold is left out.
            (7, 8, 300, ROOM - 300, ROOM, true),
            (7, 8, 300, ROOM - 299, ROOM, false),
            (7, 8, 300, 1, 300, false),
            // The smallest pages.
            (0, 1, 300, 5_000, ROOM, true),
            (0, 2, 300, 100, ROOM, false),
            (1, 2, 300, 5_000, ROOM, true),
        ] {
            assert_eq!(
                due(since_snapshot, page, commit, snapshot, room),
                expected,
                "{since_snapshot} {page} {commit} {snapshot} {room}"
            );
        }
    }
}
