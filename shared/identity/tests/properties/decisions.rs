//! What holds of every decision, in whatever state a random history ends.

use headwater::Personal;
use headwater_testkit::{AnyCommand, History};
use identity::user::{DeactivateUser, DeleteUser, ReactivateUser};
use identity::*;
use proptest::prelude::*;

use crate::histories::*;

proptest! {
    /// The first time the right events, the second time none.
    #[test]
    fn a_user_command_once_more_appends_nothing(
        mut history in user_history(),
        command in user_command(),
    ) {
        let _ = history.run_twice(&command);
    }

    #[test]
    fn a_group_command_once_more_appends_nothing(
        mut history in group_history(),
        command in group_command(),
    ) {
        let _ = history.run_twice(&command);
    }

    #[test]
    fn a_membership_command_once_more_appends_nothing(
        mut history in membership_history(),
        command in membership_command(),
    ) {
        let _ = history.run_twice(&command);
    }

    #[test]
    fn after_a_create_the_user_is_as_wanted(
        mut history in user_history(),
        create in create_user(),
    ) {
        let existed = history.folded().state.status != UserStatus::Absent;
        let verdict = history.run(&AnyCommand::new(create.clone()));
        prop_assert_eq!(verdict.is_err(), existed);
        let user = &history.folded().state;
        let as_wanted = user.status == UserStatus::Active
            && user.user_name == create.user_name.into()
            && user.display_name == create.display_name.into()
            && user.email == create.email.into();
        prop_assert!(existed || as_wanted, "{user:?}");
    }

    #[test]
    fn after_a_patch_what_was_given_is_set_and_the_rest_untouched(
        mut history in user_history(),
        patch in patch_user(),
    ) {
        let before = history.folded().state.clone();
        let verdict = history.run(&AnyCommand::new(patch.clone()));
        prop_assert_eq!(verdict.is_ok(), before.exists());
        let wanted = User {
            user_name: patch.user_name.map_or_else(|| before.user_name.clone(), Personal::from),
            display_name: patch
                .display_name
                .map_or_else(|| before.display_name.clone(), Personal::from),
            email: patch.email.map_or_else(|| before.email.clone(), Personal::from),
            ..before.clone()
        };
        prop_assert_eq!(&history.folded().state, if before.exists() { &wanted } else { &before });
    }

    #[test]
    fn after_a_replace_the_user_is_as_given_and_nothing_else_is_touched(
        mut history in user_history(),
        replace in replace_user(),
    ) {
        let before = history.folded().state.clone();
        let verdict = history.run(&AnyCommand::new(replace.clone()));
        prop_assert_eq!(verdict.is_ok(), before.exists());
        let wanted = User {
            status: if replace.active { UserStatus::Active } else { UserStatus::Inactive },
            user_name: replace.user_name.into(),
            display_name: replace.display_name.into(),
            email: replace.email.into(),
            ..before.clone()
        };
        prop_assert_eq!(&history.folded().state, if before.exists() { &wanted } else { &before });
    }

    #[test]
    fn after_a_patch_the_group_is_as_wanted(
        mut history in group_history(),
        patch in patch_group(),
    ) {
        let before = history.folded().state.clone();
        let verdict = history.run(&AnyCommand::new(patch.clone()));
        prop_assert_eq!(verdict.is_ok(), before.exists());
        let wanted = Group {
            name: patch.name.map_or_else(|| before.name.clone(), String::from),
            description: patch
                .description
                .map_or_else(|| before.description.clone(), |new| new.map(String::from)),
            ..before.clone()
        };
        prop_assert_eq!(&history.folded().state, if before.exists() { &wanted } else { &before });
    }

    #[test]
    fn a_deactivated_deleted_or_reactivated_user_is_so(mut history in user_history()) {
        let existed = history.folded().state.exists();
        let status = |history: &History<User>| {
            if existed { history.folded().state.status } else { UserStatus::Deleted }
        };
        let _ = history.run(&AnyCommand::new(DeactivateUser {}));
        prop_assert!(!existed || status(&history) == UserStatus::Inactive);
        let _ = history.run(&AnyCommand::new(ReactivateUser {}));
        prop_assert!(!existed || status(&history) == UserStatus::Active);
        let _ = history.run(&AnyCommand::new(DeleteUser {}));
        prop_assert_eq!(status(&history), UserStatus::Deleted);
    }

    /// The owning system's updates in any order, each as often as it likes, end as its newest.
    #[test]
    fn external_updates_end_the_same_in_any_order(
        (in_order, delivered) in external_updates().prop_flat_map(|updates| {
            let twice: Vec<ApplyExternalUser> = updates.iter().chain(&updates).cloned().collect();
            (Just(updates), Just(twice).prop_shuffle())
        }),
    ) {
        let apply = |updates: &[ApplyExternalUser]| {
            let mut history = History::<User>::new(user::stream("acme", "ext-7").unwrap());
            for update in updates {
                history.run(&AnyCommand::new(update.clone())).unwrap();
            }
            history.folded().state.clone()
        };
        let newest = in_order.last().unwrap();
        let state = apply(&delivered);
        prop_assert_eq!(&state, &apply(&in_order));
        prop_assert_eq!(&state.user_name, &Personal::from(newest.user_name.clone()));
        prop_assert_eq!(state.status == UserStatus::Active, newest.active);
        prop_assert_eq!(state.external_revision, Some(newest.revision));
    }

    /// What is parked stays small: one revision, and no reason twice.
    #[test]
    fn parked_updates_do_not_pile_up(history in user_history()) {
        let reasons = history.folded().state.parked.clone().map_or(vec![], |parked| parked.reasons);
        let different: std::collections::BTreeSet<_> = reasons.iter().collect();
        prop_assert!(reasons.len() <= 2 && different.len() == reasons.len());
    }

    #[test]
    fn a_users_snapshot_replaces_its_history(
        history in user_history(),
        at in any::<prop::sample::Index>(),
    ) {
        prop_assert_eq!(history.loaded_from_snapshot(at), history.folded().state.clone());
    }

    #[test]
    fn a_groups_snapshot_replaces_its_history(
        history in group_history(),
        at in any::<prop::sample::Index>(),
    ) {
        prop_assert_eq!(history.loaded_from_snapshot(at), history.folded().state.clone());
    }

    #[test]
    fn a_memberships_snapshot_replaces_its_history(
        history in membership_history(),
        at in any::<prop::sample::Index>(),
    ) {
        prop_assert_eq!(history.loaded_from_snapshot(at), history.folded().state.clone());
    }
}

/// One to five updates, oldest first.
fn external_updates() -> impl Strategy<Value = Vec<ApplyExternalUser>> {
    prop::collection::vec(external_user(), 1..6).prop_map(|mut updates| {
        (1..).zip(&mut updates).for_each(|(revision, update)| update.revision = revision);
        updates
    })
}
