//! Which generation is read: switching to a new one, back, and dropping what is not read.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemOutput;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use headwater_dynamodb::{Generation, OneGeneration, Pace, Progress, RebuildError, Views};
use tokio::runtime::Runtime;

use crate::support::{AT_ONCE, Tap, World, all_notes, doorbells, list, text};
use crate::toy::{NOTES, album, captioned, history, labelled, note, titled};

/// A world in which generation 2 is built beside 1.
async fn built() -> World {
    built_of(30).await
}

/// One with so many notes.
async fn built_of(notes: u32) -> World {
    let notes = (1..=notes).flat_map(|id| {
        history(&note(id), &[vec![titled("ada")], vec![titled("bob"), labelled("red")]])
    });
    let commits: Vec<_> = notes.chain(history(&album(1), &[vec![captioned("1", "sea")]])).collect();
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits)).await;
    world.rebuild().build(3, &Progress::default()).await.unwrap();
    world
}

/// Whether the views table has any partition that begins so.
async fn has_any(world: &World, prefix: &str) -> bool {
    world.items("views").await.iter().any(|item| text(item, "pk").starts_with(prefix))
}

#[tokio::test]
async fn queries_read_the_generation_that_was_switched_to() {
    let world = built().await;
    let before = world.views();
    assert_eq!(before.generation().await.unwrap(), Generation(1));
    assert_eq!(world.rebuild().switch(false).await.unwrap().check.streams, 31);
    let after = world.views();
    assert_eq!(after.generation().await.unwrap(), Generation(2));

    let next = history(
        &note(1),
        &[vec![titled("ada")], vec![titled("bob"), labelled("red")], vec![titled("cid")]],
    );
    world.append(&next[2..]).await;
    for views in [&before, &after] {
        assert_eq!(
            views.get(&NOTES, &note(1), Some(4)).await.unwrap().unwrap().version,
            4,
            "a token is kept"
        );
    }
    world.projector().project(doorbells(&next[2..])).await;
    assert_eq!(before.generation().await.unwrap(), Generation(1), "it does not know yet");
    assert_eq!(list(&before, all_notes(7)).await, list(&after, all_notes(7)).await);
    assert_eq!(
        before.get(&NOTES, &note(1), None).await.unwrap().unwrap().version,
        4,
        "and reads fresh rows all the same"
    );
}

/// A tag that names one generation must not stand for rows of another, or a 304 could be wrong.
#[tokio::test]
async fn a_request_has_one_generation_from_first_to_last() {
    let world = built().await;
    let views = world.views();
    let request = views.of_one(&OneGeneration::default());
    assert!(request.get(&NOTES, &note(1), None).await.unwrap().is_some());
    world.rebuild().switch(false).await.unwrap();
    // What the process remembers is too old now.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();
    assert_eq!(views.generation().await.unwrap(), Generation(2));
    assert_eq!(request.generation().await.unwrap(), Generation(1));
    assert_eq!(views.of_one(&OneGeneration::default()).generation().await.unwrap(), Generation(2));
}

