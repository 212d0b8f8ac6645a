//! From when to when: a part of a list whose order is newest first.

use headwater::IndexKey;
use headwater_lambda::{Problem, Request, parse_time};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A range of time, both ends inclusive, to the millisecond. An end that is not given is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Range {
    /// What the parameters `from` and `to` say: times, or dates, which are whole days of UTC.
    ///
    /// # Errors
    /// 422 if one is neither.
    pub(super) fn of(request: &Request) -> Result<Self, Problem> {
        let read = |name: &str, end: fn(Date) -> Option<Timestamp>| {
            let Some(text) = request.query(name) else { return Ok(None) };
            let read = instant(text, end).map(Some);
            read.ok_or_else(|| {
                Problem::invalid([(
                    format!("/query/{name}"),
                    "a date as 2026-11-21, or a time as 2026-11-21T10:00:00Z".to_owned(),
                )])
            })
        };
        Ok(Self { from: read("from", first)?, to: read("to", last)? })
    }

    /// The place after which the range begins: before all that stands at `to`.
    pub(super) fn after(&self) -> Option<String> {
        self.to.map(|to| IndexKey::new("", &IndexKey::newest_first(within_order(to)), "").sort)
    }

    /// The order with which the range ends.
    pub(super) fn up_to_order(&self) -> Option<String> {
        self.from.map(|from| IndexKey::newest_first(within_order(from)))
    }
}

fn instant(text: &str, end: fn(Date) -> Option<Timestamp>) -> Option<Timestamp> {
    // A date has other spellings too, which jiff would read.
    if text.len() == "2026-11-21".len() { end(text.parse().ok()?) } else { parse_time(text) }
}

fn first(day: Date) -> Option<Timestamp> {
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn last(day: Date) -> Option<Timestamp> {
    first(day.tomorrow().ok()?)?.checked_sub(1.millisecond()).ok()
}

/// Nothing is created outside of the times that the list's order knows: from the epoch to the year
/// 2286.
fn within_order(time: Timestamp) -> Timestamp {
    let latest = Timestamp::from_millisecond(9_999_999_999_999).unwrap_or(Timestamp::MAX);
    time.clamp(Timestamp::UNIX_EPOCH, latest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_whole_day_of_utc() {
        let between = |text: &str| {
            (
                instant(text, first).map(|time| time.to_string()),
                instant(text, last).map(|time| time.to_string()),
            )
        };
        let both = |from: &str, to: &str| (Some(from.to_owned()), Some(to.to_owned()));
        assert_eq!(between("2026-01-31"), both("2026-01-31T00:00:00Z", "2026-01-31T23:59:59.999Z"));
        assert_eq!(
            between("2026-01-31T10:00:00+02:00"),
            both("2026-01-31T08:00:00Z", "2026-01-31T08:00:00Z")
        );
        for neither in [
            "",
            "yesterday",
            "2026-01",
            "20260131",
            "2026-02-30",
            "2026-01-31T10:00:00",
            "1769810400",
            "-009999-01-02T02:00:00Z",
        ] {
            assert_eq!(between(neither), (None, None), "{neither}");
        }
    }

    #[test]
    fn an_end_beyond_the_lists_order_is_the_lists_end() {
        let order = |text: &str| IndexKey::newest_first(within_order(text.parse().unwrap()));
        assert_eq!(order("1869-01-01T00:00:00Z"), order("1970-01-01T00:00:00Z"));
        assert_eq!(order("9000-01-01T00:00:00Z"), "0000000000000");
        assert!(
            order("2026-01-01T00:00:00Z") > order("2026-01-01T00:00:00.001Z"),
            "the newest first"
        );
    }
}
