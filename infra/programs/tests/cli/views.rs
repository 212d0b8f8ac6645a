//! Rows that are behind. That none is once all is projected, and how they are listed, is in the
//! transcripts.

use headwater::Commit;
use serde_json::json;

use crate::support::{Machine, history};

#[tokio::test]
async fn a_row_that_is_behind_is_told_of_with_the_reason() {
    let machine = Machine::start().await;
    let (users, groups, policy) =
        (history("identity/user"), history("identity/group"), history("licensing/policy"));
    let mut poison = groups[1].clone();
    poison.events[0].data = json!("Nonsense");
    let stored = [users.clone(), vec![groups[0].clone(), poison.clone()], policy.clone()].concat();
    machine.append(&stored).await;
    let told: [&[Commit]; 3] = [&users[..2], &groups[..1], &policy];
    machine.project(&told.concat()).await;
    machine.project(&[poison]).await;

    let answer = machine.run("views lag --tenant acme").await;
    let expected = format!(
        "STREAM                     VERSION  ROW  WHY\nacme/identity/groups/crew  5        3    \
         parked\nacme/identity/users/ext-7  17       {}    late\n",
        users[1].last()
    );
    assert_eq!((answer.out, answer.code), (expected, 0), "{}", answer.err);
    let one = machine.run("views lag --tenant acme --prefix identity/groups/ --json").await;
    assert_eq!(
        one.out,
        "{\"stream\":\"acme/identity/groups/crew\",\"version\":5,\"rowVersion\":3,\"why\":\"\
         parked\"}\n"
    );
    assert_eq!(machine.run("views lag --tenant acme --prefix licensing/").await.out, "");
    machine.change_revision("acme/licensing/policy").await;
    let one = machine.run("views lag --tenant acme --prefix licensing/ --json").await;
    assert_eq!(
        one.out,
        "{\"stream\":\"acme/licensing/policy\",\"version\":7,\"rowVersion\":7,\"why\":\"revision\"\
         }\n"
    );
}
