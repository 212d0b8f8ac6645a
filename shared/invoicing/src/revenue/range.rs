//! Which days a report of revenue is about.

use std::str::FromStr;

use jiff::civil::Date;
use jiff::{Span, ToSpan};

/// What periods a report is by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Days of UTC.
    #[default]
    Day,
    /// Months of UTC.
    Month,
}

impl By {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Day, Self::Month];

    /// What a day or a month is written as, as a regular expression.
    pub const DAY_OR_MONTH: &str = "[0-9]{4}-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?";

    /// As `day`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The period that a day belongs to, both as text.
    pub(super) fn period_of(self, day: &str) -> Option<&str> {
        match self {
            Self::Day => Some(day),
            Self::Month => day.get(..day.len().checked_sub("-31".len())?),
        }
    }

    /// Reads the first and the last day of what a text names.
    fn days(self, text: &str) -> Option<(Date, Date)> {
        // A date has other spellings too, which jiff would read.
        let is_date = |text: &&str| text.len() == "2026-11-21".len();
        if let Some(day) = Some(text).filter(is_date) {
            return day.parse().ok().map(|day| (day, day));
        }
        let month = Some(format!("{text}-01"))
            .filter(|text| self == Self::Month && is_date(&text.as_str()))?;
        let first: Date = month.parse().ok()?;
        Some((first, first.last_of_month()))
    }

    /// The longest range, so that its report fits into an answer.
    fn most(self) -> Span {
        match self {
            Self::Day => 1.year(),
            Self::Month => 10.years(),
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Day => "a date as 2026-11-21",
            Self::Month => "a month as 2026-11, or a date as 2026-11-21",
        }
    }
}

impl FromStr for By {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let by = Self::ALL.into_iter().find(|by| by.name() == text);
        by.ok_or(InvalidRange { param: "by", reason: "`day` or `month`" })
    }
}

/// The days that a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub from: Date,
    /// The last, which belongs to it.
    pub to: Date,
}

/// Why a parameter names no range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidRange {
    /// The parameter's name.
    pub param: &'static str,
    /// What it should be.
    pub reason: &'static str,
}

impl Range {
    /// What `from` and `to` name, both inclusive: dates, or months where the report is by month.
    /// Without `to` until today; without `from` 30 days, or 12 months with that of `to`. At most a
    /// year by day, and ten years by month.
    ///
    /// # Errors
    /// [`InvalidRange`] for any other text, a `to` before `from`, and more than that.
    pub fn new(
        by: By,
        from: Option<&str>,
        to: Option<&str>,
        today: Date,
    ) -> Result<Self, InvalidRange> {
        let read = |param, text| by.days(text).ok_or(InvalidRange { param, reason: by.example() });
        let from = from.map(|text| read("from", text)).transpose()?.map(|(first, _)| first);
        let to = to.map(|text| read("to", text)).transpose()?.map_or(today, |(_, last)| last);
        let from = from.unwrap_or_else(|| match by {
            By::Day => to.saturating_sub(29.days()),
            By::Month => to.first_of_month().saturating_sub(11.months()),
        });
        if from > to {
            return Err(InvalidRange { param: "from", reason: "a day not after `to`" });
        }
        if from.saturating_add(by.most()) <= to {
            return Err(InvalidRange {
                param: "from",
                reason: "less than a year before `to` by day, less than ten years by month",
            });
        }
        Ok(Self { from, to })
    }

