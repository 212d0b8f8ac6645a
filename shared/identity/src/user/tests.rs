use headwater::{RecordedEvent, Snapshot, decode, normalize};
use headwater_testkit::given;
use jiff::Timestamp;
use serde_json::json;

use super::*;

fn user_name_set(user_name: &str) -> UserEvent {
    UserEvent::UserNameSet { user_name: user_name.into() }
}

fn display_name_set(display_name: &str) -> UserEvent {
    UserEvent::DisplayNameSet { display_name: display_name.into() }
}

fn email_set(email: &str) -> UserEvent {
    UserEvent::EmailSet { email: email.into() }
}

/// The events of Ada, created and active.
fn ada() -> Vec<UserEvent> {
    vec![
        UserEvent::UserCreated {},
        user_name_set("ada"),
        display_name_set("Ada Lovelace"),
        email_set("ada@example.com"),
    ]
}

fn ada_and(events: impl IntoIterator<Item = UserEvent>) -> Vec<UserEvent> {
    ada().into_iter().chain(events).collect()
}

fn create_ada() -> CreateUser {
    CreateUser {
        id: None,
        user_name: "ada".into(),
        display_name: "Ada Lovelace".into(),
        email: "ada@example.com".into(),
    }
}

fn rename(user_name: &str) -> PatchUser {
    PatchUser { user_name: Some(user_name.into()), ..PatchUser::default() }
}

const DEACTIVATED: UserEvent = UserEvent::UserDeactivated {};
const REACTIVATED: UserEvent = UserEvent::UserReactivated {};
const DELETED: UserEvent = UserEvent::UserDeleted {};
const ERASED: UserEvent = UserEvent::UserErased {};

#[test]
fn a_user_is_created_once() {
    given::<User>([]).when(create_ada()).then(ada()).again_nothing();
    given::<User>(ada()).when(create_ada()).then_rejected(&USER_EXISTS);
    given::<User>(ada_and([DEACTIVATED])).when(create_ada()).then_rejected(&USER_EXISTS);
    given::<User>(ada_and([DELETED])).when(create_ada()).then_rejected(&USER_EXISTS);
}

#[test]
fn a_patch_sets_what_is_given_and_differs() {
    let all = PatchUser {
        user_name: Some("countess".into()),
        display_name: Some("Ada King".into()),
        email: Some("ada@king.example".into()),
    };
    let all_set =
        [user_name_set("countess"), display_name_set("Ada King"), email_set("ada@king.example")];
    let half_new = PatchUser { display_name: Some("Ada King".into()), ..rename("ada") };

    given::<User>(ada()).when(all).then(all_set).again_nothing();
    given::<User>(ada()).when(half_new).then([display_name_set("Ada King")]).again_nothing();
    given::<User>(ada()).when(rename("ada")).then_nothing();
    given::<User>(ada()).when(rename("ADA")).then([user_name_set("ADA")]).again_nothing();
    given::<User>(ada()).when(PatchUser::default()).then_nothing();
    given::<User>(ada_and([DEACTIVATED]))
        .when(rename("countess"))
        .then([user_name_set("countess")]);
    given::<User>([]).when(rename("ada")).then_unknown();
    given::<User>(ada_and([DELETED])).when(rename("ada")).then_unknown();
    given::<User>(ada_and([DELETED])).when(PatchUser::default()).then_unknown();
}

#[test]
fn a_replaced_user_is_as_given_in_one_commit() {
    let as_is = ReplaceUser {
        user_name: "ada".into(),
        display_name: "Ada Lovelace".into(),
        email: "ada@example.com".into(),
        active: true,
    };
    let all_new = ReplaceUser {
        user_name: "countess".into(),
        display_name: "Ada King".into(),
        email: "ada@king.example".into(),
        active: false,
    };
    let all_set = [
        user_name_set("countess"),
        display_name_set("Ada King"),
        email_set("ada@king.example"),
        DEACTIVATED,
    ];
    let away = ReplaceUser { active: false, ..as_is.clone() };
    let renamed = ReplaceUser { user_name: "ADA".into(), ..as_is.clone() };

    given::<User>(ada()).when(all_new).then(all_set).again_nothing();
    given::<User>(ada()).when(away.clone()).then([DEACTIVATED]).again_nothing();
    given::<User>(ada()).when(renamed).then([user_name_set("ADA")]).again_nothing();
    given::<User>(ada()).when(as_is.clone()).then_nothing();
    given::<User>(ada_and([DEACTIVATED])).when(away).then_nothing();
    given::<User>(ada_and([DEACTIVATED])).when(as_is.clone()).then([REACTIVATED]).again_nothing();
    given::<User>([]).when(as_is.clone()).then_unknown();
    given::<User>(ada_and([DELETED])).when(as_is).then_unknown();
}

