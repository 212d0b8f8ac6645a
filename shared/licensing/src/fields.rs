//! What the fields of requests may hold.

use headwater::{field, is_segment};
use jiff::Timestamp;

/// An id that a client gives, of a title, a studio, a device or a playback event: 1–64 of
/// `A-Z a-z 0-9 _ -`.
pub(crate) fn id(value: &str, _: &()) -> garde::Result {
    if is_segment(value) {
        Ok(())
    } else {
        Err(garde::Error::new("must be 1 to 64 of A-Z a-z 0-9 _ -"))
    }
}

/// When something was played.
pub(crate) fn since_1970(value: &Timestamp, _: &()) -> garde::Result {
    field::since_1970(*value).map_err(garde::Error::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_segment_of_a_streams_name() {
        for bad in ["", "a/b", "a b", "ä", "a.b", &"x".repeat(65)] {
            assert!(id(bad, &()).is_err(), "{bad}");
        }
        for good in ["a", "Z_9-", &"x".repeat(64)] {
            assert!(id(good, &()).is_ok(), "{good}");
        }
    }
}
