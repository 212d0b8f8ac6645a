use headwater::Row;
use headwater_testkit::{assert_converges, commits, deliveries, given};
use proptest::prelude::*;

use super::*;
use crate::PlaybackRow;

fn session(id: &str, kind: Kind, second: i64) -> Session {
    Session { event_id: id.into(), kind, at: at(second) }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + second).unwrap()
}

fn many(ids: std::ops::Range<usize>) -> Vec<Session> {
    ids.map(|id| session(&id.to_string(), Kind::Keepalive, 0)).collect()
}

fn record(events: Vec<Session>) -> RecordPlayback {
    RecordPlayback { events }
}

fn recorded(events: Vec<Session>) -> PlaybackEvent {
    PlaybackEvent::PlaybackRecorded { events }
}

#[test]
fn each_event_is_counted_once() {
    let (start, stop) = (session("1", Kind::Start, 0), session("2", Kind::Stop, 9));
    given([])
        .when(record(vec![stop.clone(), start.clone()]))
        .then([recorded(vec![stop.clone(), start.clone()])])
        .again_nothing();
    let twice = vec![start.clone(), start.clone(), session("1", Kind::Pause, 5)];
    given([]).when(record(twice)).then([recorded(vec![start.clone()])]);
    given([recorded(vec![start.clone()])])
        .when(record(vec![start.clone(), stop.clone()]))
        .then([recorded(vec![stop])]);
    given([recorded(vec![start.clone()])]).when(record(vec![start])).then_nothing();
}

#[test]
fn a_device_can_have_played_since_1970() {
    let report = |at: &str| {
        serde_json::from_value::<Session>(
            serde_json::json!({ "eventId": "1", "kind": "START", "at": at }),
        )
    };
    for good in ["1970-01-01T00:00:00Z", "2026-11-27T10:00:00+14:00"] {
        assert!(report(good).unwrap().validate().is_ok(), "{good}");
    }
    for bad in [
        "-009999-01-02T02:00:00Z",
        "-000001-06-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999Z",
    ] {
        let report = report(bad).unwrap().validate().unwrap_err().to_string();
        assert!(report.starts_with("at: must not be before 1970"), "{report}");
    }
}

#[test]
fn thousands_come_in_one_report() {
    given([recorded(many(0..2_500))])
        .when(record(many(0..MOST_AT_ONCE)))
        .then([recorded(many(2_500..MOST_AT_ONCE))])
        .again_nothing();
}

#[test]
fn what_would_be_too_many_is_refused_whole() {
    let full = || given([recorded(many(0..MOST_EVENTS))]);
    full().when(record(many(0..MOST_AT_ONCE))).then_nothing();
    full().when(record(many(MOST_EVENTS - 1..MOST_EVENTS + 1))).then_rejected(&PLAYBACK_LIMIT);
    given([recorded(many(1..MOST_EVENTS))]).when(record(many(0..2))).then([recorded(many(0..1))]);
    let mut playback = Playback::default();
    playback.evolve(&recorded(many(1..MOST_EVENTS)), at(0));
    let context = Context {
        now: at(0),
        id: String::new(),
        fresh_id: uuid::Uuid::nil(),
        actor: String::new(),
    };
    let Err(Rejection::Refused { members, .. }) =
        record(many(MOST_EVENTS..MOST_EVENTS + 2)).decide(&playback, &context)
    else {
        panic!("it is refused")
    };
    assert_eq!(
        (&members["limit"], &members["count"]),
        (&MOST_EVENTS.into(), &(MOST_EVENTS - 1).into())
    );
}

/// Where what is checked is at fault.
fn pointers(events: &[Session], ends_at: Timestamp, now: Timestamp) -> Vec<String> {
    check(events, ends_at, now).into_iter().map(|(pointer, _)| pointer).collect()
}

#[test]
fn playback_is_reported_until_30_days_after_the_licences_end() {
    let (end, millisecond) = (at(0), SignedDuration::from_millis(1));
    let events = [session("1", Kind::Start, -60)];
    assert_eq!(pointers(&events, end, end + KEPT), [""; 0]);
    assert_eq!(pointers(&events, end, end + KEPT + millisecond), [""]);
    assert_eq!(
        pointers(&events, end, end - KEPT),
        ["/0/at"],
        "while the licence is live, a clock is a day ahead at most"
    );
}

