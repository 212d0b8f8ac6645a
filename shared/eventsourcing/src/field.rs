//! What fields of requests may hold, the same in all services.
//!
//! [`Text`] is a text that knows its limits, [`Id`] the id of one kind of thing. The functions are
//! checks: each says what is wrong, in words for the caller. [`rule`] makes a rule of `garde` of
//! one. Limits of texts are in characters (Unicode scalar values), which take 1–4 bytes in UTF-8.
//!
//! ```
//! use headwater_core::field::{email, integer, line, lines, segment, since_1970, text, time};
//! use headwater_core::field::{LARGEST_INTEGER, ascii_email};
//! use jiff::Timestamp;
//!
//! assert_eq!(text(" Ada", 40), Err("must not begin or end with white space".to_owned()));
//! assert!(lines("Ada\nLovelace", 40).is_ok() && line("Ada\nLovelace", 40).is_err());
//! assert!(segment("front-till", 20).is_ok() && segment("front till", 20).is_err());
//! assert!(email(&ascii_email("ada@bücher.example")).is_ok());
//! assert!(integer(LARGEST_INTEGER + 1).is_err());
//! assert!(time(Timestamp::UNIX_EPOCH).is_ok() && since_1970(Timestamp::MIN).is_err());
//! ```

mod codes;
mod limits;
mod text;

use idna::AsciiDenyList;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer};

use crate::stream::is_segment;
use crate::text::is_visible;

pub use codes::{CountryCode, CurrencyCode};
pub use limits::{Email, Line, Lines, Segment, UpTo};
pub use text::{Id, Limits, Text};

/// The largest whole number that every JSON reader holds exactly: 2^53 − 1 (RFC 8259, section 6).
pub const LARGEST_INTEGER: u64 = (1 << 53) - 1;

/// The longest address, in bytes (RFC 5321, section 4.5.3.1.3, less the angle brackets).
pub const LONGEST_EMAIL: usize = 254;

/// The longest part of an address before its `@`, in bytes.
const LONGEST_LOCAL_PART: usize = 64;

/// The longest label of a domain, in bytes.
const LONGEST_LABEL: usize = 63;

/// The first second of the first year that RFC 3339 can write, 0000, since the epoch. Its last
/// year, 9999, is that of [`Timestamp`].
const YEAR_0: i64 = -62_167_219_200;

/// Text of 1 to `most` characters, of which something is seen, without white space at its ends.
///
/// # Errors
/// What is wrong with it.
pub fn text(value: &str, most: usize) -> Result<(), String> {
    if !(1..=most).contains(&value.chars().count()) {
        return Err(format!("must have 1 to {most} characters"));
    }
    if value.trim() != value {
        return Err("must not begin or end with white space".to_owned());
    }
    if is_visible(value) { Ok(()) } else { Err("must have a visible character".to_owned()) }
}

/// [`text`] on one line: without control characters.
///
/// # Errors
/// What is wrong with it.
pub fn line(value: &str, most: usize) -> Result<(), String> {
    text(value, most)?;
    if value.chars().any(char::is_control) {
        Err("must not contain control characters".to_owned())
    } else {
        Ok(())
    }
}

/// [`text`] on any number of lines: without control characters but tabs and line ends.
///
/// # Errors
/// What is wrong with it.
pub fn lines(value: &str, most: usize) -> Result<(), String> {
    text(value, most)?;
    if value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err("must not contain control characters other than tabs and line ends".to_owned());
    }
    Ok(())
}

/// One [segment](is_segment) of a stream's name, with at most `most` characters.
///
/// # Errors
/// What is wrong with it.
pub fn segment(value: &str, most: usize) -> Result<(), String> {
    let is_one = is_segment(value) && value.len() <= most;
    if is_one { Ok(()) } else { Err(format!("must be 1 to {most} of A-Z a-z 0-9 _ -")) }
}

/// An address that a mail can be sent to: the `Mailbox` of RFC 5321 without quoted names, comments
/// and IP addresses, in ASCII. Whatever this takes the mail library takes too, so that no mail is
/// refused after the fact.
///
/// # Errors
/// What is wrong with it.
pub fn email(value: &str) -> Result<(), String> {
    let (local, domain) = value.split_once('@').ok_or("must be an address as ada@example.com")?;
    if value.len() > LONGEST_EMAIL {
        return Err(format!("must have at most {LONGEST_EMAIL} characters"));
    }
    if local.is_empty() || local.len() > LONGEST_LOCAL_PART {
        return Err(format!("must have 1 to {LONGEST_LOCAL_PART} characters before the @"));
    }
    // A dot-atom of RFC 5322, section 3.2.3.
    let is_atext =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte);
    if !local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext)) {
        return Err("before the @ must be letters of ASCII, digits and !#$%&'*+/=?^_`{|}~-, with \
                    single dots between them"
            .to_owned());
    }
    if is_domain(domain) {
        Ok(())
    } else {
        Err("after the @ must be the name of a host, as example.com".to_owned())
    }
}