#[tokio::test]
async fn the_generation_before_can_be_switched_back_to() {
    let world = built().await;
    let rebuild = world.rebuild();
    assert!(matches!(rebuild.switch_back().await, Err(RebuildError::NoPrevious)));
    rebuild.switch(false).await.unwrap();
    for (read, previous) in [(1, 2), (2, 1)] {
        rebuild.switch_back().await.unwrap();
        let pointer = rebuild.pointer().await.unwrap();
        assert_eq!(
            (pointer.generation, pointer.previous),
            (Generation(read), Some(Generation(previous)))
        );
        assert_eq!(list(&world.views(), all_notes(50)).await.len(), 30);
    }
    assert!(
        matches!(rebuild.switch(false).await, Err(RebuildError::NotBuilt { .. })),
        "there is none to switch to"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_switch_at_once_the_later_is_told() {
    let world = built_of(2).await;
    world.rebuild().switch(false).await.unwrap();
    let other = Mutex::new(Some(world.rebuild()));
    // Between its look at the pointer and its change another makes one.
    let tap = Tap::refusing(move |_, input| {
        if input.contains("PutItemInput")
            && let Some(other) = other.lock().unwrap().take()
        {
            let switch_back = move || Runtime::new().unwrap().block_on(other.switch_back());
            std::thread::spawn(switch_back).join().unwrap().unwrap();
        }
        false
    });
    let outcome = world.rebuild_through(&tap).switch_back().await;
    assert!(matches!(outcome, Err(RebuildError::Raced)), "{outcome:?}");
    assert_eq!(
        world.views().generation().await.unwrap(),
        Generation(1),
        "it was switched back once"
    );
}

/// A comparison says nothing about what was built meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_compared_is_switched_to() {
    let world = built_of(2).await;
    let others = Mutex::new(Some([world.rebuild(), world.rebuild()]));
    // While it compares, others drop what it compares, and build again.
    let tap = Tap::refusing(move |_, input| {
        if input.contains("ScanInput")
            && let Some([dropping, building]) = others.lock().unwrap().take()
        {
            let anew = async move {
                dropping.discard().await.unwrap();
                building.build(1, &Progress::default()).await.unwrap();
            };
            std::thread::spawn(move || Runtime::new().unwrap().block_on(anew)).join().unwrap();
        }
        false
    });
    let outcome = world.rebuild_through(&tap).switch(true).await;
    let overtaken = |outcome: &_| {
        matches!(
            outcome,
            Err(RebuildError::Overtaken { compared: Generation(2), read: Generation(1) })
        )
    };
    assert!(overtaken(&outcome), "{outcome:?}");
    let pointer = world.rebuild().pointer().await.unwrap();
    assert_eq!(
        (pointer.generation, pointer.building.map(|built| built.generation)),
        (Generation(1), Some(Generation(3)))
    );

    let switched = world.rebuild().switch(false).await.unwrap();
    assert_eq!(
        (switched.read, switched.previous, switched.check.streams),
        (Generation(3), Generation(1), 3)
    );
    let again = world.rebuild().switch(false).await;
    assert!(matches!(again, Err(RebuildError::NotBuilt { read: Generation(3) })), "{again:?}");
}

/// Who compares for long may find that somebody else has switched to the same meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_another_has_made_is_not_made_twice() {
    let world = built_of(2).await;
    let other = Mutex::new(Some(world.rebuild()));
    let tap = Tap::refusing(move |_, input| {
        if input.contains("ScanInput")
            && let Some(other) = other.lock().unwrap().take()
        {
            std::thread::spawn(move || Runtime::new().unwrap().block_on(other.switch(false)))
                .join()
                .unwrap()
                .unwrap();
        }
        false
    });
    let outcome = world.rebuild_through(&tap).switch(false).await;
    let told = |outcome: &_| {
        matches!(
            outcome,
            Err(RebuildError::Overtaken { compared: Generation(2), read: Generation(2) })
        )
    };
    assert!(told(&outcome), "{outcome:?}");
    let pointer = world.rebuild().pointer().await.unwrap();
    assert_eq!((pointer.generation, pointer.previous), (Generation(2), Some(Generation(1))));
}

#[tokio::test]
async fn a_switch_whose_reply_is_lost_is_known_for_ones_own() {
    let world = built_of(2).await;
    world.rebuild().switch(false).await.unwrap();
    let lost = AtomicBool::new(false);
    let lose = move |operation: &str| operation == "PutItem" && !lost.swap(true, SeqCst);
    let tap = Tap::answering(
        move |operation, _| if lose(operation) { Err("lost".into()) } else { Ok(()) },
    );
    world.rebuild_through(&tap).switch_back().await.unwrap();
    assert_eq!(
        tap.take_calls(),
        ["GetItem", "PutItem", "PutItem"],
        "the refusal brings what stands there"
    );
    assert_eq!(
        world.views().generation().await.unwrap(),
        Generation(1),
        "it was switched back once"
    );
}

#[tokio::test]
async fn another_domains_generations_are_its_own() {
    let world = built_of(2).await;
    world.rebuild().switch(false).await.unwrap();
    let elsewhere = Views::new(world.store(&Tap::default()), "views", "other");
    assert_eq!(elsewhere.generation().await.unwrap(), Generation(1));
}

