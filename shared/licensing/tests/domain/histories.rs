//! Steps drawn at random. The names are few, so that they often meet, and the times jump to where
//! something ends.

use jiff::SignedDuration;
use licensing::*;
use proptest::prelude::*;

use crate::world::{Shown, Step, World, request};

/// A few years of a customer: most of it refused or without effect, all of it with time between.
pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 0..120)
}

/// A customer after such years.
pub(crate) fn world() -> impl Strategy<Value = World> {
    steps().prop_map(|steps| {
        let mut world = World::new();
        // A refusal is as good as any other outcome.
        steps.iter().for_each(|step| drop(world.step(step)));
        world
    })
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => wait().prop_map(Step::Wait),
        4 => (license_id(), wanted()).prop_map(|(id, wanted)| Step::Acquire(id, wanted)),
        2 => (license_id(), shown()).prop_map(|(id, shown)| Step::Downloaded(id, shown)),
        2 => (license_id(), shown()).prop_map(|(id, shown)| Step::Renew(id, shown)),
        2 => (license_id(), shown()).prop_map(|(id, shown)| Step::Release(id, shown)),
        1 => device().prop_map(Step::Deactivate),
        1 => Just(Step::ReleaseAll),
        1 => (license_id(), wanted()).prop_map(|(id, wanted)| Step::Grant(id, wanted)),
        1 => license_id().prop_map(Step::Reconcile),
        1 => policy().prop_map(Step::Policy),
    ]
}

/// From a millisecond to most of a year; often to the very millisecond where something ends, or one
/// beside it.
fn wait() -> impl Strategy<Value = SignedDuration> {
    let days = prop::sample::select(vec![0, 1, 5, 29, 30, 60, 335, 365]);
    (days, -1..=2_i64).prop_map(|(days, milliseconds)| {
        (SignedDuration::from_hours(days * 24) + SignedDuration::from_millis(milliseconds))
            .max(SignedDuration::from_millis(1))
    })
}

fn license_id() -> impl Strategy<Value = LicenseId> {
    (0..12_u8).prop_map(|id| id.to_string().into())
}

pub(crate) fn wanted() -> impl Strategy<Value = LicenseRequest> {
    ("[ab]", "[st]", "d[1-3]")
        .prop_map(|(title_id, studio_id, device_id)| request(&title_id, &studio_id, &device_id))
}

fn device() -> impl Strategy<Value = DeviceId> {
    "d[1-3]".prop_map_into()
}

fn shown() -> impl Strategy<Value = Shown> {
    prop::sample::select(vec![Shown::Nothing, Shown::Grant])
}

pub(crate) fn policy() -> impl Strategy<Value = SetPolicy> {
    let studio_downloads =
        (1..5_u32, prop::collection::btree_map("[st]".prop_map_into(), 0..4_u32, 0..2));
    (15..40_u32, 0..4_u32, 0..4_u32, studio_downloads, 0..4_u32).prop_map(
        |(
            license_days,
            max_devices,
            title_downloads_per_year,
            (default, own),
            deactivations_per_year,
        )| {
            let studio_downloads = policy::StudioDownloads { default, own };
            SetPolicy(Policy {
                license_days,
                max_devices,
                title_downloads_per_year,
                studio_downloads,
                deactivations_per_year,
            })
        },
    )
}
