//! What is written while a generation is built, switched to and dropped is in every generation that
//! there is.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use headwater::Commit;
use headwater_dynamodb::{
    Check, Doorbell, Generation, Lacking, Pace, Progress, Projector, Rebuild, RebuildError, Why,
};
use tokio::time::sleep;

use crate::support::{AT_ONCE, Tap, World, bare, check, doorbells};
use crate::toy::{NEXT_PROJECTIONS, NOTES, histories, history, labelled, note, poison, titled};

/// A history of `note(id)`, and a projector that has seen only its first commit, before there was a
/// rebuild.
async fn old_hand(world: &World, commits: &[Commit]) -> Projector {
    world.append(&commits[..1]).await;
    let projector = world.projector();
    projector.project(doorbells(&commits[..1])).await;
    projector
}

/// Waits until a generation is being built.
async fn begun(rebuild: &Rebuild) {
    while rebuild.pointer().await.unwrap().building.is_none() {
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_a_projector_writes_that_knows_of_no_rebuild_yet_is_found_by_the_scan() {
    let world = World::new().await;
    let commits = history(&note(1), &[vec![titled("ada")], vec![titled("bob")]]);
    let unaware = old_hand(&world, &commits).await;
    // It could not wait for less than the projector takes.
    let patient = world.rebuild().at_pace(Pace { settle: Duration::from_secs(1), ..AT_ONCE });
    let progress = Progress::default();
    let meanwhile = async {
        begun(&world.rebuild()).await;
        assert_eq!(progress.now().scanned, 0);
        world.append(&commits[1..]).await;
        unaware.project(doorbells(&commits[1..])).await;
    };
    let (built, ()) = tokio::join!(patient.build(2, &progress), meanwhile);
    assert_eq!(built.unwrap(), Generation(2));
    assert_eq!(world.live_of(2).await, world.live().await);
}

#[tokio::test]
async fn what_a_projector_writes_is_in_every_generation() {
    let world = World::new().await;
    let commits =
        history(&note(1), &["a", "b", "c", "d", "e", "f"].map(|title| vec![titled(title)]));
    old_hand(&world, &commits).await;
    let rebuild = world.rebuild();
    rebuild.build(2, &Progress::default()).await.unwrap();
    let write = async |number: usize| {
        let commit = &commits[number..=number];
        world.append(commit).await;
        // Another process each time: what it knows of generations it reads now.
        let report = world.projector().project(doorbells(commit)).await;
        assert_eq!((report.written, report.failed), (1, vec![]), "a row counts once");
    };
    write(1).await;
    assert_eq!(world.live_of(2).await, world.live().await, "one that is being built");
    rebuild.switch(false).await.unwrap();
    write(2).await;
    assert_eq!(world.live_of(2).await, world.live().await, "the previous one");
    rebuild.switch_back().await.unwrap();
    write(3).await;
    assert_eq!(world.live_of(2).await, world.live().await, "the one that was switched back from");
    rebuild.discard().await.unwrap();
    write(4).await;
    assert_eq!(world.live_of(2).await.rows.len(), 0, "one that is dropped is written no more");
    assert_eq!(world.views().get(&NOTES, &note(1), None).await.unwrap().unwrap().version, 5);
    world.assert_fed_once(&commits[..5]).await;
}

#[tokio::test]
async fn a_store_that_refuses_the_new_generation_lets_the_record_come_again() {
    let commits = history(&note(1), &[vec![titled("a")], vec![titled("b")]]);
    let world = World::new().await;
    old_hand(&world, &commits).await;
    world.rebuild().build(1, &Progress::default()).await.unwrap();
    world.append(&commits[1..]).await;
    let tap = Tap::refusing(|_, input| input.contains("PutItem") && input.contains("g2/"));
    let report = world.projector_through(&tap).project(doorbells(&commits[1..])).await;
    assert_eq!(report.failed, [0]);
    assert!(world.projector().project(doorbells(&commits[1..])).await.failed.is_empty());
    assert_eq!(world.live_of(2).await, world.live().await);
}

#[test]
fn commits_at_any_time_of_a_rebuild_are_in_both() {
    check(10, histories(), async |commits| {
        let world = World::new().await;
        let half = commits.len() / 2;
        world.append(&commits[..half]).await;
        world.projector().project(doorbells(&commits[..half])).await;
        let rebuild = world.rebuild();
        let live = async {
            begun(&world.rebuild()).await;
            let projector = world.projector();
            for commit in commits[half..].chunks(1) {
                world.append(commit).await;
                assert!(projector.project(doorbells(commit)).await.failed.is_empty());
            }
        };
        let progress = Progress::default();
        let (built, ()) = tokio::join!(rebuild.build(3, &progress), live);
        built.unwrap();
        assert_eq!(world.live_of(2).await, world.live().await);
        assert_eq!(rebuild.switch(false).await.unwrap().check.lacking, 0);
        world.assert_fed_once(&commits).await;
    });
}

#[tokio::test]
async fn what_is_behind_is_brought_up_before_the_switch() {
    let world = World::new().await;
    let commits = history(&note(1), &[vec![titled("ada")], vec![titled("bob")]]);
    let unaware = old_hand(&world, &commits).await;
    let rebuild = world.rebuild();
    rebuild.build(2, &Progress::default()).await.unwrap();
    world.append(&commits[1..]).await;
    unaware.project(doorbells(&commits[1..])).await;
    assert_ne!(
        world.live_of(2).await,
        world.live().await,
        "a rebuild that waits for nobody misses this"
    );
    assert_eq!(rebuild.check().await.unwrap(), Check { streams: 1, ..Check::default() });
    assert_eq!(world.live_of(2).await, world.live().await);
}

#[tokio::test]
async fn rows_of_events_that_are_not_there_forbid_the_switch() {
    let commits = history(&note(1), &[vec![titled("ada")], vec![titled("bob")]]);
    let world = World::with(&commits[..1]).await;
    // Its record came, but the events table has been restored to a time before.
    world.projector().project(doorbells(&commits)).await;
    let rebuild = world.rebuild();
    rebuild.build(2, &Progress::default()).await.unwrap();
    let lacking = Lacking { stream: note(1), version: 1, wanted: 2, why: Why::Behind };
    let Err(RebuildError::Incomplete(check)) = rebuild.switch(false).await else {
        panic!("it was switched")
    };
    assert_eq!(check, Check { streams: 1, lacking: 1, examples: vec![lacking] });
    assert_eq!(rebuild.pointer().await.unwrap().generation, Generation(1));
    rebuild.switch(true).await.unwrap();
    assert_eq!(rebuild.pointer().await.unwrap().generation, Generation(2), "by force");
}

#[tokio::test]
async fn rows_that_another_build_folded_forbid_the_switch() {
    let commits = history(&note(1), &[vec![titled("ada")]]);
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits)).await;
    world
        .rebuild_with(&NEXT_PROJECTIONS, &Tap::default())
        .build(1, &Progress::default())
        .await
        .unwrap();
    let Err(RebuildError::Incomplete(check)) = world.rebuild().switch(false).await else {
        panic!("it was switched")
    };
    let lacking = Lacking {
        stream: note(1),
        version: 1,
        wanted: 1,
        why: Why::Revision(NEXT_PROJECTIONS[0].revision),
    };
    assert_eq!(check, Check { streams: 1, lacking: 1, examples: vec![lacking] });
}

