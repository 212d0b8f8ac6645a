//! The header `Prefer`, as RFC 7240 writes it: `respond-async, wait=3; note="a, b"`.

use std::time::{Duration, Instant};

use super::{Request, list_header};

/// The longest wait that is heeded, in seconds.
const LONGEST_WAIT: u64 = 10;

/// The default wait, in seconds.
const DEFAULT_WAIT: u64 = 2;

impl Request {
    /// Until when a query may wait for its views: as long as `Prefer: wait=N` says, 2 seconds if
    /// absent, but in time to answer. It is one moment for the whole request, for however much it
    /// waits.
    pub fn wait_until(&self) -> Instant {
        let wait = Duration::from_secs(self.preferred_wait().unwrap_or(DEFAULT_WAIT));
        (self.begun + wait).min(self.deadline)
    }

    /// The `wait` of the `Prefer` header in seconds, cut to 10.
    pub fn preferred_wait(&self) -> Option<u64> {
        let header = list_header(&self.headers, "prefer")?;
        let seconds = preference(&header, "wait")
            .filter(|value| !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()))?;
        // What no number can hold is longer than any wait.
        Some(seconds.parse().unwrap_or(u64::MAX).min(LONGEST_WAIT))
    }
}

/// The value of a preference, by its name in any case; empty if it has none. Of several the first
/// counts, and parameters are passed over.
fn preference(header: &str, name: &str) -> Option<String> {
    split(header, ',').into_iter().find_map(|element| {
        let preference = split(element, ';').into_iter().next()?;
        let (found, value) = preference.split_once('=').unwrap_or((preference, ""));
        found.trim().eq_ignore_ascii_case(name).then(|| unquoted(value.trim()))
    })
}

/// The parts of a text between separators that stand in no quotes.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut is_quoted, mut is_escaped) = (Vec::new(), 0, false, false);
    for (place, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ if character == separator && !is_quoted => {
                parts.push(&text[start..place]);
                start = place + separator.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// A value without its quotes and escapes, if it is quoted.
fn unquoted(value: &str) -> String {
    let Some(quoted) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut text = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        text.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_are_read_as_rfc_7240_writes_them() {
        for (header, expected) in [
            ("wait=3", Some("3")),
            ("Wait=3", Some("3")),
            ("WAIT = 3", Some("3")),
            ("wait\t=\t3", Some("3")),
            ("wait=\"3\"", Some("3")),
            ("wait=\"\\3\"", Some("3")),
            ("wait", Some("")),
            ("wait=", Some("")),
            ("wait=\"\"", Some("")),
            ("respond-async, wait=3", Some("3")),
            ("respond-async,,wait=3,", Some("3")),
            ("wait=3, wait=7", Some("3")),
            ("wait=x, wait=7", Some("x")),
            ("wait=3; note=x", Some("3")),
            ("wait=3;wait=7", Some("3")),
            ("foo=bar; wait=7", None),
            ("foo=\"a, wait=7\", wait=3", Some("3")),
            ("foo=\"a\\\", wait=7\", wait=3", Some("3")),
            ("foo=\"wait=7\"", None),
            ("waiting=7", None),
            ("no-wait=7", None),
            ("", None),
        ] {
            assert_eq!(preference(header, "wait").as_deref(), expected, "{header}");
        }
    }
}