    /// The orders between which the lines of these days stand.
    pub fn orders(&self) -> (String, String) {
        (self.from.to_string(), format!("{} ~", self.to))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    proptest! {
        /// But that some months end sooner.
        #[test]
        fn days_and_months_are_written_as_the_pattern_says(
            text in "[0-9]{4}-[0-9]{2}(-[0-9]{2})?",
        ) {
            let is_late = text.len() > 8 && ["29", "30", "31"].contains(&&text[8..]);
            let matches = Regex::new(&format!("^{}$", By::DAY_OR_MONTH)).unwrap().is_match(&text);
            prop_assert!(
                matches == By::Month.days(&text).is_some() || is_late && matches,
                "{text}",
            );
        }
    }

    /// The range on the 21st of November 2026, or the parameter at fault.
    #[track_caller]
    fn check(by: By, from: Option<&str>, to: Option<&str>, expected: Result<(&str, &str), &str>) {
        let today = "2026-11-21".parse().unwrap();
        let found = Range::new(by, from, to, today)
            .map(|range| (range.from.to_string(), range.to.to_string()));
        let expected = expected.map(|(from, to)| (from.to_owned(), to.to_owned()));
        assert_eq!(found.map_err(|invalid| invalid.param), expected, "{by:?} {from:?} {to:?}");
    }

    #[test]
    fn both_ends_belong_to_a_range() {
        check(By::Day, Some("2026-01-31"), Some("2026-02-01"), Ok(("2026-01-31", "2026-02-01")));
        check(By::Day, Some("2026-01-31"), Some("2026-01-31"), Ok(("2026-01-31", "2026-01-31")));
        check(By::Month, Some("2026-01"), Some("2026-02"), Ok(("2026-01-01", "2026-02-28")));
        check(By::Month, Some("2024-02"), Some("2024-02"), Ok(("2024-02-01", "2024-02-29")));
        check(By::Month, Some("2026-01-31"), Some("2026-02"), Ok(("2026-01-31", "2026-02-28")));
    }

    #[test]
    fn what_is_not_said_is_the_time_up_to_today() {
        check(By::Day, None, None, Ok(("2026-10-23", "2026-11-21")));
        check(By::Month, None, None, Ok(("2025-12-01", "2026-11-21")));
        check(By::Day, Some("2026-11-01"), None, Ok(("2026-11-01", "2026-11-21")));
        check(By::Day, None, Some("2026-03-01"), Ok(("2026-01-31", "2026-03-01")));
        check(By::Month, None, Some("2026-03"), Ok(("2025-04-01", "2026-03-31")));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "2026",
            "2026-11",
            "2026-13-01",
            "2026-02-30",
            "20261121",
            "2026-11-21T00:00:00Z",
            "-00001-01-01",
            "today",
        ] {
            check(By::Day, Some(text), None, Err("from"));
            check(By::Day, None, Some(text), Err("to"));
        }
        for text in ["", "2026", "2026-13", "2026-11-", "202611", "-000001"] {
            check(By::Month, Some(text), None, Err("from"));
        }
        check(By::Day, Some("2026-02-02"), Some("2026-02-01"), Err("from"));
        check(By::Day, Some("2026-11-22"), None, Err("from"));
        assert_eq!("week".parse::<By>().unwrap_err().param, "by");
    }

    #[test]
    fn a_range_has_an_end() {
        check(By::Day, Some("2025-11-22"), None, Ok(("2025-11-22", "2026-11-21")));
        check(By::Day, Some("2025-11-21"), None, Err("from"));
        check(By::Month, Some("2016-12"), Some("2026-11"), Ok(("2016-12-01", "2026-11-30")));
        check(By::Month, Some("2016-11"), Some("2026-11"), Err("from"));
    }

    #[test]
    fn a_range_is_read_from_its_first_line_to_its_last() {
        let range =
            Range { from: "2026-01-31".parse().unwrap(), to: "2026-02-01".parse().unwrap() };
        let (from, up_to) = range.orders();
        let is_within = |order: &str| (from.as_str()..=up_to.as_str()).contains(&order);
        assert!(
            ["2026-01-31 AED", "2026-01-31 ZWL", "2026-02-01 AED", "2026-02-01 ZWL"]
                .into_iter()
                .all(is_within)
        );
        assert!(!["2026-01-30 ZWL", "2026-02-02 AED"].into_iter().any(is_within));
    }
}
