use headwater::{Row, apply_commits};
use headwater_testkit::commits;

use super::*;

fn crew() -> Vec<GroupEvent> {
    vec![
        GroupEvent::GroupCreated {},
        GroupEvent::GroupNameSet { name: "Crew".to_owned() },
        GroupEvent::GroupDescriptionSet { description: Some("On board".to_owned()) },
    ]
}

#[test]
fn a_row_shows_the_group_in_order_of_its_name() {
    let stream = group::stream("acme", "7").unwrap();
    let commits =
        commits(&stream, [crew(), vec![GroupEvent::GroupDescriptionSet { description: None }]]);
    let applied = apply_commits::<GroupRow>(&stream, &Row::default(), &commits).unwrap();
    let expected = GroupRow {
        status: GroupStatus::Active,
        name: "Crew".to_owned(),
        description: None,
        created_at: commits[0].at,
        updated_at: commits[1].at,
    };
    assert_eq!(applied.row.read::<GroupRow>().unwrap(), expected);
    assert_eq!(
        applied.keys,
        BTreeSet::from([IndexKey { index: "groups".to_owned(), sort: "crew\u{0}7".to_owned() }])
    );
}

#[test]
fn of_a_deleted_group_only_status_and_times_are_kept() {
    let stream = group::stream("acme", "7").unwrap();
    let commits = commits(&stream, [crew(), vec![GroupEvent::GroupDeleted {}]]);
    let applied = apply_commits::<GroupRow>(&stream, &Row::default(), &commits).unwrap();
    let (created_at, updated_at) = (commits[0].at, commits[1].at);
    let expected =
        GroupRow { status: GroupStatus::Deleted, created_at, updated_at, ..GroupRow::default() };
    assert_eq!(applied.row.read::<GroupRow>().unwrap(), expected);
    assert!(applied.row.deleted && applied.keys.is_empty());
}
