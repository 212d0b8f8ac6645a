use std::convert::Infallible;

use headwater::replace_personal;
use headwater_testkit::{AnyCommand, History};

use super::*;
use crate::ApplyExternalUser;
use crate::external::tests::Park;
use crate::user::{self, EMAIL_TAKEN};
use crate::user::{CreateUser, DeactivateUser, DeleteUser, EraseUser, PatchUser, ReactivateUser};

/// What the entries say, without when and by whom.
fn changes(
    commands: impl IntoIterator<Item = AnyCommand<User>>,
) -> Vec<(String, String, Value, Value)> {
    let entries = audit(User::default(), run(commands).commits()).unwrap();
    entries.into_iter().map(|entry| (entry.command, entry.field, entry.from, entry.to)).collect()
}

fn run(commands: impl IntoIterator<Item = AnyCommand<User>>) -> History<User> {
    let mut history = History::new(user::stream("acme", "42").unwrap());
    commands.into_iter().for_each(|command| drop(history.run(&command).unwrap()));
    history
}

fn change(command: &str, field: &str, from: Value, to: Value) -> (String, String, Value, Value) {
    (command.to_owned(), field.to_owned(), from, to)
}

fn create() -> AnyCommand<User> {
    AnyCommand::new(CreateUser {
        id: None,
        user_name: "ada".into(),
        display_name: "Ada Lovelace".into(),
        email: "ada@example.com".into(),
    })
}

fn external(revision: u64, user_name: &str) -> ApplyExternalUser {
    ApplyExternalUser {
        external_id: "7".into(),
        revision,
        user_name: user_name.into(),
        display_name: "Ada Lovelace".into(),
        email: "ada@example.com".into(),
        active: true,
    }
}

#[test]
fn each_field_that_changed_is_an_entry() {
    let patch = PatchUser { user_name: Some("countess".into()), ..PatchUser::default() };
    let commands = [
        create(),
        AnyCommand::new(patch.clone()),
        AnyCommand::new(patch),
        AnyCommand::new(DeactivateUser {}),
        AnyCommand::new(ReactivateUser {}),
        AnyCommand::new(DeleteUser {}),
    ];
    let expected = [
        change("CreateUser", "status", Value::Null, json!("active")),
        change("CreateUser", "userName", Value::Null, json!("ada")),
        change("CreateUser", "displayName", Value::Null, json!("Ada Lovelace")),
        change("CreateUser", "email", Value::Null, json!("ada@example.com")),
        change("PatchUser", "userName", json!("ada"), json!("countess")),
        change("DeactivateUser", "status", json!("active"), json!("inactive")),
        change("ReactivateUser", "status", json!("inactive"), json!("active")),
        change("DeleteUser", "status", json!("active"), json!("deleted")),
    ];
    assert_eq!(changes(commands), expected);
}

#[test]
fn what_the_owning_system_sent_is_in_the_trail() {
    let park = |revision| AnyCommand::new(Park(external(revision, "eve"), &EMAIL_TAKEN));
    let commands = [
        park(1),
        park(2),
        AnyCommand::new(external(3, "ada")),
        AnyCommand::new(external(4, "countess")),
    ];
    let parked = |revision: u64| json!({ "revision": revision, "reason": "email-taken" });
    let trail = changes(commands);
    assert_eq!(trail[0], change("ApplyExternalUser", "parkedUpdate", Value::Null, parked(1)));
    assert_eq!(trail[1], change("ApplyExternalUser", "parkedUpdate", parked(1), parked(2)));
    assert_eq!(trail[6], change("ApplyExternalUser", "externalRevision", Value::Null, json!(3)));
    assert_eq!(trail[7], change("ApplyExternalUser", "userName", json!("ada"), json!("countess")));
    assert_eq!(trail[8], change("ApplyExternalUser", "externalRevision", json!(3), json!(4)));
    assert_eq!(trail.len(), 9);
}

#[test]
fn of_whom_is_forgotten_the_trail_says_who_and_when_but_not_what() {
    let mut commits = run([create(), AnyCommand::new(EraseUser {})]).commits().to_vec();
    for event in commits.iter_mut().flat_map(|commit| &mut commit.events) {
        let erase = |_: Form<'_>| Ok::<_, Infallible>(Some(Form::erased()));
        let Ok(()) = replace_personal(&mut event.data, &mut { erase });
    }
    let entries = audit(User::default(), &commits).unwrap();
    let last = entries.last().unwrap();
    assert_eq!((&last.from, &last.to), (&json!("active"), &json!("erased")));
    assert_eq!((&entries[1].from, &entries[1].to), (&Value::Null, &Form::erased()));
    assert_eq!(entries[1].actor, "tester");
}

#[test]
fn an_entry_says_who_when_and_why() {
    let history = run([create(), AnyCommand::new(DeactivateUser {})]);
    let entries = audit(User::default(), history.commits()).unwrap();
    let last = serde_json::to_value(&entries[4]).unwrap();
    let expected = json!({
        "version": 5, "at": "2026-01-01T00:00:02Z", "actor": "tester", "command": "DeactivateUser",
        "correlationId": "request-5",
        "field": "status", "from": "active", "to": "inactive",
    });
    assert_eq!(last, expected);
}
