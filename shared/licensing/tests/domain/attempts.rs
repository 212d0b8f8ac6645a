//! A request that is made again: the licence that it made, as long as its key counts.

use headwater::Aggregate;
use headwater_testkit::{Clock, given};
use jiff::{SignedDuration, Timestamp};
use licensing::*;

use crate::world::request;

fn now() -> Timestamp {
    Clock::default().now()
}

fn acquired(license_id: &str) -> CustomerEvent {
    CustomerEvent::LicenseAcquired {
        license_id: license_id.into(),
        title_id: "t".into(),
        studio_id: "s".into(),
        device_id: "d".into(),
        expires_at: now() + SignedDuration::from_hours(30 * 24),
        policy_version: 0,
    }
}

/// The request on its second day: what it made since then is its own.
fn attempt(since: Timestamp) -> AcquireLicense {
    let earlier = Some(EarlierLicense { license_id: "yesterday".into(), since });
    AcquireLicense {
        license_id: "today".into(),
        earlier,
        request: request("t", "s", "d"),
        policy: PolicyInForce::default(),
    }
}

#[test]
fn an_attempt_finds_what_it_made_the_day_before_and_nothing_older() {
    let new = |events: &[CustomerEvent], since| {
        let mut customer = Customer::default();
        events.iter().for_each(|event| customer.evolve(event, now()));
        attempt(since).made(&customer, now()).cloned()
    };
    let (yesterday, today) = (acquired("yesterday"), acquired("today"));
    let later = now() + SignedDuration::from_millis(1);
    assert_eq!(new(std::slice::from_ref(&yesterday), now()), Some("yesterday".into()));
    assert_eq!(new(std::slice::from_ref(&yesterday), later), None);
    assert_eq!(new(&[yesterday.clone(), today], later), Some("today".into()));
    assert_eq!(new(&[], now()), None);
    given([yesterday.clone()]).when(attempt(now())).then_nothing();
    given([yesterday]).when(attempt(later)).then([acquired("today")]).again_nothing();
}

/// Whatever became of it meanwhile.
#[test]
fn an_attempt_finds_a_released_license_too() {
    let released =
        CustomerEvent::LicenseReleased { license_id: "yesterday".into(), device_id: "d".into() };
    given([acquired("yesterday"), released]).when(attempt(now())).then_nothing();
}
