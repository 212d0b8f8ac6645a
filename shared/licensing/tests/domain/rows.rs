//! What holds of every row, however its commits are delivered.

use std::collections::BTreeSet;

use headwater::{IndexKey, Projection, Row, part_fn};
use headwater_testkit::{assert_parts_converge, deliveries};
use licensing::device_row::devices_of;
use licensing::license_row::{downloads_of, licenses_of};
use licensing::*;
use proptest::prelude::*;

use crate::histories::world;
use crate::world::{Step, World, request, stream};

proptest! {
    #[test]
    fn the_rows_of_licences_and_devices_converge(world in world(), deliveries in deliveries()) {
        assert_parts_converge::<LicenseRow>(&stream(), &world.commits, &deliveries);
        assert_parts_converge::<DeviceRow>(&stream(), &world.commits, &deliveries);
    }

    /// Row and state are folded apart, and say the same of what the state still has.
    #[test]
    fn a_licences_row_agrees_with_the_state(world in world()) {
        for (id, row) in &world.licenses {
            let Some(license) = world.customer().license(id) else { continue };
            prop_assert_eq!(
                (&row.title_id, &row.studio_id, &row.device_id),
                (&license.title_id, &license.studio_id, &license.device_id),
            );
            prop_assert_eq!(
                (row.acquired_at, row.expires_at, row.ends_at()),
                (license.acquired_at, license.expires_at, license.ends_at()),
            );
            prop_assert_eq!(
                (row.downloaded_at, row.released_at),
                (license.downloaded_at, license.released_at),
            );
            prop_assert_eq!(row.provisional, license.provisional);
        }
        for event in &world.commits {
            for id in event.events.iter().filter_map(|event| event.data["licenseId"].as_str()) {
                prop_assert!(world.licenses.contains_key(id), "licence {id} has no row");
            }
        }
    }

    #[test]
    fn a_devices_row_agrees_with_the_licences_rows(world in world()) {
        for (id, device) in &world.devices {
            let acquired = world
                .licenses
                .values()
                .filter(|license| license.device_id == *id)
                .map(|license| license.acquired_at);
            prop_assert!(
                acquired.clone().all(|at| device.first_used_at <= at && at <= device.last_used_at)
            );
            prop_assert!(device.licenses as usize >= acquired.count());
            prop_assert!(device.first_used_at <= device.last_used_at);
            let live = world
                .licenses
                .values()
                .any(|license| license.device_id == *id && license.ends_at() > world.now);
            prop_assert!(device.deactivated_at.is_none() || !live, "{device:?}");
        }
    }
}

#[test]
fn a_licence_stands_in_its_customers_lists_newest_first() {
    let mut world = World::new();
    let wait = Step::Wait(jiff::SignedDuration::from_secs(1));
    for step in [
        acquire("1"),
        wait.clone(),
        acquire("2"),
        wait.clone(),
        downloaded("2"),
        wait,
        downloaded("1"),
    ] {
        world.step(&step).unwrap();
    }
    let (old, new) =
        (keys::<LicenseRow>(&world, "licenses/1"), keys::<LicenseRow>(&world, "licenses/2"));
    let indexes: Vec<&str> = old.iter().map(|key| key.index.as_str()).collect();
    assert_eq!(indexes, ["downloads/7", "downloads/7/t", "licenses/7"]);
    let sort = |keys: &BTreeSet<IndexKey>, index: String| {
        keys.iter().find(|key| key.index == index).unwrap().sort.clone()
    };
    assert!(sort(&new, licenses_of("7")) < sort(&old, licenses_of("7")), "2 was acquired last");
    for index in [downloads_of("7", None), downloads_of("7", Some("t".into()))] {
        assert!(sort(&old, index.clone()) < sort(&new, index), "1 was downloaded last");
    }
    assert!(sort(&old, licenses_of("7")).ends_with("\u{0}1"));
}

#[test]
fn a_device_stands_in_its_customers_list() {
    let mut world = World::new();
    world.step(&acquire("1")).unwrap();
    let row = &world.devices["d"];
    let expected = DeviceRow {
        first_used_at: world.now,
        last_used_at: world.now,
        licenses: 1,
        deactivated_at: None,
    };
    assert_eq!(*row, expected);
    assert_eq!(
        keys::<DeviceRow>(&world, "devices/d"),
        BTreeSet::from([IndexKey::new(devices_of("7"), &IndexKey::newest_first(world.now), "d")])
    );
}

#[test]
fn a_device_was_used_when_it_was_given_a_licence_however_late_that_is_written() {
    let mut world = World::new();
    let granted_at = world.now;
    let later = Step::Wait(jiff::SignedDuration::from_secs(60));
    let granted = Step::Grant("1".into(), request("t", "s", "d"));
    for step in [granted, later.clone(), acquire("2"), later, Step::Reconcile("1".into())] {
        world.step(&step).unwrap();
    }
    let row = &world.devices["d"];
    assert_eq!((row.first_used_at, row.licenses), (granted_at, 2));
    assert_eq!(
        row.last_used_at.duration_since(granted_at).as_secs(),
        60,
        "the later acquire, not the earlier grant"
    );
    assert!(world.licenses["1"].provisional && !world.licenses["2"].provisional);
    assert_eq!(world.licenses["1"].acquired_at, granted_at);
}

#[test]
fn a_release_does_not_tell_that_a_device_was_used() {
    let mut world = World::new();
    let later = Step::Wait(jiff::SignedDuration::from_secs(60));
    for step in
        [acquire("1"), later.clone(), Step::Release("1".into(), crate::world::Shown::Nothing)]
    {
        world.step(&step).unwrap();
    }
    assert_eq!(world.devices["d"].last_used_at, world.devices["d"].first_used_at);
    world.step(&Step::Deactivate("d".into())).unwrap();
    assert_eq!(world.devices["d"].deactivated_at, Some(world.now));
    world.step(&acquire("2")).unwrap();
    assert_eq!(world.devices["d"].deactivated_at, None);
}

fn acquire(id: &str) -> Step {
    Step::Acquire(id.into(), request("t", "s", "d"))
}

fn downloaded(id: &str) -> Step {
    Step::Downloaded(id.into(), crate::world::Shown::Nothing)
}

/// Where the row of a part stands, as `licenses/1`.
fn keys<P: headwater::Part + Projection>(world: &World, part: &str) -> BTreeSet<IndexKey> {
    let (kind, id) = part.split_once('/').expect("a part's kind and id");
    let name = stream().child(kind, id).expect("a name");
    (part_fn::<P>().apply)(&name, &Row::default(), &world.commits).expect("events can be read").keys
}
