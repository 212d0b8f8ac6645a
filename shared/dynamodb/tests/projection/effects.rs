//! Effects outside: never twice, and never silently lost, whatever dies when.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headwater_dynamodb::{
    AfterFailure, Carried, EffectId, Effects, Lease, MOST_TRIES, NotDone, Settlement, Waiting,
    WhyWaiting,
};
use jiff::{SignedDuration, Timestamp};
use tokio::runtime::Runtime;

use crate::support::{Tap, World, text};
use crate::toy::note;

const LONG: Duration = Duration::from_secs(600);

fn effects(world: &World, tap: &Tap) -> Effects {
    Effects::new(world.store(tap), "effects", "mail")
}

fn mail(number: u64) -> EffectId {
    EffectId { stream: note(1), number }
}

/// The effects that wait for a person, as `stream#number`.
async fn waiting(world: &World) -> Vec<String> {
    let items = world.items("effects").await;
    let waiting = items.iter().filter(|item| text(item, "pk") == "waiting/mail");
    waiting.map(|item| format!("{} {}", text(item, "sk"), text(item, "s"))).collect()
}

/// What is listed of a mail, since when `as_long_as` is.
fn waits(
    number: u64,
    why: WhyWaiting,
    tries: u32,
    error: Option<&str>,
    as_long_as: &Waiting,
) -> Waiting {
    Waiting {
        effect: mail(number),
        why,
        tries,
        error: error.map(str::to_owned),
        since: as_long_as.since,
    }
}

const WAITS_AS_UNKNOWN: &str = "acme/toy/notes/1#00000000000000000001 unknown";

#[tokio::test]
async fn what_was_done_is_never_done_again() {
    let (world, tap) = (World::new().await, Tap::default());
    let mails = effects(&world, &tap);
    let Lease::Granted(granted) = mails.lease(mail(1), LONG).await.unwrap() else {
        panic!("nobody had tried")
    };
    assert_eq!(tap.take_calls(), ["PutItem"]);
    assert_eq!(mails.lease(mail(1), LONG).await.unwrap(), Lease::Busy, "somebody is at it");
    tap.take_calls();
    mails.done(&granted).await.unwrap();
    assert_eq!(tap.take_calls(), ["PutItem"]);
    for _ in 0..3 {
        assert_eq!(mails.lease(mail(1), LONG).await.unwrap(), Lease::Done);
    }
    assert!(
        matches!(mails.lease(mail(2), LONG).await.unwrap(), Lease::Granted(_)),
        "each event has its own"
    );
    assert_eq!(waiting(&world).await, [""; 0]);
}

#[tokio::test]
async fn what_surely_failed_is_tried_again_and_then_waits_for_a_person() {
    let world = World::new().await;
    let mails = effects(&world, &Tap::default());
    for tries in 1..=MOST_TRIES {
        let Lease::Granted(granted) = mails.lease(mail(1), LONG).await.unwrap() else {
            panic!("try {tries}")
        };
        let (pause, expected) = if tries < MOST_TRIES {
            (Duration::ZERO, AfterFailure::TryAgain)
        } else {
            (LONG, AfterFailure::Waiting)
        };
        assert_eq!(mails.failed(&granted, "refused", pause).await.unwrap(), expected);
    }
    assert_eq!(mails.lease(mail(1), LONG).await.unwrap(), Lease::Waiting);
    assert_eq!(waiting(&world).await, ["acme/toy/notes/1#00000000000000000001 parked"]);
    let parked = mails.waiting_one(&mail(1)).await.unwrap().unwrap();
    assert!(parked.since.is_some());
    assert_eq!(parked, waits(1, WhyWaiting::Failed, MOST_TRIES, Some("refused"), &parked));
    // What was seen is what is settled: since another time it is another wait.
    let since = parked.since.unwrap();
    let before = since - SignedDuration::from_millis(1);
    for settlement in [Settlement::TryAgain, Settlement::Done] {
        assert!(!mails.settle_since(&mail(1), before, settlement).await.unwrap());
    }
    assert_eq!(mails.waiting_one(&mail(1)).await.unwrap().as_ref(), Some(&parked));
    assert!(mails.settle_since(&mail(1), since, Settlement::TryAgain).await.unwrap());
    // The record that leads to the next try may be lost: until then it is listed, and may be asked
    // for again.
    assert_eq!(waiting(&world).await, ["acme/toy/notes/1#00000000000000000001 failed"]);
    let asked_for = mails.waiting(Some("acme"), None, 9).await.unwrap();
    assert_eq!(asked_for, [waits(1, WhyWaiting::AskedFor, 0, Some("refused"), &parked)]);
    assert!(mails.settle(&mail(1), Settlement::TryAgain).await.unwrap());
    // At once, and as often as before.
    let Lease::Granted(granted) = mails.lease(mail(1), LONG).await.unwrap() else {
        panic!("settled")
    };
    assert_eq!(waiting(&world).await, [""; 0]);
    assert_eq!(
        mails.failed(&granted, "refused", Duration::ZERO).await.unwrap(),
        AfterFailure::TryAgain
    );
    let Lease::Granted(granted) = mails.lease(mail(1), LONG).await.unwrap() else {
        panic!("it had failed")
    };
    mails.done(&granted).await.unwrap();
    assert!(
        !mails.settle(&mail(1), Settlement::TryAgain).await.unwrap(),
        "it does not wait any more"
    );
    assert_eq!(mails.lease(mail(1), LONG).await.unwrap(), Lease::Done);
}

