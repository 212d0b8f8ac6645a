//! What holds of every row, however its commits are delivered.

use headwater::{Aggregate, Projection, Row, apply_commits};
use headwater_testkit::{History, assert_converges, deliveries};
use identity::*;
use proptest::prelude::*;

use crate::histories::*;

proptest! {
    #[test]
    fn a_users_rows_converge(history in user_history(), deliveries in deliveries()) {
        assert_converges::<UserRow>(
            &user::stream("acme", "42").unwrap(),
            history.commits(),
            &deliveries,
        );
    }

    #[test]
    fn a_groups_rows_converge(history in group_history(), deliveries in deliveries()) {
        assert_converges::<GroupRow>(
            &group::stream("acme", "7").unwrap(),
            history.commits(),
            &deliveries,
        );
    }

    #[test]
    fn a_memberships_rows_converge(history in membership_history(), deliveries in deliveries()) {
        assert_converges::<MemberRow>(
            &membership::stream("acme", "7", "42").unwrap(),
            history.commits(),
            &deliveries,
        );
    }

    /// The row and the state that the rules see are folded apart, and say the same.
    #[test]
    fn a_users_row_agrees_with_its_state(history in user_history()) {
        let (row, user) = (row::<_, UserRow>(&history), &history.folded().state);
        prop_assert_eq!(row.status, user.status);
        prop_assert_eq!(!row.is_deleted(), user.exists());
        prop_assert_eq!(
            (Some(&row.user_name), Some(&row.display_name), Some(&row.email)),
            (user.user_name.known(), user.display_name.known(), user.email.known()),
        );
        let external = row.external.unwrap_or_default();
        prop_assert_eq!(external.revision, user.external_revision);
        prop_assert_eq!(
            external.parked.map(|parked| parked.revision),
            user.parked.as_ref().map(|parked| parked.revision),
        );
    }

    #[test]
    fn a_groups_row_agrees_with_its_state(history in group_history()) {
        let (row, group) = (row::<_, GroupRow>(&history), &history.folded().state);
        prop_assert_eq!(
            (row.status, &row.name, &row.description),
            (group.status, &group.name, &group.description),
        );
    }

    #[test]
    fn a_memberships_row_agrees_with_its_state(history in membership_history()) {
        prop_assert_eq!(row::<_, MemberRow>(&history).status, history.folded().state.status);
    }
}

/// The row, folded one commit at a time.
fn row<A: Aggregate, P: Projection>(history: &History<A>) -> P {
    let stream = "acme/identity/any/1".parse().expect("a stream's name");
    let one_more = |row: Row, commit| {
        apply_commits::<P>(&stream, &row, std::slice::from_ref(commit)).expect("readable").row
    };
    let row = history.commits().iter().fold(Row::default(), one_more);
    if row.version == 0 { P::default() } else { row.read().expect("of this shape") }
}
