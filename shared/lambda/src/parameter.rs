//! What parameters of calls hold: how the OpenAPI document says it, next to what reads them.

use std::ops::RangeInclusive;

use headwater::{LARGEST_VERSION, field, is_segment};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::pattern;
use crate::{Problem, Request};

/// How many items a page may have.
const LIMITS: RangeInclusive<u64> = 1..=200;

/// The default `limit`.
const DEFAULT_LIMIT: u64 = 50;

/// The longest id of a request, or of what caused it, in characters.
const LONGEST_CORRELATION_ID: usize = 128;

/// The longest `Idempotency-Key`, in characters.
const LONGEST_KEY: usize = 255;

/// A parameter of a path, a query string or a header.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// As `titleId`.
    pub name: String,
    /// What it may hold.
    pub shape: Shape,
    /// One sentence.
    pub meaning: &'static str,
}

/// What a parameter may hold, as a JSON schema.
///
/// ```
/// # mod till {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater_lambda::{Call, Shape, openapi};
///
/// let call = Call::entity::<TillRow>("shop-get-till", "/shop/tills/{id}", "A till.")
///     .param("currency", Shape::one_of(["EUR", "USD"]), "Count in this one.")
///     .param("at", Shape::time(), "As it was then.");
/// let document = openapi::document(&[call]);
/// let parameters = &document["paths"]["/shop/tills/{id}"]["get"]["parameters"];
/// assert_eq!(parameters[1]["schema"]["enum"][0], "EUR");
/// assert_eq!(parameters[2]["schema"]["format"], "date-time");
/// ```
#[derive(Clone, Debug)]
pub struct Shape {
    /// Its name among the schemas of the document; nothing if it is written where it is used.
    pub(crate) name: Option<&'static str>,
    pub(crate) schema: Value,
}

impl Shape {
    /// Any text.
    pub fn text() -> Self {
        Self::of(json!({ "type": "string" }))
    }

    /// Text that a regular expression of ECMA 262 matches as a whole.
    pub fn matching(pattern: &str) -> Self {
        Self::of(json!({ "type": "string", "pattern": format!("^({pattern})$") }))
    }

    /// One of these words.
    pub fn one_of(words: impl IntoIterator<Item = &'static str>) -> Self {
        Self::of(json!({ "type": "string", "enum": words.into_iter().collect::<Vec<_>>() }))
    }

    /// The name of a thing: see [`Request::id`].
    pub fn id() -> Self {
        Self::matching(&pattern::segment()).named("Id")
    }

    /// The name of a stream without the tenant. A pattern of it would have slashes, which OpenAPI
    /// does not know in paths.
    pub fn stream() -> Self {
        Self::text().like("identity/users/ada")
    }

