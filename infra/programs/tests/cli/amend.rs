//! `amend`: a state that no command can reach is corrected, and nothing else happens.

use headwater::Commit;
use serde_json::{Value, json};

use crate::support::{Answer, Machine, SECRET, domains, history};

/// The golden user, who is deleted.
const USER: &str = "acme/identity/users/ext-7";

/// What brings the golden user back.
const BACK: [&str; 4] = [
    r#"UserReactivated={}"#,
    r#"UserNameSet={"userName":"Ada.Lovelace"}"#,
    r#"DisplayNameSet={"displayName":"Ada Lovelace"}"#,
    r#"EmailSet={"email":"ada@example.com"}"#,
];

/// Runs `amend` with these events.
async fn amend(machine: &Machine, stream: &str, events: &[&str], options: &str) -> Answer {
    let local = format!("--local={}", machine.platform);
    let line = format!("headwater amend {stream} {options} --by eve {local}");
    let arguments = line.split_whitespace().map(str::to_owned);
    let events = events.iter().flat_map(|event| ["--event".to_owned(), (*event).to_owned()]);
    let reason = ["--reason".to_owned(), "deleted by mistake".to_owned()];
    let arguments: Vec<String> = arguments.chain(events).chain(reason).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let arguments = arguments.into_iter().map(Into::into);
    let code = headwater_admin::run(domains(), arguments, &mut out, &mut err).await;
    Answer { out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap(), code }
}

fn document(answer: &Answer) -> Value {
    assert_eq!(answer.code, 0, "{answer:?}");
    serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{answer:?}"))
}

/// What does not tell the time.
fn timeless(out: &str) -> Vec<&str> {
    out.lines().filter(|line| !line.contains("/updatedAt")).collect()
}

/// The commits of a stream after a version.
async fn after(machine: &Machine, stream: &str, version: u64) -> Vec<Commit> {
    machine.store().commits_after(&stream.parse().unwrap(), version).await.unwrap()
}