#[test]
fn playback_happened_before_that_and_not_in_the_future() {
    let (end, now, millisecond) = (at(0), at(60), SignedDuration::from_millis(1));
    let event = |at: Timestamp| Session { at, ..session("1", Kind::Start, 0) };
    let events = [
        event(now),
        event(now + AHEAD),
        event(now + AHEAD + millisecond),
        event(Timestamp::MIN),
        event(Timestamp::MAX),
    ];
    assert_eq!(pointers(&events, end, now), ["/2/at", "/4/at"]);
    let late = end + KEPT - millisecond;
    assert_eq!(
        pointers(&[event(end + KEPT), event(end + KEPT + millisecond)], end, late),
        ["/1/at"]
    );
    assert_eq!(
        pointers(&[event(now)], Timestamp::MAX, now),
        [""; 0],
        "an end as late as can be is no overflow"
    );
}

fn reports() -> impl Strategy<Value = Vec<Vec<Session>>> {
    let kind = prop::sample::select(vec![
        Kind::Start,
        Kind::Pause,
        Kind::Resume,
        Kind::Keepalive,
        Kind::Stop,
    ]);
    let session = (0..20_u8, kind, 0..100_i64)
        .prop_map(|(id, kind, second)| session(&id.to_string(), kind, second));
    prop::collection::vec(prop::collection::vec(session, 1..10), 0..8)
}

/// The events that follow from these reports, one after another.
fn run(reports: &[Vec<Session>]) -> Vec<Vec<PlaybackEvent>> {
    let mut playback = Playback::default();
    let context = Context {
        now: at(0),
        id: String::new(),
        fresh_id: uuid::Uuid::nil(),
        actor: String::new(),
    };
    let decided = reports.iter().map(|report| {
        let events = record(report.clone()).decide(&playback, &context).unwrap();
        events.iter().for_each(|event| playback.evolve(event, at(0)));
        events
    });
    decided.filter(|events| !events.is_empty()).collect()
}

proptest! {
    #[test]
    fn however_reports_come_each_id_is_counted_once(
        reports in reports(),
        deliveries in deliveries(),
    ) {
        let stream = stream("acme", "7", "1").unwrap();
        let commits = commits(&stream, run(&reports));
        let ids: std::collections::BTreeSet<_> =
            reports.iter().flatten().map(|event| event.event_id.clone()).collect();
        let applied =
            headwater::apply_commits::<PlaybackRow>(&stream, &Row::default(), &commits).unwrap();
        let row: PlaybackRow = applied.row.read().unwrap();
        prop_assert_eq!(row.events as usize, ids.len());
        prop_assert_eq!(row.by_kind.values().sum::<u32>(), row.events);
        assert_converges::<PlaybackRow>(&stream, &commits, &deliveries);
    }

    /// In whatever order the same reports come, the same ids were seen.
    #[test]
    fn the_order_of_reports_does_not_matter(
        (first, second) in reports()
            .prop_flat_map(|reports| (Just(reports.clone()), Just(reports).prop_shuffle())),
    ) {
        let state = |reports: &[Vec<Session>]| {
            let mut playback = Playback::default();
            run(reports).iter().flatten().for_each(|event| playback.evolve(event, at(0)));
            playback
        };
        prop_assert_eq!(state(&first), state(&second));
    }

    #[test]
    fn a_snapshot_is_read_back(reports in reports()) {
        let mut playback = Playback::default();
        run(&reports).iter().flatten().for_each(|event| playback.evolve(event, at(0)));
        let stored = serde_json::to_value(&playback).unwrap();
        prop_assert_eq!(serde_json::from_value::<Playback>(stored).unwrap(), playback);
    }
}

#[test]
fn a_damaged_snapshot_is_not_misread() {
    for damaged in [r#"{"seen":"AAAA"}"#, r#"{"seen":"?"}"#, r#"{"seen":7}"#] {
        assert!(serde_json::from_str::<Playback>(damaged).is_err(), "{damaged}");
    }
}
