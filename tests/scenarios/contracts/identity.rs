//! What calls of identity cost.

use headwater_tests::costs::{self, Case, Service, Step, Text, call, get, send};
use serde_json::{Value, json};

const ADA: &str = "/identity/users/ada";
const CREW: &str = "/identity/groups/crew";
const MEMBER: &str = "/identity/groups/crew/members/ada";

pub(super) fn service() -> Service {
    Service {
        name: "identity",
        commands: commands(),
        queries: queries(),
        story: story(),
        handlers: &["identity-project"],
    }
}

/// What all services share, on a user.
pub(super) fn shared() -> Service {
    let ada = [user("ada"), call("POST", &format!("{ADA}/deactivate"))];
    costs::shared(&ada, "identity/users/ada", 5, ("UserReactivated", json!({})))
}

fn user(id: &str) -> Step {
    let email = format!("{id}@example.com");
    send(
        "POST",
        "/identity/users",
        json!({ "id": id, "userName": id, "displayName": "Ada Lovelace", "email": email }),
    )
}

fn group(id: &str) -> Step {
    send("POST", "/identity/groups", json!({ "id": id, "name": "Analytical Engines" }))
}

fn patch(body: Value) -> Step {
    send("PATCH", ADA, body)
}

fn replace(name: &str, email: &str) -> Step {
    let body = json!({
        "userName": "ada",
        "displayName": name,
        "email": email,
        "active": true,
    });
    send("PUT", ADA, body)
}

fn erase() -> Step {
    call("POST", &format!("{ADA}/erase"))
}

fn rename() -> Step {
    patch(json!({ "displayName": "Countess of Lovelace" }))
}

fn execute(command: &str, payload: Value) -> Step {
    let body = json!({ "command": command, "aggregateId": "ada", "payload": payload });
    send("POST", "/identity/execute", body)
}

fn external(revision: u64, name: &str) -> Step {
    let body = json!({
        "externalId": "7",
        "revision": revision,
        "userName": name,
        "displayName": "Bob",
        "email": "bob@example.com",
    });
    let mut body = body;
    body["active"] = true.into();
    send("POST", "/identity/external-users", body)
}

fn commands() -> Vec<Case> {
    // Whatever a command is about, somebody else was there before, so the tenant's feed has begun.
    let bob = || vec![user("bob")];
    let ada = || vec![user("bob"), user("ada")];
    let crew = || vec![user("ada"), group("crew")];
    let member = || vec![user("ada"), group("crew"), call("PUT", MEMBER)];
    let away = || call("POST", &format!("{ADA}/deactivate"));
    let key = || Text::Is("4f1f-key");
    vec![
        Case::new(rename(), &ada()),
        Case::new(rename().header("consistency-token", Text::LastToken), &ada())
            .note("with a token of the user"),
        Case::new(rename().header("if-match", Text::LastTag), &ada()).note("with `If-Match`"),
        Case::new(rename().header("if-match", Text::LastTagAnd("identity/users/bob@4")), &ada())
            .note("with `If-Match` that names another stream, too"),
        Case::new(rename().header("if-match", Text::Is("W/\"other\"")), &ada())
            .answers(412)
            .note("with `If-Match` that does not hold"),
        Case::new(rename(), &ada()).meanwhile(&[away()]).note("overtaken: one conflict"),
        Case::new(rename().header("idempotency-key", key()), &ada())
            .note("with an `Idempotency-Key`"),
        Case::new(rename().header("idempotency-key", key()), &ada())
            .meanwhile(&[rename().header("idempotency-key", key())])
            .note("with an `Idempotency-Key` that was used before"),
        Case::new(patch(json!({ "displayName": "Ada Lovelace" })), &ada())
            .note("that changes nothing"),
        Case::new(patch(json!({ "email": "lovelace@example.com" })), &ada())
            .note("to another email"),
        Case::new(patch(json!({ "email": "bob@example.com" })), &ada())
            .answers(409)
            .note("to one that is taken"),
        Case::new(replace("Ada, Countess", "ada@example.com"), &ada()),
        Case::new(replace("Ada, Countess", "lovelace@example.com"), &ada())
            .note("with another email"),
        Case::new(replace("Ada Lovelace", "ada@example.com"), &ada()).note("that changes nothing"),
        Case::new(user("ada"), &bob()),
        Case::new(user("bob"), &bob()).answers(409).note("that is there"),
        Case::new(away(), &ada()),
        Case::new(call("POST", &format!("{ADA}/reactivate")), &[user("ada"), away()]),
        Case::new(call("DELETE", ADA), &ada()),
        Case::new(erase(), &ada()),
        Case::new(group("crew"), &bob()),
        Case::new(send("PATCH", CREW, json!({ "name": "Difference Engines" })), &crew()),
        Case::new(call("DELETE", CREW), &crew()),
        Case::new(call("PUT", MEMBER), &crew()),
        Case::new(call("PUT", MEMBER), &member()).note("once more"),
        Case::new(call("DELETE", MEMBER), &member()),
        Case::new(external(1, "bob"), &[user("ada")]).note("of a new user"),
        Case::new(external(2, "robert"), &[external(1, "bob")])
            .note("of a known one, with another name"),
        Case::new(external(1, "ada"), &[user("ada")])
            .answers(409)
            .note("with a name that is taken"),
        Case::new(execute("PatchUser", json!({ "displayName": "Ada, Countess" })), &ada())
            .note("`PatchUser`"),
    ]
}