#[tokio::test]
async fn what_no_command_can_bring_back_is_shown_then_written_and_explained() {
    let machine = Machine::with_everything().await;
    let version = history("identity/user").last().unwrap().last();
    machine.adopt(SECRET).await;
    let before = machine.items("events").await;

    let would = amend(&machine, USER, &BACK, "--dry-run").await;
    assert_eq!(would.code, 0, "{would:?}");
    for line in [
        format!("{USER}, version {version} -> {}", version + 4),
        format!("  {} UserReactivated {{}}", version + 1),
        "  replace /status \"deleted\" -> \"active\"".to_owned(),
        "  replace /userName \"\" -> \"Ada.Lovelace\"".to_owned(),
        "row identity/users/ext-7, which is there then".to_owned(),
        "  + user-names \"ada.lovelace\"".to_owned(),
        "  + user-emails \"ada@example.com\"".to_owned(),
    ] {
        assert!(would.out.lines().any(|shown| shown == line), "{line}\n{}", would.out);
    }
    assert!(machine.items("events").await == before, "nothing was written");

    let done = amend(&machine, USER, &BACK, &format!("--version {version}")).await;
    assert_eq!(done.code, 0, "{done:?}");
    let last = format!("written: {USER} is at version {}\n", version + 4);
    assert_eq!(timeless(&done.out), timeless(&(would.out + &last)), "shown, then written");
    let commits = after(&machine, USER, version).await;
    let [commit] = commits.as_slice() else { panic!("{commits:?}") };
    let metadata = &commit.metadata;
    assert_eq!((metadata.command.as_str(), metadata.actor.as_str()), ("Amend", "eve"));
    assert_eq!(metadata.reason.as_deref(), Some("deleted by mistake"));
    // What was written stays; the commit and two claims are new.
    let events = machine.items("events").await;
    assert!(before.iter().all(|item| events.contains(item)));
    assert_eq!(events.len(), before.len() + 3);

    machine.project(&commits).await;
    let verified = machine.run("verify --pause 0").await;
    assert_eq!((verified.code, verified.out.as_str()), (0, ""), "{verified:?}");
    let shown = machine.run(&format!("streams show {USER} --after {version}")).await;
    assert_eq!(shown.out.matches("Amend: deleted by mistake").count(), 4, "{shown:?}");
    let correlation = &metadata.correlation_id;
    let trace = format!("trace {correlation} --tenant acme --since 2020-01-01T00:00:00Z");
    let traced = machine.run(&trace).await;
    assert_eq!(traced.out.matches("Amend: deleted by mistake").count(), 3, "{traced:?}");
    let dumped = machine.run(&format!("dump --stream {USER}")).await;
    assert!(dumped.out.contains(r#""reason":"deleted by mistake""#), "{dumped:?}");
}

#[tokio::test]
async fn programs_get_one_document() {
    let machine = Machine::with_everything().await;
    let version = history("identity/user").last().unwrap().last();
    let would = document(&amend(&machine, USER, &BACK, "--dry-run --json").await);
    let done = document(&amend(&machine, USER, &BACK, "--json").await);
    assert_eq!((&would["dryRun"], &done["dryRun"]), (&json!(true), &json!(false)));
    for name in ["before", "version", "events", "state", "uniqueValues", "effects"] {
        assert_eq!(would[name], done[name], "{name}");
    }
    assert_eq!((&done["before"], &done["version"]), (&json!(version), &json!(version + 4)));
    let held = json!([
        { "category": "user-names", "value": "ada.lovelace" },
        { "category": "user-emails", "value": "ada@example.com" },
    ]);
    assert_eq!(done["uniqueValues"], json!({ "before": [], "after": held }));
    assert_eq!(
        (&done["rows"][0]["existed"], &done["rows"][0]["exists"]),
        (&json!(false), &json!(true))
    );

    // Given up again by an event that frees them.
    let gone = document(&amend(&machine, USER, &["UserDeleted={}"], "--json").await);
    assert_eq!(gone["uniqueValues"], json!({ "before": held, "after": [] }));
    machine.project(&after(&machine, USER, version).await).await;
    assert_eq!(machine.run("verify --pause 0").await.code, 0);
}

#[tokio::test]
async fn a_stream_that_has_moved_on_is_told_and_left_alone() {
    let machine = Machine::with_everything().await;
    let version = history("identity/user").last().unwrap().last();
    let stale = amend(&machine, USER, &BACK, &format!("--version {}", version - 1)).await;
    assert_eq!((stale.code, stale.out.as_str()), (2, ""));
    let told = format!(
        "error: {USER} is at version {version}, not at {}, so nothing was written. Since then:\n  \
         {version} UserDeleted by tester (DeleteUser)\n",
        version - 1
    );
    assert_eq!(stale.err, told);
    let ahead = amend(&machine, USER, &BACK, &format!("--version {}", version + 1)).await;
    assert!(ahead.code == 2 && ahead.err.contains("is ahead of its stream"), "{ahead:?}");
    assert_eq!(after(&machine, USER, version).await, []);
}

#[tokio::test]
async fn a_value_that_another_holds_is_refused() {
    let machine = Machine::with_everything().await;
    let other = "acme/identity/users/other";
    machine.append(&[alone(other)]).await;
    let claims = [r#"UserNameSet={"userName":"ada.lovelace"}"#, BACK[3]];
    assert_eq!(amend(&machine, other, &claims, "").await.code, 0);
    for options in ["--dry-run", ""] {
        let refused = amend(&machine, USER, &BACK, options).await;
        let told = "error: user-name-taken: another has this value of `user-names`\n";
        assert_eq!((refused.code, refused.err.as_str()), (2, told));
    }
    assert_eq!(amend(&machine, other, &["UserDeleted={}"], "").await.code, 0);
    assert_eq!(amend(&machine, USER, &BACK, "").await.code, 0);
}

/// The first event of a user, and nothing besides: no command would leave it at that.
fn alone(stream: &str) -> Commit {
    let mut commit = history("identity/user")[1].clone();
    commit.stream = stream.parse().unwrap();
    commit.first = 1;
    commit.events.truncate(1);
    commit.events[0].number = 1;
    commit
}

#[tokio::test]
async fn without_the_secret_no_unique_value_changes() {
    let machine = Machine::with_histories().await;
    let refused = amend(&machine, USER, &BACK, "").await;
    assert!(refused.code == 2 && refused.err.contains("UNIQUE_KEY is not set"), "{refused:?}");
    // What changes none needs no secret.
    let policy = history("licensing/policy")[0].stream.to_string();
    let done = amend(&machine, &policy, &[r#"LicenseDaysSet={"days":3}"#], "").await;
    assert_eq!(done.code, 0, "{done:?}");
}

#[tokio::test]
async fn a_history_with_a_gap_is_left_alone() {
    let machine = Machine::with_everything().await;
    let mut commits = history("identity/user");
    commits.remove(1);
    for commit in &mut commits {
        commit.stream = "other/identity/users/a".parse().unwrap();
    }
    machine.append(&commits).await;
    let missing = commits[0].last() + 1;
    let event = r#"UserDeactivated={}"#;
    let refused = amend(&machine, "other/identity/users/a", &[event], "").await;
    let told = format!("other/identity/users/a lacks the event {missing}");
    assert!(refused.code == 2 && refused.err.contains(&told), "{refused:?}");
}

#[tokio::test]
async fn what_is_no_event_of_the_stream_is_refused_where_it_differs() {
    let machine = Machine::with_everything().await;
    let before = machine.items("events").await;
    let invoice = history("invoicing/invoice")[0].stream.to_string();
    let huge = "9".repeat(20);
    let huge = json!({
        "description": "x",
        "n": 99,
        "quantity": huge,
        "taxRate": "0",
        "unitPrice": huge,
    });
    let huge = format!("LineItemAdded={huge}");
    for (stream, events, code, told) in [
        ("acme/identity/users/nobody", &BACK[..], 1, "there is no such stream"),
        ("acme/identity/things/a", &BACK[..], 1, "there is no such kind of stream"),
        ("acme/nothing/users/a", &BACK[..], 1, "there is no such kind of stream"),
        ("_/headwater/unique-key", &BACK[..], 1, "there is no such kind of stream"),
        (USER, &["Robbed={}"], 2, "/events/0/type: unknown variant `Robbed`, expected one of"),
        (USER, &["GroupDeleted={}"], 2, "/events/0/type: unknown variant"),
        (USER, &[BACK[0], r#"EmailSet={}"#], 2, "/events/1/data: missing field `email`"),
        (USER, &[r#"EmailSet={"email":5}"#], 2, "/events/0/data/email: invalid type"),
        (
            USER,
            &[r#"EmailSet={"email":"a@b.c","note":1}"#],
            2,
            "/events/0/data/note: the event has no such field",
        ),
        (USER, &[r#"EmailSet={"email":"a","email":"b"}"#], 2, "`email` comes twice"),
        (
            USER,
            &[r#"ExternalRevisionSet={"externalId":"7","revision":9007199254740992}"#],
            2,
            "a number up to 9007199254740991",
        ),
        (USER, &["UserReactivated"], 2, "must be a type and its data"),
        (USER, &["UserReactivated=[]"], 2, "the data must be a JSON object"),
        (USER, &["UserReactivated={"], 2, "the body is not JSON"),
        (USER, &[], 2, "--event <TYPE=JSON>"),
        (USER, &[BACK[0]; 101], 2, "/events: must be 1 to 100 events"),
        (
            &invoice,
            &[r#"InvoiceNumberSet={"number":13}"#],
            2,
            "/events/0: only a command takes a number of invoice-numbers",
        ),
        // A command would have refused the sum; here the fold cannot work it out.
        (
            "acme/invoicing/invoices/n1",
            &[r#"LineItemRemoved={"n":1}"#, &huge],
            2,
            "/events/1: it cannot be folded",
        ),
    ] {
        let answer = amend(&machine, stream, events, "").await;
        assert_eq!(answer.code, code, "{stream} {events:?}: {answer:?}");
        assert!(answer.err.contains(told), "{stream} {events:?}: {answer:?}");
        assert_eq!(answer.out, "");
    }
    let large = format!(r#"DisplayNameSet={{"displayName":"{}"}}"#, "x".repeat(420_000));
    let answer = amend(&machine, USER, &[&large], "--json").await;
    assert!(answer.code == 2 && answer.err.contains("are the limit"), "{answer:?}");
    for reason in ["", " ", "two\nlines"] {
        let local = format!("--local={}", machine.platform);
        let line = ["headwater", "amend", USER, "--event", BACK[0], "--by", "eve", &local];
        let arguments = line.into_iter().chain(["--reason", reason]).map(Into::into);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = headwater_admin::run(domains(), arguments, &mut out, &mut err).await;
        let err = String::from_utf8(err).unwrap();
        assert!(code == 2 && err.contains("/reason: must"), "{reason:?}: {err}");
    }
    assert!(machine.items("events").await == before, "nothing was written");
}
