//! Numbers as people read them.

use std::time::Duration;

/// Milliseconds, as `0.61`.
pub(super) fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1_000.0;
    if millis < 10.0 { format!("{millis:.2}") } else { format!("{millis:.0}") }
}

/// As `10,000`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    groups.join(",")
}

/// An average, as `2` or `1.02`.
pub(super) fn average(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A share, as `87 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// Dollars, as in `docs/reference/costs.md`.
pub(super) fn dollars(dollars: f64) -> String {
    format!("{dollars:.3}")
}

/// Megabytes, as `3.41 MB`.
pub(super) fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_people_read_them() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([2.0, 1.02, 0.5, 10.0].map(average), ["2", "1.02", "0.5", "10"]);
        assert_eq!(
            [610, 12_400].map(|micros| millis(Duration::from_micros(micros))),
            ["0.61", "12"]
        );
    }
}
