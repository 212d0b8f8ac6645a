//! Texts that know their limits.

use std::any::type_name;
use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::{Deref, RangeInclusive};

use garde::{Path, Report, Validate};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{KnownFormat, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// What a text may hold, stated once: for the check, its message and the JSON schema.
///
/// The core brings [`Line`](super::Line), [`Lines`](super::Lines), [`UpTo`](super::UpTo),
/// [`Email`](super::Email), [`Segment`](super::Segment), [`CurrencyCode`](super::CurrencyCode) and
/// [`CountryCode`](super::CountryCode). Others are a few lines:
///
/// ```
/// use headwater_core::field::{Limits, Text};
///
/// /// A number plate.
/// pub enum PlateLimits {}
///
/// impl Limits for PlateLimits {
///     const LENGTH: std::ops::RangeInclusive<usize> = 1..=8;
///     const PATTERN: Option<&'static str> = Some("^[A-Z0-9-]+$");
///
///     fn in_words() -> String {
///         "1–8 of `A-Z 0-9 -`.".to_owned()
///     }
///
///     fn check(text: &str) -> Result<(), String> {
///         let is_plate = (1..=8).contains(&text.len())
///             && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-');
///         if is_plate { Ok(()) } else { Err("must be 1 to 8 of A-Z 0-9 -".to_owned()) }
///     }
/// }
///
/// pub type Plate = Text<PlateLimits>;
///
/// assert!(Plate::from("HH-X-1").check().is_ok());
/// assert_eq!(Plate::from("x").check(), Err("must be 1 to 8 of A-Z 0-9 -".to_owned()));
/// ```
pub trait Limits: 'static {
    /// How many characters it may have, as the schema says it.
    const LENGTH: RangeInclusive<usize>;

    /// A regular expression of ECMA 262 for the schema, if one can say it.
    const PATTERN: Option<&'static str> = None;

    /// The schema's `format`, as `email`.
    const FORMAT: Option<&'static str> = None;

    /// The limits as a sentence for the OpenAPI document, as `1–8 of A-Z 0-9.`
    fn in_words() -> String;

    /// Checks a text as it is stored.
    ///
    /// # Errors
    /// What is wrong, in words for the caller: `must have 1 to 100 characters`.
    fn check(text: &str) -> Result<(), String>;

    /// The way in which a text is stored, where that is not as it was given.
    fn stored(text: String) -> String {
        text
    }
}

/// A text with limits: a field of a command.
///
/// As JSON it is a plain string. Reading one checks nothing, so that one request is told of all
/// its faults at once and stored data loads for ever: the check is [`Validate`], by
/// `#[garde(dive)]`. The schema follows from the limits too; `utoipa` wants an alias for it, as
/// below.
///
/// ```
/// use garde::Validate;
/// use headwater_core::field::{Line, Text};
///
/// /// A name to sign in with.
/// pub type UserName = Text<Line<100>>;
///
/// #[derive(serde::Deserialize, Validate, utoipa::ToSchema)]
/// pub struct CreateUser {
///     #[garde(dive)]
///     pub user_name: UserName,
/// }
///
/// let command: CreateUser = serde_json::from_str(r#"{ "user_name": " ada" }"#).unwrap();
/// let report = command.validate().unwrap_err().to_string();
/// assert_eq!(report.trim(), "user_name: must not begin or end with white space");
/// ```
pub struct Text<L> {
    text: String,
    limits: PhantomData<fn() -> L>,
}

/// The id of a `K`, so that the id of another kind of thing cannot stand in its place: 1–64 of
/// `A-Z a-z 0-9 _ -`. `K` is an aggregate, or any type that names the kind.
///
/// ```
/// use headwater_core::field::Id;
///
/// pub enum User {}
/// pub enum Group {}
///
/// fn add(group: &Id<Group>, user: &Id<User>) -> String {
///     format!("groups/{group}/members/{user}")
/// }
///
/// assert_eq!(add(&"7".into(), &"4".into()), "groups/7/members/4");
/// ```
///
/// ```compile_fail
/// # use headwater_core::field::Id;
/// # pub enum User {}
/// # pub enum Group {}
/// let user: Id<User> = Id::<Group>::from("7");
/// ```
pub type Id<K> = Text<super::Segment<K>>;

impl<L: Limits> Text<L> {
    /// Whether it is within its limits.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        L::check(&self.text)
    }
}

impl<L> Text<L> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<L: Limits> From<String> for Text<L> {
    fn from(text: String) -> Self {
        Self { text: L::stored(text), limits: PhantomData }
    }
}

impl<L: Limits> From<&str> for Text<L> {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl<L: Limits> From<&String> for Text<L> {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl<L> From<&Text<L>> for Text<L> {
    fn from(text: &Text<L>) -> Self {
        text.clone()
    }
}

impl<L> From<Text<L>> for String {
    fn from(text: Text<L>) -> Self {
        text.text
    }
}

impl<L: Limits> Validate for Text<L> {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut Report) {
        if let Err(fault) = self.check() {
            report.append(parent(), garde::Error::new(fault));
        }
    }
}

impl<L: Limits> PartialSchema for Text<L> {
    fn schema() -> RefOr<Schema> {
        let (shortest, longest) = (*L::LENGTH.start(), *L::LENGTH.end());
        let format = L::FORMAT.map(|format| match format {
            "email" => SchemaFormat::KnownFormat(KnownFormat::Email),
            other => SchemaFormat::Custom(other.to_owned()),
        });
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length((shortest > 0).then_some(shortest))
            .max_length(Some(longest))
            .pattern(L::PATTERN)
            .format(format)
            .description(Some(L::in_words()))
            .into()
    }
}

impl<L: Limits> ToSchema for Text<L> {
    /// The name of its limits. It is in no document of ours: such a schema is written where it is
    /// used.
    fn name() -> Cow<'static, str> {
        let name = type_name::<L>();
        name.replace(|c: char| !c.is_ascii_alphanumeric(), ".").into()
    }
}

impl<L> Serialize for Text<L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, L: Limits> Deserialize<'de> for Text<L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl<L> Deref for Text<L> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl<L> Borrow<str> for Text<L> {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl<L> AsRef<str> for Text<L> {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl<L> fmt::Display for Text<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<L> fmt::Debug for Text<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

// By hand, since derived ones would want the same of `L`, which has no values.

impl<L> Clone for Text<L> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), limits: PhantomData }
    }
}

impl<L> Default for Text<L> {
    fn default() -> Self {
        Self { text: String::new(), limits: PhantomData }
    }
}

impl<L> PartialEq for Text<L> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<L> Eq for Text<L> {}

impl<L> PartialOrd for Text<L> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<L> Ord for Text<L> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl<L> Hash for Text<L> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl<L> PartialEq<str> for Text<L> {
    fn eq(&self, other: &str) -> bool {
        self.text == other
    }
}

impl<L> PartialEq<String> for Text<L> {
    fn eq(&self, other: &String) -> bool {
        self.text == *other
    }
}

impl<L> PartialEq<Text<L>> for String {
    fn eq(&self, other: &Text<L>) -> bool {
        *self == other.text
    }
}

impl<L> PartialEq<&str> for Text<L> {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}
