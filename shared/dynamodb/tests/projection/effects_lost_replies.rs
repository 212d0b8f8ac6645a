//! Effects outside, where replies are lost: from each state, at whichever step, an effect ends
//! carried out or listed.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use futures::{StreamExt, stream};
use headwater_dynamodb::{
    AfterFailure, EffectId, Effects, Lease, Settlement, StoreError, WhyWaiting,
};

use crate::support::{Tap, World};
use crate::toy::note;

/// How far an effect has got before.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Before {
    Nothing,
    LeaseOver,
    Failed,
    AskedFor,
    Parked,
    Unknown,
    Done,
}

/// What becomes of it when it is carried out.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Sent,
    NotSent,
    NeverSent,
    Unknown,
}

/// Which replies of a handler's calls are lost, counted from 0.
#[derive(Clone, Copy, Debug)]
enum Lost {
    Only(usize),
    From(usize),
}

const BEFORE: [Before; 7] = [
    Before::Nothing,
    Before::LeaseOver,
    Before::Failed,
    Before::AskedFor,
    Before::Parked,
    Before::Unknown,
    Before::Done,
];
const OUTCOMES: [Outcome; 4] =
    [Outcome::Sent, Outcome::NotSent, Outcome::NeverSent, Outcome::Unknown];

/// More calls than a handler makes, repetitions aside.
const MOST_CALLS: usize = 5;

/// How many cases run at a time. Each has its time, and the machine may be busy.
const AT_ONCE: usize = 8;

fn losses() -> impl Iterator<Item = Lost> {
    (0..MOST_CALLS).flat_map(|call| [Lost::Only(call), Lost::From(call)])
}

/// Effects whose process gives up soon.
fn effects(world: &World, lost: Option<Lost>) -> Effects {
    let replies = AtomicUsize::new(0);
    let tap = Tap::answering(move |_, _| {
        let reply = replies.fetch_add(1, SeqCst);
        let is_lost = match lost {
            None => false,
            Some(Lost::Only(call)) => reply == call,
            Some(Lost::From(call)) => reply >= call,
        };
        if is_lost { Err("lost".into()) } else { Ok(()) }
    });
    let patience =
        if lost.is_some() { Duration::from_millis(600) } else { Duration::from_secs(60) };
    Effects::new(world.store(&tap).patient(patience), "effects", "mail")
}

/// What a handler does with a record; whether the record has to come again.
async fn handle(
    mails: &Effects,
    mail: &EffectId,
    outcome: Outcome,
    sent: &AtomicU32,
) -> Result<bool, StoreError> {
    let granted = match mails.lease(mail.clone(), Duration::ZERO).await? {
        Lease::Granted(granted) => granted,
        Lease::Done | Lease::Waiting => return Ok(false),
        Lease::Busy => return Ok(true),
    };
    let after = match outcome {
        Outcome::Sent => {
            sent.fetch_add(1, SeqCst);
            mails.done(&granted).await?;
            return Ok(false);
        }
        Outcome::NotSent => mails.failed(&granted, "refused", Duration::ZERO).await?,
        Outcome::NeverSent => mails.refused(&granted, "no address").await?,
        Outcome::Unknown => mails.unknown(&granted, "no reply").await?,
    };
    Ok(after == AfterFailure::TryAgain)
}

/// Brings an effect to a state, all replies being heard.
async fn bring_to(before: Before, mails: &Effects, mail: &EffectId, sent: &AtomicU32) {
    let lease = async || match mails.lease(mail.clone(), Duration::ZERO).await.unwrap() {
        Lease::Granted(granted) => granted,
        lease => panic!("{lease:?}"),
    };
    match before {
        Before::Nothing => {}
        Before::LeaseOver => drop(lease().await),
        Before::Failed => assert_eq!(
            mails.failed(&lease().await, "busy", Duration::ZERO).await.unwrap(),
            AfterFailure::TryAgain
        ),
        Before::Parked => assert_eq!(
            mails.refused(&lease().await, "no address").await.unwrap(),
            AfterFailure::Waiting
        ),
        Before::Unknown => assert_eq!(
            mails.unknown(&lease().await, "no reply").await.unwrap(),
            AfterFailure::Waiting
        ),
        Before::AskedFor => {
            mails.refused(&lease().await, "no address").await.unwrap();
            assert!(mails.settle(mail, Settlement::TryAgain).await.unwrap());
        }
        Before::Done => {
            sent.fetch_add(1, SeqCst);
            mails.done(&lease().await).await.unwrap();
        }
    }
}

