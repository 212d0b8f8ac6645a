use headwater_testkit::given;

use super::*;
use crate::group::GroupStatus;

const ADDED: MembershipEvent = MembershipEvent::MemberAdded {};
const REMOVED: MembershipEvent = MembershipEvent::MemberRemoved {};

fn add(group: GroupStatus, user: UserStatus) -> AddMember {
    AddMember {
        group_id: "7".into(),
        group: a_group(group),
        user: User { status: user, ..User::default() },
    }
}

fn remove(group: GroupStatus) -> RemoveMember {
    RemoveMember { group_id: "7".into(), group: a_group(group) }
}

fn a_group(status: GroupStatus) -> Group {
    Group { status, ..Group::default() }
}

#[test]
fn an_active_user_joins_a_group() {
    use GroupStatus::Active as Here;
    given::<Membership>([]).when(add(Here, UserStatus::Active)).then([ADDED]).again_nothing();
    given::<Membership>([ADDED]).when(add(Here, UserStatus::Active)).then_nothing();
    given::<Membership>([ADDED, REMOVED])
        .when(add(Here, UserStatus::Active))
        .then([ADDED])
        .again_nothing();
    given::<Membership>([]).when(add(Here, UserStatus::Inactive)).then_rejected(&USER_INACTIVE);
    given::<Membership>([ADDED, REMOVED])
        .when(add(Here, UserStatus::Inactive))
        .then_rejected(&USER_INACTIVE);
    // It is so already, and deactivation ends no membership.
    given::<Membership>([ADDED]).when(add(Here, UserStatus::Inactive)).then_nothing();
}

#[test]
fn both_sides_must_be_known() {
    given::<Membership>([]).when(add(GroupStatus::Active, UserStatus::Absent)).then_unknown();
    given::<Membership>([]).when(add(GroupStatus::Active, UserStatus::Deleted)).then_unknown();
    given::<Membership>([]).when(add(GroupStatus::Absent, UserStatus::Active)).then_unknown();
    given::<Membership>([]).when(add(GroupStatus::Deleted, UserStatus::Active)).then_unknown();
    given::<Membership>([ADDED]).when(add(GroupStatus::Active, UserStatus::Deleted)).then_unknown();
    given::<Membership>([ADDED]).when(remove(GroupStatus::Absent)).then_unknown();
    given::<Membership>([ADDED]).when(remove(GroupStatus::Deleted)).then_unknown();
}

#[test]
fn a_member_is_removed() {
    given::<Membership>([ADDED]).when(remove(GroupStatus::Active)).then([REMOVED]).again_nothing();
    given::<Membership>([ADDED, REMOVED]).when(remove(GroupStatus::Active)).then_nothing();
    given::<Membership>([]).when(remove(GroupStatus::Active)).then_unknown();
}

#[test]
fn the_stream_lies_below_the_groups() {
    assert_eq!(stream("acme", "7", "4").unwrap().as_str(), "acme/identity/groups/7/members/4");
    assert!(stream("acme", "7/8", "4").is_err());
    assert!(stream("acme", "7", "").is_err());
}