#[tokio::test]
async fn a_stream_of_which_nothing_was_ever_folded_hinders_nothing() {
    let world = World::new().await;
    // It was parked at its first event, which is there no more.
    world.put("views", ("g1/acme/toy/notes/1", "row"), ("v", 0)).await;
    let rebuild = world.rebuild();
    rebuild.build(1, &Progress::default()).await.unwrap();
    assert_eq!(
        rebuild.switch(false).await.unwrap().check,
        Check { streams: 1, ..Check::default() }
    );
}

/// Two notes, of which the second has got an event that this build cannot read since it was
/// projected.
async fn with_poison() -> (World, Vec<Commit>) {
    let good = history(&note(1), &[vec![titled("ada")]]);
    let bad = history(&note(2), &[vec![titled("bob")], vec![titled("cid")], vec![labelled("red")]]);
    let world = World::with(&[&good[..], &bad[..2]].concat()).await;
    world.projector().project(doorbells(&[&good[..], &bad[..2]].concat())).await;
    world.append(&[poison(&note(2), 2)]).await;
    (world, bad)
}

#[tokio::test]
async fn a_stream_that_is_parked_in_the_new_generation_alone_forbids_the_switch_and_nothing_else() {
    let (world, bad) = with_poison().await;
    let rebuild = world.rebuild();
    rebuild.build(2, &Progress::default()).await.unwrap();
    // The rows that are read go on, and nobody is alarmed.
    world.append(&bad[2..]).await;
    let report = world.projector().project(doorbells(&bad[2..])).await;
    assert_eq!((report.written, report.parked, report.failed), (1, vec![], vec![]));
    assert_eq!(world.views().parked(Some("acme"), None, 9).await.unwrap(), []);
    assert_eq!(world.views().get(&NOTES, &note(2), Some(3)).await.unwrap().unwrap().version, 3);

    let Err(RebuildError::Incomplete(check)) = rebuild.switch(false).await else {
        panic!("it was switched")
    };
    assert_eq!((check.streams, check.lacking), (2, 1));
    let [Lacking { stream, version: 0, wanted: 3, why: Why::Parked(why) }] = &check.examples[..]
    else {
        panic!("{check:?}")
    };
    assert!(*stream == note(2) && why.contains("Nonsense"), "{check:?}");

    // Once it is repaired, the next attempt takes it up.
    world.append(&bad[1..2]).await;
    assert_eq!(
        rebuild.switch(false).await.unwrap().check,
        Check { streams: 2, ..Check::default() }
    );
    assert_eq!(world.live_of(2).await, world.live().await);
}

