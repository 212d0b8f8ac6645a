use headwater::{Row, apply_commits};
use headwater_testkit::commits;

use super::*;

const ADDED: MembershipEvent = MembershipEvent::MemberAdded {};
const REMOVED: MembershipEvent = MembershipEvent::MemberRemoved {};

fn fold(events: &[MembershipEvent]) -> (Vec<Timestamp>, MemberRow, BTreeSet<IndexKey>) {
    let stream = membership::stream("acme", "7", "4").unwrap();
    let commits = commits(&stream, events.iter().map(|event| vec![event.clone()]));
    let applied = apply_commits::<MemberRow>(&stream, &Row::default(), &commits).unwrap();
    (commits.iter().map(|commit| commit.at).collect(), applied.row.read().unwrap(), applied.keys)
}

#[test]
fn a_membership_stands_on_both_sides_since_the_last_add() {
    let (at, row, keys) = fold(&[ADDED, REMOVED, ADDED]);
    assert_eq!(row, MemberRow { status: MembershipStatus::Active, since: at[2] });
    let order = IndexKey::newest_first(at[2]);
    let expected =
        [IndexKey::new("groups-of/4", &order, "7"), IndexKey::new("members/7", &order, "4")];
    assert_eq!(keys, BTreeSet::from(expected));
}

#[test]
fn what_is_removed_stands_nowhere() {
    let (_, row, keys) = fold(&[ADDED, REMOVED]);
    assert!(row.is_deleted() && keys.is_empty());
}

#[test]
fn the_newest_comes_first() {
    let (at, ..) = fold(&[ADDED, REMOVED, ADDED]);
    assert!(IndexKey::newest_first(at[2]) < IndexKey::newest_first(at[0]));
}