#[test]
fn a_user_is_deactivated_and_reactivated() {
    given::<User>(ada()).when(DeactivateUser {}).then([DEACTIVATED]).again_nothing();
    given::<User>(ada_and([DEACTIVATED])).when(DeactivateUser {}).then_nothing();
    given::<User>(ada_and([DEACTIVATED]))
        .when(ReactivateUser {})
        .then([REACTIVATED])
        .again_nothing();
    given::<User>(ada()).when(ReactivateUser {}).then_nothing();
    given::<User>(ada_and([DEACTIVATED, REACTIVATED])).when(DeactivateUser {}).then([DEACTIVATED]);
    given::<User>([]).when(DeactivateUser {}).then_unknown();
    given::<User>([]).when(ReactivateUser {}).then_unknown();
    given::<User>(ada_and([DELETED])).when(DeactivateUser {}).then_unknown();
    given::<User>(ada_and([DEACTIVATED, DELETED])).when(ReactivateUser {}).then_unknown();
}

#[test]
fn a_user_is_deleted_for_good() {
    given::<User>(ada()).when(DeleteUser {}).then([DELETED]).again_nothing();
    given::<User>(ada_and([DEACTIVATED])).when(DeleteUser {}).then([DELETED]);
    given::<User>([]).when(DeleteUser {}).then_unknown();
    given::<User>(ada_and([DELETED])).when(DeleteUser {}).then_unknown();
}

#[test]
fn whoever_was_ever_told_of_is_erased_once_and_for_good() {
    given::<User>(ada()).when(EraseUser {}).then([ERASED]).again_nothing();
    given::<User>(ada_and([DEACTIVATED])).when(EraseUser {}).then([ERASED]);
    given::<User>(ada_and([DELETED])).when(EraseUser {}).then([ERASED]);
    given::<User>(ada_and([ERASED])).when(EraseUser {}).then_nothing();
    given::<User>([]).when(EraseUser {}).then_unknown();
    given::<User>(ada_and([ERASED])).when(DeleteUser {}).then_unknown();
    given::<User>(ada_and([ERASED])).when(rename("ada")).then_unknown();
    given::<User>(ada_and([ERASED])).when(create_ada()).then_rejected(&USER_EXISTS);
}

#[test]
fn what_can_no_longer_be_read_is_folded_as_such() {
    let read = |event_type: &str, version: u32, data: Value| {
        let stored = RecordedEvent { number: 1, event_type: event_type.to_owned(), version, data };
        decode::<UserEvent>(&stored).unwrap()
    };
    let erased = || json!({ "$erased": true });
    let events = [
        UserEvent::UserCreated {},
        read("UserNameSet", 2, json!({ "userName": erased() })),
        read("DisplayNameSet", 1, json!({ "displayName": "Ada" })),
        read("EmailSet", 2, json!({ "email": erased() })),
    ];
    let user = fold(events.to_vec());
    assert_eq!(
        (&user.user_name, &user.display_name, &user.email),
        (&Personal::Erased, &"Ada".into(), &Personal::Erased)
    );
    assert_eq!(user.unique_values().len(), 0, "nobody knows what it held");
}

#[test]
fn a_state_of_before_its_fields_were_personal_is_lifted() {
    let state = json!({ "status": "active", "userName": "ada", "displayName": "", "email": "a@b" });
    let user = Snapshot { revision: 1, state }.read::<User>().unwrap();
    assert_eq!((user.status, user.user_name), (UserStatus::Active, "ada".into()));
    assert_eq!(Snapshot { revision: 0, state: json!({}) }.read::<User>(), None);
}

#[test]
fn a_user_holds_name_and_email_while_it_exists() {
    let claims = |events: Vec<UserEvent>| {
        let values = fold(events).unique_values();
        values
            .into_iter()
            .map(|value| (value.category, value.normalized, value.taken.name))
            .collect::<Vec<_>>()
    };
    let held = vec![
        ("user-names", "ada".to_owned(), "user-name-taken"),
        ("user-emails", "ada@example.com".to_owned(), "email-taken"),
    ];
    assert_eq!(claims(ada()), held);
    assert_eq!(claims(ada_and([DEACTIVATED])), held, "a deactivated user keeps them");
    assert_eq!(
        claims(ada_and([user_name_set("ADA"), email_set("Ada@Example.COM")])),
        held,
        "a change of case claims nothing new"
    );
    assert_eq!(claims(ada_and([DELETED])), []);
    assert_eq!(claims(ada_and([ERASED])), []);
    assert_eq!(claims(vec![]), []);
    assert_eq!(claims(ada_and([user_name_set("Ａｄａ II")]))[0].1, normalize("ada ii"));
}

#[test]
fn of_a_deleted_or_erased_user_nothing_personal_is_kept() {
    for last in [DELETED, ERASED] {
        let state = serde_json::to_string(&fold(ada_and([last]))).unwrap();
        assert!(!state.contains("ada") && !state.contains("Ada"), "{state}");
    }
}

fn fold(events: Vec<UserEvent>) -> User {
    let mut user = User::default();
    events.iter().for_each(|event| user.evolve(event, Timestamp::UNIX_EPOCH));
    user
}
