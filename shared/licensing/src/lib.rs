//! Licensing: which titles a customer may keep on which devices, without a database.
//!
//! All rules of a customer span its licences, downloads and devices, so one stream holds them all,
//! and one check-and-set decides. The limits are events of a stream of their own; so is the
//! playback of each licence, which no rule of the customer needs.
//!
//! | stream | aggregate | rows | commands |
//! |---|---|---|---|
//! | `customers/<c>` | [`Customer`] | [`LicenseRow`] and [`DeviceRow`], one for each part | in [`commands`]; [`ApplyGrant`] |
//! | `customers/<c>/playback/<license>` | [`Playback`] | [`PlaybackRow`] | in [`playback`] |
//! | `policy` | [`Policy`] | [`PolicyRow`] | in [`policy`] |

pub mod allowance;
pub mod commands;
pub mod customer;
pub mod device_row;
mod fields;
pub mod grant;
pub mod license_row;
pub mod limits;
pub mod playback;
pub mod playback_row;
pub mod policy;
pub mod policy_row;
pub mod windows;

use headwater::{Domain, ProjectionFn, aggregate_fn, part_fn, projection_fn};

pub use allowance::{Allowance, Check, RuleCount, allowance};
pub use commands::*;
pub use customer::{Customer, CustomerEvent, License, PastDevice, PastLicense};
pub use device_row::DeviceRow;
pub use fields::{
    CustomerId, Device, DeviceId, LicenseId, PlaybackId, PlaybackItem, Studio, StudioId, Title,
    TitleId,
};
pub use grant::{ApplyGrant, Grant, GrantKey, Granted, InvalidGrant};
pub use license_row::LicenseRow;
pub use playback::{Kind, Playback, PlaybackEvent, RecordPlayback, Session};
pub use playback_row::PlaybackRow;
pub use policy::{Policy, PolicyEvent, PolicyInForce, SetPolicy};
pub use policy_row::PolicyRow;

/// The service's name: the second segment of its streams' names, and the first of its paths.
pub const DOMAIN: &str = "licensing";

/// The rows for queries: a customer's licences and devices have one each.
pub const PROJECTIONS: [ProjectionFn; 4] = [
    part_fn::<LicenseRow>(),
    part_fn::<DeviceRow>(),
    projection_fn::<PlaybackRow>(),
    projection_fn::<PolicyRow>(),
];

/// The domain, for code that handles all domains alike.
pub static SERVICE: Domain = Domain::new(
    DOMAIN,
    &[aggregate_fn::<Customer>(), aggregate_fn::<Playback>(), aggregate_fn::<Policy>()],
    &PROJECTIONS,
);
