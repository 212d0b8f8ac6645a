//! How large things get. Sizes are as DynamoDB bills them.

use headwater::{Aggregate, Command, encode};
use headwater_testkit::bytes;
use jiff::SignedDuration;
use licensing::*;

use crate::world::{Shown, Step, World, request};

fn state_bytes(state: &impl Aggregate) -> usize {
    bytes(&serde_json::to_value(state).expect("states serialize"))
}

fn commit_bytes(world: &World) -> usize {
    headwater_testkit::commit_bytes(world.commits.last().expect("a commit"))
}

/// An id as clients choose them: a UUID.
fn uuid(number: u64) -> String {
    uuid::Uuid::from_u64_pair(u64::MAX, number).to_string()
}

fn license_id(number: u64) -> LicenseId {
    uuid(number).into()
}

fn run(world: &mut World, steps: impl IntoIterator<Item = Step>) {
    for step in steps {
        world.step(&step).unwrap_or_else(|refusal| panic!("{step:?}: {refusal}"));
    }
}

fn hours(hours: i64) -> Step {
    Step::Wait(SignedDuration::from_hours(hours))
}

/// One write unit is 1 KB: a plain command must stay below it, with ids as long as UUIDs and even
/// as long as they may be.
#[test]
fn a_plain_commit_is_one_write_unit() {
    let mut world = World::new();
    for (length, most) in [(36, 560), (64, 640)] {
        let id = |name: &str| format!("{name}{}", "x".repeat(length - name.len()));
        let wanted = request(&id("title"), &id("studio"), &id("device"));
        run(&mut world, [Step::Acquire(license_id(length as u64), wanted)]);
        assert!(commit_bytes(&world) <= most, "an acquire takes {} bytes", commit_bytes(&world));
        for step in [Step::Downloaded, Step::Renew, Step::Release] {
            run(&mut world, [hours(1), step(license_id(length as u64), Shown::Nothing)]);
            assert!(commit_bytes(&world) <= most - 100, "{} bytes", commit_bytes(&world));
        }
    }
}

/// A device with all the licences that a studio's limit allows goes in one item, far from
/// DynamoDB's 400 KB.
#[test]
fn the_deactivation_of_a_device_with_a_thousand_licences_fits_one_item() {
    let mut world = World::new();
    world.policy.policy.studio_downloads.default = 1_000;
    for number in 0..1_000 {
        run(
            &mut world,
            [Step::Acquire(license_id(number), request(&uuid(number), "studio", &uuid(0)))],
        );
    }
    let events = world.step(&Step::Deactivate(uuid(0).into())).unwrap();
    assert_eq!(events.len(), 1_001);
    assert!((117_000..118_000).contains(&commit_bytes(&world)), "{} bytes", commit_bytes(&world));
    let live = (0..1_000).filter(|number| {
        world
            .customer()
            .license(&license_id(*number))
            .is_some_and(|license| license.is_live(world.now))
    });
    assert_eq!(live.count(), 0);
}

/// Two titles a week on four devices, watched for ten days, some renewed: the state is full after a
/// year, and no larger after ten.
#[test]
fn a_customers_state_fills_up_within_a_year() {
    let mut world = World::new();
    let mut most = Vec::new();
    for year in 0..10 {
        let sizes = (0..104).map(|half_week| {
            half_a_week(&mut world, year * 104 + half_week);
            state_bytes(world.customer())
        });
        most.push(sizes.max().unwrap_or_default());
    }
    let (second, last) = (most[1], most[9]);
    assert!(
        (4_500..4_700).contains(&second),
        "what docs/reference/licensing.md and PAGE say of a state's size: {most:?}"
    );
    assert!(last.abs_diff(second) < 100, "{most:?}");
    assert!(world.commits.len() > 3_000);
}

fn half_a_week(world: &mut World, number: u64) {
    let (id, device) = (uuid(number), uuid(number % 4));
    run(
        world,
        [
            hours(84),
            Step::Acquire(
                id.clone().into(),
                request(
                    &format!("title-{:06}", number * 7),
                    &format!("studio-{}", number % 9),
                    &device,
                ),
            ),
        ],
    );
    run(world, [hours(0), Step::Downloaded(id.into(), Shown::Nothing)]);
    if number >= 3 {
        let earlier = uuid(number - 3);
        let step = if number.is_multiple_of(5) {
            Step::Renew(earlier.into(), Shown::Nothing)
        } else {
            Step::Release(earlier.into(), Shown::Nothing)
        };
        run(world, [step]);
    }
}

/// The worst that licences without end can do: what has ended is cut at [`customer::MOST_ENDED`],
/// the oldest first.
#[test]
fn of_the_licences_that_have_ended_the_newest_are_kept() {
    let mut world = World::new();
    for number in 0..500 {
        run(
            &mut world,
            [
                Step::Acquire(license_id(number), request("title", "studio", "device")),
                Step::Release(license_id(number), Shown::Nothing),
            ],
        );
        run(&mut world, [Step::Wait(SignedDuration::from_millis(1))]);
    }
    let kept =
        (0..500).filter(|number| world.customer().license(&license_id(*number)).is_some()).count();
    assert_eq!(kept, customer::MOST_ENDED + 1, "200, and the one that the last event ended");
    assert!(
        world.customer().license(&license_id(298)).is_none()
            && world.customer().license(&license_id(299)).is_some()
    );
    assert!(
        (23_000..24_000).contains(&state_bytes(world.customer())),
        "{}",
        state_bytes(world.customer())
    );
    // What was cut is answered from its row.
    assert_eq!(world.step(&Step::Release(license_id(0), Shown::Nothing)), Ok(vec![]));
    let policy = world.policy.clone();
    let renew = RenewLicense {
        license_id: license_id(0),
        policy,
        past: Some(world.licenses[&license_id(0)].past()),
    };
    assert_eq!(world.execute(&renew), Err("409 license-released".to_owned()));
}

/// Live licences are never cut, however many.
#[test]
fn live_licences_stay() {
    let mut world = World::new();
    world.policy.policy.studio_downloads.default = 1_000;
    for number in 0..300 {
        run(
            &mut world,
            [Step::Acquire(license_id(number), request(&uuid(number), "studio", "device"))],
        );
    }
    assert!((0..300).all(|number| world.customer().license(&license_id(number)).is_some()));
}

/// 20,000 ids in 11 bytes each. The snapshot of such a stream and a report of 256 KB are over
/// DynamoDB's 400 KB together: then the snapshot is left out, and the next commit carries it.
#[test]
fn playback_is_bounded() {
    let mut playback = Playback::default();
    let mut largest = 0;
    for call in 0..20 {
        let events: Vec<Session> =
            (0..1_000).map(|number| session(call * 1_000 + number)).collect();
        let decided = RecordPlayback { events }.decide(&playback, &World::new().context()).unwrap();
        largest = largest.max(bytes(&encode(1, &decided[0]).unwrap().data));
        decided.iter().for_each(|event| playback.evolve(event, World::new().now));
    }
    assert_eq!(playback.events(), playback::MOST_EVENTS);
    assert!((213_000..214_000).contains(&state_bytes(&playback)), "{}", state_bytes(&playback));
    assert!(largest / 1_000 < 100, "{} bytes for each event of a report", largest / 1_000);
}

fn session(number: u64) -> Session {
    Session { event_id: uuid(number).into(), kind: Kind::Keepalive, at: World::new().now }
}
