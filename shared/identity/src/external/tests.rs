use headwater_testkit::given;

use super::*;
use crate::user::{EMAIL_TAKEN, USER_NAME_TAKEN};

fn ada_at(revision: u64) -> ApplyExternalUser {
    ApplyExternalUser {
        external_id: "7".into(),
        revision,
        user_name: "ada".into(),
        display_name: "Ada Lovelace".into(),
        email: "ada@example.com".into(),
        active: true,
    }
}

fn renamed_at(revision: u64) -> ApplyExternalUser {
    ApplyExternalUser { user_name: "countess".into(), ..ada_at(revision) }
}

fn inactive_at(revision: u64) -> ApplyExternalUser {
    ApplyExternalUser { active: false, ..ada_at(revision) }
}

/// What is appended where a rule says no to an update.
#[derive(Debug)]
pub(crate) struct Park(pub(crate) ApplyExternalUser, pub(crate) &'static Rule);

impl Command for Park {
    type Aggregate = User;
    const NAME: &'static str = ApplyExternalUser::NAME;

    fn decide(&self, user: &User, _: &Context) -> Verdict<User> {
        Ok(self.0.when_taken(user, self.1))
    }
}

fn park(update: ApplyExternalUser, reason: &'static Rule) -> Park {
    Park(update, reason)
}

fn revision_set(revision: u64) -> UserEvent {
    UserEvent::ExternalRevisionSet { external_id: "7".to_owned(), revision }
}

fn user_name_set(user_name: &str) -> UserEvent {
    UserEvent::UserNameSet { user_name: user_name.into() }
}

fn parked(revision: u64, reason: &str) -> UserEvent {
    let ApplyExternalUser { user_name, display_name, email, active, .. } = ada_at(revision);
    let update = ParkedUpdate {
        user_name: user_name.into(),
        display_name: display_name.into(),
        email: email.into(),
        active,
    };
    UserEvent::ExternalUpdateParked {
        external_id: "7".to_owned(),
        revision,
        reason: reason.to_owned(),
        update,
    }
}

/// The events that make Ada as the owning system knows her at revision 5.
fn ada() -> Vec<UserEvent> {
    let fields = [
        UserEvent::UserCreated {},
        user_name_set("ada"),
        UserEvent::DisplayNameSet { display_name: "Ada Lovelace".into() },
        UserEvent::EmailSet { email: "ada@example.com".into() },
    ];
    fields.into_iter().chain([revision_set(5)]).collect()
}

fn ada_and(events: impl IntoIterator<Item = UserEvent>) -> Vec<UserEvent> {
    ada().into_iter().chain(events).collect()
}

const DEACTIVATED: UserEvent = UserEvent::UserDeactivated {};
const REACTIVATED: UserEvent = UserEvent::UserReactivated {};
const DELETED: UserEvent = UserEvent::UserDeleted {};

#[test]
fn the_id_is_the_owning_systems_with_a_prefix() {
    assert_eq!(ada_at(1).user_id(), "ext-7");
}

#[test]
fn a_new_user_is_created() {
    let mut inactive = ada();
    inactive.insert(4, DEACTIVATED);
    given::<User>([]).when(ada_at(5)).then(ada()).again_nothing();
    given::<User>([]).when(inactive_at(5)).then(inactive).again_nothing();
    given::<User>([])
        .when(ada_at(0))
        .then(ada().into_iter().take(4).chain([revision_set(0)]))
        .again_nothing();
}

#[test]
fn the_revision_decides() {
    given::<User>(ada())
        .when(renamed_at(6))
        .then([user_name_set("countess"), revision_set(6)])
        .again_nothing();
    given::<User>(ada()).when(renamed_at(5)).then_nothing();
    given::<User>(ada()).when(renamed_at(4)).then_nothing();
    given::<User>(ada()).when(ada_at(6)).then([revision_set(6)]).again_nothing();
    let most = field::LARGEST_INTEGER;
    given::<User>(ada()).when(ada_at(most)).then([revision_set(most)]).again_nothing();
}

#[test]
fn what_is_active_there_is_active_here() {
    given::<User>(ada()).when(inactive_at(6)).then([DEACTIVATED, revision_set(6)]).again_nothing();
    given::<User>(ada_and([DEACTIVATED]))
        .when(ada_at(6))
        .then([REACTIVATED, revision_set(6)])
        .again_nothing();
    given::<User>(ada_and([DEACTIVATED]))
        .when(inactive_at(6))
        .then([revision_set(6)])
        .again_nothing();
}

#[test]
fn a_deleted_user_stays_deleted() {
    given::<User>(ada_and([DELETED])).when(ada_at(6)).then_nothing();
    given::<User>(ada_and([DELETED])).when(park(ada_at(6), &EMAIL_TAKEN)).then_nothing();
}

#[test]
fn what_cannot_be_taken_over_is_parked_once_for_each_reason() {
    let (name, email) = ("user-name-taken", "email-taken");
    given::<User>([]).when(park(ada_at(5), &EMAIL_TAKEN)).then([parked(5, email)]).again_nothing();
    given::<User>([parked(5, email)]).when(park(ada_at(5), &EMAIL_TAKEN)).then_nothing();
    given::<User>([parked(5, email)])
        .when(park(ada_at(5), &USER_NAME_TAKEN))
        .then([parked(5, name)])
        .again_nothing();
    given::<User>([parked(5, email), parked(5, name)])
        .when(park(ada_at(5), &EMAIL_TAKEN))
        .then_nothing();
    given::<User>([parked(5, email)])
        .when(park(ada_at(6), &EMAIL_TAKEN))
        .then([parked(6, email)])
        .again_nothing();
    given::<User>([parked(5, email)]).when(park(ada_at(4), &USER_NAME_TAKEN)).then_nothing();
    given::<User>(ada()).when(park(ada_at(5), &EMAIL_TAKEN)).then_nothing();
    given::<User>(ada()).when(park(ada_at(4), &EMAIL_TAKEN)).then_nothing();
    given::<User>(ada())
        .when(park(ada_at(6), &EMAIL_TAKEN))
        .then([parked(6, email)])
        .again_nothing();
}

#[test]
fn a_parked_update_makes_no_user_and_may_be_applied_later() {
    let parked_at_5 = [parked(5, "email-taken")];
    given::<User>(parked_at_5.clone()).when(user::DeleteUser {}).then_unknown();
    given::<User>(parked_at_5.clone()).when(user::PatchUser::default()).then_unknown();
    given::<User>(parked_at_5.clone()).when(ada_at(5)).then(ada()).again_nothing();
    given::<User>(parked_at_5)
        .when(ada_at(4))
        .then(ada().into_iter().take(4).chain([revision_set(4)]))
        .again_nothing();
}

#[test]
fn what_is_parked_can_be_read_from_its_event() {
    assert_eq!(ApplyExternalUser::parked(&parked(5, "email-taken")), Some(ada_at(5)));
    assert_eq!(ApplyExternalUser::parked(&revision_set(5)), None);
}

#[test]
fn applying_clears_what_is_parked_unless_that_is_newer() {
    let after = |events: Vec<UserEvent>| {
        let mut user = User::default();
        events.iter().for_each(|event| {
            headwater::Aggregate::evolve(&mut user, event, jiff::Timestamp::UNIX_EPOCH)
        });
        user.parked.map(|parked| parked.revision)
    };
    assert_eq!(after(ada_and([parked(6, "email-taken")])), Some(6));
    assert_eq!(after(ada_and([parked(6, "email-taken"), revision_set(6)])), None);
    assert_eq!(after(ada_and([parked(6, "email-taken"), revision_set(7)])), None);
    assert_eq!(after(ada_and([parked(8, "email-taken"), revision_set(7)])), Some(8));
}

/// Former builds took any revision, also one after which none can come. What can be given now is
/// newer than that.
#[test]
fn a_revision_that_no_reader_can_hold_stands_in_nobodys_way() {
    let applied = || ada_and([revision_set(u64::MAX)]);
    given(applied()).when(inactive_at(2)).then([DEACTIVATED, revision_set(2)]).again_nothing();
    given(applied()).and([DEACTIVATED, revision_set(2)]).when(ada_at(2)).then_nothing();
    given([parked(u64::MAX, "email-taken")])
        .when(park(ada_at(2), &EMAIL_TAKEN))
        .then([parked(2, "email-taken")])
        .again_nothing();
}
