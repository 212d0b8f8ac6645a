//! What the fields of requests may hold, each stated once.

use std::ops::RangeInclusive;

use headwater::field::{self, Id, Limits, Line, Segment, Text, UpTo};

use crate::{Group, User};

/// The id of a user.
pub type UserId = Id<User>;

/// The id of a group.
pub type GroupId = Id<Group>;

/// An id that a client may choose for a user: none that is kept for external users.
pub type ChosenUserId = Text<Chosen>;

/// The id that another system gave a user.
pub type ExternalId = Text<External>;

/// The name to sign in with.
pub type UserName = Text<Line<100>>;

/// A user's name as others see it.
pub type DisplayName = Text<Line<200>>;

/// A group's name.
pub type GroupName = Text<Line<200>>;

/// What a group is for.
pub type GroupDescription = Text<UpTo<2_000>>;

/// An address that a mail can be sent to.
pub type Email = Text<field::Email>;

/// The prefix of the ids of users that another system owns.
pub(crate) const EXTERNAL_PREFIX: &str = "ext-";

/// The longest id that another system may give: with the prefix before it, it is still one segment
/// of a stream's name.
const LONGEST_EXTERNAL_ID: usize = *Segment::<User>::LENGTH.end() - EXTERNAL_PREFIX.len();

/// The limits of a [`ChosenUserId`]. The ids of external users are kept for them, so that nobody
/// can take one first.
pub enum Chosen {}

impl Limits for Chosen {
    const LENGTH: RangeInclusive<usize> = Segment::<User>::LENGTH;
    const PATTERN: Option<&'static str> = Segment::<User>::PATTERN;

    fn in_words() -> String {
        format!("1–{} of `A-Z a-z 0-9 _ -`, not beginning with `ext-`.", Self::LENGTH.end())
    }

    fn check(text: &str) -> Result<(), String> {
        if text.starts_with(EXTERNAL_PREFIX) {
            return Err("ids that begin with `ext-` belong to external users".to_owned());
        }
        Segment::<User>::check(text)
    }
}

/// The limits of an [`ExternalId`].
pub enum External {}

impl Limits for External {
    const LENGTH: RangeInclusive<usize> = 1..=LONGEST_EXTERNAL_ID;
    const PATTERN: Option<&'static str> = Segment::<User>::PATTERN;

    fn in_words() -> String {
        format!("1–{LONGEST_EXTERNAL_ID} of `A-Z a-z 0-9 _ -`.")
    }

    fn check(text: &str) -> Result<(), String> {
        field::segment(text, LONGEST_EXTERNAL_ID)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_good<L: Limits>(text: &str) -> bool {
        Text::<L>::from(text).check().is_ok()
    }

    #[test]
    fn an_id_is_a_segment_and_external_ones_are_kept() {
        for bad in ["", "a/b", "a b", "ä", "a.b", &"x".repeat(65)] {
            assert!(GroupId::from(bad).check().is_err(), "{bad}");
            assert!(!is_good::<Chosen>(bad) && !is_good::<External>(bad), "{bad}");
        }
        assert!(is_good::<Chosen>(&"x".repeat(64)));
        assert!(!is_good::<Chosen>("ext-7"));
        assert!(GroupId::from("ext-7").check().is_ok());
        assert!(is_good::<External>(&"x".repeat(60)));
        assert!(!is_good::<External>(&"x".repeat(61)));
    }
}
