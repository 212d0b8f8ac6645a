//! What a signed grant is worth, and what not.

use headwater_testkit::{Clock, given};
use jiff::{SignedDuration, Timestamp};
use licensing::*;
use proptest::prelude::*;
use regex::Regex;

use crate::world::request;

fn now() -> Timestamp {
    Clock::default().now() + SignedDuration::from_millis(123)
}

fn grant() -> Grant {
    let (request, policy) = (request("t", "s", "d"), PolicyInForce::default());
    let attempt = AcquireLicense { license_id: "1".into(), earlier: None, request, policy };
    Grant::provisional("acme", &"7".into(), &attempt, now(), "ada", "request-1")
        .expect("no limit is 0")
}

fn key(byte: u8) -> GrantKey {
    GrantKey::new(&[byte; 32]).expect("32 bytes")
}

fn granted() -> CustomerEvent {
    CustomerEvent::LicenseGrantedProvisionally {
        license_id: "1".into(),
        title_id: "t".into(),
        studio_id: "s".into(),
        device_id: "d".into(),
        granted_at: now(),
        expires_at: now() + SignedDuration::from_hours(30 * 24),
        policy_version: 0,
    }
}

#[test]
fn what_is_signed_is_read_back() {
    let signed = key(1).sign(&grant());
    assert_eq!(key(1).verify(&signed), Ok(grant()));
    assert!(Regex::new(&format!("^{}$", GrantKey::SIGNED)).unwrap().is_match(&signed), "{signed}");
}

/// Written down, since what clients hold must be accepted by every later build.
#[test]
fn a_grant_of_today_is_accepted_for_ever() {
    let signed = include_str!("../../../../tests/golden/licensing/grant.txt").trim_end();
    assert_eq!(key(1).sign(&grant()), signed, "clients hold grants of this form: read both");
    assert_eq!(key(1).verify(signed), Ok(grant()));
}

#[test]
fn what_was_not_signed_with_the_key_is_refused() {
    let signed = key(1).sign(&grant());
    let (payload, signature) = signed.split_once('.').unwrap();
    let (other_payload, other_signature) = {
        let signed = key(1).sign(&Grant { device_id: "e".into(), ..grant() });
        let (payload, signature) = signed.split_once('.').unwrap();
        (payload.to_owned(), signature.to_owned())
    };
    let forged = [
        format!("{other_payload}.{signature}"),
        format!("{payload}.{other_signature}"),
        format!("{payload}."),
        format!(".{signature}"),
        payload.to_owned(),
        signed[..signed.len() - 1].to_owned(),
        signed[1..].to_owned(),
        format!("{signed}A"),
        format!("{signed}.{signature}"),
        format!("{payload}.{signature}="),
        String::new(),
        ".".to_owned(),
        "ä.ö".to_owned(),
    ];
    for text in forged {
        assert_eq!(key(1).verify(&text), Err(InvalidGrant), "{text}");
    }
    assert_eq!(key(2).verify(&signed), Err(InvalidGrant), "another key");
    for index in 0..signed.len() {
        let mut bytes = signed.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        assert_eq!(
            key(1).verify(&String::from_utf8(bytes).unwrap()),
            Err(InvalidGrant),
            "character {index} was changed"
        );
    }
}

proptest! {
    /// Whatever a client sends is refused, and never trips the service up.
    #[test]
    fn no_text_but_a_signed_one_is_a_grant(text in "\\PC{0,40}(\\.[A-Za-z0-9_-]{0,50})?") {
        prop_assert_eq!(key(1).verify(&text), Err(InvalidGrant));
    }
}

#[test]
fn a_short_secret_is_refused() {
    assert!(GrantKey::new(&[7; 31]).is_none());
    assert!(GrantKey::new(&[7; 32]).is_some());
}

#[test]
fn a_grant_is_for_one_licence_of_one_customer_of_one_tenant() {
    assert!(grant().is_for("acme", &"7".into(), &"1".into()));
    for (tenant, customer_id, license_id) in
        [("evil", "7", "1"), ("acme", "8", "1"), ("acme", "7", "2")]
    {
        assert!(!grant().is_for(tenant, &customer_id.into(), &license_id.into()));
    }
}

#[test]
fn what_was_granted_is_written_as_it_was_granted() {
    given([])
        .at(now() + SignedDuration::from_hours(70))
        .when(ApplyGrant { grant: grant(), past: None })
        .then([granted()])
        .again_nothing();
    let past = Some(PastLicense { ends_at: now(), released: true, downloaded: false });
    given([]).when(ApplyGrant { grant: grant(), past }).then_nothing();
}

#[test]
fn a_follow_up_is_decided_on_top_of_its_grant() {
    let later = now() + SignedDuration::from_hours(1);
    let renew =
        RenewLicense { license_id: "1".into(), policy: PolicyInForce::default(), past: None };
    let renewed = CustomerEvent::LicenseRenewed {
        license_id: "1".into(),
        device_id: "d".into(),
        expires_at: now() + SignedDuration::from_hours(60 * 24),
        policy_version: 0,
    };
    let with_grant = Granted { grant: grant(), command: renew.clone() };
    given([]).at(later).when(with_grant.clone()).then([granted(), renewed.clone()]);
    given([granted()]).at(later).when(with_grant).then([renewed]);
    given([]).at(later).when(renew).then_unknown();
}

/// The rules are asked about all that the customer has, so a grant may be given and its renewal
/// refused: then neither is written, and the reconciler writes the grant.
#[test]
fn a_refused_follow_up_writes_no_grant() {
    let mut policy = PolicyInForce::default();
    policy.policy.studio_downloads.default = 1;
    let other = CustomerEvent::LicenseAcquired {
        license_id: "2".into(),
        title_id: "u".into(),
        studio_id: "s".into(),
        device_id: "d".into(),
        expires_at: now() + SignedDuration::from_hours(24),
        policy_version: 0,
    };
    let command = RenewLicense { license_id: "1".into(), policy, past: None };
    given([other])
        .at(now())
        .when(Granted { grant: grant(), command })
        .then_rejected(&limits::STUDIO_LIMIT);
}

/// A follow-up bears its own name in the log, with a grant or without.
#[test]
fn a_follow_up_keeps_its_name() {
    use headwater::Command;
    assert_eq!(<Granted<RenewLicense> as Command>::NAME, "RenewLicense");
}
