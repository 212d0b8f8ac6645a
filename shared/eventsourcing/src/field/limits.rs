//! The limits of texts that most services need.

use std::marker::PhantomData;
use std::ops::RangeInclusive;

use super::Limits;
use crate::stream::LONGEST_SEGMENT;

/// A line of 1 to `CHARS` characters and at most `BYTES` bytes in UTF-8: see
/// [`line`](super::line).
///
/// ```
/// use headwater_core::field::{Line, Text};
///
/// let name = Text::<Line<5>>::from;
/// assert!(name("Zoë").check().is_ok());
/// assert_eq!(name("Charles").check(), Err("must have 1 to 5 characters".to_owned()));
/// let narrow = Text::<Line<5, 5>>::from("李小龍");
/// assert_eq!(narrow.check(), Err("must have at most 5 bytes in UTF-8".to_owned()));
/// ```
pub enum Line<const CHARS: usize, const BYTES: usize = { usize::MAX }> {}

impl<const CHARS: usize, const BYTES: usize> Limits for Line<CHARS, BYTES> {
    const LENGTH: RangeInclusive<usize> = 1..=CHARS;

    fn in_words() -> String {
        let bytes = match BYTES {
            usize::MAX => String::new(),
            bytes => format!(" at most {} bytes in UTF-8,", grouped(bytes)),
        };
        format!(
            "1–{} characters, of which one is seen,{bytes} no control characters, no white space \
             at the ends.",
            grouped(CHARS)
        )
    }

    fn check(text: &str) -> Result<(), String> {
        super::line(text, CHARS)?;
        if text.len() <= BYTES {
            Ok(())
        } else {
            Err(format!("must have at most {BYTES} bytes in UTF-8"))
        }
    }
}

/// 1 to `CHARS` characters on any number of lines: see [`lines`](super::lines).
pub enum Lines<const CHARS: usize> {}

impl<const CHARS: usize> Limits for Lines<CHARS> {
    const LENGTH: RangeInclusive<usize> = 1..=CHARS;

    fn in_words() -> String {
        format!(
            "1–{} characters, of which one is seen, no control characters but tabs and line ends, \
             no white space at the ends.",
            grouped(CHARS)
        )
    }

    fn check(text: &str) -> Result<(), String> {
        super::lines(text, CHARS)
    }
}

/// Any text of at most `CHARS` characters, or none.
pub enum UpTo<const CHARS: usize> {}

impl<const CHARS: usize> Limits for UpTo<CHARS> {
    const LENGTH: RangeInclusive<usize> = 0..=CHARS;

    fn in_words() -> String {
        format!("At most {} characters.", grouped(CHARS))
    }

    fn check(text: &str) -> Result<(), String> {
        if text.chars().count() <= CHARS {
            Ok(())
        } else {
            Err(format!("must have at most {CHARS} characters"))
        }
    }
}

/// An address that a mail can be sent to: see [`email`](super::email). It is stored as
/// [`ascii_email`](super::ascii_email) gives it.
///
/// ```
/// use headwater_core::field::{Email, Text};
///
/// let address = Text::<Email>::from("ada@bücher.example");
/// assert_eq!(address, "ada@xn--bcher-kva.example");
/// assert!(address.check().is_ok());
/// assert!(Text::<Email>::from("ada").check().is_err());
/// ```
pub enum Email {}

impl Limits for Email {
    const LENGTH: RangeInclusive<usize> = 0..=super::LONGEST_EMAIL;
    const FORMAT: Option<&'static str> = Some("email");

    fn in_words() -> String {
        format!(
            "At most {} characters, of ASCII before the `@`. A domain in other letters is stored \
             as its A-label (`xn--…`).",
            super::LONGEST_EMAIL
        )
    }

    fn check(text: &str) -> Result<(), String> {
        super::email(text)
    }

    fn stored(text: String) -> String {
        super::ascii_email(&text)
    }
}

/// One segment of a stream's name: see [`is_segment`](crate::is_segment). `K` tells ids of
/// different things apart.
pub struct Segment<K = ()>(PhantomData<fn() -> K>);

impl<K: 'static> Limits for Segment<K> {
    const LENGTH: RangeInclusive<usize> = 1..=LONGEST_SEGMENT;
    const PATTERN: Option<&'static str> = Some("^[A-Za-z0-9_-]+$");

    fn in_words() -> String {
        format!("1–{LONGEST_SEGMENT} of `A-Z a-z 0-9 _ -`.")
    }

    fn check(text: &str) -> Result<(), String> {
        super::segment(text, LONGEST_SEGMENT)
    }
}

/// A number with commas between its thousands: `5,000`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
