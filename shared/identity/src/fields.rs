//! What the fields of requests may hold.

use headwater::{field, is_segment};
use serde::{Deserialize, Deserializer};

/// The prefix of the ids of users that another system owns.
pub(crate) const EXTERNAL_PREFIX: &str = "ext-";

/// A user name: a line of 1–100 characters.
pub(crate) fn user_name(value: &str, _: &()) -> garde::Result {
    field::line(value, 100).map_err(garde::Error::new)
}

/// A display name or a group's name: a line of 1–200 characters.
pub(crate) fn name(value: &str, _: &()) -> garde::Result {
    field::line(value, 200).map_err(garde::Error::new)
}

/// An address that a mail can be sent to.
pub(crate) fn email(value: &str, _: &()) -> garde::Result {
    field::email(value).map_err(garde::Error::new)
}

/// A number of the owning system's.
pub(crate) fn integer(value: &u64, _: &()) -> garde::Result {
    field::integer(*value).map_err(garde::Error::new)
}

/// An id that a client may choose: one segment of a stream's name.
pub(crate) fn id(value: &str, _: &()) -> garde::Result {
    segment(value, 64)
}

/// An id that a client may choose for a user. The ids of external users are kept for them, so that
/// nobody can take one first.
pub(crate) fn user_id(value: &str, _: &()) -> garde::Result {
    if value.starts_with(EXTERNAL_PREFIX) {
        return Err(garde::Error::new("ids that begin with `ext-` belong to external users"));
    }
    segment(value, 64)
}

/// The id that another system gave a user: with the prefix before it, it is still one segment of a
/// stream's name.
pub(crate) fn external_id(value: &str, _: &()) -> garde::Result {
    segment(value, 64 - EXTERNAL_PREFIX.len())
}

fn segment(value: &str, most: usize) -> garde::Result {
    let is_one = is_segment(value) && value.len() <= most;
    if is_one {
        Ok(())
    } else {
        Err(garde::Error::new(format!("must be 1 to {most} of A-Z a-z 0-9 _ -")))
    }
}

/// Reads a field of a patch, where absent and null differ: what is absent (`#[serde(default)]`)
/// stays as it is. Null is refused, unless `T` is itself an option: there it clears.
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The same for an address.
pub(crate) fn given_email<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    field::read_email(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_in_characters() {
        assert!(user_name(&"ß".repeat(100), &()).is_ok());
        assert!(user_name(&"ß".repeat(101), &()).is_err());
        assert!(name(&"語".repeat(200), &()).is_ok());
        assert!(name(&"語".repeat(201), &()).is_err());
    }

    #[test]
    fn an_id_is_a_segment_and_external_ones_are_kept() {
        for bad in ["", "a/b", "a b", "ä", "a.b", &"x".repeat(65)] {
            assert!(id(bad, &()).is_err(), "{bad}");
            assert!(user_id(bad, &()).is_err(), "{bad}");
            assert!(external_id(bad, &()).is_err(), "{bad}");
        }
        assert!(user_id(&"x".repeat(64), &()).is_ok());
        assert!(user_id("ext-7", &()).is_err());
        assert!(id("ext-7", &()).is_ok());
        assert!(external_id(&"x".repeat(60), &()).is_ok());
        assert!(external_id(&"x".repeat(61), &()).is_err());
    }
}
