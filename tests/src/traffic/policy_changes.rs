//! What the operator sets in the course of the year.

use super::model::Policy;

/// What is set before the commands of a day, of so many. The days before the first change are by
/// the defaults.
pub(super) fn on_day(day: usize, days: usize) -> Option<Policy> {
    let parts = [
        (
            20,
            Policy {
                studio_downloads: [("studio-0".into(), 2), ("studio-1".into(), 3)].into(),
                ..Policy::default()
            },
        ),
        (
            35,
            Policy {
                max_devices: 3,
                deactivations_per_year: 2,
                studio_downloads: [("studio-0".into(), 2)].into(),
                ..Policy::default()
            },
        ),
        // The same again: changes nothing.
        (
            45,
            Policy {
                max_devices: 3,
                deactivations_per_year: 2,
                studio_downloads: [("studio-0".into(), 2)].into(),
                ..Policy::default()
            },
        ),
        (
            60,
            Policy {
                license_days: 21,
                title_downloads_per_year: 2,
                default_studio_downloads: 6,
                ..Policy::default()
            },
        ),
        (80, Policy::default()),
    ];
    parts.into_iter().find(|(percent, _)| day == days * percent / 100).map(|(_, policy)| policy)
}
