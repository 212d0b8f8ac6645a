//! What callers wrote is shown, and acts on no terminal.

use headwater::{Commit, Metadata, is_hidden};
use serde_json::json;

use crate::support::{Machine, history};

/// Clears the screen, colours it, turns the direction, and hides.
const HOSTILE: &str = "\u{1b}[2J\u{9b}31mroot\u{202e}\u{200b}\r\nx\u{7f}";

/// A user who is called so, by one whose token says the same.
fn hostile() -> Vec<Commit> {
    let named = |commit: &Commit| {
        let mut commit = commit.clone();
        for event in commit.events.iter_mut().filter(|event| event.event_type == "DisplayNameSet") {
            event.data = json!({ "displayName": HOSTILE });
        }
        let metadata = Metadata {
            actor: HOSTILE.to_owned(),
            correlation_id: "ticket-7".to_owned(),
            ..commit.metadata.clone()
        };
        Commit { metadata, ..commit }
    };
    history("identity/user").iter().map(named).collect()
}

#[tokio::test]
async fn no_command_writes_what_acts_on_a_terminal() {
    let machine = Machine::start().await;
    let commits = hostile();
    machine.append(&commits).await;
    let user = commits[0].stream.to_string();
    for line in [
        "dump".to_owned(),
        "trace ticket-7 --tenant acme --since 2020-01-01T00:00:00Z".to_owned(),
        format!("streams show {user}"),
        format!("state {user} --version 5"),
        format!("state {user} --version 5 --diff 1"),
        format!("amend {user} --event UserDeleted={{}} --reason r --by b --version 1 --dry-run"),
    ] {
        let mut shows = String::new();
        for form in ["", " --json"] {
            let answer = machine.run(&format!("{line}{form}")).await;
            let text = answer.out + &answer.err;
            assert!(text.chars().all(|c| c == '\n' || !is_hidden(c)), "{line}{form}: {text:?}");
            assert!(
                !text.lines().any(|line| line.starts_with('x')),
                "{line}{form}: what was written begins no line: {text}"
            );
            shows += &text;
        }
        assert!(shows.contains("[2J"), "{line}: {shows}");
    }
}