fn queries() -> Vec<Case> {
    // The last one changes nothing, and is answered with the user's token.
    let all = || {
        vec![
            user("ada"),
            group("crew"),
            call("PUT", MEMBER),
            patch(json!({ "displayName": "Ada Lovelace" })),
        ]
    };
    let token = |step: Step| step.header("consistency-token", Text::LastToken);
    let audit = format!("{ADA}/audit");
    vec![
        Case::new(get(ADA), &all()),
        Case::new(token(get(ADA)), &all()).note("with a token that the row has reached"),
        Case::new(token(get(ADA)), &all())
            .meanwhile(&[rename()])
            .note("with one that it has not reached"),
        Case::new(get(ADA).header("if-none-match", Text::LastTag), &all())
            .meanwhile(&[get(ADA)])
            .answers(304)
            .note("with `If-None-Match`, unchanged"),
        Case::new(get("/identity/users"), &all()),
        Case::new(token(get("/identity/users")), &all())
            .note("with a token that the row has reached"),
        Case::new(token(get("/identity/users")), &all())
            .meanwhile(&[rename()])
            .note("with one that it has not reached"),
        Case::new(get("/identity/users?userName=ada"), &all()).note("by user name"),
        Case::new(get("/identity/users?email=ada@example.com"), &all()).note("by email"),
        Case::new(get("/identity/users?q=love"), &all()).note("by a word's beginning"),
        Case::new(get("/identity/users"), &[group("crew")]).note("of which there are none"),
        Case::new(get(CREW), &all()),
        Case::new(get("/identity/groups"), &all()),
        Case::new(get(&format!("{CREW}/members")), &all()),
        Case::new(get(&format!("{ADA}/groups")), &all()),
        Case::new(get(&audit), &all()),
        Case::new(get(&format!("{ADA}/export")), &all()),
        Case::new(get(&format!("{ADA}/certificate")), &[user("ada"), erase()]),
        Case::new(get("/identity/changes"), &all()),
    ]
}

fn story() -> Vec<Case> {
    let mut number = 0;
    let mut commit = |call| {
        number += 1;
        Case::new(call, &[group(&format!("other-{number}"))])
    };
    vec![
        commit(user("ada")),
        commit(rename()),
        commit(patch(json!({ "email": "lovelace@example.com" }))).note("to another email"),
        commit(call("POST", &format!("{ADA}/deactivate"))),
        commit(call("POST", &format!("{ADA}/reactivate"))),
        commit(group("crew")),
        commit(send("PATCH", CREW, json!({ "name": "Difference Engines" }))),
        commit(call("PUT", MEMBER)),
        commit(call("DELETE", MEMBER)),
        commit(call("DELETE", CREW)),
        commit(call("DELETE", ADA)),
        commit(erase()),
        commit(external(1, "bob")).note("of a new user"),
        commit(external(2, "robert")).note("of a known one, with another name"),
    ]
}
