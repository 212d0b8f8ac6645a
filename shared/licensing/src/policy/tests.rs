use headwater_testkit::given;

use super::*;

fn own(limits: &[(&str, u32)]) -> StudioDownloads {
    let own = limits.iter().map(|(studio_id, limit)| ((*studio_id).into(), *limit)).collect();
    StudioDownloads { own, ..StudioDownloads::default() }
}

fn set(studio_id: &str, limit: u32) -> PolicyEvent {
    PolicyEvent::StudioDownloadsSet { studio_id: studio_id.into(), limit }
}

#[test]
fn each_limit_that_changes_is_one_event() {
    let wanted = Policy {
        license_days: 7,
        max_devices: 1,
        title_downloads_per_year: 2,
        studio_downloads: StudioDownloads { default: 9, ..own(&[("big", 50)]) },
        deactivations_per_year: 3,
    };
    given([])
        .when(SetPolicy(wanted))
        .then([
            PolicyEvent::LicenseDaysSet { days: 7 },
            PolicyEvent::MaxDevicesSet { limit: 1 },
            PolicyEvent::TitleDownloadsPerYearSet { limit: 2 },
            PolicyEvent::DefaultStudioDownloadsSet { limit: 9 },
            PolicyEvent::DeactivationsPerYearSet { limit: 3 },
            set("big", 50),
        ])
        .again_nothing();
}

#[test]
fn the_defaults_need_no_event() {
    given([]).when(SetPolicy::default()).then_nothing();
    given([PolicyEvent::MaxDevicesSet { limit: 1 }])
        .when(SetPolicy::default())
        .then([PolicyEvent::MaxDevicesSet { limit: 4 }]);
}

#[test]
fn studios_that_are_left_out_have_the_defaults_limit() {
    let wanted = SetPolicy(Policy {
        studio_downloads: own(&[("big", 50), ("new", 1)]),
        ..Policy::default()
    });
    let cleared = PolicyEvent::StudioDownloadsCleared { studio_id: "old".into() };
    given([set("big", 50), set("old", 2)])
        .when(wanted)
        .then([set("new", 1), cleared])
        .again_nothing();
}

#[test]
fn a_tenant_has_one_policy() {
    assert_eq!(stream("acme").unwrap().as_str(), "acme/licensing/policy");
}