#[tokio::test]
async fn from_each_state_whatever_reply_is_lost_an_effect_ends_sent_or_listed() {
    let world = World::new().await;
    let mut number = 0;
    let cases = BEFORE.iter().flat_map(|before| {
        OUTCOMES.iter().flat_map(move |outcome| losses().map(move |lost| (*before, *outcome, lost)))
    });
    let runs = cases.map(|case| {
        number += 1;
        ends_sent_or_listed(&world, EffectId { stream: note(1), number }, case)
    });
    stream::iter(runs.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

async fn ends_sent_or_listed(world: &World, mail: EffectId, case: (Before, Outcome, Lost)) {
    let (before, outcome, lost) = case;
    let (healthy, sent) = (effects(world, None), AtomicU32::new(0));
    bring_to(before, &healthy, &mail, &sent).await;
    let mut comes_again =
        handle(&effects(world, Some(lost)), &mail, outcome, &sent).await.unwrap_or(true);
    for _ in 0..3 {
        if comes_again {
            comes_again = handle(&healthy, &mail, Outcome::Sent, &sent).await.unwrap();
        }
    }
    assert!(!comes_again, "{case:?}: its record comes for ever");
    let (sent, listed) = (sent.load(SeqCst), healthy.waiting_one(&mail).await.unwrap());
    let is_done = healthy.lease(mail.clone(), Duration::ZERO).await.unwrap() == Lease::Done;
    assert!(
        is_done && sent == 1 || listed.is_some() && !is_done,
        "{case:?}: sent {sent} times, {listed:?}"
    );
    assert!(sent <= 1, "{case:?}: sent {sent} times");
    let in_list = healthy.waiting(Some("acme"), None, 1_000).await.unwrap();
    assert_eq!(
        in_list.into_iter().find(|waiting| waiting.effect == mail),
        listed,
        "{case:?}: the list says the same"
    );
}

#[tokio::test]
async fn what_a_person_asks_for_is_listed_until_it_is_tried_whatever_reply_is_lost() {
    let world = World::new().await;
    let mut number = 0;
    let cases = [Before::Parked, Before::Unknown, Before::AskedFor]
        .into_iter()
        .flat_map(|before| losses().map(move |lost| (before, lost)));
    let runs = cases.map(|(before, lost)| {
        number += 1;
        let mail = EffectId { stream: note(1), number };
        let world = &world;
        async move {
            let (healthy, sent) = (effects(world, None), AtomicU32::new(0));
            bring_to(before, &healthy, &mail, &sent).await;
            // Whoever settles it dies before any record of it is put.
            let settled = effects(world, Some(lost)).settle(&mail, Settlement::TryAgain).await;
            let listed = healthy
                .waiting_one(&mail)
                .await
                .unwrap()
                .unwrap_or_else(|| panic!("{before:?}, {lost:?}: it is in no list"));
            assert!(
                settled.is_err() || listed.why == WhyWaiting::AskedFor,
                "{before:?}, {lost:?}: {listed:?}"
            );
            assert!(
                healthy.settle(&mail, Settlement::TryAgain).await.unwrap(),
                "it may be asked for again"
            );
            assert!(!handle(&healthy, &mail, Outcome::Sent, &sent).await.unwrap());
            assert_eq!(
                (sent.load(SeqCst), healthy.waiting_one(&mail).await.unwrap()),
                (1, None),
                "{before:?}, {lost:?}"
            );
        }
    });
    stream::iter(runs.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}
