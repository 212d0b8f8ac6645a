//! The ids of what licences are about.

use headwater::field::Id;

use crate::{Customer, License};

/// The id of a customer.
pub type CustomerId = Id<Customer>;

/// The id of a licence.
pub type LicenseId = Id<License>;

/// The id of a title.
pub type TitleId = Id<Title>;

/// The id of a studio.
pub type StudioId = Id<Studio>;

/// The id of a device.
pub type DeviceId = Id<Device>;

/// The id that a device gives a playback event.
pub type PlaybackId = Id<PlaybackItem>;

/// What may be watched; only its id is known here.
pub enum Title {}

/// Whose titles have a common limit; only its id is known here.
pub enum Studio {}

/// What keeps titles; only its id is known here.
pub enum Device {}

/// A playback event, which devices give ids.
pub enum PlaybackItem {}