#[tokio::test]
async fn dropping_deletes_the_rows_of_that_generation_alone() {
    let world = built().await;
    let rebuild = world.rebuild();
    rebuild.switch(false).await.unwrap();
    // Another domain's generation 1, and another's name that begins alike.
    for pk in ["g1/acme/other/notes/1", "g1/acme/toys/notes/1", "g11/acme/toy/notes/1"] {
        world.put("views", (pk, "row"), ("v", 1)).await;
    }
    let kept = |pk: &str| !pk.starts_with("g1/acme/toy/");
    let before: Vec<_> = world
        .items("views")
        .await
        .into_iter()
        .filter(|item| text(item, "sk") != "active")
        .collect();
    let (expected, dropped): (Vec<_>, Vec<_>) =
        before.into_iter().partition(|item| kept(&text(item, "pk")));
    assert_eq!(rebuild.discard().await.unwrap(), (Generation(1), dropped.len() as u64));
    let left: Vec<_> = world
        .items("views")
        .await
        .into_iter()
        .filter(|item| text(item, "sk") != "active")
        .collect();
    let keys = |items: &[headwater_dynamodb::Item]| {
        items.iter().map(|item| (text(item, "pk"), text(item, "sk"))).collect::<BTreeSet<_>>()
    };
    assert_eq!(keys(&left), keys(&expected));
    assert!(dropped.len() > 50, "more than a batch or two: {}", dropped.len());

    let pointer = rebuild.pointer().await.unwrap();
    assert_eq!(
        (pointer.generation, pointer.beside().count(), pointer.dropping),
        (Generation(2), 0, None)
    );
    assert!(matches!(rebuild.discard().await, Err(RebuildError::NothingToDrop)));
    assert!(matches!(rebuild.switch_back().await, Err(RebuildError::NoPrevious)));
}

#[tokio::test]
async fn deletes_that_an_answer_leaves_out_are_asked_for_again() {
    let world = built_of(2).await;
    world.put("views", ("left-out", "row"), ("v", 1)).await;
    let left_out = AtomicBool::new(false);
    let tap = Tap::answering(move |_, output| {
        if let Some(output) = output.downcast_mut::<BatchWriteItemOutput>()
            && !left_out.swap(true, SeqCst)
        {
            let text = |text: &str| AttributeValue::S(text.to_owned());
            let delete = DeleteRequest::builder()
                .key("pk", text("left-out"))
                .key("sk", text("row"))
                .build()?;
            let left = vec![WriteRequest::builder().delete_request(delete).build()];
            output.unprocessed_items = Some(HashMap::from([("views".to_owned(), left)]));
        }
        Ok(())
    });
    world.rebuild_through(&tap).discard().await.unwrap();
    assert!(!has_any(&world, "left-out").await);
}

/// When the one has deleted all and is about to say so, the other has done that and begun the next
/// generation.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_drop_a_generation_both_are_told_that_it_is_gone() {
    let world = built_of(2).await;
    let other = Mutex::new((0, world.rebuild()));
    let tap = Tap::refusing(move |_, input| {
        let (puts, other) = &mut *other.lock().unwrap();
        *puts += usize::from(input.contains("PutItemInput"));
        if input.contains("PutItemInput") && *puts == 2 {
            let go_on = async {
                assert_eq!(other.discard().await.unwrap(), (Generation(2), 0));
                assert_eq!(other.build(2, &Progress::default()).await.unwrap(), Generation(3));
            };
            std::thread::scope(|scope| {
                scope.spawn(|| Runtime::new().unwrap().block_on(go_on)).join()
            })
            .unwrap();
        }
        false
    });
    let (generation, deleted) = world.rebuild_through(&tap).discard().await.unwrap();
    assert!(generation == Generation(2) && deleted > 0);
    assert_eq!(
        world.rebuild().pointer().await.unwrap().building.unwrap().generation,
        Generation(3)
    );
}

/// Rows may be large, and of most of them little counts here; and other domains' events count for
/// nothing.
#[tokio::test]
async fn what_is_not_looked_at_does_not_cross_the_wire() {
    let world = built_of(2).await;
    let is_narrow = |scan: &str| {
        scan.contains("projection_expression: Some(") && scan.contains("filter_expression: Some(")
    };
    let tap = Tap::refusing(move |_, input| input.contains("ScanInput") && !is_narrow(input));
    let rebuild = world.rebuild_through(&tap);
    assert_eq!(rebuild.check().await.unwrap().streams, 3);
    rebuild.discard().await.unwrap();
    rebuild.build(1, &Progress::default()).await.unwrap();
}