#[tokio::test]
async fn a_damaged_count_of_tries_ends_in_waiting() {
    let world = World::new().await;
    let mails = effects(&world, &Tap::default());
    let Lease::Granted(granted) = mails.lease(mail(1), LONG).await.unwrap() else {
        panic!("nobody had tried")
    };
    mails.failed(&granted, "refused", Duration::ZERO).await.unwrap();
    world
        .damage("effects", ("mail/acme/toy/notes/1", "00000000000000000001"), ("n", u32::MAX))
        .await;
    let Lease::Granted(again) = mails.lease(mail(1), LONG).await.unwrap() else {
        panic!("it had failed")
    };
    assert_eq!(
        mails.failed(&again, "refused", Duration::ZERO).await.unwrap(),
        AfterFailure::Waiting
    );
}

#[tokio::test]
async fn what_failed_just_now_is_left_alone_however_often_its_record_comes() {
    let world = World::new().await;
    let mails = effects(&world, &Tap::default());
    let Lease::Granted(granted) = mails.lease(mail(1), LONG).await.unwrap() else {
        panic!("nobody had tried")
    };
    mails.failed(&granted, "refused", LONG).await.unwrap();
    for _ in 0..2 * MOST_TRIES {
        assert_eq!(mails.lease(mail(1), LONG).await.unwrap(), Lease::Busy);
    }
    assert_eq!(waiting(&world).await, [""; 0]);
}

#[tokio::test]
async fn what_fails_again_is_left_alone_for_twice_as_long() {
    // The machine's clock can be set while a test runs.
    let (world, now) = (World::new().await, Timestamp::UNIX_EPOCH);
    let mails = effects(&world, &Tap::default()).at(now);
    // After the first time there is no pause, or there would be no second one.
    for pause in [Duration::ZERO, LONG] {
        let Lease::Granted(granted) = mails.lease(mail(1), LONG).await.unwrap() else {
            panic!("nobody is at it")
        };
        mails.failed(&granted, "refused", pause).await.unwrap();
    }
    let until: u128 = world.items("effects").await[0]["u"].as_n().unwrap().parse().unwrap();
    let twice = 2 * LONG.as_millis();
    assert!((twice..twice + LONG.as_millis()).contains(&until), "{until}");
}

