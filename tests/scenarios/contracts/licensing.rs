//! What calls of licensing cost.

use headwater_tests::costs::{Case, Service, Step, Text, call, get, send};
use serde_json::{Value, json};

const LICENSES: &str = "/licensing/customers/ada/licenses";
const LAST: &str = "/licensing/customers/ada/licenses/{last}";
const POLICY: &str = "/licensing/policy";

pub(super) fn service() -> Service {
    Service {
        name: "licensing",
        commands: commands(),
        queries: queries(),
        story: story(),
        handlers: &["licensing-project"],
    }
}

fn acquire_for(customer: &str, title: &str) -> Step {
    let body = json!({ "titleId": title, "studioId": "fox", "deviceId": "tablet" });
    send("POST", &format!("/licensing/customers/{customer}/licenses"), body)
}

fn acquire(title: &str) -> Step {
    acquire_for("ada", title)
}

fn follow_up(what: &str) -> Step {
    call("POST", &format!("{LAST}/{what}"))
}

fn sessions(events: usize) -> Step {
    let event = |number: usize| {
        json!({
            "eventId": format!("event-{number:04}"),
            "kind": "KEEPALIVE",
            "at": "2026-01-01T00:00:00Z",
        })
    };
    send("POST", &format!("{LAST}/sessions"), (0..events).map(event).collect::<Value>())
}

fn policy(max_devices: u32) -> Step {
    send("PUT", POLICY, json!({ "maxDevices": max_devices }))
}

fn execute(command: &str, payload: Value) -> Step {
    send("POST", "/licensing/execute", json!({ "command": command, "payload": payload }))
}

fn commands() -> Vec<Case> {
    let bob = || acquire_for("bob", "alien");
    let one = || vec![bob(), acquire("alien")];
    let three = || vec![acquire("alien"), acquire("alien"), acquire("alien")];
    let key = || Text::Is("4f1f-key");
    vec![
        Case::new(acquire("brazil"), &one()),
        Case::new(acquire("alien"), &[bob()]).note("the customer's first"),
        Case::new(acquire("brazil"), &one())
            .meanwhile(&[follow_up("downloaded")])
            .note("overtaken: one conflict"),
        Case::new(acquire("brazil").header("idempotency-key", key()), &one())
            .note("with an `Idempotency-Key`"),
        Case::new(acquire("alien"), &three()).answers(409).note("that a rule refuses"),
        Case::new(follow_up("downloaded"), &one()),
        Case::new(follow_up("downloaded"), &[bob(), acquire("alien"), follow_up("downloaded")])
            .note("once more"),
        Case::new(sessions(1), &one()).note("of one event"),
        Case::new(sessions(100), &one()).note("of 100 events"),
        Case::new(follow_up("renew"), &one()),
        Case::new(follow_up("release"), &one()),
        Case::new(call("POST", "/licensing/customers/ada/release"), &one()),
        Case::new(call("POST", "/licensing/customers/ada/release"), &[bob()])
            .note("where there is nothing to release"),
        Case::new(call("POST", "/licensing/customers/ada/devices/tablet/deactivate"), &one()),
        Case::new(policy(3), &[bob(), policy(2)]),
        Case::new(policy(2), &[bob()]).note("for the first time"),
        Case::new(execute("SetPolicy", json!({ "maxDevices": 3 })), &[bob(), policy(2)])
            .note("`SetPolicy`"),
    ]
}

fn queries() -> Vec<Case> {
    let all = || vec![acquire("alien"), follow_up("downloaded")];
    let token = |step: Step| step.header("consistency-token", Text::LastToken);
    let of = |what: &str| get(&format!("/licensing/customers/ada/{what}"));
    vec![
        Case::new(get(LAST), &all()),
        Case::new(token(get(LAST)), &all()).note("with a token that the row has reached"),
        Case::new(token(get(LAST)), &all())
            .meanwhile(&[follow_up("renew")])
            .note("with one that it has not reached"),
        Case::new(get(LICENSES), &all()),
        Case::new(token(get(LICENSES)), &all())
            .meanwhile(&[follow_up("renew")])
            .note("with a token that the rows have not reached"),
        Case::new(
            get(&format!("{LAST}/sessions")),
            &[acquire("alien"), follow_up("downloaded"), sessions(1)],
        ),
        Case::new(get(&format!("{LAST}/sessions")), &[acquire("alien")])
            .note("of which there are none"),
        Case::new(of("devices"), &all()),
        Case::new(of("downloads"), &all()),
        Case::new(of("downloads?titleId=alien"), &all()).note("of a title"),
        Case::new(of("allowance?titleId=brazil&studioId=fox"), &all()),
        Case::new(of("events"), &all()),
        Case::new(of("events"), &[acquire("alien"), follow_up("downloaded"), sessions(1)])
            .note("with what was played"),
        Case::new(get(POLICY), &[policy(2)]),
        Case::new(get(POLICY), &all()).note("that was never set"),
        Case::new(get("/licensing/changes"), &all()),
    ]
}

fn story() -> Vec<Case> {
    let commit = |call| Case::new(call, &[policy(9), policy(8)]);
    vec![
        commit(acquire("alien")).note("the customer's first"),
        commit(acquire("brazil")),
        commit(follow_up("downloaded")),
        commit(sessions(1)).note("of one event"),
        commit(sessions(100)).note("of 100 events"),
        commit(follow_up("renew")),
        commit(follow_up("release")),
        commit(call("POST", "/licensing/customers/ada/devices/tablet/deactivate")),
        commit(policy(3)),
    ]
}