#[tokio::test]
async fn what_was_built_in_part_can_be_dropped_and_its_number_is_not_used_again() {
    let world = built().await;
    assert_eq!(world.rebuild().discard().await.unwrap().0, Generation(2));
    assert!(
        world.items("views").await.iter().all(|item| !text(item, "sk").contains("segment")),
        "its marks are gone too"
    );
    // One that dies in the middle.
    world.rebuild_through(&Tap::dying_after(100)).build(2, &Progress::default()).await.unwrap_err();
    assert!(has_any(&world, "g3/").await);
    assert_eq!(world.rebuild().discard().await.unwrap().0, Generation(3));
    assert!(!has_any(&world, "g3/").await);
    assert_eq!(world.rebuild().build(2, &Progress::default()).await.unwrap(), Generation(4));
    assert_eq!(world.live_of(4).await, world.live().await);
}

#[tokio::test]
async fn a_drop_that_dies_between_any_two_steps_is_gone_on_with() {
    let (world, tap) = (built_of(2).await, Tap::default());
    world.rebuild_through(&tap).discard().await.unwrap();
    let calls = tap.take_calls().len();
    assert!(calls > 70, "{calls}");
    // In between it reads one segment like the other.
    for alive in (0..calls).filter(|alive| *alive < 12 || *alive > calls - 12) {
        let world = built_of(2).await;
        let read = world.live().await;
        world.rebuild_through(&Tap::dying_after(alive)).discard().await.unwrap_err();
        if let Some(dropping) = world.rebuild().pointer().await.unwrap().dropping {
            let refused = world.rebuild().build(2, &Progress::default()).await;
            assert!(
                matches!(
                    refused,
                    Err(RebuildError::InTheWay(generation)) if generation == dropping,
                ),
                "after {alive} calls"
            );
        }
        // Its last call may have been the one that says that all is done.
        match world.rebuild().discard().await {
            Ok((generation, _)) => assert_eq!(generation, Generation(2)),
            Err(error) => assert!(
                alive == calls - 1 && matches!(error, RebuildError::NothingToDrop),
                "{error} after {alive} calls"
            ),
        }
        assert_eq!(world.live().await, read, "after {alive} calls");
        assert!(
            world
                .items("views")
                .await
                .iter()
                .all(|item| text(item, "pk").starts_with("g1/") || text(item, "sk") == "active")
        );
    }
}

/// Another process, on another day, need not wait for what all know by now.
#[tokio::test]
async fn a_step_waits_only_for_what_is_left() {
    let world = built_of(2).await;
    let hour = Pace { settle: Duration::from_secs(3_600), ..AT_ONCE };
    let begun = world.rebuild().pointer().await.unwrap().since;
    let steps = async {
        // Each has a clock two hours ahead of the one before.
        assert_eq!(world.rebuild().at_pace(hour).check().await.unwrap().lacking, 0);
        world.rebuild().at_pace(hour).switch(false).await.unwrap();
        assert!(
            world.rebuild().pointer().await.unwrap().since > begun,
            "whoever drops a generation waits from the switch on"
        );
    };
    tokio::time::timeout(Duration::from_secs(60), steps).await.unwrap();

    // It has given the generation up just now, so it deletes nothing yet.
    let discarding = world.rebuild().at_pace(hour);
    let looking = async {
        while world.rebuild().pointer().await.unwrap().dropping.is_none() {}
        for _ in 0..20 {
            world.items("views").await;
        }
    };
    tokio::select! {
        dropped = discarding.discard() => panic!("it should wait: {dropped:?}"),
        () = looking => {}
    }
    assert!(has_any(&world, "g1/").await);
}

#[tokio::test]
async fn a_second_generation_is_not_begun_before_the_first_is_gone() {
    let world = built().await;
    let rebuild = world.rebuild();
    rebuild.switch(false).await.unwrap();
    let refused = rebuild.build(2, &Progress::default()).await;
    assert!(matches!(refused, Err(RebuildError::InTheWay(Generation(1)))), "{refused:?}");
    assert_eq!(rebuild.pointer().await.unwrap().last, Generation(2));
}