    /// A whole number.
    pub fn number(range: RangeInclusive<u64>) -> Self {
        Self::of(json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() }))
    }

    /// Yes or no: see [`Request::flag`].
    pub fn boolean() -> Self {
        Self::of(json!({ "type": "boolean" }))
    }

    /// A version of a stream, or 0: see [`Request::number`].
    pub fn version() -> Self {
        Self::number(0..=LARGEST_VERSION)
    }

    /// A place in a change feed, with or without quotes: `acme/shop@100`.
    pub fn feed_position() -> Self {
        Self::matching(&format!("\"?{}\"?", pattern::feed_position()))
    }

    /// A time: see [`Request::time`].
    pub fn time() -> Self {
        Self::of(json!({ "type": "string", "format": "date-time" }))
    }

    /// A time, or a date.
    pub fn time_or_date() -> Self {
        Self::of(
            json!({ "type": "string", "anyOf": [{ "format": "date-time" }, { "format": "date" }] }),
        )
    }

    /// What [`Request::limit`] takes.
    pub(crate) fn limit() -> Self {
        let mut shape = Self::number(LIMITS);
        shape.schema["default"] = DEFAULT_LIMIT.into();
        shape
    }

    /// What [`Request::cursor`] takes. More cannot be said of a cursor but that it is one that was
    /// given.
    pub(crate) fn cursor() -> Self {
        Self::matching("[A-Za-z0-9_-]+").named("Cursor")
    }

    /// What [`Request::tokens`] takes.
    pub(crate) fn tokens() -> Self {
        Self::matching(&pattern::tokens()).named("Tokens").like("\"acme/identity/users/ada@4\"")
    }

    /// What [`Request::if_match`] takes.
    pub(crate) fn if_match() -> Self {
        Self::matching(&pattern::if_match()).named("IfMatch").like("\"acme/identity/users/ada@4\"")
    }

    /// What [`Request::if_none_match`] takes.
    pub(crate) fn if_none_match() -> Self {
        Self::matching(&pattern::if_none_match())
            .named("IfNoneMatch")
            .like("\"acme/identity/users/ada@4;g1.1.1\"")
    }

    /// What [`is_idempotency_key`] takes.
    pub(crate) fn idempotency_key() -> Self {
        Self::matching(&format!("[ -~]{{1,{LONGEST_KEY}}}")).named("IdempotencyKey")
    }

    /// What [`is_correlation_id`] takes: an id of a request, or of what caused it.
    pub(crate) fn cause() -> Self {
        Self::matching(&format!("[!-~]{{1,{LONGEST_CORRELATION_ID}}}"))
            .named("Cause")
            .like("identity/users/ada@4")
    }

    /// Whether it is a whole number.
    pub(crate) fn is_number(&self) -> bool {
        self.schema["type"] == "integer"
    }

    /// With a name, since many calls have it.
    #[must_use]
    fn named(self, name: &'static str) -> Self {
        Self { name: Some(name), ..self }
    }

    /// With an example.
    #[must_use]
    fn like(mut self, example: &str) -> Self {
        self.schema["examples"] = json!([example]);
        self
    }

    fn of(schema: Value) -> Self {
        Self { name: None, schema }
    }
}

/// Whether a header is an `Idempotency-Key`.
pub(crate) fn is_idempotency_key(text: &str) -> bool {
    (1..=LONGEST_KEY).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
}

/// Whether a header is an `X-Correlation-Id` or an `X-Causation-Id`: it is stored with every event,
/// so nothing else may come in by it.
pub(crate) fn is_correlation_id(id: &str) -> bool {
    (1..=LONGEST_CORRELATION_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
}

/// A whole number as we write it: digits alone, without a sign or a leading zero.
fn whole_number(text: &str, range: RangeInclusive<u64>) -> Option<u64> {
    let is_canonical =
        text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|number| is_canonical && range.contains(number))
}

/// A time as RFC 3339 writes it: `2026-11-21T10:00:00Z`, in the years 0000 to 9999 of UTC.
///
/// ```
/// use headwater_lambda::parse_time;
///
/// assert!(parse_time("2026-11-21T10:00:00Z").is_some());
/// assert!(parse_time("2026-11-21").is_none() && parse_time("20261121T100000Z").is_none());
/// ```
pub fn parse_time(text: &str) -> Option<Timestamp> {
    // jiff reads other spellings, too: 20261121T100000Z, years with a sign, zones in brackets.
    let (date_and_time, rest) = text.split_at_checked("2026-11-21T10:00:00".len())?;
    let like = |text: &str, pattern: &str| {
        text.len() == pattern.len()
            && text.bytes().zip(pattern.bytes()).all(|(b, p)| {
                if p == b'0' { b.is_ascii_digit() } else { b.eq_ignore_ascii_case(&p) }
            })
    };
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let is_offset = ["Z", "+00:00", "-00:00"].iter().any(|pattern| like(offset, pattern));
    let is_spelt_so = is_offset && like(date_and_time, "0000-00-00T00:00:00");
    text.parse().ok().filter(|time| is_spelt_so && field::time(*time).is_ok())
}

impl Request {
    /// A parameter of the query string that is an id: 1–64 of `A-Z a-z 0-9 _ -`.
    ///
    /// # Errors
    /// 422 if it is none.
    pub fn id(&self, name: &str) -> Result<Option<&str>, Problem> {
        self.parameter(name, "1 to 64 of A-Z a-z 0-9 _ -", |text| {
            Some(text).filter(|text| is_segment(text))
        })
    }