/// Labels of letters, digits and inner hyphens.
fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.split('.').all(is_label)
}

/// An address with its domain as mail servers know it: `ada@bücher.example` is
/// `ada@xn--bcher-kva.example` (IDNA, UTS 46). A domain that is none stays as it is, for [`email`]
/// to refuse.
pub fn ascii_email(email: &str) -> String {
    let in_ascii = email.rsplit_once('@').filter(|(_, domain)| !domain.is_ascii()).and_then(
        |(local, domain)| {
            let domain = idna::domain_to_ascii_cow(domain.as_bytes(), AsciiDenyList::URL).ok()?;
            Some(format!("{local}@{domain}"))
        },
    );
    in_ascii.unwrap_or_else(|| email.to_owned())
}

/// A whole number that every JSON reader holds exactly: at most [`LARGEST_INTEGER`].
///
/// # Errors
/// What is wrong with it.
pub fn integer(value: u64) -> Result<(), String> {
    if value <= LARGEST_INTEGER {
        Ok(())
    } else {
        Err(format!("must be at most {LARGEST_INTEGER}"))
    }
}

/// A time that RFC 3339 can write: of the years 0000 to 9999.
///
/// # Errors
/// What is wrong with it.
pub fn time(value: Timestamp) -> Result<(), String> {
    if value.as_second() >= YEAR_0 {
        Ok(())
    } else {
        Err("must be a time of the years 0000 to 9999".to_owned())
    }
}

/// When something happened: since 1970, as all times of ours, so that days are in the order of
/// their names.
///
/// # Errors
/// What is wrong with it.
pub fn since_1970(value: Timestamp) -> Result<(), String> {
    if value >= Timestamp::UNIX_EPOCH { Ok(()) } else { Err("must not be before 1970".to_owned()) }
}

/// A day that is not over: `today` or later, as a due date.
///
/// ```
/// use headwater_core::field::not_past;
/// use jiff::civil::date;
///
/// let today = date(2026, 11, 28);
/// assert_eq!(not_past(today, today), Ok(()));
/// let fault = "must not be before 2026-11-28".to_owned();
/// assert_eq!(not_past(date(2026, 11, 27), today), Err(fault));
/// ```
///
/// # Errors
/// What is wrong with it.
pub fn not_past(value: Date, today: Date) -> Result<(), String> {
    if value >= today { Ok(()) } else { Err(format!("must not be before {today}")) }
}

/// Makes a rule of `garde` of a check, for fields whose types are not of this crate.
///
/// ```
/// use garde::Validate;
/// use headwater_core::field;
/// use jiff::Timestamp;
///
/// #[derive(Validate)]
/// struct Payment {
///     #[garde(custom(field::rule(field::since_1970)))]
///     at: Timestamp,
/// }
///
/// assert!(Payment { at: Timestamp::UNIX_EPOCH }.validate().is_ok());
/// assert!(Payment { at: Timestamp::MIN }.validate().is_err());
/// ```
pub fn rule<T: Copy, C>(
    check: impl Fn(T) -> Result<(), String>,
) -> impl Fn(&T, &C) -> garde::Result {
    move |value, _| check(*value).map_err(garde::Error::new)
}

/// Reads a field of a patch, where absent and null differ: what is absent stays as it is. Null is
/// refused, unless `T` is itself an option: there it clears.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct PatchGroup {
///     #[serde(default, deserialize_with = "headwater_core::field::given")]
///     name: Option<String>,
///     #[serde(default, deserialize_with = "headwater_core::field::given")]
///     description: Option<Option<String>>,
/// }
///
/// let patch: PatchGroup = serde_json::from_str(r#"{ "description": null }"#).unwrap();
/// assert_eq!((patch.name, patch.description), (None, Some(None)));
/// assert!(serde_json::from_str::<PatchGroup>(r#"{ "name": null }"#).is_err());
/// ```
///
/// # Errors
/// Those of the deserializer.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests;