/// A projector may park a stream in the new generation while it is compared: after what was parked
/// was taken up. So the list lacks it, and its row counts.
#[tokio::test]
async fn a_stream_that_is_parked_while_the_generations_are_compared_forbids_the_switch() {
    let (world, _) = with_poison().await;
    let rebuild = world.rebuild();
    rebuild.build(2, &Progress::default()).await.unwrap();
    let key = |text: &str| AttributeValue::S(text.to_owned());
    let listed = world.client.delete_item().table_name("views").key("pk", key("g2/parked/toy"));
    listed.key("sk", key("acme/toy/notes/2")).send().await.unwrap();
    let Err(RebuildError::Incomplete(check)) = rebuild.switch(false).await else {
        panic!("it was switched")
    };
    assert_eq!((check.streams, check.lacking), (2, 1));
    let lacking = &check.examples[0];
    assert_eq!((&lacking.stream, lacking.version, lacking.wanted), (&note(2), 0, 2));
}

#[tokio::test]
async fn a_stream_that_is_parked_in_both_at_the_same_place_hinders_nothing() {
    let (world, _) = with_poison().await;
    world.append(&[poison(&note(2), 3)]).await;
    world.append(&history(&note(3), &[vec![titled("x")]])).await;
    world.append(&[poison(&note(3), 2)]).await;
    let projector = world.projector();
    assert_eq!(projector.project(vec![bare(&note(3), 2)]).await.parked, [note(3)]);
    let rebuild = world.rebuild();
    rebuild.build(2, &Progress::default()).await.unwrap();
    let Err(RebuildError::Incomplete(check)) = rebuild.switch(false).await else {
        panic!("it was switched")
    };
    assert_eq!(
        check.examples.iter().map(|lacking| &lacking.stream).collect::<Vec<_>>(),
        [&note(2)],
        "note 3 has got as far as it had"
    );
    let listed: Vec<_> = world
        .views()
        .parked(Some("acme"), None, 9)
        .await
        .unwrap()
        .into_iter()
        .map(|parked| parked.stream)
        .collect();
    assert_eq!(listed, [note(3)], "what is read has a list of its own");
    // One that got further before it was parked is lacking all the same.
    assert_eq!(world.projector().project(vec![bare(&note(2), 3)]).await.parked, [note(2)]);
    let Err(RebuildError::Incomplete(check)) = rebuild.switch(false).await else {
        panic!("it was switched")
    };
    assert_eq!(
        check.examples.iter().map(|lacking| (&lacking.stream, lacking.wanted)).collect::<Vec<_>>(),
        [(&note(2), 2)]
    );
}

#[tokio::test]
async fn what_is_resumed_is_resumed_in_every_generation() {
    let commits = history(&note(1), &[vec![titled("a")], vec![titled("b")]]);
    let world = World::with(&[commits[0].clone(), poison(&note(1), 2)]).await;
    world.projector().project(vec![bare(&note(1), 2)]).await;
    world.rebuild().build(1, &Progress::default()).await.unwrap();
    world.append(&commits[1..]).await;
    assert_eq!(world.projector().resume(&note(1)).await.unwrap().written, 1);
    assert_eq!(world.live_of(2).await, world.live().await);
    assert_eq!(world.live().await.rows.len(), 1, "none of them is on a list any more");
}

/// The last of its marks was not noted, so the page of the scan comes again; meanwhile a record has
/// come.
#[tokio::test]
async fn a_page_that_comes_again_meets_newer_rows() {
    let commits = history(&note(1), &[vec![titled("ada")], vec![titled("bob")]]);
    let world = World::with(&commits[..1]).await;
    let tap = Tap::refusing(|_, input| input.contains("PutItem") && input.contains("g2/segment"));
    world.rebuild_through(&tap).build(1, &Progress::default()).await.unwrap_err();
    assert_eq!(world.live_of(2).await.rows.len(), 1);
    world.append(&commits[1..]).await;
    world
        .projector()
        .project(vec![Doorbell { commit: Some(commits[1].clone()), ..bare(&note(1), 2) }])
        .await;
    world.rebuild().build(1, &Progress::default()).await.unwrap();
    assert_eq!(world.live_of(2).await, world.live().await);
}
