//! Rows that are built anew. What the steps answer is in the transcripts.

use std::time::Duration;

use headwater_dynamodb::{Pace, Progress, Rebuild};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{Machine, domains, history};

#[tokio::test]
async fn what_stands_against_the_switch_is_told() {
    let machine = Machine::start().await;
    let group = history("identity/group");
    machine.append(&group).await;
    machine.project(&group).await;
    // It was projected when it could be read still.
    let mut poison = group[1].clone();
    poison.events[0].data = json!("Nonsense");
    machine.append(&[poison]).await;

    let built = machine.run("views rebuild identity --settle 0 --json").await;
    let told: Value = serde_json::from_str(&built.out).unwrap();
    let last = group.last().unwrap().last();
    assert_eq!((&told["streams"], &told["lacking"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&told["examples"][0]["stream"], &told["examples"][0]["wanted"]),
        (&json!(group[0].stream), &json!(last))
    );
    assert!(built.err.contains("Nonsense") && built.code == 2, "{built:?}");

    let refused = machine.run("views switch identity --settle 0").await;
    assert!(
        refused.err.contains("parked") && refused.out.is_empty() && refused.code == 2,
        "{refused:?}"
    );
    assert_eq!(machine.run("views switch identity --settle 0 --force").await.code, 0);

    // What was previous is there to go back to.
    machine.append(&group[1..2]).await;
    assert_eq!(machine.run("views switch identity --back").await.code, 0);
    assert_eq!(machine.run("views lag --tenant acme --prefix identity/").await.out, "");
}

#[tokio::test]
async fn while_another_scans_it_is_said_until_when() {
    let machine = Machine::with_histories().await;
    let identity = domains().named("identity").unwrap();
    let pace = Pace { settle: Duration::from_secs(3_600), ..Pace::default() };
    // The emulator knows nothing of it, but whoever waits is at work.
    let other = Rebuild::new(
        machine.store(),
        "views",
        "identity",
        identity.projections,
        "other",
        Timestamp::now(),
    )
    .at_pace(pace);
    let progress = Progress::default();
    let waiting = other.build(1, &progress);
    tokio::select! {
        built = waiting => panic!("it should wait: {built:?}"),
        () = async {
            while !machine.run("views ls").await.out.contains("2 building") {}
        } => {}
    }
    let refused = machine.run("views rebuild identity --settle 0").await;
    assert!(refused.err.contains("another rebuild is at work") && refused.code == 2, "{refused:?}");
    let refused = machine.run("views drop identity --settle 0").await;
    assert!(refused.err.contains("another rebuild is at work") && refused.code == 2, "{refused:?}");
}

/// For longer than a command of a service would wait: the tries alone take some eight seconds.
#[tokio::test]
async fn a_table_that_is_throttled_for_a_while_ends_no_step() {
    let machine = Machine::with_histories().await;
    let licensing = domains().named("licensing").unwrap();
    let watcher = Rebuild::new(
        machine.store(),
        "views",
        "licensing",
        licensing.projections,
        "watcher",
        Timestamp::now(),
    );
    let throttled = async {
        while watcher.pointer().await.unwrap().building.is_none() {}
        machine.door.throttle(40);
    };
    let (built, ()) =
        tokio::join!(machine.run("views rebuild licensing --segments 1 --settle 1"), throttled);
    assert_eq!(built.code, 0, "{built:?}");
    // The other steps begin with the pointer.
    machine.door.throttle(40);
    let switched = machine.run("views switch licensing --settle 0").await;
    assert_eq!(switched.code, 0, "{switched:?}");
}
