//! Histories of users, groups and memberships, drawn at random by running commands. The values are
//! few, so that they often meet.

use std::fmt::Debug;

use headwater::{Aggregate, Command, Context, Rule, Verdict};
use headwater_testkit::{AnyCommand, History};
use identity::group::{CreateGroup, DeleteGroup, PatchGroup};
use identity::membership::{AddMember, RemoveMember};
use identity::user::{
    CreateUser, DeactivateUser, DeleteUser, EMAIL_TAKEN, EraseUser, PatchUser, ReactivateUser,
    ReplaceUser, USER_NAME_TAKEN,
};
use identity::*;
use proptest::prelude::*;

/// A stream's history after commands drawn at random, most of them rejected or without effect.
fn history<A: Aggregate + Debug>(
    id: &'static str,
    command: impl Strategy<Value = AnyCommand<A>>,
) -> impl Strategy<Value = History<A>> {
    prop::collection::vec(command, 0..12).prop_map(move |commands| {
        let stream = format!("acme/identity/{id}").parse().expect("a stream's name");
        let mut history = History::new(stream);
        for command in &commands {
            // A rejection is as good as any other outcome.
            let _ = history.run(command);
        }
        history
    })
}

pub(crate) fn user_history() -> impl Strategy<Value = History<User>> {
    history("users/42", user_command())
}

pub(crate) fn group_history() -> impl Strategy<Value = History<Group>> {
    history("groups/7", group_command())
}

pub(crate) fn membership_history() -> impl Strategy<Value = History<Membership>> {
    history("groups/7/members/42", membership_command())
}

/// What is appended where a rule says no to an update.
#[derive(Debug)]
struct Park {
    update: ApplyExternalUser,
    rule: &'static Rule,
}

impl Command for Park {
    type Aggregate = User;
    const NAME: &'static str = ApplyExternalUser::NAME;

    fn decide(&self, user: &User, _: &Context) -> Verdict<User> {
        Ok(self.update.when_taken(user, self.rule))
    }
}

pub(crate) fn user_command() -> impl Strategy<Value = AnyCommand<User>> {
    prop_oneof![
        create_user().prop_map(AnyCommand::new),
        patch_user().prop_map(AnyCommand::new),
        patch_user().prop_map(AnyCommand::new),
        replace_user().prop_map(AnyCommand::new),
        Just(AnyCommand::new(DeactivateUser {})),
        Just(AnyCommand::new(ReactivateUser {})),
        Just(AnyCommand::new(DeleteUser {})),
        Just(AnyCommand::new(EraseUser {})),
        external_user().prop_map(AnyCommand::new),
        (external_user(), prop_oneof![Just(&USER_NAME_TAKEN), Just(&EMAIL_TAKEN)])
            .prop_map(|(update, rule)| AnyCommand::new(Park { update, rule })),
    ]
}

pub(crate) fn group_command() -> impl Strategy<Value = AnyCommand<Group>> {
    prop_oneof![
        (name(), description()).prop_map(|(name, description)| AnyCommand::new(CreateGroup {
            id: None,
            name,
            description
        })),
        patch_group().prop_map(AnyCommand::new),
        patch_group().prop_map(AnyCommand::new),
        Just(AnyCommand::new(DeleteGroup {})),
    ]
}

pub(crate) fn membership_command() -> impl Strategy<Value = AnyCommand<Membership>> {
    let group = prop_oneof![3 => Just(GroupStatus::Active), 1 => Just(GroupStatus::Deleted)];
    let user = prop_oneof![
        3 => Just(UserStatus::Active),
        1 => Just(UserStatus::Inactive),
        1 => Just(UserStatus::Absent),
    ];
    (group, user, any::<bool>()).prop_map(|(group, user, add)| {
        let group = Group { status: group, ..Group::default() };
        let user = User { status: user, ..User::default() };
        let group_id = "7".into();
        if add {
            AnyCommand::new(AddMember { group_id, group, user })
        } else {
            AnyCommand::new(RemoveMember { group_id, group })
        }
    })
}

pub(crate) fn create_user() -> impl Strategy<Value = CreateUser> {
    (name(), name(), email()).prop_map(|(user_name, display_name, email)| CreateUser {
        id: None,
        user_name,
        display_name,
        email,
    })
}

pub(crate) fn patch_user() -> impl Strategy<Value = PatchUser> {
    let fields = (prop::option::of(name()), prop::option::of(name()), prop::option::of(email()));
    fields.prop_map(|(user_name, display_name, email)| PatchUser { user_name, display_name, email })
}

pub(crate) fn replace_user() -> impl Strategy<Value = ReplaceUser> {
    (name(), name(), email(), any::<bool>()).prop_map(|(user_name, display_name, email, active)| {
        ReplaceUser { user_name, display_name, email, active }
    })
}

pub(crate) fn patch_group() -> impl Strategy<Value = PatchGroup> {
    (prop::option::of(name()), prop::option::of(description()))
        .prop_map(|(name, description)| PatchGroup { name, description })
}

pub(crate) fn external_user() -> impl Strategy<Value = ApplyExternalUser> {
    (0..6_u64, name(), name(), email(), any::<bool>()).prop_map(
        |(revision, user_name, display_name, email, active)| ApplyExternalUser {
            external_id: "7".into(),
            revision,
            user_name,
            display_name,
            email,
            active,
        },
    )
}

fn name<T: From<&'static str> + Debug>() -> impl Strategy<Value = T> {
    prop::sample::select(vec!["ada", "Ada", "Ada Lovelace", "eve", "Zoë"]).prop_map(T::from)
}

fn description() -> impl Strategy<Value = Option<GroupDescription>> {
    prop::option::of(name())
}

fn email() -> impl Strategy<Value = Email> {
    prop::sample::select(vec!["ada@example.com", "Ada@example.com", "eve@example.com"])
        .prop_map(Email::from)
}