    /// A parameter of the query string that is a whole number: digits alone, at most
    /// [`LARGEST_VERSION`].
    ///
    /// # Errors
    /// 422 if it is none.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        self.parameter(name, &format!("a number from 0 to {LARGEST_VERSION}"), |text| {
            whole_number(text, 0..=LARGEST_VERSION)
        })
    }

    /// A parameter of the query string that is `true` or `false`, in these letters.
    ///
    /// ```no_run
    /// # use headwater_lambda::{Problem, Request};
    /// fn only_overdue(request: &Request) -> Result<bool, Problem> {
    ///     Ok(request.flag("overdue")?.unwrap_or(false))
    /// }
    /// ```
    ///
    /// # Errors
    /// 422 if it is neither.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        self.parameter(name, "true or false", |text| text.parse().ok())
    }

    /// A parameter of the query string that is a time of RFC 3339, of the years 0000 to 9999.
    ///
    /// # Errors
    /// 422 if it is none.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        self.parameter(name, "a time as 2026-11-21T10:00:00Z", parse_time)
    }

    /// How many items a page may have: `limit`, 1–200, 50 if absent.
    ///
    /// # Errors
    /// 422 if it is no number in that range.
    pub fn limit(&self) -> Result<usize, Problem> {
        let limit =
            self.parameter("limit", "a number from 1 to 200", |text| whole_number(text, LIMITS))?;
        usize::try_from(limit.unwrap_or(DEFAULT_LIMIT)).map_err(Problem::internal)
    }

    /// A parameter of the query string, which has to be `what`.
    fn parameter<'a, T>(
        &'a self,
        name: &str,
        what: &str,
        read: impl Fn(&'a str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.query(name) else { return Ok(None) };
        read(text)
            .map(Some)
            .ok_or_else(|| Problem::invalid([(format!("/query/{name}"), what.to_owned())]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    #[test]
    fn numbers_are_digits_within_a_range() {
        let read = |text: &str| whole_number(text, 0..=LARGEST_VERSION);
        assert_eq!(
            ["0", "7", "999999999999999"].map(read),
            [Some(0), Some(7), Some(LARGEST_VERSION)]
        );
        for none in [
            "",
            "+7",
            "-0",
            "07",
            "00",
            "7 ",
            "7.0",
            "1e3",
            "0x7",
            "٧",
            "1000000000000000",
            "99999999999999999999",
        ] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn times_are_of_rfc_3339_and_of_four_digits_of_year() {
        for (text, expected) in [
            ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z"),
            ("2026-11-21t10:00:00z", "2026-11-21T10:00:00Z"),
            ("2026-11-21T10:00:00.123456+01:30", "2026-11-21T08:30:00.123456Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(
                parse_time(text).map(|time| time.to_string()).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        for none in [
            "",
            "now",
            "2026-11-21",
            "2026-11-21T10:00:00",
            "2026-11-21T10:00Z",
            "2026-11-21 10:00:00Z",
            "20261121T100000Z",
            "2026-11-21T10:00:00Z[UTC]",
            "2026-11-21T10:00:00+01",
            "2026-11-21T10:00:00+0100",
            "2026-13-21T10:00:00Z",
            "2026-02-30T10:00:00Z",
            "2026-11-21T25:00:00Z",
            "-009999-01-02T00:00:00Z",
            "+002026-11-21T10:00:00Z",
            "0000-01-01T00:00:00+00:01",
            "2026-11-21T10:00:00.Z",
            "2026-11-21T10:00:00é",
        ] {
            assert_eq!(parse_time(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn patterns_of_headers_take_what_is_read(
            text in "[ -~]{0,3}|[!-~]{127,130}|[ -~]{254,257}|[ -~]{0,4}\\PC[ -~]{0,4}",
        ) {
            let takes = |shape: Shape| {
                Regex::new(shape.schema["pattern"].as_str().unwrap()).unwrap().is_match(&text)
            };
            prop_assert_eq!(takes(Shape::idempotency_key()), is_idempotency_key(&text), "{}", text);
            prop_assert_eq!(takes(Shape::cause()), is_correlation_id(&text), "{}", text);
        }
    }
}
