//! Days of UTC: those on which invoices are issued, due and paid.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// The day that a time is in.
pub(crate) fn of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// The last millisecond of the day that comes so many days after that of `at`; the end of time
/// where that is beyond it.
pub(crate) fn end_after(at: Timestamp, days: u16) -> Timestamp {
    let end = of(at).checked_add(i64::from(days).days()).map(|day| day.at(23, 59, 59, 999_000_000));
    let end = end.and_then(|end| end.to_zoned(TimeZone::UTC));
    end.map_or(Timestamp::MAX, |end| end.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_with_its_last_millisecond() {
        let end = |at: &str, days| end_after(at.parse().unwrap(), days).to_string();
        assert_eq!(end("2026-11-27T00:00:00Z", 0), "2026-11-27T23:59:59.999Z");
        assert_eq!(end("2026-11-27T23:59:59.999Z", 0), "2026-11-27T23:59:59.999Z");
        assert_eq!(
            end("2026-11-28T00:30:00+01:00", 1),
            "2026-11-28T23:59:59.999Z",
            "the day is that of UTC"
        );
        assert_eq!(end("2027-12-31T10:00:00Z", 60), "2028-02-29T23:59:59.999Z");
        assert_eq!(end_after(Timestamp::MAX, 365), Timestamp::MAX);
    }
}