#[tokio::test]
async fn a_lease_whose_reply_is_lost_is_granted_all_the_same() {
    let world = World::new().await;
    // The first one, and after a failure the next.
    for tries in 1..=2 {
        let lost = AtomicBool::new(false);
        let lose = move |operation: &str| operation == "PutItem" && !lost.swap(true, SeqCst);
        let tap = Tap::answering(
            move |operation, _| if lose(operation) { Err("lost".into()) } else { Ok(()) },
        );
        let Lease::Granted(granted) = effects(&world, &tap).lease(mail(1), LONG).await.unwrap()
        else {
            panic!("try {tries}")
        };
        assert!(tap.take_calls().iter().filter(|call| *call == "PutItem").count() > 1);
        effects(&world, &Tap::default()).failed(&granted, "refused", Duration::ZERO).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_try_again_at_once_one_is_granted_the_lease() {
    let world = World::new().await;
    let mails = effects(&world, &Tap::default());
    let Lease::Granted(granted) = mails.lease(mail(1), LONG).await.unwrap() else {
        panic!("nobody had tried")
    };
    mails.failed(&granted, "refused", Duration::ZERO).await.unwrap();
    // When the one has found that it failed, and asks for the lease, the other has got it.
    let other = mails.clone();
    let tap = Tap::refusing(move |calls, _| {
        let other = other.clone();
        let lease = move || Runtime::new().unwrap().block_on(other.lease(mail(1), LONG));
        if calls == 2 {
            assert!(matches!(std::thread::spawn(lease).join().unwrap(), Ok(Lease::Granted(_))));
        }
        false
    });
    assert_eq!(effects(&world, &tap).lease(mail(1), LONG).await.unwrap(), Lease::Busy);
    assert_eq!(tap.take_calls(), ["PutItem", "GetItem", "PutItem"]);
}

#[tokio::test]
async fn a_lease_that_ends_without_a_mark_is_unknown_and_not_tried_again() {
    let world = World::new().await;
    let mails = effects(&world, &Tap::default());
    let Lease::Granted(granted) = mails.lease(mail(1), Duration::ZERO).await.unwrap() else {
        panic!("nobody had tried")
    };
    for _ in 0..2 {
        assert_eq!(mails.lease(mail(1), Duration::ZERO).await.unwrap(), Lease::Waiting);
        assert_eq!(waiting(&world).await, [WAITS_AS_UNKNOWN]);
    }
    // Whoever had it was only slow, and knows.
    mails.done(&granted).await.unwrap();
    assert_eq!(mails.lease(mail(1), Duration::ZERO).await.unwrap(), Lease::Done);
    assert_eq!(waiting(&world).await, [""; 0]);
}

#[tokio::test]
async fn what_its_handler_does_not_know_waits_at_once() {
    let world = World::new().await;
    let mails = effects(&world, &Tap::default());
    let Lease::Granted(granted) = mails.lease(mail(1), LONG).await.unwrap() else {
        panic!("nobody had tried")
    };
    mails.unknown(&granted, "no reply").await.unwrap();
    assert_eq!(
        mails.lease(mail(1), LONG).await.unwrap(),
        Lease::Waiting,
        "although the lease is not over"
    );
    assert_eq!(waiting(&world).await, [WAITS_AS_UNKNOWN]);
    let errors: Vec<String> =
        world.items("effects").await.iter().map(|item| text(item, "e")).collect();
    assert_eq!(errors, ["no reply", "no reply"], "with the reason, in both places");
    assert!(mails.settle(&mail(1), Settlement::Done).await.unwrap());
    // Too late: it was settled in the meantime.
    mails.unknown(&granted, "no reply").await.unwrap();
    assert_eq!(mails.lease(mail(1), LONG).await.unwrap(), Lease::Done);
    assert_eq!(waiting(&world).await, [""; 0]);
}

#[tokio::test]
async fn a_person_settles_what_is_unknown() {
    let world = World::new().await;
    let mails = effects(&world, &Tap::default());
    for (number, settlement) in [(1, Settlement::Done), (2, Settlement::TryAgain)] {
        mails.lease(mail(number), Duration::ZERO).await.unwrap();
        assert_eq!(mails.lease(mail(number), Duration::ZERO).await.unwrap(), Lease::Waiting);
        assert!(mails.settle(&mail(number), settlement).await.unwrap());
    }
    assert!(!mails.settle(&mail(1), Settlement::TryAgain).await.unwrap(), "it is done for good");
    assert_eq!(mails.lease(mail(1), Duration::ZERO).await.unwrap(), Lease::Done);
    assert!(matches!(mails.lease(mail(2), Duration::ZERO).await.unwrap(), Lease::Granted(_)));
}

#[tokio::test]
async fn what_is_forgone_is_never_done_and_what_is_known_already_stays() {
    let world = World::new().await;
    let mails = effects(&world, &Tap::default());
    assert!(mails.forgo(&mail(1)).await.unwrap());
    assert_eq!(mails.lease(mail(1), LONG).await.unwrap(), Lease::Done);
    let Lease::Granted(granted) = mails.lease(mail(2), LONG).await.unwrap() else {
        panic!("nobody had tried")
    };
    mails.unknown(&granted, "no reply").await.unwrap();
    assert!(!mails.forgo(&mail(2)).await.unwrap());
    assert_eq!(
        mails.waiting_one(&mail(2)).await.unwrap().unwrap().error.as_deref(),
        Some("no reply")
    );
    assert_eq!(mails.waiting_one(&mail(1)).await.unwrap(), None);
}

#[tokio::test]
async fn a_tenants_person_sees_what_waits_in_order_and_page_by_page() {
    let world = World::new().await;
    let mails = effects(&world, &Tap::default());
    for number in [10, 9, 1] {
        mails.lease(mail(number), Duration::ZERO).await.unwrap();
        assert_eq!(mails.lease(mail(number), Duration::ZERO).await.unwrap(), Lease::Waiting);
    }
    let Lease::Granted(granted) = mails.lease(mail(11), Duration::ZERO).await.unwrap() else {
        panic!("nobody had tried")
    };
    mails.unknown(&granted, "no reply").await.unwrap();
    let page = async |after: Option<&EffectId>, limit| {
        let waiting = mails.waiting(Some("acme"), after, limit).await.unwrap();
        assert!(waiting.iter().all(|waiting| waiting.why == WhyWaiting::Unknown
            && waiting.tries == 1
            && waiting.since.is_some()));
        waiting
            .into_iter()
            .map(|waiting| (waiting.effect.number, waiting.error))
            .collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2).await, [(1, None), (9, None)]);
    assert_eq!(page(Some(&mail(9)), 9).await, [(10, None), (11, Some("no reply".to_owned()))]);
    assert_eq!(
        mails.waiting(Some("acm"), None, 9).await.unwrap(),
        [],
        "another tenant's are none of theirs"
    );
}

/// A handler as it should be, which counts what it sends.
async fn handle(
    mails: &Effects,
    sent: &Mutex<BTreeMap<u64, u32>>,
    lease: Duration,
    number: u64,
) -> Option<()> {
    if let Lease::Granted(granted) = mails.lease(mail(number), lease).await.ok()? {
        *sent.lock().unwrap().entry(number).or_default() += 1;
        mails.done(&granted).await.ok()?;
    }
    Some(())
}

#[tokio::test]
async fn a_handler_that_dies_at_any_step_sends_nothing_twice() {
    for alive in 0..4 {
        let (world, sent) = (World::new().await, Mutex::new(BTreeMap::new()));
        handle(&effects(&world, &Tap::dying_after(alive)), &sent, Duration::ZERO, 1).await;
        let next = effects(&world, &Tap::default());
        for _ in 0..3 {
            handle(&next, &sent, Duration::ZERO, 1).await.unwrap();
        }
        let times = sent.lock().unwrap().get(&1).copied().unwrap_or_default();
        assert_eq!(times, 1, "after {alive} calls");
        let is_unknown = alive == 1;
        assert_eq!(
            waiting(&world).await,
            if is_unknown { vec![WAITS_AS_UNKNOWN] } else { vec![] },
            "after {alive} calls"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_handlers_at_once_one_sends() {
    let (world, sent) = (World::new().await, Arc::new(Mutex::new(BTreeMap::new())));
    let handlers = (0..64).map(|i| {
        let (mails, sent) = (effects(&world, &Tap::default()), Arc::clone(&sent));
        tokio::spawn(async move { handle(&mails, &sent, LONG, i % 4).await.unwrap() })
    });
    futures::future::join_all(handlers).await.into_iter().for_each(|handled| handled.unwrap());
    assert_eq!(*sent.lock().unwrap(), BTreeMap::from([(0, 1), (1, 1), (2, 1), (3, 1)]));
}

#[tokio::test]
async fn what_became_of_an_effect_is_marked_and_decides_about_the_next_record() {
    let world = World::new().await;
    let mails = effects(&world, &Tap::default());
    let because = || "because".to_owned();
    for (number, became, carried, again) in [
        (1, Ok(()), Carried::Out, Carried::OutBefore),
        (2, Err(NotDone::Surely(because())), Carried::Later, Carried::Later),
        (3, Err(NotDone::Never(because())), Carried::Waiting, Carried::Waiting),
        (4, Err(NotDone::Unknown(because())), Carried::Waiting, Carried::Waiting),
    ] {
        let first = mails.carry_out(mail(number), LONG, LONG, async { became }).await.unwrap();
        let unasked = async { panic!("nobody may carry it out now") };
        let second = mails.carry_out(mail(number), LONG, LONG, unasked).await.unwrap();
        assert_eq!((first, second), (carried, again), "{number}");
    }
    let waiting = waiting(&world).await;
    assert_eq!(waiting.len(), 2);
    assert!(waiting[0].ends_with("3 parked") && waiting[1].ends_with("4 unknown"), "{waiting:?}");
}

/// Whose clock is slow leases for as long as by any other.
#[tokio::test]
async fn a_lease_ends_by_the_clock_that_the_handler_was_given() {
    let world = World::new().await;
    let at = |seconds: i64| {
        let now = Timestamp::from_second(seconds).unwrap();
        effects(&world, &Tap::default()).at(now)
    };
    assert!(matches!(at(1_000).lease(mail(1), LONG).await.unwrap(), Lease::Granted(_)));
    assert_eq!(at(1_500).lease(mail(1), LONG).await.unwrap(), Lease::Busy);
    assert_eq!(at(1_700).lease(mail(1), LONG).await.unwrap(), Lease::Waiting);
}
