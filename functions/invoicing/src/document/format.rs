//! Numbers and dates as people read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

/// The day of UTC, as `21 November 2026`.
pub(super) fn date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%-d %B %Y").to_string()
}

/// A fraction as `19%`.
pub(super) fn percent(rate: Decimal) -> String {
    format!("{}%", number(rate * Decimal::ONE_HUNDRED))
}

/// A number with no more decimals than it needs, as `1,234.5`.
pub(super) fn number(number: Decimal) -> String {
    amount(number.normalize())
}

/// An amount with all its decimals, as `1,234.50`.
pub(super) fn amount(amount: Decimal) -> String {
    let text = amount.to_string();
    let (whole, decimals) =
        text.find('.').map_or((text.as_str(), ""), |point| text.split_at(point));
    let mut grouped = String::new();
    for (place, digit) in whole.char_indices() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + decimals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        for (text, shown) in [
            ("0", "0"),
            ("0.00", "0.00"),
            ("999", "999"),
            ("1000", "1,000"),
            ("12345.60", "12,345.60"),
            ("123456.789", "123,456.789"),
            ("1000000000000000000.00", "1,000,000,000,000,000,000.00"),
        ] {
            assert_eq!(amount(text.parse().unwrap()), shown);
        }
    }

    #[test]
    fn quantities_and_rates_have_no_idle_zeros() {
        assert_eq!(number("1500.500000".parse().unwrap()), "1,500.5");
        assert_eq!(number("100".parse().unwrap()), "100");
        assert_eq!(
            ["0", "0.19", "0.055", "1", "0.000001"].map(|rate| percent(rate.parse().unwrap())),
            ["0%", "19%", "5.5%", "100%", "0.0001%"]
        );
    }

    #[test]
    fn a_date_is_the_day_of_utc() {
        assert_eq!(date("2026-11-01T23:59:59.999Z".parse().unwrap()), "1 November 2026");
        assert_eq!(date("2026-11-02T00:30:00+01:00".parse().unwrap()), "1 November 2026");
    }
}
