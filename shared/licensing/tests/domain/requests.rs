//! What a request may hold, and how a violation names its field.

use garde::Validate;
use licensing::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The fields at fault, as Rust names them, in order of name.
fn faults<T: Validate<Context = ()> + DeserializeOwned>(request: Value) -> Vec<String> {
    let request: T = serde_json::from_value(request).expect("the shape is right");
    let Err(report) = request.validate() else { return vec![] };
    let mut fields: Vec<String> = report.iter().map(|(path, _)| path.to_string()).collect();
    fields.sort();
    fields
}

fn is_refused<T: DeserializeOwned>(request: Value) -> bool {
    serde_json::from_value::<T>(request).is_err()
}

#[test]
fn a_licence_is_asked_for_by_title_studio_and_device() {
    let wanted = |title: &str, studio: &str, device: &str| {
        json!({
            "titleId": title,
            "studioId": studio,
            "deviceId": device,
        })
    };
    assert_eq!(faults::<LicenseRequest>(wanted("a", "Z_9-", &"x".repeat(64))), [""; 0]);
    assert_eq!(
        faults::<LicenseRequest>(wanted("", "a/b", &"x".repeat(65))),
        ["device_id", "studio_id", "title_id"]
    );
    assert!(is_refused::<LicenseRequest>(json!({ "titleId": "t", "studioId": "s" })));
    assert!(is_refused::<LicenseRequest>(
        json!({ "titleId": "t", "studioId": "s", "deviceId": "d", "days": 1 })
    ));
}

#[test]
fn a_playback_event_has_an_id_a_kind_and_a_time() {
    let session = |id: &str, kind: &str, at: &str| json!({ "eventId": id, "kind": kind, "at": at });
    for kind in ["START", "PAUSE", "RESUME", "KEEPALIVE", "STOP"] {
        assert_eq!(faults::<Session>(session("1", kind, "2026-01-01T00:00:00Z")), [""; 0]);
    }
    assert_eq!(
        faults::<Session>(session("a b", "STOP", "2026-01-01T00:00:00.5+01:00")),
        ["event_id"]
    );
    assert!(is_refused::<Session>(session("1", "start", "2026-01-01T00:00:00Z")));
    assert!(is_refused::<Session>(session("1", "STOP", "2026-01-01")));
    assert!(is_refused::<Session>(
        json!({ "eventId": "1", "kind": "STOP", "at": "2026-01-01T00:00:00Z", "title": "t" })
    ));
}

#[test]
fn what_a_policy_leaves_out_is_the_default() {
    let read = |body: Value| serde_json::from_value::<SetPolicy>(body).expect("a policy").0;
    assert_eq!(read(json!({})), Policy::default());
    let policy = read(json!({ "maxDevices": 2, "studioDownloads": { "big": 50 } }));
    assert_eq!((policy.max_devices, policy.license_days), (2, 30));
    assert_eq!(
        (policy.studio_downloads.of(&"big".into()), policy.studio_downloads.of(&"other".into())),
        (50, 25)
    );
    assert_eq!(
        read(json!({ "studioDownloads": { "default": 7 } })).studio_downloads.of(&"default".into()),
        7
    );
}

#[test]
fn a_policy_is_written_as_the_contract_shows_it() {
    let defaults = json!({
        "licenseDays": 30, "maxDevices": 4, "titleDownloadsPerYear": 3,
        "studioDownloads": { "default": 25 }, "deactivationsPerYear": 4,
    });
    assert_eq!(serde_json::to_value(Policy::default()).unwrap(), defaults);
    assert_eq!(serde_json::to_value(PolicyRow::default()).unwrap(), defaults);
}

#[test]
fn a_policys_limits_have_limits() {
    assert_eq!(
        faults::<SetPolicy>(
            json!({ "licenseDays": 1, "maxDevices": 0, "deactivationsPerYear": 1_000_000 })
        ),
        [""; 0]
    );
    assert_eq!(
        faults::<SetPolicy>(json!({ "licenseDays": 0, "maxDevices": 1_000_001 })),
        ["license_days", "max_devices"]
    );
    assert_eq!(
        faults::<SetPolicy>(json!({ "licenseDays": 3_651, "titleDownloadsPerYear": 1_000_001 }))
            .len(),
        2
    );
    for studios in [json!({ "a b": 1 }), json!({ "a": 1_000_001 }), json!({ "default": 1_000_001 })]
    {
        assert_eq!(
            faults::<SetPolicy>(json!({ "studioDownloads": studios })),
            ["studio_downloads"]
        );
    }
    let studios = |count: usize| {
        (0..count).map(|number| (format!("s{number}"), json!(1))).collect::<serde_json::Map<_, _>>()
    };
    assert_eq!(faults::<SetPolicy>(json!({ "studioDownloads": studios(1_000) })), [""; 0]);
    assert_eq!(
        faults::<SetPolicy>(json!({ "studioDownloads": studios(1_001) })),
        ["studio_downloads"]
    );
    for body in [
        json!({ "maxDevice": 1 }),
        json!({ "maxDevices": -1 }),
        json!({ "maxDevices": null }),
        json!({ "studioDownloads": 3 }),
    ] {
        assert!(is_refused::<SetPolicy>(body.clone()), "{body}");
    }
}
